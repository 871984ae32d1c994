"""The values that a CHECK lists for a column: what an enum type made of it must be able to hold."""

from __future__ import annotations

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Value
from litelift.translate import constant
from litelift.translate.parse import Node, parse
from litelift.translate.value import Refused


def listed_values(sql: str, column: str) -> list[Value]:
    """The literals of every ``column IN (...)`` and ``column = ...`` in a condition, in order; NOT is left out."""
    try:
        tree = parse(sql)
    except (Refused, RecursionError):
        return []
    found: list[Value] = []
    nodes = [tree]
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, exp.And | exp.Or):
            nodes[:0] = [node.this, node.expression]
        elif isinstance(node, exp.Paren):
            nodes.insert(0, node.this)
        elif isinstance(node, exp.In) and _is(node.this, column):
            found += _literals(sql, node.expressions, column)
        elif isinstance(node, exp.EQ | exp.NullSafeEQ) and _is(node.this, column):
            found += _literals(sql, [node.expression], column)
    return found


def _is(node: Node, column: str) -> bool:
    return isinstance(node, exp.Column) and fold(node.name) == fold(column)


def _literals(sql: str, nodes: list[Node], column: str) -> list[Value]:
    values: list[Value] = []
    for node in nodes:
        if isinstance(node, exp.Column) and node.this.args.get("quoted") and not _is(node, column):
            values.append(node.name)
        elif isinstance(node, exp.Literal):
            values.append(node.name if node.is_string else constant.evaluate(node.name))
        elif not isinstance(node, exp.Null) and constant.is_constant(node, frozenset({fold(column)})):
            start, end = node.meta["span"]
            values.append(constant.evaluate(sql[start:end]))
    return values
