"""Reads a table's rows in batches, in rowid order, whole or by a range of rowids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Table, Value

BATCH_ROWS = 2000
BATCH_BYTES = 4 << 20
Row = tuple[Value, ...]


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
        words = [f"{self.rowid}"] if self.with_rowid else []
        words += [quote_identifier(name) for name in self.columns]
        conditions = [f"({self.where}\n)"] if self.where else []
        if ranged:
            conditions.append(f"{self.rowid} BETWEEN ? AND ?")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {', '.join(words)} FROM {quote_identifier(self.table)} NOT INDEXED{where}"  # noqa: S608

    def batches(
        self, connection: sqlite3.Connection, between: tuple[int, int] | None = None, rows: int = BATCH_ROWS
    ) -> Iterator[list[Row]]:
        """Yield lists of at most ``rows`` rows; fewer where rows are big, so that memory stays bounded."""
        cursor = connection.execute(self.sql(between is not None), between or ())
        cursor.arraysize = 1
        first = cursor.fetchmany(16)
        while first:
            yield first
            size = max(1, sum(_size(value) for row in first for value in row) // len(first))
            first = cursor.fetchmany(max(1, min(rows, BATCH_BYTES // size)))


def _size(value: Value) -> int:
    return len(value) if isinstance(value, str | bytes) else 8


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
