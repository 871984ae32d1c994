"""Aggregates and window functions on translated arguments ("Built-in Aggregate Functions", "Window Functions")."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import exp

from litelift.translate.compare import folded
from litelift.translate.convert import as_text
from litelift.translate.jsonvalue import base
from litelift.translate.parse import Node
from litelift.translate.select_output import collated, comparable, plain
from litelift.translate.select_tree import nodes_of
from litelift.translate.unify import unify
from litelift.translate.value import NUMBERS, Refused, Typed

AGGREGATES = frozenset(
    {"count", "sum", "total", "avg", "min", "max"}
    | {"group_concat", "string_agg", "json_group_array", "json_group_object"}
)
WINDOW_ONLY = frozenset(
    {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"}
    | {"lag", "lead", "first_value", "last_value", "nth_value"}
)
_COUNTS = frozenset({"row_number", "rank", "dense_rank"})
_BYTEA_EXTREMES_VERSION = 180000
"""min(bytea) and max(bytea) came with PostgreSQL 18."""


AGGREGATED = re.compile(
    r"\b(?:count|sum|min|max|bool_or|bool_and|string_agg|array_agg|json_agg|json_object_agg)\(", re.ASCII
)
"""Finds an aggregate in PostgreSQL's SQL."""


def is_aggregate(node: Node) -> bool:
    """Whether the node is a call of an aggregate, over a group and not over a window."""
    return _may_aggregate(node) and "over" not in node.meta


def _may_aggregate(node: Node) -> bool:
    if not isinstance(node, exp.Anonymous) or node.name not in AGGREGATES:
        return False
    return node.name not in ("min", "max") or len(node.expressions) == 1


def is_window(node: Node) -> bool:
    """Whether the node is a function over a window."""
    return isinstance(node, exp.Anonymous) and "over" in node.meta


def has_aggregate(node: Node | None) -> bool:
    """Whether an aggregate or a window function is in the expression."""
    return any(is_aggregate(part) or is_window(part) for part in nodes_of(node))


