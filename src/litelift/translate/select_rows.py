"""Row values ("Row Values"): comparisons of several columns at once, as comparisons of one column each."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from litelift.translate.parse import Node
from litelift.translate.select_parse import IN_QUERY, ROW
from litelift.translate.value import Refused

_ALL: tuple[type[Any], ...] = (exp.EQ, exp.NullSafeEQ)
_ANY: tuple[type[Any], ...] = (exp.NEQ, exp.NullSafeNEQ)
_STRICT: dict[type[Any], type[Any]] = {exp.LTE: exp.LT, exp.GTE: exp.GT, exp.LT: exp.LT, exp.GT: exp.GT}


def is_row(node: object) -> bool:
    """Whether it is a row value."""
    return isinstance(node, exp.Anonymous) and node.name == ROW


def compared(node: exp.Binary) -> Node:
    """A comparison of two row values, without them. Raises Refused."""
    pairs = _pairs(node.this, node.expression)
    kind = type(node)
    if kind in _ALL:
        return _joined(exp.And, [kind(this=left, expression=right) for left, right in pairs])
    if kind in _ANY:
        return _joined(exp.Or, [kind(this=left, expression=right) for left, right in pairs])
    # The first columns that differ decide; the last ones may be equal for <= and >=.
    ways: list[Node] = []
    for place, (left, right) in enumerate(pairs):
        last: type[Any] = kind if place == len(pairs) - 1 else _STRICT[kind]
        equal: list[Node] = [exp.EQ(this=one, expression=other) for one, other in pairs[:place]]
        ways.append(_joined(exp.And, [*equal, last(this=left, expression=right)]))
    return _joined(exp.Or, ways)


def listed(node: exp.In) -> Node:
    """A row value in a list of them, without row values. Raises Refused."""
    members = [compared(exp.EQ(this=node.this, expression=member)) for member in node.expressions]
    if not members:
        raise Refused("a row value in an empty list")
    return _joined(exp.Or, members)


def in_query(node: exp.Anonymous) -> list[Node]:
    """The operands on the left of IN with a subquery."""
    assert node.name == IN_QUERY
    (left,) = node.expressions
    return list(left.expressions) if is_row(left) else [left]


def _pairs(left: Node, right: Node) -> list[tuple[Node, Node]]:
    if not is_row(left) or not is_row(right) or len(left.expressions) != len(right.expressions):
        raise Refused("a row value beside what is none, or has another length")
    return list(zip(left.expressions, right.expressions, strict=True))


def _joined(kind: type[Any], parts: list[Node]) -> Node:
    whole = parts[0]
    for part in parts[1:]:
        whole = kind(this=whole, expression=part)
    return whole
