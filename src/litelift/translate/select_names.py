"""Names inside of a SELECT: columns of several sources, aliases, groups, and the SELECT around it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlglot import exp

from litelift.postgres.types import PgType
from litelift.sqlite.lexer import fold
from litelift.translate import constant
from litelift.translate.expression import Lowering
from litelift.translate.parse import Node
from litelift.translate.select_aggregates import has_aggregate
from litelift.translate.select_scope import Bound, Column, Scope
from litelift.translate.select_tree import Query
from litelift.translate.value import Refused, Typed


@dataclass(frozen=True, slots=True)
class Lowered:
    """A translated query: its SQL, its columns, and whether it gives one row at most or rows in an order of its own."""

    sql: str
    columns: list[Column]
    single: bool = False
    ordered: bool = False


Into = Callable[[int, Typed, str], str]
"""Makes the SQL of a column out of its number from 0, its translation, and its SQL in SQLite."""


class SelectNames(Lowering):
    """Finds what a name means, in the scope that ``_scope`` is at the time."""

    def __init__(self, sql: str, server_version: int) -> None:
        """``sql`` is the whole statement; ``server_version`` is PostgreSQL's server_version_num."""
        super().__init__(sql, {}, server_version, clock=True)
        self._version = server_version
        self._scope = Scope()
        self._open_aliases: list[str] = []

    @abstractmethod
    def _query(
        self,
        query: Query,
        parent: Scope,
        first: bool = False,
        forced: list[PgType] | None = None,
        names: list[str] | None = None,
        into: Into | None = None,
    ) -> Lowered:
        """A subquery; ``first`` says that only its first row counts, ``forced`` the columns' types.

        ``into`` makes of each column what an INSERT stores.
        """

    def lower(self, node: Node) -> Typed:
        """One part; in a query with groups, an expression that GROUP BY names is that."""
        scope = self._scope
        groups = scope.groups
        if groups is not None and not scope.inside and not isinstance(node, exp.Column) and not has_aggregate(node):
            scope.inside += 1
            try:
                typed = super().lower(node)
            finally:
                scope.inside -= 1
            if typed.constant or typed.sql in groups.terms:
                return typed
        return super().lower(node)

    def _is_constant(self, node: Node) -> bool:
        # What is put together by the translation has no place in the text.
        if has_aggregate(node) or "span" not in node.meta:
            return False
        with self._ungrouped():
            if any(isinstance(part, exp.Column) and self._found(part) is not None for part in node.walk()):
                return False
        return constant.is_constant(node, frozenset())

    @contextmanager
    def _ungrouped(self) -> Iterator[None]:
        """Within, columns are those of single rows, also in a query with groups."""
        scopes = list(self._scope.outward())
        for scope in scopes:
            scope.inside += 1
        try:
            yield
        finally:
            for scope in scopes:
                scope.inside -= 1

    def _found(self, node: exp.Column) -> Typed | None:
        """What the name stands for; None where nothing has it."""
        name, table = node.name, node.table or None
        for scope in self._scope.outward():
            merged = scope.merged.get(fold(name)) if table is None else None
            if merged is not None:
                return self._grouped(scope, merged, name)
            found = scope.here(name, table)
            if found is not None:
                bound, column = found
                return self._grouped(scope, bound.typed(column), name)
            alias = scope.aliases.get(fold(name)) if table is None else None
            if alias is not None and fold(name) not in self._open_aliases:
                self._open_aliases.append(fold(name))
                before, self._scope = self._scope, scope
                try:
                    return self.lower(alias)
                finally:
                    self._scope = before
                    self._open_aliases.pop()
        return None

    def _grouped(self, scope: Scope, typed: Typed, name: str) -> Typed:
        if scope.groups is None or scope.inside:
            return typed
        return scope.groups.bare(typed, name)

    def _named(self, node: exp.Column) -> tuple[Bound, Column] | None:
        for scope in self._scope.outward():
            found = scope.here(node.name, node.table or None)
            if found is not None:
                return found
        return None

    def _column(self, node: exp.Column) -> Typed:
        found = self._found(node)
        if found is not None:
            return found
        if node.table:
            raise Refused(f"there is no column {node.table}.{node.name}")
        return super()._column(node)
