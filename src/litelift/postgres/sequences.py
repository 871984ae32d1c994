"""Sets the sequences of a schema that the application made to where SQLite would go on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import errors, sql
from psycopg.rows import tuple_row

from litelift.postgres.bookkeeping import is_bookkeeping
from litelift.postgres.existing_types import ColumnName, TargetColumn, TargetSchema, TargetSequence, TargetTable
from litelift.postgres.matching import TableNames
from litelift.result import Notice

Tie = Literal["identity", "owned", "default", "name"]

# The greatest value of each type of column that a sequence may fill (section 8.1 of the manual, "Numeric Types").
_GREATEST = {"int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**63 - 1, "numeric": 2**63 - 1}

# PostgreSQL cuts longer names at this many bytes (NAMEDATALEN - 1; section 4.1.1 of the manual).
_NAME_BYTES = 63

# One sequence for the keys of all tables: Hibernate's default up to version 5.
_SHARED = ("hibernate_sequence",)


@dataclass(frozen=True, slots=True)
class Filled:
    """A column that a sequence fills. ``floor`` is the greatest value that SQLite remembers of it (sqlite_sequence)."""

    column: ColumnName
    greatest: int
    floor: int = 0


@dataclass(frozen=True, slots=True)
class PlannedSequence:
    """A sequence to be set, how it is tied, and to which columns of loaded tables (usually one)."""

    sequence: TargetSequence
    tie: Tie
    columns: tuple[Filled, ...]


@dataclass(frozen=True, slots=True)
class SequencePlan:
    """The sequences to be set, and what is told of those that are not."""

    sequences: tuple[PlannedSequence, ...]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A sequence that was set. ``next_value`` is None where it has no more to give, which ``notice`` tells."""

    schema: str
    name: str
    table: str
    column: str
    tie: Tie
    next_value: int | None
    notice: Notice | None = None


def plan_sequences(
    target: TargetSchema,
    tables: Sequence[TableNames],
    last: Mapping[str, int],
    greatest_rowids: Mapping[str, int] | None = None,
) -> SequencePlan:
    """Find what each sequence fills, for the ``tables`` whose rows are loaded.

    ``last`` is the source's sqlite_sequence, ``greatest_rowids`` max(rowid) for tables where a row may have been kept
    aside; both go by the source table's name. A sequence of a table that is not loaded is left alone, and so is that of
    a migration tool's bookkeeping; a sequence that fits no table at all is told.
    """
    floors = {
        table: max(numbers.get(table, 0) for numbers in (_lower(last), _lower(greatest_rowids or {})))
        for table in (*_lower(last), *_lower(greatest_rowids or {}))
    }
    loaded = {m.target.name: m for m in tables if m.loaded and m.target is not None}
    by_name = _conventions(target, loaded)
    planned, notices = [], []
    for sequence in target.sequences:
        tie, columns = _tied(sequence, by_name)
        ours = [c for c in columns if c.schema == target.name and c.table in loaded]
        filled = [f for c in ours if (f := _filled(target, loaded[c.table], c, floors)) is not None]
        if filled:
            # Tables that keep their rows must not meet a value of theirs again where they share the sequence.
            filled += [Filled(c, _GREATEST["int8"]) for c in columns if c not in ours and _counts(target, c)]
            planned.append(PlannedSequence(sequence, tie, tuple(filled)))
        elif ours:
            notices.append(_not_a_number(sequence, ours[0]))
        elif not columns and sequence.schema == target.name and not _of_bookkeeping(sequence.name):
            message = f"the sequence {sequence.name} fills no column that litelift knows of; it is left as it was"
            notices.append(Notice(kind="sequence-free", message=message))
    return SequencePlan(tuple(planned), tuple(notices))


