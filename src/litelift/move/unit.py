"""A unit of work, and its line in the journal: it commits with the unit's rows, once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psycopg

from litelift import errors
from litelift.plan.plan import TablePlan
from litelift.postgres.connect import Connection


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work: a table's plan, and the first and last rowid (None: the whole table)."""

    table: TablePlan
    between: tuple[int, int] | None = None


@dataclass(slots=True)
class UnitResult:
    """What a unit came to. ``form`` says by which path its rows were written, and in which of COPY's formats."""

    table: str
    read: int = 0
    loaded: int = 0
    quarantined_rows: int = 0
    quarantined_values: int = 0
    bytes: int = 0
    form: str = ""

    def add(self, other: UnitResult) -> None:
        """Count another unit of the same table in."""
        self.read += other.read
        self.loaded += other.loaded
        self.quarantined_rows += other.quarantined_rows
        self.quarantined_values += other.quarantined_values
        self.bytes += other.bytes
        self.form = other.form or self.form


class NotNoted(Exception):
    """The journal does not take the unit's line."""


def note_unit(cursor: psycopg.Cursor[Any], run: str, attempt: int, unit: Unit, done: UnitResult) -> None:
    """Write the unit's line into the journal; raise NotNoted where it has one, or where the run is another's.

    The lock on the run's line makes whoever takes the run over wait for this transaction's end, and this one, if it
    comes later, see the other attempt. The line of a session that was lost in its COMMIT is waited for, too.
    """
    # Else what it has loaded may be counted seconds later, after ANALYZE, once more (pg_stat_force_next_flush).
    counted = " returning pg_stat_force_next_flush()" if cursor.connection.info.server_version >= 150000 else ""
    cursor.execute(
        "insert into litelift.unit (run_id, table_name, first_row, last_row, rows, quarantined_rows,"  # noqa: S608
        " quarantined_values, bytes, form) select run_id, %s, %s, %s, %s, %s, %s, %s, %s from"
        " (select run_id from litelift.run where run_id = %s and attempt = %s for share) as held"
        f" on conflict do nothing{counted}",
        (
            unit.table.target,
            *(unit.between or (None, None)),
            done.loaded,
            done.quarantined_rows,
            done.quarantined_values,
            done.bytes,
            done.form,
            run,
            attempt,
        ),
    )
    if cursor.rowcount != 1:
        raise NotNoted


def noted_unit(target: Connection, run: str, attempt: int, unit: Unit) -> UnitResult:
    """What the journal says of a unit that an earlier attempt has loaded."""
    ours = target.execute("select 1 from litelift.run where run_id = %s and attempt = %s", (run, attempt)).fetchone()
    for one in loaded_units(target, run).get(unit.table.target, ()) if ours else ():
        if (one.between and one.between[0]) == (unit.between and unit.between[0]):
            return replace(one.result, table=unit.table.source)
    raise errors.Superseded(database=target.info.dbname)


@dataclass(frozen=True, slots=True)
class LoadedUnit:
    """A unit that is loaded: its rowids (None: the whole table), and what it came to."""

    between: tuple[int, int] | None
    result: UnitResult


def loaded_units(connection: Connection, run: str) -> dict[str, list[LoadedUnit]]:
    """The units that a run has loaded, by the target's table."""
    found: dict[str, list[LoadedUnit]] = {}
    for table, first, last, rows, aside, values, size, form in connection.execute(
        "select table_name, first_row, last_row, rows, quarantined_rows, quarantined_values, bytes, form"
        " from litelift.unit where run_id = %s",
        (run,),
    ).fetchall():
        between = None if first is None else (first, last)
        result = UnitResult(table, rows + aside, rows, aside, values, size, form)
        found.setdefault(table, []).append(LoadedUnit(between, result))
    return found
