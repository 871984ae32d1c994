"""Which columns of an aggregate query have one value in each group, though GROUP BY does not name them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.parse import Node
from litelift.translate.select_scope import Bound
from litelift.translate.value import Refused, Typed


@dataclass(slots=True)
class Facts:
    """What the joins and the WHERE of a SELECT say: pairs of equal references, and outer joins.

    An outer join is its right source, the pairs of its ON (left reference, right reference), and whether that is all.
    """

    equal: list[tuple[str, str]] = field(default_factory=list)
    outer: list[tuple[Bound, list[tuple[str, str]], bool]] = field(default_factory=list)

    def add(self, condition: Node | None, column: Callable[[exp.Column], Typed]) -> None:
        """A condition that every row fulfils."""
        self.equal += list(_pairs(condition, column))

    def add_outer(self, right: Bound, condition: Node | None, column: Callable[[exp.Column], Typed]) -> None:
        """A LEFT JOIN."""
        parts = list(_conjuncts(condition))
        own = {right.reference(c) for c in right.columns}
        pairs = [pair if pair[1] in own else pair[::-1] for pair in _pairs(condition, column)]
        pairs = [(a, b) for a, b in pairs if b in own and a not in own]
        rest = len(parts) - len(pairs)
        if rest:
            # What is said of the right source alone is as fixed as its row is.
            alone = [p for p in parts if not _is_pair(p) and _reads_only(p, own, column)]
            rest -= len(alone)
        self.outer.append((right, pairs, rest == 0))

    def determined(self, terms: frozenset[str], sources: list[Bound]) -> tuple[frozenset[str], frozenset[str]]:
        """The references that the terms of a GROUP BY determine: those that PostgreSQL knows of, and all."""
        direct: set[str] = set()
        for bound in sources:
            if bound.key and all(reference in terms for reference in _key(bound)):
                direct |= {bound.reference(c) for c in bound.columns}
        found = set(terms) | direct
        while True:
            before = len(found)
            for left, right in self.equal:
                if left in found or right in found:
                    found |= {left, right}
            for bound in sources:
                if bound.key and all(reference in found for reference in _key(bound)):
                    found |= {bound.reference(c) for c in bound.columns}
            for bound, pairs, whole in self.outer:
                fixed = {right for left, right in pairs if left in found}
                if whole and pairs and len(fixed) == len(pairs) and bound.key and set(_key(bound)) <= fixed:
                    found |= {bound.reference(c) for c in bound.columns}
            if len(found) == before:
                return frozenset(direct), frozenset(found)


def _key(bound: Bound) -> list[str]:
    return [bound.reference(c) for name in bound.key for c in bound.columns if fold(c.name) == fold(name)]


def _conjuncts(node: Node | None) -> Iterator[Node]:
    while isinstance(node, exp.And):
        yield from _conjuncts(node.expression)
        node = node.this
    if node is not None:
        yield node


def _is_pair(node: Node) -> bool:
    return isinstance(node, exp.EQ) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)


def _pairs(condition: Node | None, column: Callable[[exp.Column], Typed]) -> Iterator[tuple[str, str]]:
    for part in _conjuncts(condition):
        if _is_pair(part):
            left, right = column(part.this), column(part.expression)
            if left.kind == right.kind and left.collation == right.collation == "BINARY":
                yield left.sql, right.sql


def _reads_only(node: Node, own: set[str], column: Callable[[exp.Column], Typed]) -> bool:
    if any(part.meta.get("query") is not None for part in node.walk()):
        return False
    for part in node.walk():
        if isinstance(part, exp.Column):
            try:
                if column(part).sql not in own:
                    return False
            except Refused:
                # Text in double quotes, or TRUE and FALSE: what is wrong is told where the condition is translated.
                continue
    return True
