"""What the translation passes around: a column's context, a translated piece of SQL with its kind, safe literals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from litelift.plan.valuemap import ValueMap
from litelift.postgres.types import PgType
from litelift.sqlite.schema import Affinity, Value, affinity_of

PgKind = Literal[
    "null",
    "bool",
    "int",
    "real",
    "numeric",
    "text",
    "bytes",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "enum",
    "json",
    "jsonvalue",
    "jsontext",
    "other",
]
"""What a piece of SQL is in PostgreSQL. "json" is a json or jsonb column; "jsonvalue" is jsonb that stands for what
json_extract() gives (its SQL value), "jsontext" for what -> gives (its JSON text)."""

NUMBERS = frozenset({"int", "real", "numeric"})
TIMES = frozenset({"date", "timestamp", "timestamptz"})

_KINDS: dict[str, PgKind] = {
    "bool": "bool",
    "int2": "int",
    "int4": "int",
    "int8": "int",
    "float4": "real",
    "float8": "real",
    "numeric": "numeric",
    "text": "text",
    "varchar": "text",
    "bytea": "bytes",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "json",
}

INT8_MIN, INT8_MAX = -(2**63), 2**63 - 1


class Refused(Exception):
    """A part of an expression that is not translated; the message is the reason."""


@dataclass(frozen=True, slots=True)
class ColumnContext:
    """What an expression needs to know of a column: its target name and type, and how its values change on the way.

    ``affinity`` or ``declared`` (the type as written in SQLite) say how SQLite compares it; without them the target's
    type decides. ``collation`` is the column's collation in SQLite; ``nondeterministic`` says that the target's column
    has one under which unlike texts are equal. ``sql`` stands in the place of
    the target's name: a generated column may not refer to another one.
    """

    target: str
    type: PgType
    values: ValueMap | None = None
    affinity: Affinity | None = None
    declared: str | None = None
    collation: str = "BINARY"
    nondeterministic: bool = False
    sql: str | None = None

    @property
    def source_affinity(self) -> Affinity | None:
        """The affinity that SQLite gives the column, None where nothing is known of it."""
        if self.affinity is not None:
            return self.affinity
        return None if self.declared is None else affinity_of(self.declared)


@dataclass(frozen=True, slots=True)
class Translated:
    """PostgreSQL's SQL, and the names in ``FUNCTIONS`` that it calls and that must exist."""

    sql: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Moment:
    """A text that a date function made: the timestamp (UTC, without time zone) behind it and the format it is shown in.

    ``clock`` says that it comes from the clock; ``plain`` that it is the clock itself, without modifiers.
    """

    sql: str
    format: str
    clock: bool
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Typed:
    """A translated piece of SQL.

    ``atomic`` says that it needs no parentheses as an operand. ``affinity`` is SQLite's, None for expressions that have
    none. ``type`` and ``values`` are those of the column that it shows, ``column`` says that it is that column itself.
    ``constant`` says that ``value`` is what it always is. ``number`` is the same as a bigint, for text of digits.
    ``hexadecimal`` is the SQL of the same in lower case: of random bytes' digits, or of what hex() makes of bytes.
    ``shown`` is the SQL of the same as the text that SQLite gives, for a value out of a JSON text.
    ``whole`` is a condition: that SQLite has an integer there, where a numeric stands for integers and reals.
    ``collation`` is SQLite's; ``collates`` says where it comes from, a column or a COLLATE, and "" that it has none of
    its own. ``nondeterministic`` says that PostgreSQL takes unlike texts for equal under its column's collation.
    """

    sql: str
    kind: PgKind
    atomic: bool = False
    affinity: Affinity | None = None
    type: PgType | None = None
    values: ValueMap | None = None
    column: bool = False
    constant: bool = False
    value: Value = None
    number: str | None = None
    moment: Moment | None = None
    collation: str = "BINARY"
    collates: Literal["", "column", "explicit"] = ""
    nondeterministic: bool = False
    hexadecimal: str | None = None
    shown: str | None = None
    whole: str | None = None

    @property
    def operand(self) -> str:
        """The SQL as an operand: in parentheses unless it is atomic."""
        return self.sql if self.atomic else f"({self.sql})"

    @property
    def exact(self) -> Typed:
        """The same, and text that PostgreSQL compares by its bytes, whatever the column's collation is."""
        if not self.nondeterministic or self.kind != "text":
            return self
        return replace(self, sql=f'({self.operand} COLLATE "C")', atomic=True, nondeterministic=False)


def kind_of(type_: PgType) -> PgKind:
    """The kind of a column of that type."""
    if type_.kind == "enum":
        return "enum"
    return _KINDS.get(type_.base, "other") if type_.kind == "base" else "other"


def identifier(name: str) -> str:
    """A name, quoted ("Identifiers and Key Words", section 4.1.1 of the PostgreSQL manual)."""
    return '"' + text_of(name).replace('"', '""') + '"'


def text_of(text: str) -> str:
    """``text`` itself. Raises Refused where PostgreSQL cannot hold it: a NUL character, or bytes that are not UTF-8."""
    if "\0" in text or not (text.isascii() or all(letter < "\ud800" or letter > "\udfff" for letter in text)):
        raise Refused("PostgreSQL cannot hold a NUL character or invalid UTF-8 in text")
    return text


def quote_text(text: str) -> str:
    """A text literal. With a backslash it is an E'' literal, which means the same under every server setting."""
    quoted = "'" + text_of(text).replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def quote_bytes(raw: bytes) -> str:
    """A bytea literal."""
    return f"decode('{raw.hex()}', 'hex')"


def literal(value: Value) -> Typed:
    """A literal of the kind that the value has in SQLite."""
    if value is None:
        return Typed("NULL", "null", atomic=True, constant=True)
    if isinstance(value, int):
        if not INT8_MIN <= value <= INT8_MAX:
            return literal(float(value))
        # -9223372036854775808 written as a number is minus a number that does not fit.
        sql = str(value) if value > INT8_MIN else f"'{value}'::bigint"
        return Typed(sql, "int", atomic=value >= 0, constant=True, value=value)
    if isinstance(value, float):
        return Typed(f"'{float_words(value)}'::double precision", "real", atomic=True, constant=True, value=value)
    if isinstance(value, str):
        return Typed(quote_text(value), "text", atomic=True, constant=True, value=value)
    return Typed(quote_bytes(value), "bytes", atomic=True, constant=True, value=value)


def float_words(value: float) -> str:
    """A double as PostgreSQL reads it."""
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def plain_number(value: int | float) -> str:
    """A number without a cast, so that it takes the type of what it is compared with."""
    if isinstance(value, int) or value in (float("inf"), float("-inf")):
        return literal(value).sql
    return repr(value)
