"""One SELECT between the operators of a compound: its result columns, groups and rows of VALUES."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from litelift.postgres.types import PgType
from litelift.sqlite.lexer import fold
from litelift.translate.convert import truth
from litelift.translate.parse import Node
from litelift.translate.select_aggregates import AGGREGATED, is_aggregate
from litelift.translate.select_from import FromClause
from litelift.translate.select_groups import Facts
from litelift.translate.select_output import (
    Result,
    cast,
    collated,
    common_results,
    comparable,
    is_inexact,
    plain,
    type_of,
)
from litelift.translate.select_scope import Groups, Scope
from litelift.translate.select_tree import Core, Item, nodes_of
from litelift.translate.value import Refused, Typed, identifier


class Arm:
    """One translated SELECT before its columns got their types and names."""

    def __init__(self, results: list[Result], head: str, tail: str, scope: Scope, core: Core, grouped: bool) -> None:
        """``head`` is SELECT or SELECT DISTINCT, ``tail`` all from FROM to HAVING."""
        self.results = results
        self.head = head
        self.tail = tail
        self.scope = scope
        self.core = core
        self.grouped = grouped
        self.nodes: list[Node | None] = []
        self.written: list[str] | None = None

    def sql(self, names: list[str], types_: list[PgType]) -> str:
        """The whole, with its columns under ``names``, or with those that were ``written`` for an INSERT."""
        if self.written is not None:
            return f"{self.head} {', '.join(self.written)}{self.tail}"
        shown = []
        for result, name, type_ in zip(self.results, names, types_, strict=True):
            words = cast(result.typed, type_)
            shown.append(words if words.endswith(f".{identifier(name)}") else f"{words} AS {identifier(name)}")
        return f"{self.head} {', '.join(shown)}{self.tail}"


class SelectCore(FromClause):
    """Translates one SELECT, or VALUES."""

    def _arm(self, core: Core, holder: Scope) -> Arm:
        scope = Scope(holder)
        before, self._scope = self._scope, scope
        try:
            if core.rows:
                return self._values(core, scope)
            facts = Facts()
            tail = f" FROM {self._joined(core.joins, scope, facts)}" if core.joins else ""
            scope.windows = core.windows
            items = self._items(core, scope)
            for item in items:
                if item.alias is not None and item.node is not None:
                    scope.aliases.setdefault(fold(item.alias), item.node)
                    item.node.meta["alias"] = item.alias
            if core.where is not None:
                facts.add(core.where, self._bare_column)
                tail += f" WHERE {truth(self.lower(core.where))}"
            return self._grouped_arm(core, scope, items, tail, facts)
        finally:
            self._scope = before

    def _grouped_arm(self, core: Core, scope: Scope, items: list[Item], tail: str, facts: Facts) -> Arm:
        nodes = [item.node for item in items] + [core.having]
        calls = [part for node in nodes for part in nodes_of(node) if is_aggregate(part)]
        grouped = bool(core.group or calls or core.having is not None)
        terms = []
        for node in core.group:
            typed = comparable(plain(self._group_term(node, items)), "GROUP BY")
            if not typed.constant:
                terms.append(typed.sql)
        if core.group and not terms:
            raise Refused("GROUP BY of a literal")
        if grouped:
            extremes = [c for c in calls if c.name in ("min", "max")]
            extreme = self._extreme_order(extremes[0]) if len(extremes) == 1 else None
            direct, determined = facts.determined(frozenset(terms), scope.sources)
            scope.groups = Groups(frozenset(terms), direct, determined, extreme)
        if terms:
            tail += f" GROUP BY {', '.join(terms)}"
        if core.having is not None:
            tail += f" HAVING {truth(self.lower(core.having))}"
        results = [self._result(item) for item in items]
        if grouped and not terms and core.having is None and not any(AGGREGATED.search(r.typed.sql) for r in results):
            # All aggregates turned out to be constant; it still is one row.
            tail += " HAVING true"
        if core.distinct:
            for result in results:
                comparable(result.typed, "DISTINCT")
        arm = Arm(results, "SELECT DISTINCT" if core.distinct else "SELECT", tail, scope, core, grouped)
        arm.nodes = [item.node for item in items]
        return arm

    def _group_term(self, node: Node, items: list[Item]) -> Typed:
        if isinstance(node, exp.Literal) and not node.is_string:
            place = self._whole_number(node, "GROUP BY") - 1
            if not 0 <= place < len(items):
                raise Refused(f"there is no column {place + 1} to group by")
            found = items[place].node
            assert found is not None
            return self.lower(found)
        return self.lower(node)

    def _extreme_order(self, call: Node) -> str | None:
        if "distinct" in call.meta or "filter" in call.meta:
            return None
        typed = plain(self.lower(call.expressions[0]))
        if typed.constant:
            return None
        words = f"{collated(typed, call.name)} {'DESC' if call.name == 'max' else 'ASC'} NULLS LAST"
        return ", ".join([words, *self._by_rowid()])

    def _items(self, core: Core, scope: Scope) -> list[Item]:
        """The result columns, with each star as the columns that it stands for."""
        items: list[Item] = []
        for item in core.items:
            if not item.star:
                items.append(item)
                continue
            sources = [b for b in scope.sources if item.table is None or fold(b.alias) == fold(item.table)]
            if not sources:
                raise Refused(f"there is no table {item.table}")
            for bound in sources:
                if any(column.member for column in bound.columns):
                    raise Refused(f"every column of {bound.alias}")
                for column in bound.columns:
                    if column.hidden or (item.table is None and fold(column.name) in bound.hidden):
                        continue
                    merged = item.table is None and fold(column.name) in scope.merged
                    table = None if merged else exp.Identifier(this=bound.alias)
                    node = exp.Column(this=exp.Identifier(this=column.name), table=table)
                    if not merged:
                        node.meta["bound"] = (bound, column)
                    items.append(Item(node))
        return items

    def _found(self, node: exp.Column) -> Typed | None:
        exact = node.meta.get("bound")
        if exact is None:
            return super()._found(node)
        bound, column = exact
        owner = next(s for s in self._scope.outward() if any(b is bound for b in s.sources))
        return self._grouped(owner, bound.typed(column), column.name)

    def _result(self, item: Item) -> Result:
        node = item.node
        assert node is not None
        typed = plain(self.lower(node))
        name, inexact = item.alias, is_inexact(typed)
        if isinstance(node, exp.Column):
            found = node.meta.get("bound") or self._named(node)
            if found is not None:
                name = name or found[1].name
                inexact = found[1].inexact
            name = name or node.name
        elif inexact is False and typed.kind in ("real", "numeric") and not typed.constant:
            inexact = True
        if name is None:
            start, end = node.meta["span"]
            name = self._sql[start:end].strip()
        return Result(name, typed, inexact)

    def _values(self, core: Core, scope: Scope) -> Arm:
        rows = [
            [Result(f"column{place + 1}", plain(self.lower(node))) for place, node in enumerate(row)]
            for row in core.rows
        ]
        rows = common_results(rows)
        kinds = [
            type_of(next((r for r in c if r.kind != "null"), c[0]))
            for c in ([row[i].typed for row in rows] for i in range(len(rows[0])))
        ]
        shown = ", ".join(
            "(" + ", ".join(cast(result.typed, kind) for result, kind in zip(row, kinds, strict=True)) + ")"
            for row in rows
        )
        names = [f"column{place + 1}" for place in range(len(kinds))]
        results = [
            Result(
                name,
                replace(
                    result.typed,
                    sql=f'"v"."{name}"',
                    constant=False,
                    value=None,
                    type=kind,
                    atomic=True,
                    kind="text" if result.typed.kind == "null" else result.typed.kind,
                ),
            )
            for name, result, kind in zip(names, rows[0], kinds, strict=True)
        ]
        listed = ", ".join(f'"{name}"' for name in names)
        arm = Arm(results, "SELECT", f' FROM (VALUES {shown}) AS "v" ({listed})', scope, core, False)
        arm.nodes = [None] * len(results)
        return arm

    def _whole_number(self, node: Node, use: str) -> int:
        typed = self.lower(node)
        if not typed.constant or not isinstance(typed.value, int):
            raise Refused(f"{use} with what is no whole number")
        return typed.value
