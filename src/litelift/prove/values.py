"""What PostgreSQL must hold for a stored SQLite value: litelift's contract, read a second time.

Nothing here is shared with the code that loads. What the loader believes about a value is no evidence that it arrived.
"""

from __future__ import annotations

import math
import re
import struct
import uuid
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from litelift.plan.match import ColumnMatch
from litelift.postgres.types import PgType
from litelift.prove import structured, times
from litelift.prove.times import Unreadable
from litelift.sqlite.schema import Value

UNREADABLE = "\0unreadable:"
"""Begins the expectation for a value that has no reading. PostgreSQL never prints a NUL, so nothing equals it."""

Present = int | float | str | bytes

_DECIMAL = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_SPECIAL = {
    "infinity": "inf",
    "+infinity": "inf",
    "inf": "inf",
    "+inf": "inf",
    "-infinity": "-inf",
    "-inf": "-inf",
    "nan": "nan",
}
_TRUE = frozenset({"t", "true", "yes", "on", "y", "1"})
_FALSE = frozenset({"f", "false", "no", "off", "n", "0"})
_UUID = re.compile(r"(?:urn:uuid:)?\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_FLOAT4 = struct.Struct("<f")
_INTEGERS = frozenset({"int2", "int4", "int8", "oid"})
_DAMAGE = re.compile("[\0\ud800-\udfff]")
# PostgreSQL's numeric has at most 131,072 digits before the point and 16,383 after it (section 8.1.2).
_MOST_DIGITS = 131_072


def text_of(value: Present) -> str:
    """A value's text: bytes as UTF-8 with ``surrogateescape``, a real as its shortest form."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, float):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value) or repr(value)
    return str(value)


def bytes_of(value: Present) -> bytes:
    """A value's bytes as SQLite holds them; a number's are those of its text."""
    return value if isinstance(value, bytes) else text_of(value).encode("utf-8", "surrogateescape")


def is_damaged(text: str) -> bool:
    """Whether PostgreSQL cannot hold ``text``: a NUL character, or bytes that are not UTF-8."""
    return _DAMAGE.search(text) is not None


def mend(text: str) -> str:
    """``text`` with U+FFFD for each NUL and each run of bytes that is not UTF-8."""
    if not is_damaged(text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")


def _number(value: Present) -> int | Decimal | float:
    """Any number: ints and decimal texts exactly, reals as floats (also 'Infinity' and 'NaN')."""
    if isinstance(value, int | float):
        return value
    text = text_of(value)
    if _DECIMAL.fullmatch(text):
        return Decimal(text.strip())
    special = _SPECIAL.get(text.strip().lower())
    if special is None:
        raise Unreadable(text)
    return float(special)


def _integer(value: Present, _: ColumnMatch) -> str:
    number = _number(value)
    if isinstance(number, int):
        return str(number)
    if isinstance(number, float):
        if not number.is_integer():
            raise Unreadable(repr(number))
        return str(int(number))
    if abs(number) >= 10**19 or number != number.to_integral_value():
        raise Unreadable(str(number))
    return str(int(number))


def _boolean(value: Present, _: ColumnMatch) -> str:
    if isinstance(value, int | float):
        return "t" if value else "f"
    word = text_of(value).strip().lower()
    if word in _TRUE:
        return "t"
    if word in _FALSE:
        return "f"
    return "t" if _number(word) else "f"


def _double(value: Present, _: ColumnMatch) -> str:
    try:
        return repr(float(_number(value)))
    except OverflowError as error:
        raise Unreadable(str(value)) from error


def _single(value: Present, _: ColumnMatch) -> str:
    try:
        return repr(_FLOAT4.unpack(_FLOAT4.pack(float(_number(value))))[0])
    except OverflowError as error:
        raise Unreadable(str(value)) from error


def plain_decimal(text: str) -> str:
    """A decimal without exponent, without trailing zeros after the point, and without a negative zero."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _numeric(value: Present, column: ColumnMatch) -> str:
    number = _number(value)
    if isinstance(number, int):
        return str(number)
    if isinstance(number, float):
        if not math.isfinite(number):
            return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}[repr(number)]
        exact = Decimal(repr(number))
        scale = column.type.scale if column.type.precision is not None else None
        if scale is not None and _decimals(exact) > scale:
            exact = Decimal(f"{number:.15g}")
        number = exact
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _MOST_DIGITS:
        raise Unreadable(str(number))
    return plain_decimal(format(number, "f"))


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _bytea(value: Present, _: ColumnMatch) -> str:
    return "\\x" + bytes_of(value).hex()