def set_sequences(conn: psycopg.Connection[Any], plan: Sequence[PlannedSequence]) -> list[SequenceSet]:
    """Set every planned sequence by what its columns hold now; call it after the load, in the load's transaction.

    An ascending sequence goes on after the greatest value (and what SQLite remembers), from 1 or its minimum on; for an
    empty column it starts anew. Where it counts in steps, the next value is on its own grid, and a whole step beyond
    the greatest value: programs take a step as a block of keys, before or after the value. Raises InsufficientPrivilege
    (psycopg) where the role may not set it.
    """
    with conn.transaction():
        return [_set(conn, planned) for planned in plan]


def next_value(sequence: TargetSequence, held: int | None, floor: int) -> int:
    """The value to give next: ``held`` is the outermost value in its columns (None: no value), ``floor`` SQLite's."""
    step = sequence.increment
    if step < 0:
        return sequence.start if held is None else min(held + step, sequence.maximum)
    if held is None and floor <= 0:
        return sequence.start
    greatest = max(floor, held if held is not None else floor)
    after = max(greatest + step, 1, sequence.minimum)
    return after if step == 1 else after + (sequence.start - after) % step


def _set(conn: psycopg.Connection[Any], planned: PlannedSequence) -> SequenceSet:
    sequence = planned.sequence
    first = planned.columns[0]
    word = sql.SQL("min" if sequence.increment < 0 else "max")
    held: list[int] = []
    name = sql.Identifier(sequence.schema, sequence.name)
    with conn.cursor(row_factory=tuple_row) as cursor:
        for filled in planned.columns:
            table = sql.Identifier(filled.column.schema, filled.column.table)
            ask = sql.SQL("select trunc({}({})::numeric) from {}").format(
                word, sql.Identifier(filled.column.column), table
            )
            (value,) = cursor.execute(ask).fetchone() or (None,)
            if value is not None:
                held.append(int(value))
        outermost = None
        if held:
            outermost = min(held) if sequence.increment < 0 else max(held)
        following = next_value(sequence, outermost, max(f.floor for f in planned.columns))
        # Beyond its end it stands there as called: nextval() then says so, and never gives a value twice.
        ended = not sequence.minimum <= following <= sequence.maximum
        position = min(max(following, sequence.minimum), sequence.maximum)
        _make_transactional(conn, name)
        setval = sql.SQL("select pg_catalog.setval({}::regclass, {}, {})").format(
            sql.Literal(name.as_string(conn)), sql.Literal(position), sql.Literal(ended)
        )
        cursor.execute(setval)
    greatest = min(sequence.maximum, *(f.greatest for f in planned.columns))
    spent = ended or following > greatest
    notice = None
    if spent:
        notice = Notice(
            level="attention",
            kind="sequence-spent",
            table=first.column.table,
            column=first.column.column,
            message=f"the sequence {sequence.name} has no more values for {first.column.table}.{first.column.column}: "
            f"the next would be {following}, beyond {greatest if following > greatest else sequence.minimum}",
        )
    return SequenceSet(
        sequence.schema,
        sequence.name,
        first.column.table,
        first.column.column,
        planned.tie,
        None if spent else following,
        notice,
    )


def _make_transactional(conn: psycopg.Connection[Any], name: sql.Identifier) -> None:
    # setval() is never rolled back, unless the sequence's storage is new in this transaction: RESTART makes it so
    # (ALTER SEQUENCE in the manual, "Notes"). It takes the owner; a role with UPDATE alone can only use setval().
    try:
        with conn.transaction():
            conn.execute(sql.SQL("alter sequence {} restart").format(name))
    except errors.InsufficientPrivilege:
        return


def _tied(sequence: TargetSequence, by_name: Mapping[str, list[ColumnName]]) -> tuple[Tie, tuple[ColumnName, ...]]:
    columns = dict.fromkeys([*([sequence.owner] if sequence.owner else []), *sequence.used_by])
    if sequence.owner:
        return ("identity" if sequence.identity else "owned"), tuple(columns)
    if columns:
        return "default", tuple(columns)
    for name in (sequence.name.lower(), re.sub(r"(?<=[a-z_])\d+$", "", sequence.name.lower())):
        if name in by_name:
            return "name", tuple(by_name[name])
    return "name", ()


