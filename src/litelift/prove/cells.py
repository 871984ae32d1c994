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
MEMO_CELLS = 4096
"""Cells that are kept for each column, so that memory stays bounded."""

MEMO_CHARS = 64
"""The longest text whose cell is kept."""

SAMPLED = 200

EXACT = 1 << 53
"""Below it, equal integers and reals have the same digits."""

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


class _Memo(dict[Any, str]):
    """Cells by the values that were met: short texts, and with ``numbers`` those whose equals have equal cells."""

    def __init__(self, one: Callable[[Any], str], numbers: bool = False) -> None:
        super().__init__({None: NULL})
        self.one = one
        self.numbers = numbers

    def __missing__(self, value: Any) -> str:
        found = self.one(value)
        kind = type(value)
        if kind is str:
            keep = len(value) <= MEMO_CHARS
        else:
            keep = self.numbers and kind is not bytes and -EXACT < value < EXACT
        if keep:
            if len(self) > MEMO_CELLS:
                self.clear()
                self[None] = NULL
            self[value] = found
        return found

    def cells(self, batch: Sequence[Any]) -> Sequence[str]:
        return list(map(self.__getitem__, batch))


def _reader(column: ColumnMatch) -> Callable[[Any], str]:
    """The function from a stored value to its cell; the usual forms are recognised, all others are read."""
    base = column.type.base
    if column.values is None and not reading.is_array(column.type) and column.type.kind != "enum":
        if base == "date":
            return lambda value: value if _is_day(value) else cell(value, column)
        if base in ("timestamp", "timestamptz"):
            zone = "+00" if base == "timestamptz" else ""
            return lambda value: _spaced(value) + zone if _is_moment(value) else cell(value, column)
        if base == "numeric":
            return lambda value: _short_decimal(value, column) or cell(value, column)
    return lambda value: cell(value, column)


def _is_day(value: Any) -> bool:
    """Whether a value is a date in exactly the form that PostgreSQL prints."""
    if type(value) is not str or len(value) != 10:
        return False
    try:
        return datetime.fromisoformat(value).isoformat()[:10] == value
    except ValueError:
        return False


def _spaced(value: str) -> str:
    return f"{value[:10]} {value[11:]}"


def _is_moment(value: Any) -> bool:
    """Whether a value is a moment in exactly the form that PostgreSQL prints, or with a T."""
    if type(value) is not str or len(value) != 19 or value[10] not in " T":
        return False
    spaced = _spaced(value)
    try:
        return datetime.fromisoformat(spaced).isoformat(" ") == spaced
    except ValueError:
        return False


def _short_decimal(value: Any, column: ColumnMatch) -> str:
    """The cell of a real that has a point and few decimals; "" for other values."""
    if type(value) is not float:
        return ""
    text = repr(value)
    whole, _, fraction = text.partition(".")
    if not fraction.isdigit():
        return ""
    if fraction == "0":
        return "0" if whole == "-0" else whole
    scale = column.type.scale if column.type.precision is not None else None
    return text if scale is None or len(fraction) <= scale else ""


def _repeats(batch: Sequence[Any]) -> bool:
    """Whether a batch has the same values again and again."""
    some = batch[:SAMPLED]
    return 2 * len(set(some)) < len(some)


def _decimal_cells(slow: SourceCells, scale: int) -> SourceCells:
    """The cells of a column of numeric with so many decimals."""
    form = f"%.{scale}f".__mod__
    largest = 10 ** (15 - scale)

    def cells(batch: Sequence[Any]) -> Sequence[str]:
        if not batch or _repeats(batch) or not set(map(type, batch)) <= {int, float}:
            return slow(batch)
        least, most = min(batch), max(batch)
        if not -largest < least <= most < largest:
            return slow(batch)
        texts = list(map(form, batch))
        if least <= 0 <= most and form(-0.0) in texts:
            return slow(batch)
        # A decimal of fifteen digits that is read as the value is its shortest form, but for zeros.
        if list(map(float, texts)) != list(batch):
            return slow(batch)
        return _printed_decimals(texts)

    return cells


def source_cells(column: ColumnMatch) -> SourceCells:
    """The function from a batch of stored values to their cells."""
    base = column.type.base
    slow = _Memo(_reader(column), base in ("numeric", "bool") and column.values is None).cells
    if column.values is not None or reading.is_array(column.type):
        return slow
    if reading.holds_text(column):
        padded = base == "bpchar" and column.type.kind != "enum"

        def texts(batch: Sequence[Any]) -> Sequence[str]:
            kinds = set(map(type, batch))
            if not kinds <= {str, type(None)}:
                return slow(batch)
            joined = "".join(filter(None, batch) if type(None) in kinds else batch)
            if not _sound(joined):
                return slow(batch)
            if padded:
                batch = [None if value is None else value.rstrip(" ") for value in batch]
            # Each of these scans is a memchr: far cheaper than looking at each value.
            if any(mark in joined for mark, _ in _ESCAPES):
                return [NULL if value is None else escape(value) for value in batch]
            return [NULL if value is None else value for value in batch] if type(None) in kinds else batch

        return texts
    if base == "numeric" and column.type.precision is not None and 0 < (column.type.scale or 0) < 15:
        return _decimal_cells(slow, column.type.scale or 0)
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
    "bytea": ({bytes}, lambda value: "\\\\x" + value.hex()),
}


def _printed_decimals(batch: Sequence[str]) -> Sequence[str]:
    # PostgreSQL writes a digit before the point, and no negative zero.
    return [field.rstrip("0").rstrip(".") if "." in field and field[-1] == "0" else field for field in batch]


def target_cells(column: ColumnMatch) -> TargetCells | None:
    """The function from a batch of fields to their cells; None where the fields are the cells."""
    printer = reading.printer(column)
    if printer is None:
        return None
    base = column.type.base
    if base == "float8" and not reading.is_array(column.type):

        def doubles(batch: Sequence[str]) -> Sequence[str]:
            if NULL in batch:
                return [NULL if field == NULL else repr(float(field)) for field in batch]
            return list(map(repr, map(float, batch)))

        return doubles
    if base == "numeric" and not reading.is_array(column.type):
        return _printed_decimals
    if base == "bpchar" and not reading.is_array(column.type):
        return lambda batch: [field.rstrip(" ") for field in batch]
    return _Memo(lambda field: target_cell(unescape(field), column)).cells
