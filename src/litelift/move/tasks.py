"""The tasks that workers carry out: functions of a worker and a plain value, with a plain value for an answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from litelift.move.load import load_unit
from litelift.move.unit import Unit, UnitResult
from litelift.move.worker import Worker
from litelift.plan.match import TableMatch
from litelift.plan.plan import TablePlan
from litelift.plan.request import CensusRequest
from litelift.prove.pieces import Piece, TableSums, Terms, prove_piece
from litelift.prove.tables import look_into
from litelift.result import TableProof
from litelift.sqlite.census import TableCensus
from litelift.sqlite.count import take_census
from litelift.sqlite.integrity import Check, Digest, Share, Side
from litelift.sqlite.scan import rowid_range

UNIT_BYTES = 12 << 20
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


def survey(worker: Worker, task: CensusTask | Share) -> TableCensus | bool | Digest | None:
    """Take the census of a range, or do a share of the source's check: whether it passes, or what it comes to."""
    if isinstance(task, Check):
        return task.passes(worker.source.connection)
    return task.digest(worker.source.connection) if isinstance(task, Side) else count(worker, task)


@dataclass(frozen=True, slots=True)
class LoadTask:
    """A unit to load, in a run's attempt."""

    run: str
    unit: Unit
    attempt: int = 1


def load(worker: Worker, task: LoadTask) -> UnitResult:
    """Load a unit."""
    source = worker.source.connection
    return load_unit(source, worker.target, task.run, task.unit, worker.judge, worker.on_rows, attempt=task.attempt)


@dataclass(frozen=True, slots=True)
class ProveTask:
    """A piece of the proof to sum."""

    terms: Terms
    piece: Piece


def prove(worker: Worker, task: ProveTask) -> list[TableSums]:
    """Sum the tables of a piece, in their order."""
    return prove_piece(worker.source.connection, worker.target, task.terms, task.piece, worker.on_rows)


@dataclass(frozen=True, slots=True)
class LookTask:
    """A table whose sums are unlike. ``limit`` differences at most are kept (None: all)."""

    terms: Terms
    match: TableMatch
    limit: int | None


def look(worker: Worker, task: LookTask) -> TableProof:
    """Compare a table once more, and find where it differs."""
    return look_into(worker.source.connection, worker.target, task.terms, task.match, task.limit)


def ranges(connection: sqlite3.Connection, table: str, rowid: str | None, units: int) -> list[tuple[int, int] | None]:
    """Ranges of rowids that together are the table, at most ``units``; [None] for the whole table at once."""
    if rowid is None or units <= 1:
        return [None]
    first, last = rowid_range(connection, table, rowid) or (0, 0)
    if last - first < MIN_UNIT_ROWS:
        return [None]
    width = -(-(last - first + 1) // units)
    edges = range(first, last + 1, width)
    return [(at, min(at + width - 1, last)) for at in edges]


def units(
    connection: sqlite3.Connection, table: TablePlan, jobs: int, done: Sequence[tuple[int, int] | None] = ()
) -> list[Unit]:
    """The units of a table that are not ``done``: one where there is one worker, else ranges of some megabytes."""
    if None in done:
        return []
    wanted = 1 if jobs == 1 else min(-(-table.bytes // UNIT_BYTES), max(1, table.rows // MIN_UNIT_ROWS))
    divided = ranges(connection, table.source, table.rowid, int(wanted))
    if done:
        divided = list(_left(connection, table, divided, sorted(one for one in done if one is not None)))
    return [Unit(table, between) for between in divided]


def _left(
    connection: sqlite3.Connection,
    table: TablePlan,
    divided: Sequence[tuple[int, int] | None],
    done: Sequence[tuple[int, int]],
) -> Iterator[tuple[int, int]]:
    """What ranges that are done leave of a table, whatever it was divided by when they were."""
    assert table.rowid is not None
    whole = rowid_range(connection, table.source, table.rowid)
    for between in divided:
        between = between or whole
        if between is None:
            return
        at, last = between
        for first, end in done:
            if end < at or first > last:
                continue
            if first > at:
                yield at, first - 1
            at = end + 1
        if at <= last:
            yield at, last