def _for_time(value: Present) -> int | float | str:
    return text_of(value) if isinstance(value, bytes) else value


def _precision(column: ColumnMatch) -> int:
    return 6 if column.type.precision is None else column.type.precision


def _date(value: Present, column: ColumnMatch) -> str:
    return "".join(times.print_date(times.local_date(_for_time(value), column.numbers)))


def _timestamp(value: Present, column: ColumnMatch) -> str:
    return times.print_moment(times.moment(_for_time(value), column.numbers, _precision(column)))


def _timestamptz(value: Present, column: ColumnMatch) -> str:
    return times.print_moment(times.moment(_for_time(value), column.numbers, _precision(column)), "+00")


def _time(value: Present, column: ColumnMatch) -> str:
    clock, offset = times.time_of_day(text_of(value), _precision(column))
    if not times.offset_is_zero(offset):
        raise Unreadable(text_of(value))
    return times.print_clock(clock)


def _timetz(value: Present, column: ColumnMatch) -> str:
    clock, offset = times.time_of_day(text_of(value), _precision(column))
    return times.print_clock(clock) + times.print_offset(offset)


def _interval(value: Present, column: ColumnMatch) -> str:
    return str(times.span(_for_time(value), column.numbers))


def _json(value: Present, _: ColumnMatch) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable(repr(value))
    return structured.json_text(text_of(value))


def _uuid(value: Present, _: ColumnMatch) -> str:
    if isinstance(value, bytes) and len(value) == 16:
        return str(uuid.UUID(bytes=value))
    text = text_of(value).strip()
    if not _UUID.fullmatch(text):
        raise Unreadable(text)
    return str(uuid.UUID(text))


def _bpchar(value: Present, _: ColumnMatch) -> str:
    return mend(text_of(value)).rstrip(" ")


def _text(value: Present, _: ColumnMatch) -> str:
    return mend(text_of(value))


def _address(value: Present, _: ColumnMatch) -> str:
    return structured.address_text(text_of(value))


def _hardware_address(value: Present, _: ColumnMatch) -> str:
    return re.sub(r"[:.\-\s]", "", text_of(value)).lower()


def element_column(column: ColumnMatch) -> ColumnMatch:
    """The column that an array's element would be."""
    name = column.type.element or column.type.base.removeprefix("_")
    labelled = PgType(name, kind="enum") if column.type.labels else PgType(name, scale=column.type.scale)
    return replace(column, type=labelled, values=None)


def _array(value: Present, column: ColumnMatch) -> str:
    text = text_of(value)
    element = element_column(column)
    if text.lstrip().startswith("{"):
        return array_text(structured.array_items(text), lambda item: read(item, element))
    if not text.lstrip().startswith("["):
        # What MikroORM and TypeORM write, and read back just so.
        return array_text(list(text.split(",")) if text else [], lambda item: read(item, element))
    items = structured.json_value(text)
    if not isinstance(items, list):
        raise Unreadable(text)

    def from_json(item: Any) -> str:
        if isinstance(item, bool):
            return read("true" if item else "false", element)
        return read(item if isinstance(item, str) else structured.encode_json(item), element)

    return array_text(items, from_json)


