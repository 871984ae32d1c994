"""Expressions and queries inside a trigger: NEW, OLD, the tables of a statement, subqueries and aggregates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.convert import as_text, truth
from litelift.translate.expression import Lowering, column_of
from litelift.translate.parse import Node
from litelift.translate.relation import Relation, Relations
from litelift.translate.select_parse import EXISTS, IN_QUERY, SCALAR
from litelift.translate.select_tree import Core, Order, Query
from litelift.translate.trigger_parse import RAISE
from litelift.translate.value import NUMBERS, TIMES, Refused, Typed, identifier

_AGGREGATES = frozenset({"count", "sum", "total", "avg", "min", "max", "group_concat", "string_agg"})
_LAST_ROWID = "last_insert_rowid"


@dataclass(slots=True)
class Place:
    """A name that columns are reached by; ``words`` is the qualifier in PostgreSQL.

    ``bare`` allows the columns without it. ``hidden`` are columns that have no value there.
    """

    name: str
    words: str
    relation: Relation
    bare: bool = True
    hidden: frozenset[str] = frozenset()


@dataclass(slots=True)
class Scope:
    """The names of one query or statement. ``loose`` are the columns used outside of aggregates."""

    places: list[Place]
    loose: set[str] = field(default_factory=set)
    aggregates: int = 0


@dataclass(slots=True)
class Queried:
    """A query in PostgreSQL's SQL and what its columns are."""

    sql: str
    columns: list[Typed]


