"""The tasks that workers carry out: functions of a worker and a plain value, with a plain value for an answer."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from litelift.move.crew import Worker
from litelift.move.load import Unit, UnitResult, load_unit
from litelift.plan.match import TableMatch
from litelift.plan.plan import TablePlan
from litelift.plan.request import CensusRequest
from litelift.prove.tables import prove_table
from litelift.result import TableProof
from litelift.sqlite.census import TableCensus, take_census
from litelift.sqlite.lexer import quote_identifier

UNIT_BYTES = 32 << 20
MIN_UNIT_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class CensusTask:
    """A range of a table to count."""

    request: CensusRequest
    between: tuple[int, int] | None = None


def count(worker: Worker, task: CensusTask) -> TableCensus:
    """Take the census of a range."""
    request = task.request
    probes = {
        name: [candidate.probe(worker.judge) for candidate in candidates]
        for name, candidates in request.candidates.items()
    }
    return take_census(
        worker.source.connection,
        request.scan,
        request.key,
        probes,
        between=task.between,
        on_rows=worker.on_rows,
    )


@dataclass(frozen=True, slots=True)
class LoadTask:
    """A unit to load, in a run."""

    run: str
    unit: Unit


def load(worker: Worker, task: LoadTask) -> UnitResult:
    """Load a unit."""
    return load_unit(worker.source.connection, worker.target, task.run, task.unit, worker.judge, worker.on_rows)


@dataclass(frozen=True, slots=True)
class ProveTask:
    """A table to compare. ``limit`` differences at most are kept (None: all)."""

    match: TableMatch
    run: str | None
    limit: int | None


def prove(worker: Worker, task: ProveTask) -> TableProof:
    """Compare a table."""
    tell = worker.on_rows

    def on_progress(_: str, rows: int) -> None:
        if tell:
            tell(rows)

    return prove_table(
        worker.source.connection,
        worker.target,
        task.match,
        quarantine_run=task.run,
        limit=task.limit,
        on_progress=on_progress,
    )


def ranges(connection: sqlite3.Connection, table: str, rowid: str | None, units: int) -> list[tuple[int, int] | None]:
    """Ranges of rowids that together are the table, at most ``units``; [None] for the whole table at once."""
    if rowid is None or units <= 1:
        return [None]
    query = f"SELECT min({rowid}), max({rowid}) FROM {quote_identifier(table)}"  # noqa: S608
    first, last = connection.execute(query).fetchone()
    if first is None or last - first < MIN_UNIT_ROWS:
        return [None]
    width = -(-(last - first + 1) // units)
    edges = range(first, last + 1, width)
    return [(at, min(at + width - 1, last)) for at in edges]


def units(connection: sqlite3.Connection, table: TablePlan, jobs: int) -> list[Unit]:
    """The units of a table: one where there is one worker, else ranges of about 32 MB."""
    wanted = 1 if jobs == 1 else min(-(-table.bytes // UNIT_BYTES), max(1, table.rows // MIN_UNIT_ROWS))
    return [Unit(table, between) for between in ranges(connection, table.source, table.rowid, int(wanted))]
