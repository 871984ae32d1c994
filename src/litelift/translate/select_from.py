"""FROM of a SELECT: tables, subqueries, joins, and functions that give rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from litelift.postgres import types
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Affinity
from litelift.translate.compare import compare
from litelift.translate.convert import as_text, truth
from litelift.translate.select_calls import SelectCalls
from litelift.translate.select_groups import Facts
from litelift.translate.select_scope import Bound, Column, CommonTable, Scope
from litelift.translate.select_tree import Join
from litelift.translate.select_tree import Source as SourceTree
from litelift.translate.unify import unify
from litelift.translate.value import ColumnContext, Refused, Typed, identifier

Relations = Callable[[str], tuple[str, Bound] | None]
"""Gives a relation's SQL name and what it looks like, by its SQLite name."""


class FromClause(SelectCalls):
    """Translates FROM."""

    _relation: Relations

    @abstractmethod
    def _common(self, common: CommonTable) -> list[Column]:
        """The columns of a common table expression, which is translated when it is first read from."""

    def _joined(self, joins: list[Join], scope: Scope, facts: Facts) -> str:
        words = ""
        begin = len(scope.sources)
        for join in joins:
            left = scope.sources[begin:]
            middle = len(scope.sources)
            text = self._source(join.source, scope, facts)
            if not words:
                words = text
                continue
            right = scope.sources[middle:]
            shared = join.using or (_shared(left, right) if join.natural else [])
            conditions = [self._merge(name, join.operator, left, right, scope, facts) for name in shared]
            if join.on is not None:
                self._facts(join, right, facts)
                conditions.append(truth(self.lower(join.on)))
            if join.operator == "FULL" and not _hashable(join, conditions):
                raise Refused("a FULL JOIN on other than equal columns")
            if not conditions and join.operator in ("CROSS", "INNER"):
                words += f" CROSS JOIN {text}"
                continue
            kind = {"LEFT": "LEFT JOIN", "RIGHT": "RIGHT JOIN", "FULL": "FULL JOIN"}.get(join.operator, "JOIN")
            on = " AND ".join(f"({c})" for c in conditions) if len(conditions) > 1 else "".join(conditions) or "true"
            words += f" {kind} {text} ON {on}"
        return words

    def _facts(self, join: Join, right: list[Bound], facts: Facts) -> None:
        if join.operator in ("CROSS", "INNER"):
            facts.add(join.on, self._bare_column)
        elif join.operator == "LEFT" and len(right) == 1:
            facts.add_outer(right[0], join.on, self._bare_column)

    def _merge(
        self, name: str, operator: str, left: list[Bound], right: list[Bound], scope: Scope, facts: Facts
    ) -> str:
        """One column of USING or NATURAL: its condition; afterwards its name means both."""
        first = next(((b, c) for b in left for c in b.columns if fold(c.name) == fold(name)), None)
        second = next(((b, c) for b in right for c in b.columns if fold(c.name) == fold(name)), None)
        if first is None or second is None:
            raise Refused(f"there is no column {name} on both sides of a join")
        before = scope.merged.get(fold(name)) or first[0].typed(first[1])
        after = second[0].typed(second[1])
        second[0].hidden.add(fold(name))
        if operator in ("RIGHT", "FULL"):
            made = unify([before, after])
            scope.merged[fold(name)] = made.typed(f"coalesce({', '.join(made.sql)})", atomic=True)
        elif fold(name) not in scope.merged:
            scope.merged[fold(name)] = before
        if operator in ("CROSS", "INNER"):
            facts.equal.append((before.sql, after.sql))
        return compare("=", before, after).sql

    def _source(self, tree: SourceTree, scope: Scope, facts: Facts) -> str:
        if tree.joins:
            if tree.alias is not None:
                raise Refused("joins in parentheses with a name of their own")
            return f"({self._joined(tree.joins, scope, facts)})"
        if tree.query is not None:
            # A subquery in FROM sees what is around the SELECT, not the sources beside it.
            assert scope.parent is not None
            lowered = self._query(tree.query, scope.parent)
            target = scope.free_name(tree.alias or "q")
            scope.sources.append(Bound(tree.alias or "", target, lowered.columns, ordered=lowered.ordered))
            return f"({lowered.sql}) AS {identifier(target)}"
        if tree.function is not None:
            return self._members(tree, scope)
        assert tree.table is not None
        alias = tree.alias or tree.table
        target = scope.free_name(alias)
        common = scope.common(tree.table)
        if common is not None:
            columns = self._common(common)
            scope.sources.append(Bound(alias, target, columns, ordered=True))
            return f"{identifier(common.target)} AS {identifier(target)}"
        found = self._relation(tree.table)
        if found is None:
            raise Refused(f"{tree.table} is not there")
        words, bound = found
        scope.sources.append(replace(bound, alias=alias, target=target, hidden=set()))
        return f"{words} AS {identifier(target)}"

    def _members(self, tree: SourceTree, scope: Scope) -> str:
        """json_each() in FROM; its arguments see the sources before it ("JSON Functions", section 4.23)."""
        if tree.function != "json_each" or not 1 <= len(tree.arguments) <= 2:
            raise Refused(f"the table-valued function {tree.function}()")
        arguments = [self.lower(node) for node in tree.arguments]
        if arguments[0].kind not in ("text", "json", "jsonvalue", "jsontext"):
            raise Refused(f"json_each() of a {arguments[0].kind}")
        document = f"{arguments[0].operand}::json"
        if len(arguments) > 1:
            document = f"{self._need('json_at')}({document}, {as_text(arguments[1], 'json_each()')})"
        self._need("json_shown")
        target = scope.free_name(tree.alias or "json_each")
        columns = [
            Column("key", ColumnContext("key", types.TEXT, affinity=Affinity.BLOB)),
            Column("value", ColumnContext("value", types.PgType("json")), member=True),
            Column("type", ColumnContext("type", types.TEXT), computed=True),
            Column("atom", ColumnContext("atom", types.PgType("json")), member=True),
        ]
        scope.sources.append(Bound(tree.alias or "json_each", target, columns, ordered=True))
        return f"LATERAL {self._need('json_each')}({document}) AS {identifier(target)}"

    def _bare_column(self, node: exp.Column) -> Typed:
        with self._ungrouped():
            return self._column(node)


def _shared(left: list[Bound], right: list[Bound]) -> list[str]:
    names = {fold(column.name) for bound in left for column in bound.columns if not column.hidden}
    shown = [column for bound in right for column in bound.columns if not column.hidden]
    return [column.name for column in shown if fold(column.name) in names]


def _hashable(join: Join, conditions: list[str]) -> bool:
    if join.on is None:
        return bool(conditions)
    return (
        all(isinstance(part, exp.EQ) for part in join.on.flatten())
        if isinstance(join.on, exp.And)
        else isinstance(join.on, exp.EQ)
    )
