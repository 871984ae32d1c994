"""A translated expression as the value that a column takes: what SQLite's affinity, and the move, would make of it."""

from __future__ import annotations

from collections.abc import Callable

from litelift.sqlite.schema import Affinity
from litelift.translate import constant, jsonvalue
from litelift.translate.convert import as_text, typed_literal
from litelift.translate.default import into_column
from litelift.translate.select_output import is_reference
from litelift.translate.value import (
    NUMBERS,
    TIMES,
    ColumnContext,
    PgKind,
    Refused,
    Typed,
    identifier,
    kind_of,
    quote_bytes,
    quote_text,
)

_SECONDS = "'YYYY-MM-DD HH24:MI:SS'"


def stored(
    typed: Typed,
    column: ColumnContext,
    sql: str,
    remark: Callable[[str], None],
    text: Callable[[Typed, str], str] | None = None,
) -> str:
    """The SQL to assign to ``column``. ``sql`` is the expression in SQLite's SQL.

    ``remark`` is told of a difference; ``text`` gives the text of a value, and is told for what. Raises Refused.
    """
    kind = kind_of(column.type)
    values = column.values if column.values is not None and column.values.values else None
    if typed.constant:
        return _constant(typed, column, kind)
    if typed.kind == "null":
        return "NULL"
    if values is not None and typed.values != values:
        raise Refused(f"{column.target} has a value map, and gets what is no literal")
    if typed.values is not None and values is None:
        remark(f"{column.target} gets values as the plan maps them")
        typed = _unmapped(typed)
    if typed.kind == kind:
        return _same(typed, column, kind)
    if kind == "text":
        return (text or as_text)(typed, f"{column.target}:")
    if typed.kind == "text" and kind in NUMBERS | TIMES | {"bool"} and _out_of_json(typed):
        remark(f"{column.target} gets a value out of JSON, and refuses one that is no {column.type.display}")
        return f"({typed.sql})::{column.type.sql().as_string()}"
    if kind == "bool" and typed.kind in NUMBERS:
        return f"{typed.operand} <> 0"
    if kind in NUMBERS and typed.kind == "bool":
        return f"{typed.operand}::int"
    if kind in TIMES and typed.kind in TIMES and typed.moment is None:
        return _time(typed, kind)
    return into_column(typed, column, sql)


def _unmapped(typed: Typed) -> Typed:
    return Typed(typed.sql, typed.kind, typed.atomic, typed.affinity, typed.type, column=typed.column)


def _constant(typed: Typed, column: ColumnContext, kind: PgKind) -> str:
    value = typed.value
    if value is None:
        return "NULL"
    if kind == "json" and isinstance(value, str | int | float):
        words = quote_text(constant.as_text(value))
        if column.type.base == "jsonb" and jsonvalue.document(constant.as_text(value)) is None:
            raise Refused(f"{column.target} is jsonb, and gets a text that is no JSON")
        return f"{words}::{column.type.base}"
    if kind == "bytes" and isinstance(value, str):
        return quote_bytes(value.encode("utf-8", "surrogateescape"))
    if kind == "int" and isinstance(value, float) and value.is_integer():
        value = int(value)
    target = Typed(
        identifier(column.target),
        kind,
        type=column.type,
        values=column.values,
        column=True,
        affinity=column.source_affinity,
    )
    if kind == "text" and isinstance(value, int | float):
        value = constant.as_text(value)
    if kind == "int" and isinstance(value, float):
        raise Refused(f"{column.target} is {column.type.display}, and gets a number with decimals")
    return typed_literal(value, target)


def _same(typed: Typed, column: ColumnContext, kind: PgKind) -> str:
    if kind == "enum" and typed.type is not None and typed.type.base != column.type.base:
        raise Refused(f"{column.target} gets the labels of another enum")
    if kind == "other" and typed.type != column.type:
        raise Refused(f"{column.target} is {column.type.display}, and gets another type")
    if kind == "json" and typed.type is not None and typed.type.base != column.type.base:
        return f"{typed.operand}::{column.type.base}"
    return typed.sql


def _out_of_json(typed: Typed) -> bool:
    """Whether it may be a number or a text in each row."""
    return typed.affinity is Affinity.BLOB and typed.column and not is_reference(typed)


def shown(typed: Typed, use: str, remark: Callable[[str], None]) -> str:
    """The text of a value whose type is not text, where SQLite may have had it in another form. Raises Refused."""
    operand = typed.operand
    if typed.kind == "numeric":
        if not typed.column:
            remark(f"{use} the text of a number has no .0 where SQLite's may have it")
        return f"trim_scale({operand})::text"
    if typed.kind in ("timestamp", "timestamptz"):
        remark(f"{use} the text of a time is YYYY-MM-DD HH:MM:SS, in UTC")
        at = operand if typed.kind == "timestamp" else f"({operand} AT TIME ZONE 'UTC')"
        # Decimals of the second only where there are some: three, or six.
        fraction = f"regexp_replace(to_char({at}, '.US'), '([.]000)?000$', '')"
        return f"(to_char({at}, {_SECONDS}) || {fraction})"
    if typed.kind in ("date", "time", "uuid", "enum", "json", "jsontext"):
        remark(f"{use} the text of a {typed.kind} is as PostgreSQL writes it")
        return f"to_char({operand}, 'YYYY-MM-DD')" if typed.kind == "date" else f"{operand}::text"
    return as_text(typed, use)


def _time(typed: Typed, kind: PgKind) -> str:
    if kind == "date":
        raise Refused("a date column gets a time of day too")
    if typed.kind == "date":
        words = f"{typed.operand}::timestamp"
        return words if kind == "timestamp" else f"({words}) AT TIME ZONE 'UTC'"
    return f"{typed.operand} AT TIME ZONE 'UTC'"
