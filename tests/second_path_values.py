"""Whether a value arrived: the contract's rules, written a second time and as plainly as can be.

Nothing here is litelift's: what the loader and the proof believe about a value is no evidence.
"""

from __future__ import annotations

import json
import math
import re
import struct
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any


class Text(bytes):
    """The bytes of a value that SQLite stores as text."""


Stored = None | int | float | Text | bytes
SPACE = " \t\n\r\f\v"
INTEGERS = {"smallint": 15, "integer": 31, "bigint": 63}
TYPE = re.compile(r"([a-z ]+?)(?:\((\d+)(?:,(\d+))?\))?( with(?:out)? time zone)?")


def parts_of(words: str) -> tuple[str, int | None, int | None]:
    """A type as PostgreSQL words it: its name, and its two numbers."""
    found = TYPE.fullmatch(words)
    assert found, words
    first, second = (int(part) if part else None for part in found.groups()[1:3])
    return found[1] + (found[4] or ""), first, second


def arrives(value: Stored, words: str, target: Any) -> bool:
    """Whether ``target`` is what a column of this type must hold for ``value``."""
    if value is None or target is None:
        return value is None and target is None
    return any(same(reading, target) for reading in readings(value, words))


def readings(value: Stored, words: str) -> list[Any]:
    """What a value may be in a column of this type; nothing where it does not fit."""
    name, first, second = parts_of(words)
    return list(_READERS[name](value, first, second))


def same(reading: Any, target: Any) -> bool:
    """Whether the target holds a reading exactly (a moment: within what it was rounded by)."""
    if isinstance(reading, Moment):
        return isinstance(target, datetime | str) and reading.near(target)
    if isinstance(reading, float):
        return isinstance(target, float) and struct.pack("d", reading) == struct.pack("d", target)
    if isinstance(reading, Document):
        return isinstance(target, Document) and alike(reading.value, target.value)
    return type(reading) is type(target) and bool(reading == target)


def text_of(value: Stored) -> str | None:
    """Text that PostgreSQL can hold, or None."""
    if isinstance(value, bytes):
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            return None
        return None if "\0" in text else text
    return None


def stand_in(value: Stored) -> str | None:
    """What stands where text cannot be held: each NUL and each run of bad bytes is a U+FFFD."""
    return _runs(value.decode("utf-8", "replace").replace("\0", "\ufffd")) if isinstance(value, bytes) else None


def _runs(text: str) -> str:
    return re.sub("\ufffd+", "\ufffd", text)


def stands_in(value: Stored, target: object) -> bool:
    """Whether ``target`` is a text's stand-in; how many U+FFFD there are in a row is left open."""
    return isinstance(target, str) and stand_in(value) == _runs(target)


# ----------------------------------------------------------------- numbers and booleans


def _number_words(value: Stored) -> str | None:
    """Text that is a decimal number, in its words."""
    if not isinstance(value, Text):
        return None
    word = (text_of(value) or "").strip(SPACE)
    return word if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", word) else None


