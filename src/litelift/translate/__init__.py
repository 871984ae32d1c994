"""SQLite's expressions in PostgreSQL's SQL: CHECK constraints, partial and expression indexes, DEFAULTs.

What cannot be said with the same meaning raises Untranslatable with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from litelift.errors import Untranslatable
from litelift.translate.compare import folded
from litelift.translate.constant import literal_default
from litelift.translate.convert import as_text, truth
from litelift.translate.default import translate_default
from litelift.translate.expression import Lowering
from litelift.translate.functions import FUNCTIONS
from litelift.translate.listed import listed_values
from litelift.translate.value import ColumnContext, Refused, Translated, Typed

__all__ = [
    "FUNCTIONS",
    "ColumnContext",
    "Translated",
    "listed_values",
    "literal_default",
    "translate_default",
    "translate_expression",
    "translate_predicate",
]


def translate_predicate(sql: str, columns: Mapping[str, ColumnContext], server_version: int) -> Translated:
    """A CHECK or the WHERE of a partial index, as a boolean expression that is IMMUTABLE.

    ``columns`` are the table's, by their SQLite names (matched without ASCII case); ``server_version`` is PostgreSQL's
    server_version_num (160014). Raises Untranslatable.
    """
    lowering = Lowering(sql, columns, server_version)
    try:
        words = truth(lowering.whole())
    except (Refused, RecursionError) as error:
        raise _untranslatable(error, sql) from None
    return Translated(words, frozenset(lowering.needs))


def translate_expression(
    sql: str, columns: Mapping[str, ColumnContext], server_version: int, collation: str = "BINARY"
) -> Translated:
    """An index's expression, IMMUTABLE, to be put in parentheses; its type is what PostgreSQL makes of it.

    Text is folded as the ``collation`` of the index's part compares it. Arguments as ``translate_predicate``. Raises
    Untranslatable.
    """
    lowering = Lowering(sql, columns, server_version)
    try:
        typed = lowering.whole().exact
        if collation != "BINARY" and typed.kind == "text":
            typed = Typed(folded(as_text(typed, "an index"), collation), "text", atomic=True)
        words = _value(typed)
    except (Refused, RecursionError) as error:
        raise _untranslatable(error, sql) from None
    return Translated(words, frozenset(lowering.needs))


def _value(typed: Typed) -> str:
    if typed.constant:
        return as_text(typed, "an index on a literal") + "::text" if isinstance(typed.value, str) else typed.sql
    if typed.kind in ("jsonvalue", "jsontext"):
        return f"({typed.sql}) #>> '{{}}'" if typed.kind == "jsonvalue" else typed.sql
    if typed.moment is not None and typed.moment.format == "%Y-%m-%d":
        return f"({typed.moment.sql})::date"
    if typed.moment is not None and typed.moment.format == "%Y-%m-%d %H:%M:%S":
        return f"date_trunc('second', {typed.moment.sql})"
    return typed.sql


def _untranslatable(error: Exception, sql: str) -> Untranslatable:
    reason = str(error) if isinstance(error, Refused) else "the expression is nested too deeply"
    return Untranslatable(reason=reason, sql=sql)
