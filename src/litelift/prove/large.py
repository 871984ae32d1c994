"""Values too large to travel: each side tells their length and SHA-256 instead, where they are.

A blob of 500 MB would be a line of a gigabyte, of which the server, libpq and we hold a copy each.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from litelift.plan.match import ColumnMatch, TableMatch
from litelift.prove import values as reading
from litelift.prove.cells import SourceCells, unescape

LARGE_BYTES = 16 << 20
PIECE_BYTES = 1 << 20

SQUEEZED = 300
"""At most so many times smaller is a compressed value ("TOAST", section 73.2: pglz and lz4 on zeros)."""

_TEXTS = frozenset({"text", "varchar", "citext"})

_TOAST = """
    select coalesce(pg_table_size(c.reltoastrelid), 0) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s and c.reltoastrelid <> 0
"""


def _bytes(column: ColumnMatch) -> sql.Composable | None:
    """The bytes of a column in the target; None where its text is not simply them."""
    if reading.is_array(column.type) or column.type.kind == "enum":
        return None
    name = sql.Identifier(column.target)
    if column.type.base == "bytea":
        return name
    return sql.SQL("convert_to({}::text, 'UTF8')").format(name) if column.type.base in _TEXTS else None


def large_columns(target: psycopg.Connection[Any], match: TableMatch) -> frozenset[int]:
    """The columns, by place, in which the target holds a large value.

    Such values are out of line, and how long each is can be told without fetching it.
    """
    places = [place for place, column in enumerate(match.columns) if _bytes(column) is not None]
    if not places:
        return frozenset()
    with target.cursor(row_factory=tuple_row) as cursor:
        toast = cursor.execute(_TOAST, (match.schema, match.target)).fetchone()
        if toast is None or toast[0] < LARGE_BYTES // SQUEEZED:
            return frozenset()
        tests = [
            sql.SQL("coalesce(bool_or(octet_length({}) > {}), false)").format(
                sql.Identifier(match.columns[place].target), sql.Literal(LARGE_BYTES)
            )
            for place in places
        ]
        query = sql.SQL("select {} from only {}").format(
            sql.SQL(", ").join(tests), sql.Identifier(match.schema, match.target)
        )
        found = cursor.execute(query).fetchone() or ()
    return frozenset(place for place, is_large in zip(places, found, strict=True) if is_large)


def shown(column: ColumnMatch) -> sql.Composable:
    """What COPY sends of a column with large values."""
    name, data = sql.Identifier(column.target), _bytes(column)
    assert data is not None
    return sql.SQL(
        "case when octet_length({name}) > {most} then {mark} || octet_length({name}) || ':' ||"
        " encode(sha256({data}), 'hex') else {name}::text end"
    ).format(name=name, most=sql.Literal(LARGE_BYTES), mark=sql.Literal(_MARK), data=data)


_MARK = "sha256:"


def with_large(cells: SourceCells, column: ColumnMatch) -> SourceCells:
    """The cells of a column that has large values: theirs as `shown` has them, the others' as ``cells`` has them.

    A large value may also come as a memoryview of its bytes.
    """

    def found(batch: Sequence[Any]) -> Sequence[str]:
        large = {place: cell for place, value in enumerate(batch) if (cell := _large_cell(value, column)) is not None}
        if not large:
            return cells(batch)
        rest = list(cells([None if place in large else value for place, value in enumerate(batch)]))
        for place, cell in large.items():
            rest[place] = cell
        return rest

    return found


def stand_in_cell(cell: str, column: ColumnMatch) -> str:
    """The cell for what stands in a value's place, of which the whole one is ``cell``."""
    text = unescape(cell)
    if text is None or len(text) <= LARGE_BYTES // 4:
        return cell
    return _large_cell(bytes.fromhex(text[2:]) if column.type.base == "bytea" else text, column) or cell


def _large_cell(value: Any, column: ColumnMatch) -> str | None:
    if isinstance(value, memoryview):
        if column.type.base == "bytea" or _is_sound(value):
            return _cell(value)
        value = bytes(value)
    if not isinstance(value, str | bytes) or len(value) * 4 <= LARGE_BYTES:
        return None
    if column.type.base == "bytea":
        data = reading.bytes_of(reading.mapped(value, column))
    else:
        data = (reading.expected(value, column) or "").encode("utf-8", "surrogateescape")
    return _cell(data) if len(data) > LARGE_BYTES else None


def _cell(data: bytes | memoryview) -> str:
    return f"{_MARK}{len(data)}:{sha256(data).hexdigest()}"


def _is_sound(data: memoryview) -> bool:
    """Whether PostgreSQL's text can hold the bytes: UTF-8 without a NUL."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(data), PIECE_BYTES):
            piece = bytes(data[at : at + PIECE_BYTES])
            decoder.decode(piece)
            if b"\0" in piece:
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