def _integer(bits: int) -> Callable[..., Iterable[Any]]:
    def read(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
        if isinstance(value, float) and math.isfinite(value) and value.is_integer():
            value = int(value)
        elif isinstance(value, Text):
            word = _number_words(value)
            value = int(word) if word is not None and re.fullmatch(r"0|-?[1-9][0-9]*", word) else None
        if isinstance(value, int) and -(2**bits) <= value < 2**bits:
            yield value

    return read


def _boolean(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
    if isinstance(value, int | float) and value in (0, 1):
        yield bool(value)
    if isinstance(value, Text):
        word = (text_of(value) or "").strip().lower()
        if word in ("t", "true", "f", "false"):
            yield word[0] == "t"


def _double(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, int) and int(float(value)) == value:
        yield float(value)
    elif isinstance(value, Text):
        word = (text_of(value) or "").strip(SPACE)
        if word.lower().lstrip("+-") in ("inf", "infinity") or word.lower() == "nan":
            yield float(word)
        elif (
            _number_words(value) is not None
            and math.isfinite(near := float(word))
            and Decimal(repr(near)) == Decimal(word)
        ):
            yield near


def _numeric(value: Stored, precision: int | None, scale: int | None) -> Iterable[Any]:
    found: list[Decimal] = []
    if isinstance(value, int):
        found = [Decimal(value)]
    elif isinstance(value, float) and math.isfinite(value):
        found = [Decimal(repr(value))]
        if precision is not None:
            found.append(Decimal(f"{value:.15g}"))
    elif (word := _number_words(value)) is not None:
        found = [Decimal(word)]
    for number in found:
        exact = Fraction(number)
        if precision is None:
            yield number
        elif (exact * 10 ** (scale or 0)).denominator == 1 and abs(exact) < 10 ** (precision - (scale or 0)):
            yield number
            break


# ----------------------------------------------------------------- text, bytes, uuid, JSON


def words_of(value: Stored) -> str | None:
    """Any value as text."""
    if isinstance(value, float):
        return repr(value).replace("inf", "Infinity")
    return str(value) if isinstance(value, int) else text_of(value)


def _text(value: Stored, length: int | None, second: int | None) -> Iterable[Any]:
    words = words_of(value)
    if words is not None and (length is None or len(words) <= length):
        yield words


def _bytea(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
    yield bytes(value) if isinstance(value, bytes) else (words_of(value) or "").encode()


def _uuid(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
    if isinstance(value, bytes) and not isinstance(value, Text) and len(value) == 16:
        yield uuid.UUID(bytes=bytes(value))
        return
    word = (text_of(value) or "").strip()
    dashed = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    if re.fullmatch(rf"[0-9a-fA-F]{{32}}|{dashed}|\{{({dashed}|[0-9a-fA-F]{{32}})\}}", word):
        yield uuid.UUID(word.strip("{}"))


class Document:
    """A JSON document, its numbers as decimals."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"JSON {self.value!r}"


class _NotHeld(Exception):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise _NotHeld
    return dict(pairs)


def document(text: str) -> Document:
    """JSON as jsonb holds it. Raises ValueError, and _NotHeld for what jsonb would change or refuse."""

    def refuse(word: str) -> Any:
        raise ValueError(word)

    def number(word: str) -> Decimal:
        made = Decimal(word)
        if made and not -16_383 <= made.adjusted() <= 131_071:
            raise _NotHeld
        return made

    parsed = json.loads(text, parse_float=number, parse_int=number, parse_constant=refuse, object_pairs_hook=_pairs)
    if "\\u" in text:
        for word in _strings(parsed):
            if "\0" in word or re.search("[\ud800-\udfff]", word):
                raise _NotHeld
    return Document(parsed)


def _strings(parsed: Any) -> Iterable[str]:
    if isinstance(parsed, str):
        yield parsed
    elif isinstance(parsed, dict):
        for key, value in parsed.items():
            yield key
            yield from _strings(value)
    elif isinstance(parsed, list):
        for value in parsed:
            yield from _strings(value)


def alike(one: Any, other: Any) -> bool:
    """Whether two documents are equal: true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and bool(one == other)


def _jsonb(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
    words = words_of(value)
    if words is None:
        return
    try:
        yield document(words)
    except (ValueError, InvalidOperation, _NotHeld):
        return


# ----------------------------------------------------------------- dates and times

EPOCH = datetime(1970, 1, 1)
_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,40}))?)?\s?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)


