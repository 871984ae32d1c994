"""Reads a table's rows in batches, in rowid order, whole or by a range of rowids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from sys import getsizeof
from typing import Any, Protocol

from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Table, Value

BATCH_ROWS = 2000
BATCH_BYTES = 4 << 20
SAMPLED = 64
"""Rows of a batch whose size tells how many the next one takes."""
HAND_OVER = "litelift_row"
"""The compiled path's function of SQL that takes a row's values (src/litelift/native/reader.h)."""
MOST_HANDED = 127
"""Values of a function of SQL, if nobody has built SQLite for more ("Implementation Limits For SQLite")."""
TYPE_CODES: dict[type, int] = {int: 1, float: 2, str: 3, bytes: 4, type(None): 5}
HAS_NULL = 1 << 5
Row = tuple[Value, ...]


class Batch(Protocol):
    """Rows of a scan, by row or by column."""

    def __len__(self) -> int:
        """How many rows."""
        ...

    def column(self, column: int, /) -> Sequence[Value]:
        """A column's values."""
        ...

    def row(self, row: int, /) -> Row:
        """A row's values."""
        ...

    def value(self, row: int, column: int, /) -> Value:
        """A row's value in a column."""
        ...

    def kinds(self, column: int, /) -> int:
        """A column's storage classes: bit N for SQLite's type code N ("Fundamental Datatypes")."""
        ...


class Rows:
    """A batch of Python's own values."""

    def __init__(self, rows: list[Row]) -> None:
        """``rows`` are not empty."""
        self.rows = rows
        self.columns = list(zip(*rows, strict=True))

    def __len__(self) -> int:
        """How many rows."""
        return len(self.rows)

    def column(self, column: int, /) -> Sequence[Value]:
        """A column's values."""
        return self.columns[column]

    def row(self, row: int, /) -> Row:
        """A row's values."""
        return self.rows[row]

    def value(self, row: int, column: int, /) -> Value:
        """A row's value in a column."""
        return self.rows[row][column]

    def kinds(self, column: int, /) -> int:
        """A column's storage classes."""
        return sum(1 << TYPE_CODES[kind] for kind in set(map(type, self.columns[column])))


@dataclass(frozen=True, slots=True)
class Scan:
    """What is read of a table: its columns, in order, after the rowid where ``with_rowid``; the rows of ``where``."""

    table: str
    columns: tuple[str, ...]
    rowid: str | None = None
    with_rowid: bool = False
    where: str | None = None

    def sql(self, ranged: bool) -> str:
        """The SELECT statement; a ranged one takes the first and the last rowid as its parameters."""
        conditions = [f"({self.where}\n)"] if self.where else []
        if ranged:
            conditions.append(f"{self.rowid} BETWEEN ? AND ?")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {', '.join(self._words)} FROM {quote_identifier(self.table)} NOT INDEXED{where}"  # noqa: S608

    def handing_over(self, ranged: bool) -> str:
        """The same for the compiled path, of a table without ``where``: see `handing_over`."""
        within = f"{self.rowid} BETWEEN ?1 AND ?2" if ranged else None
        return handing_over(self._words, f"{quote_identifier(self.table)} NOT INDEXED", within)

    @property
    def width(self) -> int:
        """How many values a row has."""
        return len(self._words)

    @property
    def _words(self) -> list[str]:
        return [*([f"{self.rowid}"] if self.with_rowid else []), *map(quote_identifier, self.columns)]

    def batches(
        self, connection: sqlite3.Connection, between: tuple[int, int] | None = None, rows: int = BATCH_ROWS
    ) -> Iterator[list[Row]]:
        """Yield lists of at most ``rows`` rows; fewer where rows are big, so that memory stays bounded."""
        done = 0
        size = 16
        # Python decodes fastest by itself, and fails at bytes that are not UTF-8: the rest is decoded as asked for.
        factory: Any = str
        cursor = self._execute(connection, between, 0)
        while True:
            try:
                with _text_as(connection, factory):
                    batch = cursor.fetchmany(size)
            except sqlite3.OperationalError as error:
                if factory is connection.text_factory or "decode" not in str(error):
                    raise
                factory = connection.text_factory
                cursor = self._execute(connection, between, done)
                continue
            if not batch:
                return
            done += len(batch)
            yield batch
            some = batch[:: len(batch) // SAMPLED or 1]
            width = sum(map(getsizeof, chain.from_iterable(some))) // len(some)
            size = max(1, min(rows, BATCH_BYTES // max(1, width)))
            # Before the next is read: each may hold one huge value.
            del batch, some

    def _execute(self, connection: sqlite3.Connection, between: tuple[int, int] | None, skipped: int) -> sqlite3.Cursor:
        skip = f" LIMIT -1 OFFSET {skipped}" if skipped else ""
        cursor = connection.execute(self.sql(between is not None) + skip, between or ())
        cursor.arraysize = 1
        return cursor


def handing_over(words: Sequence[str], place: str, within: str | None = None) -> str:
    """A SELECT that hands ``words`` of each row over to the compiled path, and goes on until that wants a pause.

    Nothing says in what order SQLite looks at conditions, but that a CASE does not look at what it does not need.
    """
    call = f"{HAND_OVER}({', '.join(words)})"
    condition = call if within is None else f"{within} AND CASE WHEN {within} THEN {call} END"
    return f"SELECT 1 FROM {place} WHERE {condition}"  # noqa: S608


@contextmanager
def _text_as(connection: sqlite3.Connection, factory: Any) -> Iterator[None]:
    before = connection.text_factory
    connection.text_factory = factory
    try:
        yield
    finally:
        connection.text_factory = before


def rowid_range(connection: sqlite3.Connection, table: str, rowid: str) -> tuple[int, int] | None:
    """The least and the greatest rowid of a table; None where it is empty."""
    # Each by itself is one look into the b-tree, both at once a scan ("The MIN/MAX Optimization").
    place = f"FROM {quote_identifier(table)}"
    query = f"SELECT (SELECT min({rowid}) {place}), (SELECT max({rowid}) {place})"
    first, last = connection.execute(query).fetchone()
    return None if first is None else (first, last)


def key_columns(table: Table) -> tuple[str, ...]:
    """The columns that name a row: the primary key, else a UNIQUE key without NULLs; () where only the rowid does.

    A generated column is not loaded, so it names no row.
    """
    if table.primary_key:
        return table.primary_key
    for index in table.indexes:
        names = [part.column for part in index.parts]
        if (
            index.unique
            and index.where is None
            and all(name is not None and table.column(name).not_null for name in names)
            and not any(table.column(name).generated for name in names if name)
        ):
            return tuple(name for name in names if name is not None)
    return ()


def key_json(names: Sequence[str], values: Sequence[Value]) -> dict[str, int | float | str | None]:
    """A row's key as JSON holds it: text without what JSON and PostgreSQL refuse, bytes as x'..'."""
    return {name: _plain(value) for name, value in zip(names, values, strict=True)}


def _plain(value: Value) -> int | float | str | None:
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    return value


def clean_text(text: str) -> str:
    """``text`` with U+FFFD for each NUL and each run of bytes that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\x00", "\ufffd")


def holdable(text: str) -> bool:
    """Whether PostgreSQL's text can hold it: no NUL, no byte that is not UTF-8."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
