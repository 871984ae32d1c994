"""litelift backup runbook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from litelift.cli.backup_words import Folder, What, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, headed, write_output


def runbook(
    what: What = None,
    folder: Folder = None,
    to: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it. Left out: to standard output."),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write what to do when the database is lost: with this system's names, its last drill and its newest backup.

    Exits 3 where something would make a recovery fail; each such thing is in it.
    """
    from litelift.backup.point_in_time import wal_of
    from litelift.backup.recovery import document, recovery, summary
    from litelift.backup.subject import runbook_of, subject

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder):
        of = subject(what, folder)
        made = recovery(of, what, runbook_of(of), wal_of(of))
        text = document(made)
        code = 3 if made.warnings else 0
        if to is not None:
            write_output(to, text, of.store.path)
        if json:
            output.document({**summary(made), "output": str(to) if to is not None else None, "exit_code": code})
        elif to is None:
            output.say(text.rstrip("\n"))
        else:
            output.say(headed("Written: ", str(to)))
            for warning in made.warnings:
                output.say(Text(f"  {warning}", style="yellow"))
        if code:
            raise typer.Exit(code)