class Moment:
    """Seconds since 1970, and how far the target may be from them."""

    def __init__(self, seconds: Fraction, tolerance: Fraction = Fraction(1, 2_000_000), unit: int = 1) -> None:
        self.seconds = seconds
        self.unit = unit
        self.tolerance = tolerance

    def near(self, target: datetime | str) -> bool:
        if isinstance(target, str):
            hour, minute, second = target.split(":")
            return self._near(int(hour) * 3600 + int(minute) * 60 + Fraction(second))
        naive = target.astimezone(UTC).replace(tzinfo=None) if target.tzinfo else target
        return self._near(Fraction((naive - EPOCH) // timedelta(microseconds=1), 10**6))

    def _near(self, seconds: Fraction) -> bool:
        return abs(self.seconds - seconds) <= self.tolerance

    def __repr__(self) -> str:
        return f"{float(self.seconds)} s"


def _written(value: Stored, zoned: bool) -> Moment | None:
    found = _STAMP.fullmatch((text_of(value) or "").strip(SPACE)) if isinstance(value, Text) else None
    if not found:
        return None
    day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day} {hour or '00'}:{minute or '00'}:{second or '00'}")
    except ValueError:
        return None
    seconds = Fraction((moment - EPOCH) // timedelta(seconds=1)) + Fraction(f"0.{fraction or 0}")
    if zone and zone[0] in "+-":
        hours, minutes = int(zone[1:3]), int(zone[-2:]) if len(zone) > 3 else 0
        if hours > 15 or minutes > 59:
            return None
        if zoned:
            seconds -= (hours * 3600 + minutes * 60) * (1 if zone[0] == "+" else -1)
    return Moment(seconds)


def _counted(value: Stored) -> Iterable[Moment]:
    """The moments that a number may count to: which unit is its column's business."""
    if isinstance(value, Text):
        word = (text_of(value) or "").strip(SPACE)
        if not re.fullmatch(r"[+-]?[0-9]{1,19}(\.[0-9]{1,20})?", word, re.ASCII):
            return
        value = float(word) if "." in word else int(word)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return
    exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    if 1721059.5 <= value < 5373484.5:
        yield Moment((Fraction(value) - Fraction(4881175, 2)) * 86400, Fraction(1, 1000))
    for unit in (1, 10**3, 10**6, 10**9):
        yield Moment(exact / unit, unit=unit)


def _in_range(moment: Moment) -> bool:
    return -62_135_596_800 <= moment.seconds < 253_402_300_800


def _timestamp(zoned: bool) -> Callable[..., Iterable[Any]]:
    def read(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
        found = _written(value, True)
        yield from filter(_in_range, [found] if found else _counted(value))

    return read


def _date(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
    found = _written(value, False)
    for moment in filter(_in_range, [found] if found else () if isinstance(value, Text) else _counted(value)):
        rest = moment.seconds % 86400
        if min(rest, 86400 - rest) <= (moment.tolerance if moment.unit == 1 else 0):
            yield date(1970, 1, 1) + timedelta(days=round(moment.seconds / 86400))


def _time(value: Stored, first: int | None, second: int | None) -> Iterable[Any]:
    word = (text_of(value) or "").strip(SPACE) if isinstance(value, Text) else ""
    found = re.fullmatch(r"(?:(\d{4}-\d\d-\d\d)[ T])?(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,40}))?)?", word, re.ASCII)
    if not found:
        return
    try:
        date.fromisoformat(found[1] or "2000-01-01")
    except ValueError:
        return
    hour, minute, second_ = int(found[2]), int(found[3]), int(found[4] or 0)
    if hour < 24 and minute < 60 and second_ < 60:
        yield Moment(hour * 3600 + minute * 60 + second_ + Fraction(f"0.{found[5] or 0}"))


_READERS: dict[str, Callable[[Stored, int | None, int | None], Iterable[Any]]] = {
    **{name: _integer(bits) for name, bits in INTEGERS.items()},
    "boolean": _boolean,
    "double precision": _double,
    "numeric": _numeric,
    "text": _text,
    "character varying": _text,
    "bytea": _bytea,
    "uuid": _uuid,
    "jsonb": _jsonb,
    "timestamp without time zone": _timestamp(False),
    "timestamp with time zone": _timestamp(True),
    "date": _date,
    "time without time zone": _time,
}
