"""Conversions between kinds: SQL as a number, a text, a truth value; a literal as a column's type takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Literal
from uuid import UUID

from litelift.sqlite.schema import Affinity, Value
from litelift.translate import constant
from litelift.translate.jsonvalue import text_of_json, truth_of_json
from litelift.translate.value import (
    INT8_MAX,
    INT8_MIN,
    NUMBERS,
    TIMES,
    PgKind,
    Refused,
    Typed,
    float_words,
    literal,
    plain_number,
    quote_bytes,
    quote_text,
)

NUMERIC_AFFINITIES = frozenset({Affinity.INTEGER, Affinity.REAL, Affinity.NUMERIC})

_BOOLEAN_WORDS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE
)
_CLOCK = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Never:
    """A literal that no value of the column's type is equal to; SQLite sorts it before them, after them, or unknown."""

    place: Literal["before", "after", "unknown"]


def mapped(value: Value, typed: Typed) -> Value:
    """The literal after the value map of what it is compared with."""
    if typed.values is None or not isinstance(value, str | int | float):
        return value
    new = typed.values.get(constant.as_text(value))
    return value if new is None else new


def unmapped(typed: Typed, use: str) -> Typed:
    """``typed`` itself. Raises Refused where its values are mapped, so that ``use`` would see other ones."""
    if typed.values is not None and typed.values.values:
        raise Refused(f"the plan maps the values, and {use} needs the old ones")
    return typed


def as_text(typed: Typed, use: str) -> str:
    """SQL of the text that SQLite sees where it needs text, as an operand. NULL stays NULL."""
    unmapped(typed, use)
    if typed.constant:
        if isinstance(typed.value, bytes):
            raise Refused(f"{use} of a blob")
        return "NULL::text" if typed.value is None else quote_text(constant.as_text(typed.value))
    if typed.kind == "text":
        return typed.exact.operand
    if typed.kind == "int" or (
        typed.kind == "numeric" and typed.type is not None and typed.type.scale == 0 and typed.column
    ):
        return f"{typed.operand}::text"
    if typed.kind == "bool":
        return f"{typed.operand}::int::text"
    if typed.kind == "jsonvalue":
        return text_of_json(typed.operand)
    if typed.kind == "date" and typed.column:
        # to_char() and a cast depend on settings and are not IMMUTABLE, which an index needs.
        year, month, day = (
            f"lpad(extract({field} from {typed.operand})::int::text, {width}, '0')"
            for field, width in (("year", 4), ("month", 2), ("day", 2))
        )
        return f"({year} || '-' || {month} || '-' || {day})"
    raise Refused(f"{use}: the text of a {_words(typed)} is not what SQLite has")


def as_number(typed: Typed, use: str) -> Typed:
    """What SQLite sees where it needs a number. int2 and int4 become bigint, for SQLite counts in 64 bits."""
    unmapped(typed, use)
    if typed.constant:
        return literal(None if typed.value is None else constant.as_number(typed.value))
    if typed.kind in NUMBERS:
        if typed.kind == "int" and typed.type is not None and typed.type.base in ("int2", "int4"):
            return Typed(f"{typed.operand}::bigint", "int", atomic=True)
        return typed
    if typed.kind == "bool":
        return Typed(f"{typed.operand}::int", "int", atomic=True)
    if typed.number is not None:
        return Typed(typed.number, "int", atomic=True)
    raise Refused(f"{use} on a {_words(typed)}")


def as_integer(typed: Typed, use: str) -> str:
    """The same cut to a whole number, as a bigint operand."""
    number = as_number(typed, use)
    if number.kind == "null":
        return "NULL::bigint"
    if number.kind == "int":
        return number.operand
    words = f"trunc({number.sql})::bigint"
    if number.constant or "now()" in number.sql:
        return words
    # SQLite takes the nearest 64-bit integer for what is out of their range.
    return (
        f"(CASE WHEN {number.operand} >= {INT8_MAX} THEN {INT8_MAX}"
        f" WHEN {number.operand} <= {INT8_MIN} THEN '{INT8_MIN}'::bigint ELSE {words} END)"
    )


def integer_prefix(text: str) -> str:
    """The whole number that a text begins with, else 0, as CAST makes it ("SQL Language Expressions", section 6.1)."""
    digits = f"substring({text} from '^[ \\t\\n\\v\\f\\r]*([+-]?[0-9]+)')::numeric"
    return (
        f"(CASE WHEN {text} IS NOT NULL THEN"
        f" least(greatest(coalesce({digits}, 0), {INT8_MIN}), {INT8_MAX})::bigint END)"
    )


def as_double(typed: Typed, use: str) -> str:
    """The same as double precision, as an operand."""
    number = as_number(typed, use)
    return number.operand if number.kind == "real" else f"{number.operand}::double precision"


def truth(typed: Typed) -> str:
    """A boolean: what SQLite takes for true where it needs a truth value ("Boolean Expressions")."""
    if typed.constant:
        if typed.value is None:
            return "NULL::boolean"
        return "true" if constant.as_number(typed.value) != 0 else "false"
    if typed.kind == "bool":
        return typed.sql
    if typed.kind == "jsonvalue":
        return truth_of_json(typed.operand)
    return f"{as_number(typed, 'a truth value').operand} <> 0"


