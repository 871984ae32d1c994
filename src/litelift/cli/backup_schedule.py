"""litelift backup schedule: a backup every day, by systemd or cron."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from litelift.cli.backup_words import Folder, What, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, answer
from litelift.errors import Declined, NotConfirmed, UsageError
from litelift.report.format import moment
from litelift.report.text import visible

if TYPE_CHECKING:
    from litelift.backup.job import Job
    from litelift.backup.schedule.daily import Daily
    from litelift.backup.schedule.install import Change
    from litelift.backup.schedule.scheduler import Kind, Piece
    from litelift.backup.status import RunRecord, Status

_NAMES: dict[Kind, str] = {"systemd": "a systemd timer", "cron": "a cron entry"}


def schedule(
    what: What = None,
    folder: Folder = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take it out again, and nothing else.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show what is installed, and how the last run went.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be changed; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    cron: Annotated[bool, typer.Option("--cron", help="A cron entry, also where systemd runs.")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="A systemd timer.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Make a backup every day, at 02:00 UTC or when [backup] at says: litelift backup run.

    As a systemd timer where systemd runs, else as lines of the user's crontab; shown before it is installed. Called
    again, it changes what is there in its place. Exits 3 where something else has to be done before it runs.
    """
    from litelift.backup.job import daily_of, job_of
    from litelift.backup.schedule import install as schedules

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder):
        asked = _kind(cron, systemd)
        if remove and show:
            raise UsageError(message="--remove and --show: choose one")
        job, daily = job_of(what, folder), daily_of(what, folder)
        if show:
            _show(output, job, daily)
            return
        kind = None if remove else schedules.choose(asked)
        change = schedules.removal(daily) if kind is None else schedules.installation(daily, kind)
        if not json and (dry_run or not quiet or not yes):
            _tell_change(output, daily, change)
        notes = [] if dry_run else _carry_out(output, job, daily, change, yes)
        code = 3 if notes else 0
        if json:
            output.document(_document(daily, change, dry_run, notes, job, code))
        raise typer.Exit(code)


def _kind(cron: bool, systemd: bool) -> Kind | None:
    if cron and systemd:
        raise UsageError(message="--cron and --systemd: choose one")
    return "cron" if cron else "systemd" if systemd else None


def _carry_out(output: Output, job: Job, daily: Daily, change: Change, yes: bool) -> list[str]:
    """Do it; what a person has to see to."""
    from litelift.backup.schedule import install as schedules
    from litelift.backup.status import read_status

    if not change.needed and change.kind is None:
        output.say("Nothing was scheduled.")
        return []
    if change.needed and not yes:
        if output.json or not sys.stdin.isatty():
            raise NotConfirmed(command="litelift backup schedule")
        said = answer(output, "Install it? [y/N] " if change.kind else "Remove it? [y/N] ")
        if said.strip().lower() not in ("y", "yes"):
            raise Declined(message="the answer was no")
    missing = _missing(job)
    if change.kind is None:
        schedules.remove(daily, job.store)
        output.say(f"Removed: the daily backup of {visible(daily.project)}.")
        return []
    notes = schedules.install(daily, change.kind, job.store) + missing
    due = read_status(job.store.path).next_due
    until = f"; the next one is due {moment(due)}" if due else ""
    output.say(f"Installed: a backup of {visible(daily.project)} every day at {daily.at} UTC{until}.")
    output.say(*(f"  to do: {visible(note)}" for note in notes))
    return notes


def _missing(job: Job) -> list[str]:
    """The variables that a run would miss."""
    from litelift.backup.environment import read_environment, wanted

    file, there = job.environment_file, {}
    if file is not None:
        try:
            there = read_environment(file)
        except FileNotFoundError:
            return [f"there is no {file}: write into it what a scheduled run needs"]
    missing = [name for name in wanted(job.settings) if name not in there]
    place = str(file) if file is not None else "a file, and name it by [backup] environment_file"
    return [f"a scheduled run has no {name} in its environment: put it into {place}" for name in missing]


def _tell_change(output: Output, daily: Daily, change: Change) -> None:
    if not change.needed:
        if change.kind is not None:
            output.say(f"It is installed already, as {_NAMES[change.kind]}.")
        return
    if change.gone:
        output.say(Text("Taken out:", style="bold"))
        _tell_pieces(output, change.gone)
    if change.kind is not None:
        title = f"Backup of {visible(daily.project)} every day at {daily.at} UTC, as {_NAMES[change.kind]}:"
        output.say(Text(title, style="bold"))
        _tell_pieces(output, change.new)


def _tell_pieces(output: Output, pieces: list[Piece]) -> None:
    for piece in pieces:
        output.say(f"  {visible(piece.where)}")
        output.say(*(f"    {visible(line)}" for line in piece.text.splitlines()))


def _show(output: Output, job: Job, daily: Daily) -> None:
    from litelift.backup.schedule import install as schedules
    from litelift.backup.status import read_status, state

    found = schedules.installed(daily)
    status = read_status(job.store.path)
    if output.json:
        there = {kind: [_piece(piece) for piece in pieces] for kind, pieces in found.items()}
        document = {"project": daily.project, "at": daily.at, "installed": there, "state": state(job.store.path)}
        output.document({**document, "status": status.model_dump(mode="json"), "exit_code": 0})
        return
    if not found:
        output.say(f"Nothing is scheduled for {visible(daily.project)}.")
    for kind, pieces in found.items():
        output.say(Text(f"Backup of {visible(daily.project)}, as {_NAMES[kind]}:", style="bold"))
        _tell_pieces(output, pieces)
    output.say(*_runs(status, state(job.store.path)))


def _runs(status: Status, now: str) -> list[str]:
    lines = [f"  {'state':<13}{now}"]
    if status.last is not None:
        lines.append(f"  {'last run':<13}{_run(status.last)}")
    if status.last_success is not None and status.last_success != status.last:
        lines.append(f"  {'last success':<13}{_run(status.last_success)}")
    if status.next_due is not None:
        lines.append(f"  {'next run':<13}{moment(status.next_due)}")
    return lines


def _run(record: RunRecord) -> str:
    return f"{moment(record.began)}: {visible(record.message) or 'it has not ended'}"


def _document(daily: Daily, change: Change, dry_run: bool, notes: list[str], job: Job, code: int) -> dict[str, Any]:
    from litelift.backup.status import read_status

    due = read_status(job.store.path).next_due
    return {
        "project": daily.project,
        "at": daily.at,
        "kind": change.kind,
        "installed": [_piece(piece) for piece in change.new],
        "removed": [_piece(piece) for piece in change.gone],
        "changed": change.needed and not dry_run,
        "dry_run": dry_run,
        "todo": notes,
        "next_due": due.isoformat() if due else None,
        "exit_code": code,
    }


def _piece(piece: Piece) -> dict[str, str]:
    return {"where": piece.where, "text": piece.text}
