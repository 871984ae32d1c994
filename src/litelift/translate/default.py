"""DEFAULT expressions that are not constant: the clock and chance, as the column's type wants them."""

from __future__ import annotations

import re

from litelift.errors import Untranslatable
from litelift.plan.valuemap import ValueMap
from litelift.sqlite.schema import Value
from litelift.translate import constant
from litelift.translate.convert import as_text, typed_literal
from litelift.translate.expression import Lowering
from litelift.translate.parse import parse
from litelift.translate.value import ColumnContext, Moment, PgKind, Refused, Translated, Typed, identifier, kind_of

_PRECISE = re.compile(r"%Y-%m-%d(?:[ T]%H:%M(?::%S|:%f)?Z?)?")
# The magnitudes at which a number since 1970 is seconds, milliseconds or microseconds.
_SCALES = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000))


def translate_default(sql: str, column: ColumnContext, server_version: int) -> Translated:
    """A DEFAULT that is not constant, as an expression of the column's type without references to columns.

    ``server_version`` is PostgreSQL's server_version_num (160014). Raises Untranslatable.
    """
    try:
        lowering = Lowering(sql, {}, server_version, clock=True)
        typed = lowering.whole()
        words = into_column(typed, column, sql)
    except (Refused, RecursionError) as error:
        raise Untranslatable(reason=_reason(error), sql=sql) from None
    # The grammar of a DEFAULT is narrower than that of an expression (b_expr) unless it is in parentheses.
    return Translated(words if typed.constant else f"({words})", frozenset(lowering.needs))


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Refused) else "the expression is nested too deeply"


def into_column(typed: Typed, column: ColumnContext, sql: str) -> str:
    """The SQL as a value that the column takes; SQLite's affinity would convert it the same way. Raises Refused."""
    kind = kind_of(column.type)
    values: ValueMap | None = column.values
    target = Typed(
        identifier(column.target), kind, type=column.type, values=values, column=True, affinity=column.source_affinity
    )
    if typed.constant:
        if kind == "text" and isinstance(typed.value, int | float):
            return typed_literal(constant.as_text(typed.value), target)
        return typed_literal(typed.value, target)
    if typed.moment is not None and kind in ("date", "time", "timestamp", "timestamptz"):
        return _moment(typed.moment, kind, typed)
    if kind == "timestamptz" and typed.kind in ("int", "real"):
        return _epoch(typed, sql)
    if kind == "timestamp" and typed.kind in ("int", "real"):
        return f"({_epoch(typed, sql)}) AT TIME ZONE 'UTC'"
    if typed.number is not None and kind in ("int", "numeric", "real"):
        return typed.number
    if kind == "text":
        return as_text(typed, "a text column") if typed.kind != "text" else typed.sql
    if typed.kind == kind or (typed.kind in ("int", "real", "numeric") and kind in ("int", "real", "numeric")):
        if kind == "int" and typed.kind != "int":
            raise Refused("a number with decimals in an integer column")
        return typed.sql
    return _other(typed, kind, column)


def _other(typed: Typed, kind: PgKind, column: ColumnContext) -> str:
    if kind == "int" and typed.kind == "bool":
        return f"{typed.operand}::int"
    if kind == "bool" and typed.kind == "int":
        return f"{typed.operand} <> 0"
    if kind == "uuid" and typed.kind == "bytes":
        return f"encode({typed.sql}, 'hex')::uuid"
    if kind == "json" and typed.kind == "text":
        return f"{typed.operand}::{column.type.base}"
    if kind == "bytes" and typed.kind == "text":
        return f"convert_to({typed.sql}, 'UTF8')"
    if kind == "enum" and typed.kind == "text":
        name = identifier(column.type.base)
        return f"{typed.operand}::{identifier(column.type.schema) + '.' if column.type.schema else ''}{name}"
    if kind == "uuid" and typed.kind == "text":
        return f"{typed.operand}::uuid"
    raise Refused(f"a {typed.kind} value in a {column.type.display} column")


def _moment(moment: Moment, kind: PgKind, typed: Typed) -> str:
    """The time behind the text, as precise as the text would have been."""
    precise = _PRECISE.fullmatch(moment.format)
    if kind == "time":
        if moment.format == "%H:%M:%S" or (precise and moment.format.endswith(("%S", "%SZ"))):
            return f"date_trunc('second', {moment.sql})::time"
        raise Refused("a text that is no time of day in a time column")
    if moment.format == "%s" and typed.number is not None:
        moment = Moment(moment.sql, "%Y-%m-%d %H:%M:%S", moment.clock, moment.plain)
        precise = _PRECISE.fullmatch(moment.format)
    if precise is None:
        if not moment.format.startswith("%Y-%m-%d"):
            raise Refused(f"a text like {moment.format} in a {kind} column")
        words = f"({typed.sql})::{'date' if kind == 'date' else 'timestamp'}"
        return f"{words} AT TIME ZONE 'UTC'" if kind == "timestamptz" else words
    if kind == "date":
        return f"({moment.sql})::date"
    unit = _unit(moment.format)
    if kind == "timestamptz":
        if moment.plain and unit != "day":
            return f"date_trunc('{unit}', now())"
        return f"date_trunc('{unit}', {moment.sql}) AT TIME ZONE 'UTC'"
    return f"date_trunc('{unit}', {moment.sql})"


def _unit(format_: str) -> str:
    for code, unit in (("%f", "milliseconds"), ("%S", "second"), ("%M", "minute")):
        if code in format_:
            return unit
    return "day"


def _epoch(typed: Typed, sql: str) -> str:
    """A number as a time: its magnitude now, by SQLite itself, says whether it counts seconds or parts of them."""
    parse(sql)
    now: Value = constant.evaluate(sql)
    if not isinstance(now, int | float):
        raise Refused("a default that is no number in a time column")
    for limit, scale in _SCALES:
        if 1e8 < abs(now) < limit:
            words = f"{typed.operand}::double precision"
            return f"to_timestamp({words})" if scale == 1 else f"to_timestamp({words} / {scale})"
    raise Refused("a number that is no time since 1970 in a time column")