def _filled(target: TargetSchema, names: TableNames, place: ColumnName, floors: Mapping[str, int]) -> Filled | None:
    column = target.table(place.table).column(place.column)
    greatest = _GREATEST.get(column.type.base)
    if greatest is None:
        return None
    if column.type.base == "numeric" and column.type.precision is not None:
        greatest = min(greatest, 10 ** (column.type.precision - (column.type.scale or 0)) - 1)
    floor = floors.get(names.source.name.lower(), 0) if _rowid_column(names) == column.name else 0
    return Filled(place, greatest, floor)


def _counts(target: TargetSchema, place: ColumnName) -> bool:
    """Whether it is a column of numbers that the schema's tables hold (and not, for example, a view's)."""
    return place.schema == target.name and any(
        c.name == place.column and c.type.base in _GREATEST
        for t in target.tables
        if t.name == place.table
        for c in t.columns
    )


def _rowid_column(names: TableNames) -> str | None:
    """The target's column for the source's INTEGER PRIMARY KEY, whose values sqlite_sequence counts."""
    return next(
        (c.target.name for c in names.columns if c.target is not None and c.source == names.source.rowid_alias), None
    )


def _conventions(target: TargetSchema, loaded: Mapping[str, TableNames]) -> dict[str, list[ColumnName]]:
    """Lower-case names of sequences that applications and their tools give by custom, with what each would fill.

    Tables that are not loaded are in it too: a sequence named after one of them has its place, and is left alone.
    """
    known: dict[str, list[ColumnName]] = {}
    for table in target.tables:
        main = _main_column(table, loaded.get(table.name))
        for name, column in _names(table, main):
            known.setdefault(name.lower(), []).append(ColumnName(target.name, table.name, column))
        if main is not None and not main.has_default:
            for name in _SHARED:
                known.setdefault(name, []).append(ColumnName(target.name, table.name, main.name))
    return known


def _names(table: TargetTable, main: TargetColumn | None) -> Iterator[tuple[str, str]]:
    for column in table.columns:
        if column.type.base in _GREATEST:
            yield object_name(table.name, column.name), column.name
    if main is not None:
        for pattern in ("{}_seq", "seq_{}", "{}_sequence", "{}_sq", "sq_{}"):
            yield pattern.format(table.name), main.name
        if main.name.lower() != "id" and not any(c.name.lower() == "id" for c in table.columns):
            yield f"{table.name}_id_seq", main.name


def _main_column(table: TargetTable, names: TableNames | None) -> TargetColumn | None:
    """The column that a sequence named after the table alone fills: the rowid alias, else a key of one whole number."""
    rowid = _rowid_column(names) if names is not None else None
    key = table.primary_key
    for name in (rowid, key[0] if len(key) == 1 else None):
        found = next((c for c in table.columns if c.name == name and c.type.base in _GREATEST), None)
        if found is not None:
            return found
    return None


def object_name(table: str, column: str, label: str = "seq") -> str:
    """The name that PostgreSQL makes for a serial column's sequence, cut as makeObjectName() in its source cuts it."""
    first, second = table.encode(), column.encode()
    room = _NAME_BYTES - len(label) - 2
    while len(first) + len(second) > room:
        if len(first) > len(second):
            first = first[:-1]
        else:
            second = second[:-1]
    parts = (first.decode("utf-8", "ignore"), second.decode("utf-8", "ignore"), label)
    return "_".join(parts)


def _of_bookkeeping(sequence: str) -> bool:
    stem = re.sub(r"(_id)?_seq\d*$", "", sequence.lower())
    return is_bookkeeping(stem)


def _not_a_number(sequence: TargetSequence, column: ColumnName) -> Notice:
    return Notice(
        level="attention",
        kind="sequence-unknown",
        table=column.table,
        column=column.column,
        message=f"the sequence {sequence.name} serves {column.table}.{column.column}, which does not hold numbers: "
        "it is left as it was; set it so that its next value is not in use",
    )


def _lower(numbers: Mapping[str, int]) -> dict[str, int]:
    return {name.lower(): number for name, number in numbers.items()}
