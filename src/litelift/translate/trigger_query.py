"""Expressions and queries inside a trigger: those of a SELECT, with NEW and OLD, RAISE, and JSON as the very text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeGuard

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.compare import compare
from litelift.translate.convert import as_text, truth
from litelift.translate.parse import Node
from litelift.translate.relation import Relation, Relations
from litelift.translate.select import SelectLowering
from litelift.translate.select_groups import Facts
from litelift.translate.select_names import Into, Lowered
from litelift.translate.select_output import plain
from litelift.translate.select_parse import SCALAR
from litelift.translate.select_scope import Bound, Scope
from litelift.translate.select_tree import Join, Query
from litelift.translate.trigger_store import shown, stored
from litelift.translate.trigger_tree import RAISE, Raise
from litelift.translate.value import Refused, Typed, literal

_LAST_ROWID = "last_insert_rowid"
_JSON = frozenset({"json_object", "json_array"})
_PLAIN = re.compile(r"[\w .-]*", re.ASCII)
_JSON_GROUPS = frozenset({"json_group_array", "json_group_object"})


class TriggerLowering(SelectLowering):
    """The translation of the expressions and queries of one trigger."""

    def __init__(self, sql: str, relations: Relations, server_version: int) -> None:
        """``sql`` is the trigger's, in which the nodes' spans are places.

        ``last_rowid`` is the SQL of what last_insert_rowid() gives at this point, and ``last_rowids_used`` those that
        were asked for; ``read`` are the folded names of the tables that queries read, ``named`` those that are written
        too, ``used`` the columns' SQL, ``raises`` counts the RAISEs in the middle of expressions, and ``remarks`` say
        what differs.
        """
        super().__init__(sql, server_version, self._read)
        self.relations = relations
        self.last_rowid: str | None = None
        self.last_rowids_used: set[str] = set()
        self.read: set[str] = set()
        self.named: set[str] = set()
        self.used: set[str] = set()
        self.raises = 0
        self.remarks: list[str] = []

    def remark(self, words: str) -> None:
        """Keep a difference to be told, once."""
        if words not in self.remarks:
            self.remarks.append(words)

    # ------------------------------------------------------------------ names

    def _read(self, table: str) -> tuple[str, Bound]:
        relation = self.relations.get(table)
        self.read.add(fold(table))
        self.named.add(fold(table))
        return relation.sql, Bound.of(table, relation)

    def written(self, table: str) -> tuple[Relation, Bound]:
        """The table that a statement writes, under a name that hides none around it."""
        relation = self.relations.get(table)
        self.named.add(fold(table))
        target = self._scope.free_name(table if fold(table) != "excluded" else "q")
        return relation, replace(Bound.of(table, relation), target=target)

    @contextmanager
    def scope(self, *bounds: Bound) -> Iterator[Scope]:
        """Make the columns of these known to what is translated inside."""
        before = self._scope
        self._scope = Scope(before, list(bounds))
        try:
            yield self._scope
        finally:
            self._scope = before

    def _found(self, node: exp.Column) -> Typed | None:
        found = super()._found(node)
        if found is not None:
            self.used.add(found.sql)
        return found

    # ------------------------------------------------------------------ what statements need

    def joined(self, joins: Sequence[Join], scope: Scope) -> str:
        """FROM of an UPDATE."""
        return self._joined(list(joins), scope, Facts())

    def query(self, query: Query, into: Into | None = None) -> Lowered:
        """A whole query; ``into`` makes of each column what is stored."""
        return self._query(query, self._scope, into=into)

    def condition(self, node: Node) -> str:
        """A condition, as a boolean."""
        return truth(self.lower(node))

    def stored(self, node: Node, relation: Relation, name: str) -> str:
        """An expression as the value that a column takes."""
        if _is_raise(node):
            return f"({self.lower(node).sql})::{relation.column(name).type.sql().as_string()}"
        start, end = node.meta.get("span", (0, 0))
        return self.into(plain(self.lower(node)), relation, name, self._sql[start:end])

    def into(self, typed: Typed, relation: Relation, name: str, text: str) -> str:
        """What is translated already, as the value that a column takes; ``text`` is its SQL in SQLite."""
        words = stored(typed, relation.column(name), text, self.remark, self._text)
        rounded_up = relation.edges.get(relation.find(name) or name)
        if rounded_up is None:
            return words
        return f"{self._need('rtree_bound')}({words}, {'true' if rounded_up else 'false'})"

    def _text(self, typed: Typed, use: str) -> str:
        try:
            return super()._text(typed, use)
        except Refused:
            if typed.values is not None:
                raise
            return shown(typed, use, self.remark)

    # ------------------------------------------------------------------ RAISE

    def _raised(self, node: Node) -> str:
        raised: Raise = node.meta["raise"]
        if raised.action == "IGNORE":
            raise Refused("RAISE(IGNORE) in the middle of an expression")
        self.raises += 1
        return f"{self._need('raised')}({self.message(raised)})"

    def message(self, raised: Raise) -> str:
        """The message of a RAISE other than IGNORE, as text."""
        if raised.action == "FAIL":
            self.remark("RAISE(FAIL) undoes the whole statement in PostgreSQL, also the rows changed before")
        assert raised.message is not None
        words = as_text(plain(self.lower(raised.message)), "RAISE")
        if words.startswith("NULL"):
            return "''"
        return words if words.startswith(("'", "E'")) else f"coalesce({words}, '')"

    def _case(self, node: exp.Case) -> Typed:
        default = node.args.get("default")
        if not _is_raise(default) and not any(_is_raise(part.args["true"]) for part in node.args["ifs"]):
            return super()._case(node)
        base = self.lower(node.this) if node.this is not None else None
        conditions: list[str] = []
        results: list[Typed] = []
        for part in node.args["ifs"]:
            condition = truth(self.lower(part.this)) if base is None else compare("=", base, self.lower(part.this)).sql
            if _is_raise(part.args["true"]):
                # CASE alone says what is not evaluated: AND does not.
                condition = f"CASE WHEN {condition} THEN {self._raised(part.args['true'])} ELSE false END"
            conditions.append(condition)
            results.append(literal(None) if _is_raise(part.args["true"]) else self.lower(part.args["true"]))
        if _is_raise(default):
            conditions.append(self._raised(default))
            results.append(literal(None))
        elif default is not None:
            results.append(self.lower(default))
        return self._choice(conditions, results)

    # ------------------------------------------------------------------ calls

    def _call(self, node: exp.Anonymous) -> Typed:
        name, parts = node.name, node.expressions
        if name == RAISE:
            return Typed(f"CASE WHEN {self._raised(node)} THEN NULL::text END", "text", atomic=True)
        if name in ("iif", "if") and len(parts) in (2, 3) and any(map(_is_raise, parts)):
            return self._case(exp.Case(ifs=[exp.If(this=parts[0], true=parts[1])], default=(*parts[2:], None)[0]))
        if name in ("coalesce", "ifnull") and _is_raise(parts[-1]):
            ifs = [
                exp.If(this=exp.Not(this=exp.Is(this=part, expression=exp.Null())), true=part) for part in parts[:-1]
            ]
            return self._case(exp.Case(ifs=ifs, default=parts[-1]))
        if name == _LAST_ROWID and not parts:
            if self.last_rowid is None:
                raise Refused("last_insert_rowid() of a row that the trigger does not know")
            self.last_rowids_used.add(self.last_rowid)
            return Typed(self.last_rowid, "int", atomic=True)
        if name in _JSON:
            return self._json(node)
        return super()._call(node)

    def _json(self, node: exp.Anonymous) -> Typed:
        """json_object() and json_array(): the very text that SQLite makes, without spaces ("JSON Functions")."""
        parts = [self._json_part(part) for part in node.expressions]
        if node.name == "json_array":
            inside = " || ',' || ".join(parts)
            return Typed(f"'[' || {inside} || ']'" if parts else "'[]'::text", "text")
        if len(parts) % 2:
            raise Refused("json_object() with an odd number of arguments")
        pairs = [
            f"{self._json_label(label)} || {value}"
            for label, value in zip(node.expressions[::2], parts[1::2], strict=True)
        ]
        inside = " || ',' || ".join(pairs)
        return Typed(f"'{{' || {inside} || '}}'" if parts else "'{}'::text", "text")

    def _json_label(self, node: Node) -> str:
        typed = self.lower(node)
        if typed.constant and isinstance(typed.value, str) and _PLAIN.fullmatch(typed.value):
            return f"""'"{typed.value}":'"""
        return f"to_json({as_text(plain(typed), 'JSON')}::text)::text || ':'"

    def _json_part(self, node: Node) -> str:
        """One value as JSON, as an operand that is never NULL."""
        typed = self.lower(node)
        if _is_json(node):
            return f"coalesce({typed.sql}, 'null')" if node.name == SCALAR else typed.operand
        if typed.kind == "jsontext":
            self.remark("a part of a JSON document gets the spaces and the order of PostgreSQL's jsonb")
            return f"coalesce({typed.operand}::text, 'null')"
        typed = plain(typed)
        if typed.kind == "null" or (typed.constant and typed.value is None):
            return "'null'"
        if typed.kind in ("int", "bool", "real", "numeric"):
            return f"coalesce({self._text(typed, 'JSON')}, 'null')"
        if typed.kind == "bytes":
            raise Refused("JSON made of a blob")
        return f"coalesce(to_json(({self._text(typed, 'JSON')})::text)::text, 'null')"

    def _aggregate(self, node: exp.Anonymous) -> Typed:
        if node.name not in _JSON_GROUPS:
            return super()._aggregate(node)
        if node.meta.keys() & {"over", "distinct"}:
            raise Refused(f"{node.name}() over a window or with DISTINCT")
        self._refuse_outer(node)
        scope = self._scope
        scope.inside += 1
        try:
            value = self._json_part(node.expressions[-1])
            if node.name == "json_group_object":
                value = f"{self._json_label(node.expressions[0])} || {value}"
            order = self._order_inside("json_group_array", node)
            after = f" FILTER (WHERE {self.condition(node.meta['filter'])})" if "filter" in node.meta else ""
        finally:
            scope.inside -= 1
        words = f" ORDER BY {', '.join(order)}" if order else ""
        left, right = "[]" if node.name == "json_group_array" else "{}"
        call = f"coalesce(string_agg({value}, ','{words}){after}, '')"
        return Typed(f"'{left}' || {call} || '{right}'", "text")


def row_of(name: str, words: str, relation: Relation, absent: frozenset[str]) -> Bound:
    """The one row that a trigger fires for, or that an INSERT wanted to write."""
    return replace(Bound.of(name, relation), target=name, row=words, absent=absent)


def _is_raise(node: object) -> TypeGuard[exp.Anonymous]:
    return isinstance(node, exp.Anonymous) and node.name == RAISE


def _is_json(node: Node) -> bool:
    """Whether the value is JSON to SQLite, and so no text in other JSON."""
    if not isinstance(node, exp.Anonymous):
        return False
    if node.name == SCALAR:
        query: Query = node.meta["query"]
        only = query.cores[0].items[0].node if len(query.cores) == 1 and query.cores[0].items else None
        return only is not None and _is_json(only)
    return node.name in _JSON | _JSON_GROUPS