class TriggerLowering(Lowering):
    """The translation of the expressions of one trigger."""

    def __init__(self, sql: str, relations: Relations, server_version: int) -> None:
        """``sql`` is the trigger's, in which the nodes' spans are places.

        ``last_rowid`` is the SQL of what last_insert_rowid() gives at this point, and ``last_rowids_used`` those that
        were asked for; ``read`` are the folded names of the tables that queries read, and ``used`` the columns' SQL.
        """
        super().__init__(sql, {}, server_version, clock=True)
        self.relations = relations
        self.scopes: list[Scope] = []
        self.last_rowid: str | None = None
        self.last_rowids_used: set[str] = set()
        self.read: set[str] = set()
        self.used: set[str] = set()
        self._aliases = 0
        self._inside = 0

    # ------------------------------------------------------------------ names

    @contextmanager
    def scope(self, *places: Place) -> Iterator[Scope]:
        """Make the columns of these places known to the expressions that are translated inside."""
        made = Scope(list(places))
        before, inside = self._columns, self._inside
        self.scopes.append(made)
        self._inside = 0
        self._columns = dict(before)
        for place in places:
            if place.bare:
                self._columns |= {fold(name): context for name, context in place.relation.columns.items()}
        try:
            yield made
        finally:
            self.scopes.pop()
            self._columns, self._inside = before, inside

    def alias(self) -> str:
        """A name for a table that no other has, and no variable of PL/pgSQL."""
        self._aliases += 1
        return f"r{self._aliases}"

    def _column(self, node: exp.Column) -> Typed:
        qualifier = node.table
        for scope in reversed(self.scopes):
            found = [
                place
                for place in scope.places
                if (fold(place.name) == fold(qualifier) if qualifier else place.bare)
                and place.relation.find(node.name) is not None
            ]
            if len(found) > 1:
                raise Refused(f"the column {node.name} is in more than one table")
            if found:
                return self._shown(scope, found[0], node.name)
        if qualifier:
            raise Refused(f"there is no column {qualifier}.{node.name}")
        columns, self._columns = self._columns, {}
        try:
            return super()._column(node)
        finally:
            self._columns = columns

    def _shown(self, scope: Scope, place: Place, name: str) -> Typed:
        source = place.relation.find(name)
        if source in place.hidden:
            raise Refused(f"{place.words}.{name} is a generated column, which has no value yet")
        context = place.relation.column(name)
        words = f"{place.words}.{identifier(context.target)}"
        self.used.add(words)
        if scope is self.scopes[-1] and not self._inside:
            scope.loose.add(words)
        return column_of(context, words)

    # ------------------------------------------------------------------ expressions

    def lower(self, node: Node) -> Typed:
        """One part."""
        if isinstance(node, exp.Anonymous):
            name = node.name
            if name == RAISE:
                raise Refused("RAISE in the middle of an expression")
            if name in (SCALAR, EXISTS, IN_QUERY):
                return self._query_node(node)
            if name in _AGGREGATES and (len(node.expressions) < 2 or name in ("group_concat", "string_agg")):
                return self._aggregate(node)
            if name in ("json_object", "json_array"):
                return self._json(node)
            if name == _LAST_ROWID and not node.expressions:
                if self.last_rowid is None:
                    raise Refused("last_insert_rowid() of a row that the trigger does not know")
                self.last_rowids_used.add(self.last_rowid)
                return Typed(self.last_rowid, "int", atomic=True)
            if node.meta.keys() & {"star", "distinct", "filter", "over", "order"}:
                raise Refused(f"{name}() as a window function or with DISTINCT")
        return super().lower(node)

    def text(self, node: Node) -> str:
        """An expression as it is written in the trigger."""
        start, end = node.meta.get("span", (0, 0))
        return self._sql[start:end]

    def _json(self, node: exp.Anonymous) -> Typed:
        """json_object() and json_array(): the very text that SQLite makes, without spaces ("JSON Functions")."""
        parts = [self._json_part(part) for part in node.expressions]
        if node.name == "json_array":
            inside = " || ',' || ".join(parts)
            return Typed(f"'[' || {inside} || ']'" if parts else "'[]'::text", "text")
        if len(parts) % 2:
            raise Refused("json_object() with an odd number of arguments")
        for label in node.expressions[::2]:
            if not isinstance(self.lower(label).value, str):
                raise Refused("json_object() with a label that is no literal")
        pairs = [f"{label} || ':' || {value}" for label, value in zip(parts[::2], parts[1::2], strict=True)]
        inside = " || ',' || ".join(pairs)
        return Typed(f"'{{' || {inside} || '}}'" if parts else "'{}'::text", "text")

    def _json_part(self, node: Node) -> str:
        """One value as JSON, as an operand that is never NULL."""
        typed = self.lower(node)
        if isinstance(node, exp.Anonymous) and node.name in ("json_object", "json_array"):
            return typed.operand
        if typed.kind == "null" or (typed.constant and typed.value is None):
            return "'null'"
        if typed.kind in ("int", "bool"):
            return f"coalesce({as_text(typed, 'JSON')}, 'null')"
        if typed.kind == "numeric":
            return f"coalesce(trim_scale({typed.operand})::text, 'null')"
        if typed.kind == "real" and typed.constant:
            return as_text(typed, "JSON")
        if typed.kind == "text":
            return f"coalesce(to_json({as_text(typed, 'JSON')}::text)::text, 'null')"
        raise Refused(f"JSON made of a {typed.kind}")

    def condition(self, node: Node) -> str:
        """A condition, as a boolean."""
        return truth(self.lower(node))

    def _query_node(self, node: exp.Anonymous) -> Typed:
        query: Query = node.meta["query"]
        if node.name == EXISTS:
            return Typed(f"EXISTS ({self.query(query, exists=True).sql})", "bool", atomic=True)
        if node.name == SCALAR:
            made = self.query(query, one_row=True)
            (only,) = self._single(made)
            # What only holds inside of the subquery is left behind.
            return replace(
                only, sql=f"({made.sql})", atomic=True, constant=False, moment=None, number=None, hexadecimal=None
            )
        left = self.lower(node.expressions[0])
        made = self.query(query)
        (right,) = self._single(made)
        if left.constant or left.kind == "null":
            raise Refused("a literal is looked for in a subquery")
        if left.values != right.values or left.collation != right.collation:
            raise Refused("IN with a subquery of other values")
        numbers = {left.kind, right.kind} <= NUMBERS
        if not numbers and (left.kind != right.kind or left.kind in ("json", "jsonvalue", "jsontext", "other", "enum")):
            raise Refused(f"a {left.kind} is looked for in a subquery of {right.kind}")
        return Typed(f"{left.operand} IN ({made.sql})", "bool")

    def _single(self, made: Queried) -> list[Typed]:
        if len(made.columns) != 1:
            raise Refused("a subquery with more than one column")
        return made.columns

    def _aggregate(self, node: exp.Anonymous) -> Typed:
        if not self.scopes:
            raise Refused(f"{node.name}() outside a query")
        if node.meta.keys() & {"filter", "over", "order"}:
            raise Refused(f"{node.name}() as a window function")
        if self._inside:
            raise Refused("an aggregate inside of an aggregate")
        self.scopes[-1].aggregates += 1
        self._inside += 1
        try:
            arguments = [self.lower(part) for part in node.expressions]
        finally:
            self._inside -= 1
        return _aggregated(node.name, arguments, "DISTINCT " if node.meta.get("distinct") else "")

    # ------------------------------------------------------------------ queries

    def query(
        self,
        query: Query,
        exists: bool = False,
        one_row: bool = False,
        into: Callable[[int, Typed, str], str] | None = None,
    ) -> Queried:
        """A query of plain tables. ``exists`` leaves its columns out; ``one_row`` takes the first row alone.

        ``into`` makes the SQL of a column out of its number from 0, its translation, and its SQL in SQLite.
        """
        if query.commons or query.operators or len(query.cores) != 1 or query.cores[0].rows:
            raise Refused("a query with WITH, VALUES or set operations inside a trigger")
        core = query.cores[0]
        if core.windows:
            raise Refused("a query with a window")
        with self.rows(core) as (scope, words):
            where = f" WHERE {self.condition(core.where)}" if core.where is not None else ""
            scope.loose.clear()
            group = [self.lower(node).sql for node in core.group]
            scope.loose.clear()
            columns = self._items(core, exists)
            having = f" HAVING {self.condition(core.having)}" if core.having is not None else ""
            order = self._order(query.order, core, columns, scope)
            grouped = bool(group) or scope.aggregates > 0
            if grouped and scope.loose - set(group):
                raise Refused("a query shows a column that is neither grouped nor in an aggregate")
            if into is not None:
                texts = [self.text(item.node) if item.node is not None else "" for item in core.items]
                texts += [""] * len(columns)
                columns = [replace(c, sql=into(n, c, texts[n])) for n, c in enumerate(columns)]
        shown = ", ".join(column.sql for column in columns) or "1"
        sql = f"SELECT {'DISTINCT ' if core.distinct else ''}{shown}{words}{where}"
        if group:
            sql += f" GROUP BY {', '.join(group)}"
        sql += having + order + self._limit(query, one_row and not (grouped and not group))
        return Queried(sql, columns)

    @contextmanager
    def rows(self, core: Core) -> Iterator[tuple[Scope, str]]:
        """The names that FROM makes known, and FROM itself."""
        places: list[Place] = []
        words = ""
        for join in core.joins:
            if join.source.table is None or join.natural or join.using or join.operator in ("RIGHT", "FULL"):
                raise Refused("a query with a join or a subquery in FROM that triggers do not carry")
            relation = self.relations.get(join.source.table)
            self.read.add(fold(join.source.table))
            place = Place(join.source.alias or join.source.table, self.alias(), relation)
            places.append(place)
            table = f"{relation.sql} AS {place.words}"
            if not words:
                words = f" FROM {table}"
                continue
            with self.scope(*places):
                on = self.condition(join.on) if join.on is not None else None
            if join.operator == "LEFT":
                words += f" LEFT JOIN {table} ON {on or 'true'}"
            else:
                words += f" JOIN {table} ON {on}" if on else f" CROSS JOIN {table}"
        with self.scope(*places) as scope:
            yield scope, words

    def _items(self, core: Core, exists: bool) -> list[Typed]:
        if exists and not core.group and not any(_has_aggregate(item.node) for item in core.items):
            return []
        columns: list[Typed] = []
        for item in core.items:
            if item.star:
                for place in self.scopes[-1].places:
                    if item.table is None or fold(item.table) == fold(place.name):
                        columns += [self._shown(self.scopes[-1], place, name) for name in place.relation.columns]
                continue
            assert item.node is not None
            columns.append(self._typed_column(self.lower(item.node)))
        return columns

    def _typed_column(self, typed: Typed) -> Typed:
        """A literal in a query's column, with the type that it would not get by itself."""
        words = {"int": "bigint", "text": "text"}.get(typed.kind)
        if typed.constant and typed.value is not None and words:
            return replace(typed, sql=f"{typed.operand}::{words}", atomic=True)
        return typed

    def _order(self, order: Sequence[Order], core: Core, columns: list[Typed], scope: Scope) -> str:
        terms: list[str] = []
        aliases = {fold(item.alias): n for n, item in enumerate(core.items) if item.alias}
        for term in order:
            if isinstance(term.node, exp.Column) and not term.node.table and fold(term.node.name) in aliases:
                typed = columns[aliases[fold(term.node.name)]]
            elif isinstance(term.node, exp.Literal):
                raise Refused("ORDER BY the number of a column")
            else:
                typed = self.lower(term.node)
            if typed.kind in ("enum", "uuid", "json", "jsonvalue", "jsontext", "other") or typed.collation != "BINARY":
                raise Refused(f"ORDER BY a {typed.kind} or under a collation")
            words = f'{typed.operand} COLLATE "C"' if typed.kind == "text" else typed.sql
            nulls = term.nulls or ("LAST" if term.descending else "FIRST")
            terms.append(f"{words}{' DESC' if term.descending else ''} NULLS {nulls}")
        return f" ORDER BY {', '.join(terms)}" if terms else ""

    def _limit(self, query: Query, one_row: bool) -> str:
        words = ""
        for name, node in (("LIMIT", query.limit), ("OFFSET", query.offset)):
            if node is None:
                continue
            value = self.lower(node).value
            if not isinstance(value, int):
                raise Refused(f"{name} with what is no number")
            if value >= 0:
                words += f" {name} {value}"
        return words or (" LIMIT 1" if one_row else "")


