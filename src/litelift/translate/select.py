"""A SELECT of SQLite in PostgreSQL's SQL, type-aware: sources, joins, groups, compounds, orders, limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from litelift.plan.names import Namer
from litelift.postgres import types
from litelift.postgres.types import PgType
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Affinity
from litelift.translate.compare import compare
from litelift.translate.convert import as_text, truth
from litelift.translate.parse import Node
from litelift.translate.select_aggregates import AGGREGATED, is_aggregate
from litelift.translate.select_expression import Lowered, SelectExpressions
from litelift.translate.select_groups import Facts
from litelift.translate.select_output import (
    Result,
    cast,
    collated,
    common_results,
    comparable,
    context_of,
    is_computed,
    is_inexact,
    ordering,
    plain,
    type_of,
)
from litelift.translate.select_scope import Bound, Column, CommonTable, Groups, Scope
from litelift.translate.select_tree import Core, Item, Join, Order, Query, nodes_of, tables_of
from litelift.translate.select_tree import Source as SourceTree
from litelift.translate.unify import unify
from litelift.translate.value import ColumnContext, Refused, Typed, identifier

Relations = Callable[[str], tuple[str, Bound] | None]


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

    def sql(self, names: list[str], types_: list[PgType]) -> str:
        """The whole, with its columns under ``names``."""
        shown = []
        for result, name, type_ in zip(self.results, names, types_, strict=True):
            words = cast(result.typed, type_)
            shown.append(words if words.endswith(f".{identifier(name)}") else f"{words} AS {identifier(name)}")
        return f"{self.head} {', '.join(shown)}{self.tail}"


class SelectLowering(SelectExpressions):
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
            lowered = self._body(query, holder, first, forced, names)
        finally:
            self._scope = before
        if holder.made:
            recursive = "RECURSIVE " if any(common.recursive for common, _ in holder.made) else ""
            words = ", ".join(text for _, text in holder.made)
            return replace(lowered, sql=f"WITH {recursive}{words} {lowered.sql}")
        return lowered

    def _body(
        self, query: Query, holder: Scope, first: bool, forced: list[PgType] | None, names: list[str] | None
    ) -> Lowered:
        arms = [self._arm(core, holder) for core in query.cores]
        if len(arms) > 1:
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

    # ------------------------------------------------------------------ order and limit

    def _limit(self, query: Query, first: bool) -> str:
        words = ""
        if query.limit is not None:
            limit = self._whole_number(query.limit, "LIMIT")
            words = f" LIMIT {min(limit, 1) if first else limit}" if limit >= 0 else (" LIMIT 1" if first else "")
        elif first:
            words = " LIMIT 1"
        if query.offset is not None:
            offset = self._whole_number(query.offset, "OFFSET")
            if offset > 0:
                words += f" OFFSET {offset}"
        return words

    def _whole_number(self, node: Node, use: str) -> int:
        typed = self.lower(node)
        if not typed.constant or not isinstance(typed.value, int):
            raise Refused(f"{use} with what is no whole number")
        return typed.value

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

    # ------------------------------------------------------------------ one SELECT

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

    def _bare_column(self, node: exp.Column) -> Typed:
        with self._ungrouped():
            return self._column(node)

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
                    if item.table is None and fold(column.name) in bound.hidden:
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

    def _named(self, node: exp.Column) -> tuple[Bound, Column] | None:
        for scope in self._scope.outward():
            found = scope.here(node.name, node.table or None)
            if found is not None:
                return found
        return None

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

    # ------------------------------------------------------------------ FROM

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

    # ------------------------------------------------------------------ WITH

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


def _unlike(name: str, taken: set[str]) -> str:
    """The name that SQLite gives a second column of that name."""
    number, given = 0, name
    while fold(given) in taken:
        number += 1
        given = f"{name}:{number}"
    return given


def _shared(left: list[Bound], right: list[Bound]) -> list[str]:
    names = {fold(column.name) for bound in left for column in bound.columns}
    return [column.name for bound in right for column in bound.columns if fold(column.name) in names]


def _hashable(join: Join, conditions: list[str]) -> bool:
    if join.on is None:
        return bool(conditions)
    return (
        all(isinstance(part, exp.EQ) for part in join.on.flatten())
        if isinstance(join.on, exp.And)
        else isinstance(join.on, exp.EQ)
    )


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
