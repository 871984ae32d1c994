"""ORDER BY and LIMIT of a SELECT, and what decides between rows that are alike in the order."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.parse import Node
from litelift.translate.select_core import Arm, SelectCore
from litelift.translate.select_names import Lowered
from litelift.translate.select_output import (
    collated,
    ordering,
    plain,
)
from litelift.translate.select_scope import Column
from litelift.translate.select_tree import Order, Query
from litelift.translate.value import Refused, identifier


class OrderClause(SelectCore):
    """Translates ORDER BY and LIMIT."""

    def _limit(self, query: Query, first: bool) -> str:
        words = ""
        if query.limit is not None:
            limit = self._count(query.limit, "LIMIT")
            if isinstance(limit, str):
                # A negative LIMIT is none ("SELECT", section 5), as NULL is for PostgreSQL.
                limit = f"nullif(greatest({limit}, -1), -1)"
                words = f" LIMIT least({limit}, 1)" if first else f" LIMIT {limit}"
            else:
                words = f" LIMIT {min(limit, 1) if first else limit}" if limit >= 0 else (" LIMIT 1" if first else "")
        elif first:
            words = " LIMIT 1"
        if query.offset is not None:
            offset = self._count(query.offset, "OFFSET")
            if isinstance(offset, str):
                words += f" OFFSET greatest({offset}, 0)"
            elif offset > 0:
                words += f" OFFSET {offset}"
        return words

    def _count(self, node: Node, use: str) -> int | str:
        """A number, or the SQL of one."""
        typed = self.lower(node)
        if typed.constant or typed.kind != "int":
            return self._whole_number(node, use)
        return typed.operand

    def _simple(self, arm: Arm, columns: list[Column], query: Query, limit: str, first: bool) -> Lowered:
        targets = [column.context.target for column in columns]
        kinds = [column.context.type for column in columns]
        single = arm.grouped and not arm.core.group
        if single:
            return Lowered(arm.sql(targets, kinds) + ("" if limit == " LIMIT 1" else limit), columns, single=True)
        if arm.core.distinct:
            return self._wrapped(arm.sql(targets, kinds), columns, [arm], query.order, limit)
        before, self._scope = self._scope, arm.scope
        try:
            terms = []
            for term in query.order:
                place = self._place(term.node, arm)
                typed = plain(self.lower(term.node)) if place is None else arm.results[place].typed
                if not typed.constant:
                    terms.append(ordering(collated(typed, "an order"), term.descending, term.nulls))
            if limit:
                terms += self._ties(arm, bool(terms), first)
        finally:
            self._scope = before
        ordered = bool(terms) or (len(arm.scope.sources) == 1 and arm.scope.sources[0].ordered)
        order = f" ORDER BY {', '.join(terms)}" if terms else ""
        return Lowered(f"{arm.sql(targets, kinds)}{order}{limit}", columns, ordered=ordered)

    def _ties(self, arm: Arm, ordered: bool, first: bool) -> list[str]:
        """What decides between rows that are alike in the order: their place in the table, as in SQLite."""
        sources = arm.scope.sources
        if arm.grouped or not sources:
            if ordered or first or not sources:
                return []
            raise Refused("LIMIT without ORDER BY takes arbitrary groups")
        by_rowid = self._by_rowid()
        if by_rowid or ordered or first or (len(sources) == 1 and sources[0].ordered):
            return by_rowid
        raise Refused("LIMIT without ORDER BY takes arbitrary rows")

    def _place(self, node: Node, arm: Arm) -> int | None:
        """Which result column a term of an ORDER BY is, by its number or its alias; None for an expression."""
        if isinstance(node, exp.Literal) and not node.is_string:
            place = self._whole_number(node, "ORDER BY") - 1
            if not 0 <= place < len(arm.results):
                raise Refused(f"there is no column {place + 1} to order by")
            return place
        if isinstance(node, exp.Column) and not node.table:
            for place, item in enumerate(arm.nodes):
                if item is not None and fold(str(item.meta.get("alias", "\0"))) == fold(node.name):
                    return place
        return None

    def _wrapped(self, sql: str, columns: list[Column], arms: list[Arm], order: list[Order], limit: str) -> Lowered:
        """A DISTINCT or a compound: PostgreSQL orders those by result columns only, so the order goes around it."""
        terms = []
        for term in order:
            place = next((p for arm in arms if (p := self._result_place(term.node, arm)) is not None), None)
            if place is None:
                raise Refused("DISTINCT or a compound is ordered by what is no result column")
            target = columns[place].context.target
            typed = replace(arms[0].results[place].typed, sql=f'"q".{identifier(target)}', atomic=True)
            collate = next((n for n in (term.node,) if isinstance(n, exp.Collate)), None)
            if collate is not None:
                typed = replace(typed, collation=collate.expression.name.upper())
            terms.append(ordering(collated(typed, "an order"), term.descending, term.nulls))
        if limit and not terms:
            raise Refused("LIMIT without ORDER BY takes arbitrary rows")
        if not terms:
            return Lowered(f"{sql}{limit}", columns)
        return Lowered(f'SELECT * FROM ({sql}) AS "q" ORDER BY {", ".join(terms)}{limit}', columns, ordered=True)  # noqa: S608

    def _result_place(self, node: Node, arm: Arm) -> int | None:
        if isinstance(node, exp.Collate):
            node = node.this
        place = self._place(node, arm)
        if place is not None:
            return place
        if isinstance(node, exp.Column) and not node.table:
            for number, result in enumerate(arm.results):
                if fold(result.name) == fold(node.name):
                    return number
        before, self._scope = self._scope, arm.scope
        try:
            words = plain(self.lower(node)).sql
        except Refused:
            return None
        finally:
            self._scope = before
        return next((number for number, result in enumerate(arm.results) if result.typed.sql == words), None)
