"""Columns of values to columns of cells: both sides of the comparison in one canonical text, many rows at a time.

A cell is the field of PostgreSQL's COPY text format, still escaped, so that a line that needs no normalising can be
digested as the server sent it (section "File Formats" of the COPY command in the PostgreSQL manual).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from litelift.plan.match import ColumnMatch
from litelift.prove import values as reading
from litelift.sqlite.schema import Value

NULL = "\\N"

# The backslash first: it would double those of the others.
_ESCAPES = (
    ("\\", "\\\\"),
    ("\n", "\\n"),
    ("\t", "\\t"),
    ("\r", "\\r"),
    ("\b", "\\b"),
    ("\f", "\\f"),
    ("\v", "\\v"),
)
_UNESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

SourceCells = Callable[[Sequence[Any]], Sequence[str]]
TargetCells = Callable[[Sequence[str]], Sequence[str]]


def escape(text: str) -> str:
    """A field as COPY's text format writes it."""
    for mark, escaped in _ESCAPES:
        text = text.replace(mark, escaped)
    return text


def unescape(cell: str) -> str | None:
    """The text of a field of COPY's text format; None for NULL."""
    if cell == NULL:
        return None
    if "\\" not in cell:
        return cell
    return _ESCAPED.sub(lambda found: _UNESCAPES.get(found[1], found[1]), cell)


def cell(value: Value, column: ColumnMatch) -> str:
    """One value's cell. Text that PostgreSQL cannot hold gets one that nothing equals."""
    if value is None:
        return NULL
    text = reading.expected(value, column)
    if text is None:
        return NULL
    if not isinstance(value, int | float) and reading.holds_text(column):
        after = reading.mapped(value, column)
        if not isinstance(after, int | float) and reading.is_damaged(reading.text_of(after)):
            text = reading.UNREADABLE + text
    return escape(text)


def target_cell(text: str | None, column: ColumnMatch) -> str:
    """The cell for what PostgreSQL prints."""
    shown = reading.printed(text, column)
    return NULL if shown is None else escape(shown)


def _sound(joined: str) -> bool:
    """Whether PostgreSQL can hold the text."""
    if "\0" in joined:
        return False
    if joined.isascii():
        return True
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def _moment_cells(slow: SourceCells, zone: str, precision: int) -> SourceCells:
    def cells(batch: Sequence[Any]) -> Sequence[str]:
        found = []
        parse = datetime.fromisoformat
        for value in batch:
            if type(value) is str and len(value) == 19:
                spaced = value if value[10] == " " else value[:10] + " " + value[11:]
                try:
                    # Only a valid moment in exactly this form prints as itself.
                    if parse(spaced).isoformat(" ") == spaced and value[10] in " T":
                        found.append(spaced + zone)
                        continue
                except ValueError:
                    pass
            found.extend(slow((value,)))
        return found

    return cells


def _date_cells(slow: SourceCells) -> SourceCells:
    def cells(batch: Sequence[Any]) -> Sequence[str]:
        found = []
        parse = datetime.fromisoformat
        for value in batch:
            if type(value) is str and len(value) == 10:
                try:
                    if parse(value).isoformat()[:10] == value:
                        found.append(value)
                        continue
                except ValueError:
                    pass
            found.extend(slow((value,)))
        return found

    return cells


def source_cells(column: ColumnMatch) -> SourceCells:
    """The function from a batch of stored values to their cells."""

    def slow(batch: Sequence[Any]) -> Sequence[str]:
        return [cell(value, column) for value in batch]

    base = column.type.base
    if column.values is not None or reading.is_array(column.type):
        return slow
    if reading.holds_text(column) and base != "bpchar":

        def texts(batch: Sequence[Any]) -> Sequence[str]:
            if not set(map(type, batch)) <= {str, type(None)}:
                return slow(batch)
            joined = "".join(filter(None, batch))
            if not _sound(joined):
                return slow(batch)
            # Each of these scans is a memchr: far cheaper than looking at each value.
            marked = any(mark in joined for mark, _ in _ESCAPES)
            return [NULL if value is None else escape(value) if marked else value for value in batch]

        return texts
    if base in ("timestamp", "timestamptz"):
        return _moment_cells(slow, "+00" if base == "timestamptz" else "", 6)
    if base == "date":
        return _date_cells(slow)
    fast = _FAST.get(base)
    if fast is None:
        return slow
    kinds_wanted, one = fast

    def cells(batch: Sequence[Any]) -> Sequence[str]:
        kinds = set(map(type, batch))
        if kinds == kinds_wanted:
            return list(map(one, batch))
        if kinds - {type(None)} == kinds_wanted:
            return [NULL if value is None else one(value) for value in batch]
        return slow(batch)

    return cells


_FAST: dict[str, tuple[set[type], Callable[[Any], str]]] = {
    "int2": ({int}, str),
    "int4": ({int}, str),
    "int8": ({int}, str),
    "numeric": ({int}, str),
    "float8": ({float}, repr),
    "bool": ({int}, lambda value: "t" if value else "f"),
    "bytea": ({bytes}, lambda value: "\\\\x" + value.hex()),
}


def target_cells(column: ColumnMatch) -> TargetCells | None:
    """The function from a batch of fields to their cells; None where the fields are the cells."""
    printer = reading.printer(column)
    if printer is None:
        return None
    if column.type.base == "float8":

        def doubles(batch: Sequence[str]) -> Sequence[str]:
            if NULL in batch:
                return [NULL if field == NULL else repr(float(field)) for field in batch]
            return list(map(repr, map(float, batch)))

        return doubles
    if column.type.base == "numeric":
        plain = reading.plain_decimal
        return lambda batch: [plain(field) if "." in field else field for field in batch]
    return lambda batch: [target_cell(unescape(field), column) for field in batch]
