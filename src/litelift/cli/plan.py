"""litelift plan SRC [DST]: the proposal as an editable file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from litelift.cli.inspect import look
from litelift.cli.migrate import SourceWords, TargetWords
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told, write_output
from litelift.errors import UsageError
from litelift.plan.proposals import propose
from litelift.postgres.connect import normalized, open_server
from litelift.sqlite.open import source_path


def plan(
    src: SourceWords,
    dst: TargetWords = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the plan goes [default: -, stdout].")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write the proposal for a move as a plan file that can be edited.

    Every table is in it; value maps for the columns that look like enums, types for times kept as numbers and JSON kept
    as text are proposed as comments. With DST the target is checked as well.
    """
    output = Output(json, quiet, verbose)
    if output_file == Path("-"):
        output_file = None
    with told(output):
        if output_file is not None and output_file.exists() and not force:
            raise UsageError(message=f"{output_file} is there already", hint="Name another file, or use --force.")
        if dst is not None:
            open_server(normalized(dst))[1].close()
        looked = look(output, src, None)
        text = propose(looked)
        if output_file is not None:
            write_output(output_file, text, source_path(src))
        if json:
            output.document({"plan": text, "file": str(output_file) if output_file else None})
        elif output_file is None:
            sys.stdout.write(text)
        else:
            output.say(f"The plan is in {output_file}; edit it, then: litelift migrate {src} --plan {output_file}")
