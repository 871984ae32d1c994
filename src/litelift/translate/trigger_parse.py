"""SQLite's CREATE TRIGGER statement: its head, its condition, and the statements between BEGIN and END.

The grammar is that of "CREATE TRIGGER" in SQLite's manual: inside a trigger a statement names an unqualified table and
has neither DEFAULT VALUES nor ORDER BY and LIMIT on UPDATE and DELETE.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlglot import exp

from litelift.errors import DdlError
from litelift.sqlite.lexer import Token, fold, tokenize
from litelift.translate.parse import Node
from litelift.translate.select_parse import SCALAR, SelectParser
from litelift.translate.trigger_tree import (
    RAISE,
    Delete,
    Event,
    Insert,
    Raise,
    Statement,
    Timing,
    Trigger,
    Update,
    Upsert,
)
from litelift.translate.value import Refused

_QUERY_WORDS = ("SELECT", "WITH", "VALUES")
_CONFLICT_WORDS = frozenset({"ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"})


def parse_trigger(sql: str) -> Trigger:
    """The statement's parts. Raises Refused where it is none, or holds what cannot be translated."""
    return _Reader(sql).trigger()


def outline(sql: str) -> tuple[Trigger, tuple[str, ...]] | None:
    """A trigger's head, and the tables that it writes; its expressions need not be readable. None for no trigger."""
    try:
        reader = _Reader(sql)
        name, timing, event, columns, table = reader.head()
        targets = reader.targets()
    except Refused:
        return None
    return Trigger(sql, name, timing, event, table, columns, None, ()), tuple(t for t in targets if t is not None)


def is_fts_sync(sql: str, virtual_tables: Collection[str], carried: Collection[str] = ()) -> bool:
    """Whether the trigger does nothing but keep full-text tables like their content (a tsvector takes its place).

    ``virtual_tables`` are the names of the source's virtual tables that become no tables, ``carried`` of those that do.
    Every statement has to be an INSERT, UPDATE or DELETE of one of the former, or a command to one of the latter (an
    INSERT that names a column like the table, as for 'optimize'); expressions are not looked at. "SQLite FTS5
    Extension", sections 4.4.3 (External Content) and 6 (Special INSERT Commands).
    """
    names = {fold(name) for name in virtual_tables}
    try:
        reader = _Reader(sql)
        table = reader.head()[4]
        kept, synced = reader.synced(names, {fold(name) for name in carried})
    except Refused:
        return False
    return fold(table) not in names and bool(synced) and not kept


def without_fts_sync(sql: str, virtual_tables: Collection[str], carried: Collection[str] = ()) -> tuple[str, int]:
    """The trigger without the statements that ``is_fts_sync`` speaks of, and how many there were beside others."""
    try:
        reader = _Reader(sql)
        reader.head()
        kept, synced = reader.synced({fold(name) for name in virtual_tables}, {fold(name) for name in carried})
    except Refused:
        return sql, 0
    if not kept:
        return sql, 0
    for start, end in reversed(synced):
        sql = sql[:start] + sql[end:]
    return sql, len(synced)


def _tokens(sql: str) -> list[Token]:
    try:
        return tokenize(sql)
    except DdlError as error:
        raise Refused(str(error.facts.get("message", error))) from None


