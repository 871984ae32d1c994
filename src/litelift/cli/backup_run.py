"""litelift backup run: what the schedule calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from litelift.cli.backup_words import Folder, What, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag
from litelift.errors import LiteliftError, UsageError
from litelift.report.format import duration
from litelift.report.text import visible

if TYPE_CHECKING:
    from litelift.backup.run import Ran, StageRun


def run(
    what: What = None,
    folder: Folder = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="HH:MM", help="Do nothing unless it is this time in UTC, or ten minutes past."),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Do what is scheduled: create, copy, drill every n-th, prune; and tell who is to be told.

    A stage that fails does not keep the others from being done where that is safe: where no backup could be made, none
    is removed. Exits 0 where all was done, 3 where something needs a person or somebody could not be told, and 1 where
    a stage failed.
    """
    from litelift.backup import run as runs
    from litelift.backup.job import job_of
    from litelift.backup.stages import OwnStages
    from litelift.backup.telling import tell_unknown

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder):
        if at is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at):
            raise UsageError(message=f"--at {at}: expected a time of day in UTC, such as 02:00")
        try:
            job = job_of(what, folder)
        except (LiteliftError, OSError) as error:
            # Nobody else can be told: who that is stands in the file that cannot be read.
            tell_unknown(what, error)
            raise

        def show(stage: StageRun) -> None:
            if not (quiet or json):
                mark, style = ("✓", "green") if stage.ok else ("✗", "bold red")
                said = f"{stage.name:<20} {duration(stage.seconds):>9}  {visible(stage.message)}".rstrip()
                output.err.print(Text(f"  {mark} ", style=style) + Text(said, style="default"))

        done = runs.run(job, OwnStages(what, folder), at=at, on_stage=show)
        if done is None:
            if json:
                output.document({"run": None, "exit_code": 0})
            return
        _end(output, done)


def _end(output: Output, done: Ran) -> None:
    record = done.record
    if output.json:
        stages = [
            {"stage": stage.name, "ok": stage.ok, "seconds": round(stage.seconds, 3), "message": stage.message}
            for stage in done.stages
        ]
        output.document(
            {"run": record.model_dump(mode="json"), "stages": stages, "exit_code": record.exit_status},
        )
    for failure in record.failures:
        output.err.print(Text.assemble(("error: ", "bold red"), failure))
    for note in record.notes:
        output.err.print(Text(f"note:  {note}"))
    for one in record.untold:
        output.err.print(Text(f"note:  could not be told: {one}"))
    if record.ok:
        output.say(f"Done: {record.message}")
    raise typer.Exit(record.exit_status or 0)