class Call:
    """One call: its arguments, what stands in its parentheses with them, and what comes after them."""

    def __init__(
        self, name: str, arguments: list[Typed], distinct: bool, order: list[str], after: str, version: int
    ) -> None:
        """``order`` holds the terms of an ORDER BY inside, ``after`` the FILTER and OVER clauses."""
        self._name = name
        self._arguments = arguments
        self._distinct = "DISTINCT " if distinct else ""
        self._order = f" ORDER BY {', '.join(order)}" if order else ""
        self._after = after
        self._version = version

    def aggregate(self) -> Typed:
        """An aggregate, over a group or a window. Raises Refused."""
        name, arguments = self._name, self._arguments
        if name == "count" and not arguments:
            return self._int(f"count(*){self._after}")
        if name in ("group_concat", "string_agg"):
            return self._concatenated()
        if name == "json_group_object" and len(arguments) == 2:
            return self._json(f"json_object_agg({as_text(arguments[0], name)}, {_member(arguments[1])})", "{}")
        if len(arguments) != 1:
            raise Refused(f"the aggregate {name}() with {len(arguments)} arguments")
        argument = arguments[0]
        if name == "count" and self._distinct and argument.kind == "text" and argument.collation != "BINARY":
            argument = Typed(folded(argument.operand, argument.collation), "text", atomic=True)
        if self._distinct:
            comparable(argument, f"{name}(DISTINCT)")
        if name == "count":
            words = "NULL::text" if argument.kind == "null" else plain(argument).sql
            return self._int(f"count({self._distinct}{words}){self._after}")
        if name in ("min", "max"):
            return self._extreme(argument)
        if name == "json_group_array":
            return self._json(f"json_agg({self._distinct}{_member(argument)}{self._order})", "[]")
        return self._sum(argument)

    def _int(self, sql: str) -> Typed:
        return Typed(sql, "int", atomic=True)

    def _sum(self, argument: Typed) -> Typed:
        if argument.kind == "null":
            argument = Typed("NULL::bigint", "int", atomic=True)
        words = f"{argument.operand}::double precision" if argument.constant else argument.sql
        call = f"sum({self._distinct}{words}){self._after}"
        if self._name == "total":
            return Typed(f"coalesce(({call})::double precision, 0)", "real", atomic=True)
        if self._name == "avg":
            count = f"nullif(count({self._distinct}{words}){self._after}, 0)"
            return Typed(f"({call})::double precision / {count}", "real")
        if argument.kind == "int":
            return self._int(f"({call})::bigint")
        return Typed(call, argument.kind, atomic=True)

    def _extreme(self, argument: Typed) -> Typed:
        kind = argument.kind
        if kind == "null":
            return Typed(f"{self._name}(NULL::text){self._after}", "text", atomic=True)
        made = replace(argument, affinity=None, column=False, constant=False, atomic=True, value=None)
        if kind == "bool":
            function = "bool_or" if self._name == "max" else "bool_and"
            return replace(made, sql=f"{function}({argument.sql}){self._after}")
        if argument.values is not None or kind in ("enum", "uuid", "json", "jsontext", "jsonvalue", "other"):
            raise Refused(f"{self._name}() of a {kind}")
        if kind == "bytes" and self._version < _BYTEA_EXTREMES_VERSION:
            raise Refused(f"{self._name}() of a blob before PostgreSQL 18")
        if kind == "text" and argument.collation != "BINARY":
            raise Refused(f"{self._name}() under the collation {argument.collation}")
        if argument.column and kind in NUMBERS and argument.affinity == "TEXT":
            raise Refused("SQLite orders this column as text, and it becomes a number")
        words = collated(argument, self._name) if kind == "text" else argument.sql
        return replace(made, sql=f"{self._name}({words}){self._after}", number=None, moment=None, hexadecimal=None)

    def _concatenated(self) -> Typed:
        if not 1 <= len(self._arguments) <= 2:
            raise Refused(f"{self._name}() with {len(self._arguments)} arguments")
        if self._distinct:
            comparable(self._arguments[0], f"{self._name}(DISTINCT)")
        text = as_text(plain(self._arguments[0]), self._name)
        separator = as_text(self._arguments[1], self._name) if len(self._arguments) > 1 else "','"
        order = "" if self._distinct else self._order
        return Typed(f"string_agg({self._distinct}{text}, {separator}{order}){self._after}", "text", atomic=True)

    def _json(self, call: str, empty: str) -> Typed:
        return Typed(f"coalesce({call}{self._after}, '{empty}')::jsonb", "jsontext", atomic=True)

    def window(self) -> Typed:
        """A function that needs a window. Raises Refused."""
        name, arguments = self._name, self._arguments
        if name in _COUNTS and not arguments:
            return self._int(f"{name}(){self._after}")
        if name in ("percent_rank", "cume_dist") and not arguments:
            return Typed(f"{name}(){self._after}", "real", atomic=True)
        if name == "ntile" and len(arguments) == 1:
            return self._int(f"ntile({_place(arguments[0])}){self._after}")
        if name in ("lag", "lead") and 1 <= len(arguments) <= 3:
            first = arguments[0]
            if len(arguments) == 1:
                return self._same(first, f"{name}({first.sql}){self._after}")
            made = unify([arguments[0], *arguments[2:]])
            words = [made.sql[0], _place(arguments[1]), *made.sql[1:]]
            if len(words) == 3 and first.kind in NUMBERS:
                # Both must be of one type, and an int4 column with a bigint is not.
                kind = {"int": "bigint", "real": "double precision"}.get(made.like.kind, "numeric")
                words[0], words[2] = (f"({words[i]})::{kind}" for i in (0, 2))
            return self._same(replace(first, kind=made.like.kind), f"{name}({', '.join(words)}){self._after}")
        if name in ("first_value", "last_value") and len(arguments) == 1:
            return self._same(arguments[0], f"{name}({arguments[0].sql}){self._after}")
        if name == "nth_value" and len(arguments) == 2:
            return self._same(arguments[0], f"{name}({arguments[0].sql}, {_place(arguments[1])}){self._after}")
        raise Refused(f"the window function {name}() with {len(arguments)} arguments")

    def _same(self, typed: Typed, sql: str) -> Typed:
        if typed.constant:
            raise Refused(f"{self._name}() of a literal")
        return Typed(sql, typed.kind, atomic=True, type=typed.type, values=typed.values)


def _place(typed: Typed) -> str:
    if not typed.constant or not isinstance(typed.value, int):
        raise Refused("a place in a window that is no number")
    return str(max(-(2**31), min(2**31 - 1, typed.value)))


def _member(typed: Typed) -> str:
    """A member of a JSON document."""
    if typed.kind == "bool":
        return f"{typed.operand}::int"
    if typed.kind in ("jsonvalue", "jsontext"):
        return base(typed)
    if typed.kind in ("int", "real", "numeric"):
        return typed.sql
    if typed.kind == "null":
        return "NULL::text"
    if typed.kind == "json":
        return f"{typed.operand}::text"
    if typed.constant and isinstance(typed.value, str):
        return f"{typed.sql}::text"
    return as_text(typed, "a JSON function")


def json_made(name: str, arguments: list[Typed]) -> Typed:
    """json_array() and json_object() ("JSON Functions", sections 4.4 and 4.11)."""
    if name == "json_array":
        return Typed(f"jsonb_build_array({', '.join(map(_member, arguments))})", "jsontext", atomic=True)
    if len(arguments) % 2:
        raise Refused("json_object() with an odd number of arguments")
    members = [
        as_text(argument, name) if place % 2 == 0 else _member(argument) for place, argument in enumerate(arguments)
    ]
    return Typed(f"jsonb_build_object({', '.join(members)})", "jsontext", atomic=True)