class _Reader(SelectParser):
    """The parser of queries, over the tokens of a whole trigger, with RAISE and the statements that write."""

    def __init__(self, sql: str) -> None:
        super().__init__(_tokens(sql))
        self._sql = sql

    # ------------------------------------------------------------------ the head

    def trigger(self) -> Trigger:
        """The whole statement."""
        name, timing, event, columns, table = self.head()
        when = self._expression(0) if self._take("WHEN") else None
        self._need("BEGIN")
        statements: list[Statement] = []
        while not self._take("END"):
            statements.append(self._statement())
            self._need(";")
        self._take(";")
        token = self._peek()
        if token is not None:
            raise Refused(f"unexpected {token.text} after END")
        return Trigger(self._sql, name, timing, event, table, columns, when, tuple(statements))

    def head(self) -> tuple[str, Timing, Event, tuple[str, ...], str]:
        """Everything before WHEN: name, timing, event, columns of UPDATE OF, table."""
        self._need("CREATE")
        _ = self._take("TEMP") or self._take("TEMPORARY")
        self._need("TRIGGER")
        self._take("IF", "NOT", "EXISTS")
        name = self._qualified()
        timing: Timing = "BEFORE"
        if self._take("INSTEAD", "OF"):
            timing = "INSTEAD OF"
        elif self._take("AFTER"):
            timing = "AFTER"
        else:
            self._take("BEFORE")
        columns: tuple[str, ...] = ()
        event: Event
        if self._take("INSERT"):
            event = "INSERT"
        elif self._take("DELETE"):
            event = "DELETE"
        else:
            self._need("UPDATE")
            event = "UPDATE"
            if self._take("OF"):
                columns = self._listed()
        self._need("ON")
        table = self._qualified()
        self._take("FOR", "EACH", "ROW")
        return name, timing, event, columns, table

    def targets(self) -> list[str | None]:
        """The table that each statement writes, None for a SELECT; the rest of the statements is stepped over."""
        while not self._take("BEGIN"):
            self._step()
        found: list[str | None] = []
        while not self._take("END"):
            found.append(self._target())
            while not self._take(";"):
                self._step()
        return found

    def synced(
        self, indexes: Collection[str], carried: Collection[str]
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The places of the statements that do anything else, and of those that only keep a search index.

        The latter write one of ``indexes``, or are commands to one of ``carried`` (folded names).
        """
        while not self._take("BEGIN"):
            self._step()
        kept: list[tuple[int, int]] = []
        synced: list[tuple[int, int]] = []
        while not self._take("END"):
            first = self._place
            table = self._target()
            name = fold(table or "")
            found = synced if name in indexes or (name in carried and self._commands(name)) else kept
            while not self._take(";"):
                self._step()
            found.append((self._tokens[first].start, self._tokens[self._place - 1].end))
        return kept, synced

    def _commands(self, table: str) -> bool:
        return self._take("(") and fold(table) in map(fold, self._listed())

    def _step(self) -> None:
        if self._peek() is None:
            raise Refused("expected the rest of a trigger; got the end")
        self._place += 1

    def _target(self) -> str | None:
        if self._take("DELETE"):
            self._need("FROM")
        elif self._word() in ("INSERT", "REPLACE"):
            self._place += 1
            self._conflict()
            self._need("INTO")
        elif self._take("UPDATE"):
            self._conflict()
        else:
            return None
        return self.name()

    def _qualified(self) -> str:
        name = self.name()
        return self.name() if self._take(".") else name

    def _listed(self) -> tuple[str, ...]:
        found = [self.name()]
        while self._take(","):
            found.append(self.name())
        return tuple(found)

    # ------------------------------------------------------------------ statements

    def _statement(self) -> Statement:
        word = self._word()
        if word in ("INSERT", "REPLACE"):
            return self._insert()
        if self._take("UPDATE"):
            return self._update()
        if self._take("DELETE"):
            self._need("FROM")
            return Delete(self._table(), self._where())
        if word in _QUERY_WORDS:
            return self.query()
        token = self._peek()
        raise Refused(f"expected a statement; got {token.text if token else 'the end'}")

    def _table(self) -> str:
        """A table's name, and the words about indexes that change no result."""
        name = self.name()
        if self._take("INDEXED", "BY"):
            self.name()
        else:
            self._take("NOT", "INDEXED")
        return name

    def _conflict(self) -> str:
        if not self._take("OR"):
            return ""
        word = self._word()
        if word not in _CONFLICT_WORDS:
            raise Refused(f"OR {word}")
        self._place += 1
        return word

    def _insert(self) -> Insert:
        conflict = "REPLACE" if self._take("REPLACE") else ""
        if not conflict:
            self._need("INSERT")
            conflict = self._conflict()
        self._need("INTO")
        table = self.name()
        columns = None
        if self._take("("):
            columns = self._listed()
            self._need(")")
        rows: list[tuple[Node, ...]] = []
        query = None
        if self._take("VALUES"):
            while True:
                self._need("(")
                rows.append(tuple(self._arguments()))
                if not self._take(","):
                    break
        else:
            query = self.query()
        return Insert(table, columns, tuple(rows), query, conflict, self._upsert())

    def _upsert(self) -> Upsert | None:
        if not self._take("ON", "CONFLICT"):
            return None
        target: tuple[str, ...] = ()
        if self._take("("):
            target = self._listed()
            self._need(")")
            if self._word() == "WHERE":
                raise Refused("ON CONFLICT with a condition on its index")
        self._need("DO")
        assignments = None
        where = None
        if not self._take("NOTHING"):
            self._need("UPDATE")
            self._need("SET")
            assignments = self._assignments()
            where = self._where()
        if self._word() == "ON":
            raise Refused("more than one ON CONFLICT clause")
        return Upsert(target, assignments, where)

    def _update(self) -> Update:
        conflict = self._conflict()
        table = self._table()
        self._need("SET")
        assignments = self._assignments()
        joins = tuple(self._joins()) if self._take("FROM") else ()
        return Update(table, assignments, self._where(), conflict, joins)

    def _assignments(self) -> tuple[tuple[str, Node], ...]:
        found: list[tuple[str, Node]] = []
        while True:
            if self._take("("):
                names = self._listed()
                self._need(")")
                self._need("=")
                self._need("(")
                values = self._values_of_query() if self._word() in _QUERY_WORDS else self._arguments()
                if len(values) != len(names):
                    raise Refused(f"{len(names)} columns are set to {len(values)} values")
                found += zip(names, values, strict=True)
            else:
                name = self.name()
                self._need("=")
                found.append((name, self._expression(0)))
            if not self._take(","):
                return tuple(found)

    def _values_of_query(self) -> list[Node]:
        """A subquery that gives several columns, as one subquery for each."""
        query = self.query()
        self._need(")")
        (core, *others) = query.cores
        if others or core.distinct or not core.items or any(item.star for item in core.items):
            raise Refused("columns are set from a subquery with DISTINCT, a star or set operations")
        if any(isinstance(term.node, exp.Literal) for term in query.order):
            raise Refused("columns are set from a subquery that is ordered by the number of a column")
        values: list[Node] = []
        for item in core.items:
            node = exp.Anonymous(this=SCALAR, expressions=[])
            node.meta["query"] = replace(query, cores=[replace(core, items=[item])])
            values.append(node)
        return values

    def _where(self) -> Node | None:
        return self._expression(0) if self._take("WHERE") else None

    # ------------------------------------------------------------------ expressions

    def _operand(self, token: Token, word: str) -> Node:
        if word == "RAISE" and self._take("("):
            return self._raise()
        return super()._operand(token, word)

    def _raise(self) -> Node:
        action = self._word()
        self._place += 1
        if action not in _CONFLICT_WORDS - {"REPLACE"}:
            raise Refused(f"RAISE({action})")
        message = None
        if action != "IGNORE":
            self._need(",")
            message = self._expression(0)
        self._need(")")
        node = exp.Anonymous(this=RAISE, expressions=[])
        node.meta["raise"] = Raise(action, message)
        return node
