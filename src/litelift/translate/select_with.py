"""WITH: common table expressions, recursive ones too ("The WITH Clause")."""

from __future__ import annotations

from dataclasses import replace

from litelift.postgres import types
from litelift.postgres.types import PgType
from litelift.sqlite.lexer import fold
from litelift.translate.select_names import Lowered
from litelift.translate.select_order import OrderClause
from litelift.translate.select_output import (
    type_of,
)
from litelift.translate.select_scope import Column, CommonTable
from litelift.translate.select_tree import Core, Query, tables_of
from litelift.translate.value import Refused, Typed, identifier


class WithClause(OrderClause):
    """Translates common table expressions."""

    def _common(self, common: CommonTable) -> list[Column]:
        if common.columns is not None:
            common.recursive = common.recursive or common.active
            return common.columns
        if common.active:
            raise Refused(f"{common.name} reads from itself before its first part")
        common.active = True
        names = common.names or None
        before, self._scope = self._scope, common.scope
        try:
            if fold(common.name) in {fold(name) for name in tables_of(common.query)}:
                lowered = self._recursive(common)
            else:
                lowered = self._query(common.query, common.scope, names=names)
        finally:
            self._scope = before
        common.columns = lowered.columns
        common.active = False
        listed = ", ".join(identifier(column.context.target) for column in lowered.columns)
        common.scope.made.append((common, f"{identifier(common.target)} ({listed}) AS ({lowered.sql})"))
        return lowered.columns

    def _recursive(self, common: CommonTable) -> Lowered:
        """The first part gives the columns; the last one, alone, reads from the table itself ("The WITH Clause")."""
        query = common.query
        selves = [_reads(core, common.name) for core in query.cores]
        if len(query.cores) < 2 or selves != [False] * (len(selves) - 1) + [True]:
            raise Refused(f"{common.name} reads from itself in other than its last part")
        if query.operators[-1] not in ("UNION", "UNION ALL") or query.order or query.limit is not None:
            raise Refused(f"{common.name} reads from itself with ORDER BY or LIMIT")
        start = Query(query.cores[:-1], query.operators[:-1])
        names = common.names or None
        lowered = self._query(start, common.scope, names=names)
        for _ in range(2):
            forced = [_widest(column.context.type) for column in lowered.columns]
            lowered = self._query(start, common.scope, forced=forced, names=names)
            common.columns = [replace(c, computed=True, inexact=c.inexact) for c in lowered.columns]
            common.recursive = True
            arm = self._arm(query.cores[-1], common.scope)
            if len(arm.results) != len(forced):
                raise Refused("the SELECTs of a compound have unlike numbers of columns")
            wider = [_wider(type_, result.typed) for type_, result in zip(forced, arm.results, strict=True)]
            if wider == forced:
                break
            lowered = replace(
                lowered,
                columns=[
                    replace(c, context=replace(c.context, type=type_))
                    for c, type_ in zip(lowered.columns, wider, strict=True)
                ],
            )
            lowered = self._query(start, common.scope, forced=wider, names=names)
        else:
            raise Refused(f"{common.name} gives values of unlike types")
        step = arm.sql([column.context.target for column in lowered.columns], forced)
        first = f"({lowered.sql})" if len(start.cores) > 1 else lowered.sql
        inexact = [one.inexact or two.inexact for one, two in zip(lowered.columns, arm.results, strict=True)]
        columns = [replace(c, inexact=i, computed=True) for c, i in zip(lowered.columns, inexact, strict=True)]
        return Lowered(f"{first} {query.operators[-1]} {step}", columns)


def _reads(core: Core, name: str) -> bool:
    return fold(name) in {fold(table) for table in tables_of(Query([core]))}


def _widest(type_: PgType) -> PgType:
    """The type of a recursive table's column: PostgreSQL wants the same in both parts, without lengths."""
    if type_.base in ("int2", "int4"):
        return types.BIGINT
    return (
        types.TEXT if type_.base in ("varchar", "bpchar") else replace(type_, length=None, precision=None, scale=None)
    )


def _wider(type_: PgType, typed: Typed) -> PgType:
    found = _widest(type_of(typed)) if typed.kind != "null" else type_
    if found == type_:
        return type_
    numbers = [types.BIGINT, types.NUMERIC, types.DOUBLE]
    if found in numbers and type_ in numbers:
        return max(found, type_, key=numbers.index)
    raise Refused(f"a recursive table's column is {type_.display} first, and then {found.display}")
