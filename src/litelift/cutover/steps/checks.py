"""Phase 0, and the look at the target: everything that can be known before it is too late to stop."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from litelift.cutover.commands import shown
from litelift.cutover.configuration.edit import files_of
from litelift.cutover.configuration.ready import on_sqlite, ready
from litelift.cutover.configuration.words import UNKNOWN
from litelift.cutover.context import Context
from litelift.cutover.health.settings import CommandCheck
from litelift.cutover.settings import Command, Runbook
from litelift.cutover.step import Facts, Step
from litelift.errors import CheckFailed
from litelift.preflight.check import check
from litelift.preflight.findings import CheckResult
from litelift.report.format import size
from litelift.sqlite.open import source_bytes, source_path

COPIES = 2.2
"""Room for what is kept, in sizes of the source: the copy, and an archive that may not shrink."""


SERVING = ("written-to", "open-elsewhere", "write-lock")
"""What is found of a source that an application serves on, and what closing it ends."""


class ProjectChecks(Step):
    """The project's folder, its commands, and room for what is kept."""

    name = "project-checks"
    title = "Look at the project, its commands and the room"
    phase = 0

    def plan(self, context: Context) -> list[str]:
        """What is looked at."""
        return [f"the project in {context.runbook.folder}", f"room in {context.runbook.state}"]

    def estimate(self, context: Context) -> float:
        """Next to nothing."""
        return 0.5

    def check(self, context: Context) -> Facts:
        """Raises CheckFailed, with all that is in the way; ConfigurationError, for a file that cannot be switched."""
        runbook = context.runbook
        if not runbook.folder.is_dir():
            raise CheckFailed(message=f"there is no folder {runbook.folder}", hint="Mend project.folder.")
        problems = [problem for command in commands_of(runbook) if (problem := _problem(command, runbook.folder))]
        if runbook.maintenance.on and not runbook.maintenance.off:
            problems.append("maintenance.on has commands, and maintenance.off has none")
        if runbook.services.stop and not runbook.services.start:
            problems.append("services.stop has commands, and services.start has none")
        if problems:
            raise CheckFailed(message="; ".join(problems), hint="Mend the commands in the runbook.")
        for file in files_of(runbook):
            ready(file, runbook)
            file.edited(file.read(), UNKNOWN)
        on_sqlite(files_of(runbook))
        return {"folder": str(runbook.folder), **_room(runbook)}

    def do(self, context: Context, facts: Facts) -> None:
        """Nothing: looking was all."""


class SourceChecks(Step):
    """The preflight of the source: its integrity, what is in it, what will be hard."""

    name = "source-checks"
    title = "Check the source, and take its census"
    phase = 0

    def plan(self, context: Context) -> list[str]:
        """The command that does the same."""
        return [f"litelift check {shlex.quote(str(context.runbook.source_path))}"]

    def estimate(self, context: Context) -> float | None:
        """About 100 MB a second."""
        return _reading(context.runbook)

    def do(self, context: Context, facts: Facts) -> Facts:
        """Raises CheckFailed with the blockers."""
        runbook = context.runbook
        plan = runbook.folder / runbook.move.plan if runbook.move.plan else None
        result = check(
            source_path(runbook.source_path), plan=plan, jobs=runbook.move.jobs, on_progress=context.on_progress
        )
        return _judged(context, result, ("source", "plan", "clock"))


class TargetChecks(Step):
    """The preflight of both ends, as the move will find them."""

    name = "target-checks"
    title = "Check the target, and both together"
    phase = 3

    def plan(self, context: Context) -> list[str]:
        """The command that does the same."""
        return [f"litelift check {shlex.quote(str(context.runbook.source_path))} (the new database)"]

    def estimate(self, context: Context) -> float | None:
        """About 100 MB a second."""
        return _reading(context.runbook)

    def do(self, context: Context, facts: Facts) -> Facts:
        """Raises CheckFailed with the blockers."""
        runbook = context.runbook
        plan = runbook.folder / runbook.move.plan if runbook.move.plan else None
        result = check(
            source_path(runbook.source_path),
            context.login.url,
            plan=plan,
            data_only=runbook.move.mode == "data-only",
            jobs=runbook.move.jobs,
            on_progress=context.on_progress,
        )
        found = _judged(context, result, ("source", "target", "plan", "room", "clock"))
        return {**found, "estimate_seconds": result.estimate_seconds}


def commands_of(runbook: Runbook) -> Iterator[Command]:
    """Every command of the project that the runbook names."""
    yield from runbook.code.update
    yield from runbook.code.undo
    yield from runbook.move.schema_commands
    yield from runbook.maintenance.on
    yield from runbook.maintenance.off
    yield from runbook.services.stop
    yield from runbook.services.start
    yield from runbook.backup.commands
    yield from runbook.monitor.commands
    yield from (check.command for check in runbook.health if isinstance(check, CommandCheck))


def _problem(command: Command, folder: Path) -> str | None:
    """What is wrong with a command before it is run: a program that is not there, a quote that is not closed."""
    if isinstance(command, list):
        return None if _found(command[0], folder) else f'"{shown(command)}": there is no program {command[0]}'
    judged = subprocess.run(["/bin/sh", "-n", "-c", command], capture_output=True, text=True)
    if judged.returncode:
        return f'"{shown(command)}" is not a shell\'s: {judged.stderr.strip().splitlines()[-1]}'
    try:
        first = next(iter(shlex.split(command)), "")
    except ValueError:
        return None
    # A word with one of these is the shell's to understand.
    if not first or set(first) & set("$`=(){}*?[]!&|;<>~#\"'"):
        return None
    known = subprocess.run(["/bin/sh", "-c", 'command -v "$0" >/dev/null', first], cwd=folder)
    return f'"{shown(command)}": there is no program {first}' if known.returncode else None


def _found(program: str, folder: Path) -> bool:
    return shutil.which(program) is not None or ("/" in program and (folder / program).is_file())


def _room(runbook: Runbook) -> Facts:
    """Free bytes where the copy and the archive go. Raises CheckFailed where they do not suffice."""
    needed = int(COPIES * source_bytes(source_path(runbook.source_path)))
    place = runbook.state
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise CheckFailed(
            message=f"{place} has {size(free)} free; the kept copy and the archive of the source need {size(needed)}",
            hint="Make room, or put project.state and archive.folder onto another disk.",
        )
    return {"free_bytes": free, "needed_bytes": needed}


def _reading(runbook: Runbook) -> float | None:
    try:
        return 1.0 + source_bytes(source_path(runbook.source_path)) / 100e6
    except OSError:
        return None


def _judged(context: Context, result: CheckResult, about: tuple[str, ...]) -> Facts:
    """The findings on these subjects as facts. Raises CheckFailed with those that stop a move."""
    findings = [finding for finding in result.findings if finding.about in about]
    blockers = [finding for finding in findings if finding.level == "blocker"]
    if blockers:
        hint = " ".join(finding.way_out for finding in blockers if finding.way_out)
        raise CheckFailed(message="; ".join(finding.message for finding in blockers), hint=hint)
    closed = context.rehearsal or context.runbook.maintenance.on or context.runbook.services.stop
    for finding in findings:
        if finding.level == "attention" and not (closed and finding.kind in SERVING):
            context.issue(finding.message, finding.way_out or "")
    return {
        "source": result.source.model_dump(mode="json"),
        "target": result.target.model_dump(mode="json") if result.target else None,
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }
