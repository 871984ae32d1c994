"""A translated expression as the value that a generated column holds: SQLite's affinity, then the column's type."""

from __future__ import annotations

from typing import Protocol

from litelift.sqlite.schema import Affinity, Value
from litelift.translate import constant, jsonvalue
from litelift.translate.convert import typed_literal
from litelift.translate.default import into_column
from litelift.translate.value import (
    NUMBERS,
    TIMES,
    ColumnContext,
    PgKind,
    Refused,
    Typed,
    kind_of,
    quote_bytes,
    quote_text,
)

_SPACE = "[ \\t\\n\\v\\f\\r]*"
_INTEGER = quote_text(f"^{_SPACE}[+-]?[0-9]{{1,18}}{_SPACE}$")
_NUMBER = quote_text(f"^{_SPACE}[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?{_SPACE}$")
_SIGNED = ("*", "/", "-", "round(")
_LARGE = "9.2e18"
NOT_OF_TYPE = "'not of the column''s type: '"
"""Stands in every expression that refuses a value."""
"""Below it every whole double is a bigint."""


class Shows(Protocol):
    """What makes texts, and collects what is needed and what is to be told."""

    remarks: list[str]

    def need(self, name: str) -> str:
        """Note one of our own functions; its SQL name."""

    def text(self, typed: Typed, use: str, shortest: bool = False) -> str:
        """The text that SQLite sees, as an operand; ``shortest``: a JSON value's reals as a move writes them."""


class Store:
    """Stores into one column. ``sql`` is the expression in SQLite's SQL."""

    def __init__(self, column: ColumnContext, sql: str, shows: Shows) -> None:
        """See the class."""
        self.column = column
        self.sql = sql
        self.shows = shows
        self.kind = kind_of(column.type)
        self.affinity = column.source_affinity or Affinity.BLOB
        self.values = column.values if column.values is not None and column.values.values else None

    def of(self, typed: Typed) -> str:
        """The SQL of the value. Raises Refused."""
        if typed.constant:
            return self._constant(typed.value)
        if typed.kind == "null":
            return f"NULL::{self._type()}"
        if self.values is not None and typed.values != self.values:
            typed = self._mapped(typed)
        elif typed.values is not None and self.values is None:
            raise Refused("it shows a column whose values the plan maps")
        if self.kind == "numeric" and self.column.type.precision is not None and typed.kind != "int":
            self.shows.remarks.append(f"rounds to the {self.column.type.scale or 0} decimals of its type")
        makers = {
            "text": self._text,
            "int": self._int,
            "real": self._real,
            "numeric": self._numeric,
            "bool": self._bool,
            "bytes": self._bytes,
            "json": self._json,
            "enum": self._enum,
            "other": self._other,
        }
        if self.kind in makers:
            return makers[self.kind](typed)
        return self._uuid(typed) if self.kind == "uuid" else self._time(typed)

    def _type(self) -> str:
        return self.column.type.sql().as_string(None)

    def _constant(self, value: Value) -> str:
        if value is None:
            return f"NULL::{self._type()}"
        if self.kind == "json" and isinstance(value, str | int | float):
            return f"{quote_text(constant.as_text(value))}::{self.column.type.base}"
        if self.kind == "bytes" and isinstance(value, str):
            return quote_bytes(value.encode("utf-8", "surrogateescape"))
        if self.kind == "text" and isinstance(value, int | float):
            value = constant.as_text(value)
        if self.kind == "int" and isinstance(value, float):
            if not value.is_integer():
                raise Refused(f"it gives a number with decimals, and the column is {self.column.type.display}")
            value = int(value)
        target = Typed("", self.kind, type=self.column.type, values=self.values, column=True, affinity=self.affinity)
        return typed_literal(value, target)

    def _refused(self, typed: Typed) -> Refused:
        return Refused(f"it gives a {typed.kind}, and the column is {self.column.type.display}")

    def _mapped(self, typed: Typed) -> Typed:
        """The plan's new values in the place of the old ones, where the map names each as it is written."""
        assert self.values is not None
        if self.values.match != "exact" or self.values.unmapped == "quarantine" or self.kind not in ("text", "enum"):
            raise Refused("the plan maps its values in a way that an expression cannot")
        text = self.shows.text(typed, "the plan's map")
        words = " ".join(f"WHEN {quote_text(old)} THEN {quote_text(new)}" for old, new in self.values.values.items())
        return Typed(f'CASE {text} COLLATE "C" {words} ELSE {text} END', "text")

    # ----------------------------------------------------------------- text

    def _text(self, typed: Typed) -> str:
        if typed.kind == "bytes":
            raise self._refused(typed)
        if typed.kind == "jsontext":
            self.shows.remarks.append("shows JSON in PostgreSQL's form")
            return f"{typed.operand}::text"
        if self.affinity is Affinity.TEXT:
            return typed.sql if typed.kind == "text" else self.shows.text(typed, "a text column")
        if typed.kind in ("real", "numeric"):
            if typed.kind == "numeric" and self.affinity is Affinity.BLOB:
                raise Refused("it gives integers and reals, which a text column shows alike")
            number = f"{typed.operand}::double precision"
            shown = shortest_text if self.affinity in (Affinity.REAL, Affinity.BLOB) else _whole_or_shortest
            return shown(number)
        if typed.kind in ("int", "bool") and self.affinity is not Affinity.REAL:
            return self.shows.text(typed, "a text column")
        text = typed.operand if typed.kind == "text" else self.shows.text(typed, "a text column", shortest=True)
        return text if self.affinity is Affinity.BLOB else self._affine(text, self.affinity)

    def _affine(self, text: str, affinity: Affinity) -> str:
        """A text after a numeric affinity, as a text again."""
        number = shortest_text(f"{text}::double precision")
        if affinity is not Affinity.REAL:
            whole = f"{text}::numeric = trunc({text}::numeric) AND abs({text}::numeric) < {_LARGE}"
            number = f"CASE WHEN {whole} THEN trunc({text}::numeric)::bigint::text ELSE {number} END"
        return f'CASE WHEN {text} COLLATE "C" ~ {_NUMBER} THEN {number} ELSE {text} END'

    # ----------------------------------------------------------------- numbers

    def _digits(self, typed: Typed) -> str:
        """The text of what is no number here, but may be one by its affinity."""
        if typed.kind == "text":
            return typed.operand
        if typed.kind == "jsontext":
            return f"({typed.operand})::text"
        if typed.kind == "jsonvalue":
            return self.shows.text(typed, "a number", shortest=True)
        raise self._refused(typed)

    def _int(self, typed: Typed) -> str:
        operand = typed.operand
        if typed.kind == "int":
            return typed.sql
        if typed.kind == "bool":
            return f"{operand}::int"
        if typed.kind in NUMBERS:
            # What has decimals, or is too large, fails as a bigint's text.
            whole = f"{operand} = trunc({operand}) AND abs({operand}) < {_LARGE}"
            return f"CASE WHEN {whole} THEN {operand}::bigint ELSE {operand}::text::bigint END"
        if typed.number is not None:
            return typed.number
        text = self._digits(typed)
        return (
            f'CASE WHEN {text} COLLATE "C" ~ {_INTEGER} THEN {text}::bigint'
            f' WHEN {text} COLLATE "C" ~ {_NUMBER} THEN trim_scale({text}::numeric)::text::bigint'
            f" ELSE {_failing(text)}::bigint END"
        )

    def _unsigned(self, typed: Typed, sql: str) -> str:
        """The same without a negative zero, which SQLite stores in columns without affinity alone."""
        if typed.column or self.affinity is Affinity.BLOB or not any(mark in typed.sql for mark in _SIGNED):
            return sql
        return f"({sql}) + '0'::double precision"

    def _real(self, typed: Typed) -> str:
        if typed.kind == "real":
            return self._unsigned(typed, typed.sql)
        if typed.kind in NUMBERS:
            return self._unsigned(typed, f"{typed.operand}::double precision")
        if typed.kind == "bool":
            return f"{typed.operand}::int::double precision"
        if typed.number is not None:
            return f"({typed.number})::double precision"
        text = self._digits(typed)
        condition = f'{text} COLLATE "C" ~ {_NUMBER}'
        return f"CASE WHEN {condition} THEN {text}::double precision ELSE {_failing(text)}::double precision END"

    def _numeric(self, typed: Typed) -> str:
        # As a move writes doubles: shortest, and with 15 digits where there is a scale.
        numeric = "::text::numeric" if self.column.type.precision is None else "::numeric"
        real = typed.type is not None and typed.type.base in ("float4", "float8")
        if typed.kind == "int" or (typed.column and typed.kind in NUMBERS and not real):
            return f"{typed.operand}::numeric"
        if typed.kind in NUMBERS:
            operand = typed.operand
            if self.column.type.precision is not None or self.affinity in (Affinity.REAL, Affinity.BLOB):
                return f"{operand}{numeric}"
            # From 2^52 on every double is whole, and has more digits than the shortest text shows.
            large = f"abs({operand}) BETWEEN 4503599627370496 AND {_LARGE}"
            return f"CASE WHEN {large} THEN {operand}::bigint::numeric ELSE {operand}{numeric} END"
        if typed.kind == "bool":
            return f"{typed.operand}::int::numeric"
        if typed.number is not None:
            return f"({typed.number})::numeric"
        text = self._digits(typed)
        return (
            f'CASE WHEN {text} COLLATE "C" ~ {_INTEGER} THEN {text}::numeric'
            f' WHEN {text} COLLATE "C" ~ {_NUMBER} THEN {text}::double precision{numeric}'
            f" ELSE {_failing(text)}::numeric END"
        )

    def _bool(self, typed: Typed) -> str:
        if typed.kind == "bool":
            return typed.sql
        operand = typed.operand
        if typed.kind in NUMBERS:
            # Another number fails as a boolean's text.
            return f"CASE {operand} WHEN 0 THEN false WHEN 1 THEN true ELSE {operand}::text::boolean END"
        text = self._digits(typed)
        words = "WHEN '1' THEN true WHEN 't' THEN true WHEN 'true' THEN true"
        words += " WHEN '0' THEN false WHEN 'f' THEN false WHEN 'false' THEN false"
        return f'CASE lower({text} COLLATE "C") {words} ELSE {_failing(text)}::boolean END'

    # ----------------------------------------------------------------- bytes, JSON, enums, UUIDs

    def _bytes(self, typed: Typed) -> str:
        if typed.kind == "bytes":
            return typed.sql
        if typed.kind != "text":
            raise self._refused(typed)
        # convert_to() is not IMMUTABLE; the cast is, and takes a backslash for an escape unless it is doubled.
        return f'replace({typed.operand} COLLATE "C", {quote_text(chr(92))}, {quote_text(chr(92) * 2)})::bytea'

    def _json(self, typed: Typed) -> str:
        base = self.column.type.base
        if typed.kind == "json":
            return typed.sql if typed.type is None or typed.type.base == base else f"{typed.operand}::{base}"
        if typed.kind == "jsontext":
            return jsonvalue.base(typed) if base == "jsonb" else f"{typed.operand}::json"
        if typed.kind == "bool":
            return f"{typed.operand}::int::text::{base}"
        if typed.kind == "int":
            return f"{typed.operand}::text::{base}"
        if typed.kind in NUMBERS:
            return f"({_whole_or_shortest(f'{typed.operand}::double precision')})::{base}"
        return f"({self._affine(self._digits(typed), self.affinity)})::{base}"

    def _enum(self, typed: Typed) -> str:
        if typed.kind == "enum" and typed.type is not None and typed.type.base == self.column.type.base:
            return typed.sql
        if typed.kind != "text":
            raise self._refused(typed)
        # A text is made an enum's label by a cast that is not IMMUTABLE; a literal is one from the start.
        enum = self._type()
        labels = self.column.type.labels
        words = " ".join(f"WHEN {quote_text(label)} THEN {quote_text(label)}::{enum}" for label in labels)
        other = f"(ARRAY[{quote_text(labels[0])}::{enum}])[{_failing(typed.operand)}::int]" if labels else "NULL"
        return f'CASE {typed.operand} COLLATE "C" {words} ELSE {other} END'

    def _uuid(self, typed: Typed) -> str:
        if typed.kind == "uuid":
            return typed.sql
        if typed.kind == "bytes":
            return f"encode({typed.sql}, 'hex')::uuid"
        if typed.kind == "text":
            return f"{typed.operand}::uuid"
        raise self._refused(typed)

    def _other(self, typed: Typed) -> str:
        if typed.kind == "other" and typed.type == self.column.type:
            return typed.sql
        raise self._refused(typed)

    # ----------------------------------------------------------------- times

    def _time(self, typed: Typed) -> str:
        kind: PgKind = self.kind
        if typed.moment is not None:
            if kind == "date" and typed.moment.format != "%Y-%m-%d":
                raise Refused("it gives a time of day too, and the column is a date")
            return into_column(typed, self.column, self.sql)
        if typed.kind == kind:
            return typed.sql
        if kind in TIMES and typed.kind in TIMES and kind != "date":
            words = f"{typed.operand}::timestamp" if typed.kind == "date" else typed.operand
            same = typed.kind == "date" and kind == "timestamp"
            return words if same else f"({words}) AT TIME ZONE 'UTC'"
        if typed.kind != "text" or kind == "time":
            raise self._refused(typed)
        # A cast of a text to a date is not IMMUTABLE.
        read = f"{self.shows.need('read_time')}({typed.operand})"
        failing = f"make_date({_failing(typed.operand)}::int, 1, 1)"
        if kind == "date":
            return (
                f"CASE WHEN {read} = date_trunc('day', {read}) THEN {read}::date"
                f" WHEN {typed.operand} IS NOT NULL THEN {failing} END"
            )
        words = f"CASE WHEN {read} IS NOT NULL THEN {read} WHEN {typed.operand} IS NOT NULL THEN {failing} END"
        return words if kind == "timestamp" else f"({words}) AT TIME ZONE 'UTC'"


def shortest_text(number: str) -> str:
    """A double's shortest text, as a move writes it."""
    return (
        f"CASE WHEN {number} = trunc({number}) AND abs({number}) < 1e16 THEN ({number})::bigint::text || '.0'"
        f" ELSE ({number})::text END"
    )


def _whole_or_shortest(number: str) -> str:
    """The same after the affinity NUMERIC, which makes integers of whole doubles."""
    whole = f"{number} = trunc({number}) AND abs({number}) < {_LARGE}"
    return f"CASE WHEN {whole} THEN ({number})::bigint::text ELSE ({number})::text END"


def _failing(text: str) -> str:
    """A text that fails in a cast to a number or a boolean, with the value in the error; NULL for NULL."""
    return f"({NOT_OF_TYPE} || {text})"