def _has_aggregate(node: Node | None) -> bool:
    return node is not None and any(
        isinstance(part, exp.Anonymous) and part.name in _AGGREGATES and len(part.expressions) < 2
        for part in node.walk()
    )


def _aggregated(name: str, arguments: list[Typed], distinct: str) -> Typed:
    if name == "count":
        return Typed(f"count({distinct}{arguments[0].sql})" if arguments else "count(*)", "int", atomic=True)
    if not arguments:
        raise Refused(f"{name}() without an argument")
    typed = arguments[0]
    if name in ("group_concat", "string_agg"):
        separator = as_text(arguments[1], name) if len(arguments) > 1 else "','"
        return Typed(f"string_agg({distinct}{as_text(typed, name)}, {separator})", "text", atomic=True)
    if typed.values is not None:
        raise Refused(f"{name}() of values that the plan maps")
    if typed.kind == "bool":
        typed = Typed(f"{typed.operand}::int", "int")
    if name in ("min", "max"):
        if typed.kind not in NUMBERS | TIMES | {"text", "time"} or typed.collation != "BINARY":
            raise Refused(f"{name}() of a {typed.kind}")
        words = f'{typed.operand} COLLATE "C"' if typed.kind == "text" else typed.sql
        return Typed(f"{name}({words})", typed.kind, atomic=True, type=typed.type)
    if typed.kind not in NUMBERS:
        raise Refused(f"{name}() of a {typed.kind}")
    if name == "total":
        return Typed(f"coalesce(sum({distinct}{typed.operand}::double precision), 0)", "real", atomic=True)
    if name == "avg":
        return Typed(f"avg({distinct}{typed.operand}::double precision)", "real", atomic=True)
    suffix = "::bigint" if typed.kind == "int" else ""
    return Typed(f"sum({distinct}{typed.sql}){suffix}", typed.kind, atomic=True)
