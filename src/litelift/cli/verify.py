"""litelift verify SRC DST: compare every row, by content, alone and at any time."""

from __future__ import annotations

from typing import Annotated

import typer

from litelift.cli.migrate import Jobs, PlanPath, SourceWords
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.cli.progress import ProgressView
from litelift.cli.summary import proof_lines
from litelift.move.verify import verify as compare
from litelift.result import Proof


def verify(
    src: SourceWords,
    dst: Annotated[str, typer.Argument(metavar="DST", help="The PostgreSQL database: a libpq URL or keyword string.")],
    plan: PlanPath = None,
    jobs: Jobs = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Compare every row of a SQLite database with a PostgreSQL database, by content.

    Works on a database that any tool has loaded: names and types are read from the target. After a move by litelift its
    own plan and its quarantine are taken into account. Exits 1 where anything differs.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        with ProgressView(output.err, quiet) as view:
            proof = compare(src, dst, plan=plan, jobs=jobs, differences=None if json else 20, on_progress=view)
        code = exit_code(proof)
        if json:
            output.document({**proof.model_dump(mode="json"), "ok": proof.ok, "exit_code": code})
        else:
            _show(output, proof, code)
        raise typer.Exit(code)


def exit_code(proof: Proof) -> int:
    """1 where anything differs; 3 where something needs a person; else 0."""
    if not proof.ok:
        return 1
    aside = any(table.quarantined_rows or table.quarantined_values for table in proof.tables)
    return 3 if aside or any(notice.level == "attention" for notice in proof.notices) else 0


def _show(output: Output, proof: Proof, code: int) -> None:
    proof_lines(output, proof, 20)
    for notice in proof.notices:
        if notice.level == "attention" or output.verbose:
            output.say(f"• {notice.message}")
    rows = sum(table.source_rows for table in proof.tables)
    aside = sum(table.quarantined_rows + table.quarantined_values for table in proof.tables)
    counted = f"{rows:,} rows in {len(proof.tables):,} tables, {len(proof.sequences)} sequences"
    kept = f"; {aside:,} values or rows are in quarantine, and are what the source holds" if aside else ""
    if code == 1:
        differ = sum(table.total_differences for table in proof.tables)
        output.say(f"Different: {differ:,} differences in {counted}")
    else:
        output.say(f"Equal: {counted}{kept}")
