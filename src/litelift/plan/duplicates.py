"""Finds, before anything is written, the source's rows that a unique key of the application's own tables forbids."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from litelift import errors
from litelift.plan import tell
from litelift.plan.plan import ColumnPlan, MovePlan, TablePlan
from litelift.postgres.existing_types import TargetSchema, TargetTable
from litelift.sqlite.census import TableCensus
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.scan import clean_text, key_json
from litelift.sqlite.schema import Schema, Table, Value
from litelift.wire.choose import codec_for
from litelift.wire.codec import Codec, Misfit

GROUPS = 5
ROWS = 5

# Types for which values that SQLite holds apart stay apart, if they are of one storage class.
_EXACT = frozenset({"int2", "int4", "int8", "text", "varchar", "bytea", "name"})


@dataclass(frozen=True, slots=True)
class _Key:
    """A unique key of the target: what it is called, and the plans of its columns."""

    name: str
    columns: tuple[ColumnPlan, ...]
    nulls_distinct: bool


def refuse_duplicates(
    connection: sqlite3.Connection,
    source: Schema,
    target: TargetSchema,
    plan: MovePlan,
    censuses: Mapping[str, TableCensus],
) -> None:
    """Raise DuplicateKeys where two rows have the same values, as the target will hold them, in a unique key of its.

    Only what a query on the source can tell for certain: keys of an expression or with a condition, and tables of which
    rows are kept aside, are left to the server, in the move's transaction.
    """
    for table in plan.tables:
        census = censuses[table.source]
        if table.create or not table.rows or _drops_rows(table, census):
            continue
        known = source.table(table.source)
        for key in _keys(target.table(table.target), table):
            if any(census.columns[column.source].unholdable.count for column in key.columns):
                continue
            exact = all(_exact(column, census) for column in key.columns)
            if not (exact and _held_unique(known, key)):
                _look(connection, known, table, key, exact)


def _drops_rows(table: TablePlan, census: TableCensus) -> bool:
    for column in table.columns:
        counted = census.columns[column.source]
        misfits = sum(failures.count for failures in counted.probes.values())
        if column.on_misfit in ("row", "default") and (misfits or (column.not_null and counted.nulls)):
            return True
    return False


def _keys(target: TargetTable, table: TablePlan) -> Iterator[_Key]:
    places = {column.target: column for column in table.columns}
    seen = set()
    for index in target.indexes:
        columns = [places[name] for name in index.columns if name in places]
        # A column that the source does not have may hold the rows apart: it takes its default.
        if not index.unique or index.where or not columns or len(columns) < len(index.columns):
            continue
        if index.columns not in seen:
            seen.add(index.columns)
            yield _Key(index.name, tuple(columns), index.nulls_distinct)


def _exact(column: ColumnPlan, census: TableCensus) -> bool:
    counted = census.columns[column.source]
    classes = sum(map(bool, (counted.integers, counted.reals, counted.texts, counted.blobs)))
    plain = column.type.base in _EXACT and column.type.kind == "base" and column.values is None
    return plain and classes <= 1


def _held_unique(table: Table, key: _Key) -> bool:
    """Whether SQLite itself keeps the key's values, or fewer of them, apart."""
    names = {column.source for column in key.columns}
    if not key.nulls_distinct:
        return False
    held = [index.parts for index in table.indexes if index.unique and index.where is None]
    return (bool(table.primary_key) and set(table.primary_key) <= names) or any(
        all(part.column in names for part in parts) for parts in held
    )


def _look(connection: sqlite3.Connection, known: Table, table: TablePlan, key: _Key, exact: bool) -> None:
    words = []
    for place, column in enumerate(key.columns):
        name = quote_identifier(column.source)
        if exact:
            # BINARY: the column's own collation may hold fewer values apart than PostgreSQL does.
            words.append(f"{name} COLLATE BINARY")
        else:
            function = f"litelift_key_{place}"
            connection.create_function(function, 1, _as_held(column), deterministic=True)
            words.append(f"{function}({name})")
    conditions = [f"({table.where}\n)"] if table.where else []
    if key.nulls_distinct:
        conditions += [f"{word} IS NOT NULL" for word in words]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    listed = ", ".join(words)
    counted = f"{quote_identifier(table.source)}{where}"
    groups = connection.execute(
        f"SELECT {listed} FROM {counted} GROUP BY {listed} HAVING count(*) > 1 LIMIT {GROUPS}"  # noqa: S608
    ).fetchall()
    if not groups:
        return
    names = table.key or ((table.rowid,) if table.rowid else ())
    shown = [quote_identifier(name) for name in (*names, *(column.source for column in key.columns))]
    examples = []
    for group in groups:
        same = " AND ".join([*(f"{word} IS ?" for word in words), *conditions])
        rows = connection.execute(
            f"SELECT {', '.join(shown)} FROM {quote_identifier(table.source)} WHERE {same} LIMIT {ROWS + 1}",  # noqa: S608
            group,
        ).fetchall()
        examples.append(_example(names, key, rows))
    raise errors.DuplicateKeys(table=table.source, constraint=key.name, examples="; ".join(examples))


def _example(names: tuple[str, ...], key: _Key, rows: list[tuple[Value, ...]]) -> str:
    places = []
    for row in rows[:ROWS]:
        values = ", ".join(
            f"{column.source} = {tell.quoted_value(value)}"
            for column, value in zip(key.columns, row[len(names) :], strict=True)
        )
        where = key_json(names, row[: len(names)])
        places.append(f"{values} ({tell.key_words(where)})" if where else values)
    return " and ".join(places) + (" and more" if len(rows) > ROWS else "")


def _as_held(column: ColumnPlan) -> Callable[[Value], Value]:
    """What the target will hold for a value, in words that are equal where the server's values are."""
    codec: Codec = codec_for(column.type, lenient=True, numbers=column.numbers, values=column.values)

    def held(value: Value) -> Value:
        if value is None:
            return None
        try:
            words = codec.text(value)
        except Misfit as misfit:
            if misfit.stands_in is None:
                return None
            words = misfit.stands_in
        if column.type.base == "numeric":
            return str(Decimal(words).normalize() + 0)
        if column.type.base == "bpchar":
            words = words.rstrip(" ")
        return clean_text(words.lower() if column.type.base == "citext" else words)

    return held