def literal_for(left: Typed, value: Value) -> str | Never:
    """The literal that ``left`` is compared with, as SQL that is coerced to its type; Never where none is equal.

    SQLite's rules are section 4 of "Datatypes In SQLite": the affinity of a column applies to the literal; then numbers
    sort before text, and text before blobs.
    """
    value = mapped(value, left)
    if isinstance(value, bytes):
        if left.kind == "bytes":
            return quote_bytes(value)
        if left.kind == "uuid" and len(value) == 16:
            return quote_text(str(UUID(bytes=value)))
        return Never("after")
    if left.kind in NUMBERS:
        return _for_number(left, value)
    if left.kind == "text":
        return _for_text(left, value)
    if not isinstance(value, str):
        if left.kind == "bytes":
            return Never("before")
        raise Refused(f"a number is compared with a {_words(left)}")
    if left.kind in TIMES or left.kind == "time":
        return _for_time(left.kind, value)
    if left.kind == "uuid":
        try:
            return quote_text(str(UUID(value)))
        except ValueError:
            return Never("unknown")
    if left.kind == "enum":
        labels = left.type.labels if left.type is not None else ()
        return quote_text(value) if value in labels else Never("unknown")
    raise Refused(f"text is compared with a {_words(left)}")


def boolean_for(left: Typed, value: Value) -> bool | None:
    """What a literal means beside a boolean: true, false, or None for neither."""
    value = mapped(value, left)
    if isinstance(value, str) and left.column:
        return _BOOLEAN_WORDS.get(value.strip().lower())
    if isinstance(value, int | float) and value in (0, 1):
        return value == 1
    return None


def typed_literal(value: Value, like: Typed) -> str:
    """The literal as the type of ``like``, where it stands for itself (a branch of CASE, an argument of coalesce)."""
    if value is None:
        return "NULL"
    if like.kind == "bool":
        state = boolean_for(replace(like, column=True), value)
        if state is not None:
            return "true" if state else "false"
        raise Refused("a boolean and another value in one expression")
    found = literal_for(like, value)
    if isinstance(found, Never) or (like.kind == "text" and not isinstance(mapped(value, like), str)):
        raise Refused(f"a {_words(like)} and a literal of another type in one expression")
    if like.kind == "real":
        return f"'{float_words(float(found.strip(chr(39)).partition(chr(39))[0]))}'::double precision"
    if like.kind in TIMES or like.kind in ("time", "uuid"):
        return f"{found}::{_TYPE_WORDS[like.kind]}"
    return found


_TYPE_WORDS: dict[PgKind, str] = {
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "uuid": "uuid",
}


def _for_number(left: Typed, value: Value) -> str | Never:
    if left.column and left.affinity is Affinity.TEXT:
        value = constant.as_text(value) if isinstance(value, int | float) else value
    if isinstance(value, str):
        # An expression has no affinity, so a text beside it stays text; so does one beside a column without any.
        number = (
            constant.whole_number(value) if left.affinity is not Affinity.BLOB and left.affinity is not None else None
        )
        if number is None:
            return Never("after")
        value = number
    assert isinstance(value, int | float)
    return plain_number(value)


def _for_text(left: Typed, value: Value) -> str | Never:
    if isinstance(value, str):
        return quote_text(value)
    assert isinstance(value, int | float)
    if left.affinity is Affinity.TEXT:
        return quote_text(constant.as_text(value))
    if left.affinity in NUMERIC_AFFINITIES and isinstance(value, int):
        return quote_text(str(value))
    if left.column:
        raise Refused("a number is compared with a column that holds texts and numbers")
    return Never("before")


def _for_time(kind: PgKind, value: str) -> str | Never:
    text = value.strip()
    if kind == "time":
        return quote_text(_checked_time(text)) if _CLOCK.fullmatch(text) else _after_digits(text)
    match = _MOMENT.fullmatch(text)
    if match is None:
        return _after_digits(text)
    day, clock, zone = match.groups()
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return Never("unknown")
    if kind == "timestamptz":
        return quote_text(f"{day} {clock or '00:00'}{_zone(zone)}")
    if zone is not None and zone not in ("Z", "z"):
        moment = moment.astimezone(UTC)
        day, clock = str(moment.date()), str(moment.time().isoformat())
    if kind == "date" and moment.time() == time(0):
        return quote_text(str(date.fromisoformat(day)))
    words = f"{day} {clock}" if clock else day
    return f"timestamp {quote_text(words)}" if kind == "date" else quote_text(words)


def _zone(zone: str | None) -> str:
    return "+00" if zone is None or zone in ("Z", "z") else zone


def _checked_time(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text} is no time of day") from None
    return text


def _after_digits(text: str) -> Never:
    """Where a text that is no time sorts among the texts of times, which begin with a digit (a month, an hour)."""
    if not text:
        return Never("before")
    return Never("after" if text[0] > "9" else "unknown")


def _words(typed: Typed) -> str:
    if typed.column and typed.type is not None:
        return f"{typed.type.display} column"
    return {"jsonvalue": "JSON value", "jsontext": "JSON text", "bytes": "blob", "json": "JSON"}.get(
        typed.kind, typed.kind
    )
