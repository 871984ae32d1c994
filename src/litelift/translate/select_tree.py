"""A SELECT as SQLite's grammar reads it ("SELECT"): plain values that hold expressions as trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, cast

from litelift.sqlite.lexer import fold
from litelift.translate.parse import Node

SetOperator = Literal["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]


@dataclass(slots=True)
class Order:
    """One term of an ORDER BY. ``nulls`` is FIRST, LAST, or None where it is not said."""

    node: Node
    descending: bool = False
    nulls: str | None = None


@dataclass(slots=True)
class Window:
    """A window's definition, or only the name of one in ``base``. ``frame`` holds words, and bounds as trees."""

    base: str | None = None
    partition: list[Node] = field(default_factory=list)
    order: list[Order] = field(default_factory=list)
    frame: list[str | Node] = field(default_factory=list)


@dataclass(slots=True)
class Item:
    """One result column: an expression, or every column (``star``) of all sources or of ``table``."""

    node: Node | None
    alias: str | None = None
    star: bool = False
    table: str | None = None


@dataclass(slots=True)
class Source:
    """One operand of FROM: a table by its name, a subquery, joins in parentheses, or a function with ``arguments``."""

    table: str | None = None
    query: Query | None = None
    joins: list[Join] = field(default_factory=list)
    alias: str | None = None
    function: str | None = None
    arguments: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Join:
    """A source and how it is joined to what stands before it. The first one's operator is ''."""

    source: Source
    operator: Literal["", "CROSS", "INNER", "LEFT", "RIGHT", "FULL"] = ""
    natural: bool = False
    on: Node | None = None
    using: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Core:
    """One SELECT between the operators of a compound, or a VALUES with its ``rows``."""

    distinct: bool = False
    items: list[Item] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    where: Node | None = None
    group: list[Node] = field(default_factory=list)
    having: Node | None = None
    windows: dict[str, Window] = field(default_factory=dict)
    rows: list[list[Node]] = field(default_factory=list)


@dataclass(slots=True)
class Common:
    """A common table expression."""

    name: str
    columns: list[str]
    query: Query


@dataclass(slots=True)
class Query:
    """A whole SELECT. ``operators`` stand between ``cores``, and are applied from left to right."""

    cores: list[Core]
    operators: list[SetOperator] = field(default_factory=list)
    commons: list[Common] = field(default_factory=list)
    order: list[Order] = field(default_factory=list)
    limit: Node | None = None
    offset: Node | None = None


def nodes_of(node: Node | None) -> Iterator[Node]:
    """Every part of an expression, the ones of its aggregates' clauses too, but not those of its subqueries."""
    if node is None:
        return
    for part in node.walk():
        yield cast(Node, part)
        meta = part.meta
        yield from nodes_of(meta.get("filter"))
        for term in meta.get("order", ()):
            yield from nodes_of(term.node)
        window: Window | None = meta.get("over")
        if window is not None:
            yield from _window_nodes(window)


def _window_nodes(window: Window) -> Iterator[Node]:
    for part in (*window.partition, *(term.node for term in window.order)):
        yield from nodes_of(part)


def tables_of(query: Query) -> Iterator[str]:
    """The names that the query and its subqueries read from, those of its common table expressions left out."""
    own = {fold(common.name) for common in query.commons}
    for common in query.commons:
        yield from (name for name in tables_of(common.query) if fold(name) not in own)
    for name in _read(query):
        if fold(name) not in own:
            yield name


def _read(query: Query) -> Iterator[str]:
    roots: list[Node | None] = [query.limit, query.offset, *(term.node for term in query.order)]
    for core in query.cores:
        roots += [core.where, core.having, *core.group, *(item.node for item in core.items)]
        roots += [node for row in core.rows for node in row]
        for window in core.windows.values():
            roots += list(_window_nodes(window))
        for join in _flat(core.joins):
            roots += [join.on, *join.source.arguments]
            if join.source.table is not None:
                yield join.source.table
            elif join.source.query is not None:
                yield from tables_of(join.source.query)
    for root in roots:
        for node in nodes_of(root):
            inner = node.meta.get("query")
            if inner is not None:
                yield from tables_of(inner)


def _flat(joins: list[Join]) -> Iterator[Join]:
    for join in joins:
        yield join
        yield from _flat(join.source.joins)