def array_text(items: list[Any], read_item: Callable[[Any], str]) -> str:
    """One text for equal arrays."""
    parts = (
        "~" if item is None else array_text(item, read_item) if isinstance(item, list) else ascii(read_item(item))
        for item in items
    )
    return "{" + ",".join(parts) + "}"


READERS: dict[str, Callable[[Present, ColumnMatch], str]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    "bool": _boolean,
    "float8": _double,
    "float4": _single,
    "numeric": _numeric,
    "money": _numeric,
    "bytea": _bytea,
    "date": _date,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "time": _time,
    "timetz": _timetz,
    "interval": _interval,
    "json": _json,
    "jsonb": _json,
    "uuid": _uuid,
    "bpchar": _bpchar,
    "inet": _address,
    "cidr": _address,
    "macaddr": _hardware_address,
    "macaddr8": _hardware_address,
}


def is_array(type_: PgType) -> bool:
    """Whether a column of this type holds arrays."""
    return type_.kind == "array" or type_.element is not None


def reader(column: ColumnMatch) -> Callable[[Present, ColumnMatch], str]:
    """The reading for a column's target type; unknown types are read as text."""
    if is_array(column.type):
        return _array
    if column.type.kind == "enum":
        return _text
    return READERS.get(column.type.base, _text)


def holds_text(column: ColumnMatch) -> bool:
    """Whether the target type keeps a text as it is, so that damage in the text would be a loss."""
    return reader(column) in (_text, _bpchar)


def mapped(value: Present, column: ColumnMatch) -> Present:
    """The value after the column's declared value map; one that the map does not name stays as it is."""
    if column.values is None:
        return value
    new = column.values.get(str(value) if isinstance(value, int | float) else text_of(value))
    return value if new is None else new


def read(value: Present, column: ColumnMatch) -> str:
    """The canonical text for a value in a column. Raises Unreadable."""
    try:
        return reader(column)(mapped(value, column), column)
    except InvalidOperation as error:
        raise Unreadable(str(value)) from error


def expected(value: Value, column: ColumnMatch) -> str | None:
    """The canonical text that the target must hold for a stored value; None for NULL.

    It is what PostgreSQL prints (ISO dates, UTC, hex bytea), except where one value has many forms: floats, decimals,
    JSON, intervals, arrays, addresses and padded text are in the one form that ``printed`` gives for them too. A value
    without any reading for that type gives a text that begins with UNREADABLE, which nothing in PostgreSQL equals.
    """
    if value is None:
        return None
    try:
        return read(value, column)
    except Unreadable:
        return UNREADABLE + mend(text_of(value)).replace("\0", "")


PRINTED: dict[str, Callable[[str], str]] = {
    "float8": lambda text: repr(float(text)),
    "float4": lambda text: repr(_FLOAT4.unpack(_FLOAT4.pack(float(text)))[0]),
    "numeric": plain_decimal,
    "money": plain_decimal,
    "interval": lambda text: str(times.span(text)),
    "json": structured.json_text,
    "jsonb": structured.json_text,
    "bpchar": lambda text: text.rstrip(" "),
    "inet": structured.address_text,
    "cidr": structured.address_text,
    "macaddr": lambda text: text.replace(":", ""),
    "macaddr8": lambda text: text.replace(":", ""),
}


def printer(column: ColumnMatch) -> Callable[[str], str] | None:
    """What brings PostgreSQL's text into the canonical form, or None where it already is."""
    if is_array(column.type):
        inner = printer(element_column(column)) or str
        return lambda text: array_text(structured.array_items(text), inner)
    if column.type.kind == "enum":
        return None
    return PRINTED.get(column.type.base)


def printed(text: str | None, column: ColumnMatch) -> str | None:
    """The canonical form of what PostgreSQL prints for a column; None for NULL."""
    function = printer(column)
    if text is None or function is None:
        return text
    try:
        return function(text)
    except (ValueError, OverflowError):
        return text
