"""The proof alone: any time after a move, by litelift or by any other tool."""

from __future__ import annotations

import contextlib
from pathlib import Path

from litelift.move import journal
from litelift.move.check import check_source
from litelift.move.crew import default_jobs, gather
from litelift.move.progress import OnProgress, Progress, Timeline
from litelift.move.proof import compare_tables
from litelift.move.run import explained
from litelift.plan.file import PlanFile, read_plan
from litelift.plan.match import ColumnMatch, TableMatch
from litelift.postgres.connect import Connection, normalized, open_server
from litelift.postgres.sessions import Sessions
from litelift.prove.existing import matches_from_target
from litelift.prove.sequences import prove_sequences
from litelift.result import Notice, Proof
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.open import open_source, source_bytes, source_path
from litelift.sqlite.schema import Schema


def verify(
    src: str | Path,
    dst: str,
    *,
    plan: PlanFile | str | Path | None = None,
    jobs: int | None = None,
    differences: int | None = 20,
    on_progress: OnProgress | None = None,
) -> Proof:
    """Compare every row of a SQLite database with a PostgreSQL database, by content.

    Args:
        src: the SQLite file, a path or sqlite:///path.
        dst: a libpq URL or keyword string.
        plan: a plan file, for a database that was moved with one by another tool, or before its journal was dropped.
        jobs: worker processes; None decides by the source's size.
        differences: how many of each table are kept; None keeps all.
        on_progress: called with every sign of life.

    Raises:
        LiteliftError: a side cannot be read.
    """
    path = source_path(src)
    dst = normalized(dst)
    file = read_plan(Path(plan)) if isinstance(plan, str | Path) else plan
    timeline = Timeline(on_progress)
    with explained(path), contextlib.closing(gather(jobs or default_jobs(source_bytes(path)))) as crew:
        with timeline.step("open"):
            source = open_source(path, check=not crew.parallel)
        try:
            with timeline.step("server"):
                server, connection = open_server(normalized(dst))
            with connection:
                crew.open_together(source, Sessions(server.dsn, patience=0))
                schema = read_catalogue(source.connection)
                if not source.checked:
                    check_source(crew, path)
                matches, run, notices = _matches(schema, connection, file)
                proof = Proof(notices=notices)
                with timeline.step("prove") as said:
                    compared = 0

                    def tell(_: str, rows: int) -> None:
                        nonlocal compared
                        compared += rows
                        timeline.tell(Progress("prove", done=compared))

                    proof.tables = compare_tables(
                        crew, connection, matches, run=run, limit=differences, live=True, tell=tell
                    )
                    proof.sequences = prove_sequences(source.connection, connection, matches, schema)
                    said.append(f"{sum(table.source_rows for table in proof.tables):,} rows")
                proof.seconds = timeline.steps[-1].seconds
                return proof
        finally:
            crew.close()
            source.close()


def _matches(
    schema: Schema, connection: Connection, file: PlanFile | None
) -> tuple[list[TableMatch], str | None, list[Notice]]:
    """What the last run matched with what, else the names and types of the target."""
    last = journal.last_matches(connection)
    if last is not None and file is None:
        run, matches = last
        known = {table.name for table in schema.tables}
        notices = [
            Notice(
                level="attention",
                kind="missing table",
                message=f"{m.source} is not in the source any more",
                table=m.source,
            )
            for m in matches
            if m.source not in known
        ]
        return [match for match in matches if match.source in known], run, notices
    file = file or PlanFile()
    file.check_against(schema)
    excluded = {table.name for table in schema.tables if file.table(table.name).exclude}
    wanted = Schema(
        tuple(table for table in schema.tables if table.name not in excluded), (), schema.sequences, schema.encoding
    )
    renamed = {t.name: name for t in wanted.tables if (name := file.table(t.name).name)}
    columns = {
        (table.name, column.name): name
        for table in wanted.tables
        for column in table.columns
        if (name := file.column(table.name, column.name).name)
    }
    matches, notices = matches_from_target(
        wanted,
        connection,
        file.defaults.schema_name,
        table_names=renamed,
        column_names=columns,
        skip_bookkeeping=True,
    )
    planned = [_planned(match, file) for match in matches]
    gone = {(t.name, c.name) for t in wanted.tables for c in t.columns if file.column(t.name, c.name).exclude}
    notices = [notice for notice in notices if (notice.table, notice.column) not in gone]
    return planned, last[0] if last else None, notices


def _planned(match: TableMatch, file: PlanFile) -> TableMatch:
    columns = tuple(
        ColumnMatch(c.source, c.target, c.type, file.value_map(match.source, c.source), c.numbers)
        for c in match.columns
        if not file.column(match.source, c.source).exclude
    )
    return TableMatch(match.source, match.schema, match.target, columns, match.key, file.table(match.source).where)
