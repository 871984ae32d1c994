"""A SELECT of SQLite in PostgreSQL's SQL, type-aware: sources, joins, groups, compounds, orders, limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from litelift.plan.names import Namer
from litelift.postgres.types import PgType
from litelift.sqlite.lexer import fold
from litelift.translate.select_core import Arm
from litelift.translate.select_from import Relations
from litelift.translate.select_names import Into, Lowered
from litelift.translate.select_output import (
    common_results,
    comparable,
    context_of,
    is_computed,
    type_of,
)
from litelift.translate.select_scope import Column, CommonTable, Scope
from litelift.translate.select_tree import Query
from litelift.translate.select_with import WithClause
from litelift.translate.value import Refused


class SelectLowering(WithClause):
    """Translates whole SELECTs. ``relation`` gives a relation's SQL name and what it looks like, by its SQLite name."""

    def __init__(
        self,
        sql: str,
        server_version: int,
        relation: Relations,
        name_of: Callable[[str], str] = lambda name: name,
    ) -> None:
        """``name_of`` turns SQLite's name of a result column into the wanted one."""
        super().__init__(sql, server_version)
        self._relation = relation
        self._name_of = name_of

    def whole_query(self, query: Query, names: list[str]) -> Lowered:
        """The outermost SELECT, its columns under ``names``. Raises Refused."""
        return self._query(query, Scope(), names=names)

    def _query(
        self,
        query: Query,
        parent: Scope,
        first: bool = False,
        forced: list[PgType] | None = None,
        names: list[str] | None = None,
        into: Into | None = None,
    ) -> Lowered:
        before = self._scope
        holder = Scope(parent)
        for common in query.commons:
            names_ = [fold(name) for name in common.columns]
            holder.commons[fold(common.name)] = CommonTable(
                common.name, common.columns, common.query, holder, holder.free_name(common.name)
            )
            if len(set(names_)) != len(names_):
                raise Refused(f"{common.name} has two columns of one name")
        self._scope = holder
        try:
            lowered = self._body(query, holder, first, forced, names, into)
        finally:
            self._scope = before
        if holder.made:
            recursive = "RECURSIVE " if any(common.recursive for common, _ in holder.made) else ""
            words = ", ".join(text for _, text in holder.made)
            return replace(lowered, sql=f"WITH {recursive}{words} {lowered.sql}")
        return lowered

    def _body(
        self,
        query: Query,
        holder: Scope,
        first: bool,
        forced: list[PgType] | None,
        names: list[str] | None,
        into: Into | None,
    ) -> Lowered:
        arms = [self._arm(core, holder) for core in query.cores]
        if into is not None:
            self._write(arms, into)
        elif len(arms) > 1:
            for arm, results in zip(arms, common_results([arm.results for arm in arms]), strict=True):
                arm.results = results
        columns = self._result_columns(arms, forced, names)
        targets = [column.context.target for column in columns]
        kinds = [column.context.type for column in columns]
        limit = self._limit(query, first)
        if len(arms) == 1:
            return self._simple(arms[0], columns, query, limit, first)
        sql = arms[0].sql(targets, kinds)
        for place, (operator, arm) in enumerate(zip(query.operators, arms[1:], strict=True)):
            if operator != "UNION ALL":
                for result in (*arms[0].results, *arm.results):
                    comparable(result.typed, operator)
            # In SQLite all operators have one rank, and are applied from left to right.
            left = f"({sql})" if place and query.operators[place - 1] != operator else sql
            sql = f"{left} {operator} {arm.sql(targets, kinds)}"
        return self._wrapped(sql, columns, arms, query.order, limit)

    def _write(self, arms: list[Arm], into: Into) -> None:
        """Make of every column what an INSERT stores."""
        for arm in arms:
            before, self._scope = self._scope, arm.scope
            arm.written = []
            for place, (result, node) in enumerate(zip(arm.results, arm.nodes, strict=True)):
                start, end = node.meta.get("span", (0, 0)) if node is not None else (0, 0)
                arm.written.append(into(place, result.typed, self._sql[start:end]))
            self._scope = before

    def _result_columns(self, arms: list[Arm], forced: list[PgType] | None, names: list[str] | None) -> list[Column]:
        namer = Namer()
        taken: set[str] = set()
        columns = []
        results = arms[0].results
        if names is not None and len(names) != len(results):
            raise Refused("the names of the columns are not as many as the columns")
        for place, result in enumerate(results):
            name = names[place] if names is not None else _unlike(result.name, taken)
            taken.add(fold(name))
            type_ = forced[place] if forced is not None else type_of(result.typed)
            column = [arm.results[place] for arm in arms]
            columns.append(
                Column(
                    name,
                    context_of(result.typed, namer.name(self._name_of(name)), type_),
                    computed=is_computed(result.typed),
                    inexact=any(one.inexact for one in column),
                )
            )
        return columns


def _unlike(name: str, taken: set[str]) -> str:
    """The name that SQLite gives a second column of that name."""
    number, given = 0, name
    while fold(given) in taken:
        number += 1
        given = f"{name}:{number}"
    return given
