"""How many bytes a column's values take in PostgreSQL, from the census and from a look at some of them.

The widths and alignments are those of "Data Types" (chapter 8 of the PostgreSQL manual) and of pg_type; what varies in
length has a header of one byte up to 126 bytes and of four beyond ("Database Page Layout", section 73.6, and varatt.h).
"""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass

from litelift.plan.plan import ColumnPlan, TablePlan
from litelift.postgres.types import PgType
from litelift.sqlite.census import ColumnCensus, TableCensus
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.scan import rowid_range

# pg_type.typlen and typalign of what has one length.
_FIXED = {
    "bool": (1, 1),
    "int2": (2, 2),
    "int4": (4, 4),
    "int8": (8, 8),
    "float4": (4, 4),
    "float8": (8, 8),
    "date": (4, 4),
    "time": (8, 8),
    "timetz": (12, 8),
    "timestamp": (8, 8),
    "timestamptz": (8, 8),
    "interval": (16, 8),
    "uuid": (16, 1),
    "box": (32, 8),
}
SHORT = 126
NUMERIC_BYTES = 9
"""A number of five to twelve digits, two of them decimals: its header, and two bytes for each four digits."""
JSONB_GROWTH = 1.15
"""jsonb keeps the place of each key and value beside it."""
COMPRESSED_FROM = 2000
"""TOAST_TUPLE_THRESHOLD: rows that are longer have their values compressed ("TOAST", section 73.2)."""
REPEATED = 0.2
REPEATED_OF = 50
"""Values of which no more than this share, of so many, are unlike, count as few."""
SAMPLE_PLACES = 8
SAMPLE_ROWS = 25
SAMPLE_BYTES = 16 << 10
LZ_TO_ZLIB = 1.8
"""How much more the server's own compression leaves than zlib's fastest, measured on the sample databases."""
WORTH_COMPRESSING = 0.75
"""The server keeps a value as it is that does not shrink by a quarter (pg_lzcompress.c, the default strategy)."""


@dataclass(frozen=True, slots=True)
class Width:
    """A column in a row: mean bytes of a value that is there, its alignment, and the share of the rows that have it.

    ``aligned`` is 1 for what may stand anywhere; ``varies`` says that the next column's place is not known, ``repeats``
    that each value is there many times.
    """

    bytes: float
    aligned: int
    present: float = 1.0
    varies: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Some of a column's texts and blobs: bytes for each character, what compression leaves, and the share of them that
    are unlike."""

    growth: float = 1.0
    left: float = 1.0
    unlike: float = 1.0


def look_at(connection: sqlite3.Connection, table: TablePlan, census: TableCensus) -> dict[str, Look]:
    """Look at some rows of a table, spread over it. A column with neither texts nor blobs is left out."""
    names = [
        column.source
        for column in table.columns
        if (found := census.columns.get(column.source)) is not None and found.texts + found.blobs
    ]
    if not names:
        return {}
    words = ", ".join(_beginning(quote_identifier(name)) for name in names)
    query = f"SELECT {words} FROM {quote_identifier(table.source)}"  # noqa: S608
    rows: list[tuple[object, ...]] = []
    between = rowid_range(connection, table.source, table.rowid) if table.rowid else None
    if between is None:
        rows = connection.execute(f"{query} LIMIT {SAMPLE_PLACES * SAMPLE_ROWS}").fetchall()
    else:
        first, last = between
        # Where the rowids are few, the places would overlap.
        step = max((last - first) // SAMPLE_PLACES, SAMPLE_ROWS)
        for place in range(SAMPLE_PLACES):
            at = first + place * step
            if at <= last:
                one = f"{query} WHERE {table.rowid} BETWEEN ? AND ? LIMIT {SAMPLE_ROWS}"
                rows += connection.execute(one, (at, min(at + step - 1, last))).fetchall()
    return {name: _look([row[place] for row in rows]) for place, name in enumerate(names)}


def _beginning(name: str) -> str:
    return f"CASE WHEN length({name}) > {SAMPLE_BYTES} THEN substr({name}, 1, {SAMPLE_BYTES}) ELSE {name} END"


def _look(values: list[object]) -> Look:
    characters = bytes_ = left = 0.0
    for value in values:
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogateescape")
        elif isinstance(value, bytes):
            data = value
        else:
            continue
        characters += len(value)
        bytes_ += len(data)
        share = 1.0
        if len(data) > COMPRESSED_FROM:
            share = len(zlib.compress(data, 1)) / len(data) * LZ_TO_ZLIB
        left += len(data) * (share if share < WORTH_COMPRESSING else 1.0)
    unlike = len(set(values)) / len(values) if len(values) >= REPEATED_OF else 1.0
    return Look(bytes_ / characters, left / bytes_, unlike) if characters else Look()


def width(column: ColumnPlan, census: ColumnCensus | None, rows: int, look: Look | None = None) -> Width:
    """The width of a column in a table of so many rows."""
    look = look or Look()
    values = census.values if census is not None else rows
    present = min(1.0, values / rows) if rows else 0.0
    few = census is not None and census.distinct is not None and len(census.distinct) < rows * REPEATED
    repeats = few or look.unlike <= REPEATED
    fixed = _FIXED.get(column.type.base) if column.type.kind == "base" else None
    if column.type.kind == "enum":
        fixed = (4, 4)
    if fixed is not None:
        return Width(*fixed, present, repeats=repeats)
    mean = _mean(column.type, census, look)
    return Width(*((mean + 1, 1) if mean <= SHORT else (mean + 4, 4)), present, True, repeats)


def _mean(type_: PgType, census: ColumnCensus | None, look: Look) -> float:
    """Bytes of a value of a type that varies in length, without its header."""
    if type_.base == "numeric":
        return NUMERIC_BYTES - 1
    if census is None or not census.values:
        return 16.0
    mean = census.bytes / census.values * look.growth * look.left
    return mean * JSONB_GROWTH + 4 if type_.base == "jsonb" else mean
