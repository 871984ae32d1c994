"""litelift undo WHERE: remove what a move made, and nothing else."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.errors import NotConfirmed
from litelift.move.removal import undo as remove
from litelift.report.format import count, size
from litelift.report.text import visible
from litelift.result import UndoneTable, UndoResult
from litelift.shorten import shortened

SHOWN = 20


def undo(
    place: Annotated[
        str,
        typer.Argument(
            metavar="WHERE", help="The target's URL, or the SQLite file that was moved to its embedded PostgreSQL."
        ),
    ],
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="ID",
            help="The run's id, or its beginning [default: the unfinished run, else the last finished move].",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Remove exactly what a move made in a target: its tables, types, functions, views and triggers.

    The schema goes too where the move made it and nothing else is in it, and so do the run's lines in the schema
    litelift. Whatever else is there stays; where something of it depends on what would go, nothing is removed. Says
    first what will go, and asks. Exits 1 where the answer is no.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        asks = not yes
        if asks and not sys.stdin.isatty():
            raise NotConfirmed(command="litelift undo")

        def confirm(found: UndoResult) -> bool:
            if asks or not quiet:
                _tell(output, found)
            return not asks or _asked(output, found)

        result = remove(place, run=run, confirm=confirm)
        if json:
            counts = {"rows": result.rows, "bytes": result.bytes}
            output.document({**result.model_dump(mode="json"), **counts, "exit_code": result.exit_code})
        else:
            output.say(_end(result))
        raise typer.Exit(result.exit_code)


def _tell(output: Output, found: UndoResult) -> None:
    """What will go, on stderr: stdout is for the result."""
    ended = f" to {found.finished:%Y-%m-%d %H:%M} UTC" if found.finished else " UTC"
    tables = [
        _name(table) + (f" (made as {visible(table.made_as)})" if table.made_as != table.name else "")
        for table in found.tables
    ]
    lines = [
        f"The run {found.run_id} of litelift {found.litelift_version}, {found.state}",
        f"  source    {visible(found.source)}",
        f"  when      {found.started:%Y-%m-%d %H:%M}{ended}",
        f"  database  {visible(found.database)}",
        f"  schema    {_schema(found)}",
        f"  goes      {_counted(found)}, {size(found.bytes)}",
    ]
    for kind, names in (
        ("tables", tables),
        ("views", [visible(name) for name in found.views]),
        ("types", [visible(name) for name in found.types]),
        ("functions", [visible(name) for name in found.functions]),
        ("dropped before", [visible(name) for name in found.dropped]),
    ):
        if names:
            lines.append(f"  {kind:<8}  {shortened(names, len(names) if output.verbose else SHOWN)}")
    if found.quarantined:
        lines.append(f"  also      {found.quarantined:,} values or rows that were kept aside in litelift.quarantine")
    changed = [table for table in found.tables if table.changed]
    if changed:
        lines.append("These tables hold other rows than were moved; what is new there would be lost:")
        lines += [f"  {_difference(table)}" for table in changed]
    if found.finished_run:
        lines.append("(Rows are counted here, not compared: litelift verify SRC DST finds those that were changed.)")
    for line in lines:
        output.err.print(Text(line))


def _name(table: UndoneTable) -> str:
    return visible(f"{table.schema_name}.{table.name}")


def _schema(found: UndoResult) -> str:
    name = visible(found.schema_name)
    if found.schema_goes:
        return f"{name}, which goes too"
    if found.schema_holds:
        return f"{name}, which stays: it holds {shortened([visible(held) for held in found.schema_holds], SHOWN)}"
    return f"{name}, which stays: it was there before"


def _counted(found: UndoResult) -> str:
    return f"{count(len(found.tables), 'table')}, {count(found.rows, 'moved row')}"


def _difference(table: UndoneTable) -> str:
    there = table.present or 0
    more, fewer = max(there - table.moved, 0), max(table.moved - there, 0)
    words = f"{more:,} new" if more else f"{fewer:,} missing"
    return f"{_name(table)}: {table.moved:,} moved, {there:,} there: {words}"


def _asked(output: Output, found: UndoResult) -> bool:
    if found.finished_run:
        question = f"Type the database's name ({visible(found.database)}) to remove all this: "
    else:
        question = "Remove all this? [y/N] "
    output.err.print(Text(question), end="")
    # Not input(): it writes to stdout, which is the document's.
    answer = sys.stdin.readline().rstrip("\r\n")
    if found.finished_run:
        return bool(answer) and answer in (found.database, visible(found.database))
    return answer.strip().lower() in ("y", "yes")


def _end(result: UndoResult) -> str:
    if not result.removed:
        return "nothing was removed"
    schema = f", and the schema {visible(result.schema_name)}" if result.schema_goes else ""
    return f"Removed the run {result.run_id[:8]}: {_counted(result)}{schema}"
