"""Triggers tried out: one statement on both sides, undone on both, and its effect on whole tables compared.

The source itself is never written: SQLite runs the statement in a copy in memory, inside a savepoint.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from psycopg import sql

from litelift.plan.match import TableMatch
from litelift.prove.patience import OutOfTime, Patience
from litelift.prove.tables import prove_table
from litelift.result import Difference
from litelift.sqlite.guard import LIMITS, configure, longest_value
from litelift.sqlite.lexer import fold, quote_identifier
from litelift.translate.relation import Relation
from litelift.translate.trigger_parse import outline
from litelift.translate.trigger_tree import Trigger

MAX_BYTES = 64 << 20
"""A larger source is not copied into memory, and its triggers are not tried."""
COPY_ROOM = 64 << 20
"""Bytes by which the copy may grow while triggers are tried."""
MAX_ROWS = 20_000
"""Tables with more rows, all those together that a trigger may change, are not compared after every statement."""
MAX_COLUMNS = 8
"""So many columns are changed in turn for an UPDATE trigger that names none."""

_CLOCK = re.compile(
    r"'\s*now\s*'|current_(?:time|date|timestamp)|unixepoch|julianday|(?:date|time)\(\s*\)", re.IGNORECASE
)
_CHANCE = re.compile(r"random", re.IGNORECASE)
_NEAR = 2 * 86400
"""Seconds that a value may be away from now to be taken for the clock's: a date has no more."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """What became of trying a trigger: ``reason`` says why it was not tried, or what the two sides said.

    ``statements`` are those that ran on both sides, in SQLite's words.
    """

    trigger: str
    outcome: Literal["same", "different", "not tried"]
    reason: str = ""
    statements: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement for both engines, with its parameters."""

    shown: str
    source: str
    target: sql.Composed
    values: tuple[Any, ...]


_Key = tuple[Any, ...]
_KEY_TYPES = frozenset({"int2", "int4", "int8", "text", "varchar"})


class _NotTried(Exception):
    """Why a trigger is not tried."""


def exercise(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    triggers: Sequence[str],
    relations: Mapping[str, Relation],
    matches: Mapping[str, TableMatch],
) -> list[Exercise]:
    """Try every trigger of ``triggers`` (CREATE TRIGGER statements), which the target has too.

    ``relations`` and ``matches`` are by source names. ``source`` is only read; ``target`` must be outside of a
    transaction, hold the same rows, and have no other writers, for what the sequences gave out is put back at the end.
    Raises psycopg.Error and sqlite3.Error where a side cannot be read.
    """
    heads = [found for text in triggers if (found := outline(text)) is not None]
    size = source.execute("pragma page_count").fetchone()[0] * source.execute("pragma page_size").fetchone()[0]
    if size > MAX_BYTES:
        reason = f"the source is larger than {MAX_BYTES >> 20} MB"
        return [Exercise(head.name, "not tried", reason) for head, _ in heads]
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        source.backup(copy)
        _confine(copy, size)
        copy.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        copy.execute("pragma foreign_keys = on")
        gym = _Gym(copy, target, heads, relations, matches)
        patience = Patience()
        return [_run(gym, head, patience) for head, _ in heads]


def _confine(copy: sqlite3.Connection, size: int) -> None:
    """Keep a trigger, which says what it likes, from filling the memory with rows or with one value."""
    pages = copy.execute("pragma page_count").fetchone()[0]
    copy.execute(f"pragma max_page_count = {pages + COPY_ROOM // copy.execute('pragma page_size').fetchone()[0]}")
    copy.execute("pragma temp_store = file")
    for limit, most in {**LIMITS, sqlite3.SQLITE_LIMIT_LENGTH: longest_value(size)}.items():
        copy.setlimit(limit, most)
    configure(copy)


def _run(gym: _Gym, head: Trigger, patience: Patience) -> Exercise:
    try:
        with patience.bounded(gym.copy, gym.target):
            return gym.run(head)
    except OutOfTime as error:
        return Exercise(head.name, "not tried", str(error))


class _Gym:
    def __init__(
        self,
        copy: sqlite3.Connection,
        target: psycopg.Connection[Any],
        heads: Sequence[tuple[Trigger, tuple[str, ...]]],
        relations: Mapping[str, Relation],
        matches: Mapping[str, TableMatch],
    ) -> None:
        self.copy = copy
        self.target = target
        self.heads = heads
        self.relations = {fold(name): relation for name, relation in relations.items()}
        self.matches = {fold(name): match for name, match in matches.items()}
        self.same_words = False

    def run(self, trigger: Trigger) -> Exercise:
        ran: list[str] = []
        refused = 0
        try:
            touched, texts = self._touched(trigger)
            if any(_CHANCE.search(text) for text in texts):
                raise _NotTried("it depends on chance")
            clock = any(_CLOCK.search(text) for text in texts)
            for statement in self._statements(trigger):
                with self._undone(touched):
                    failed = self._both(statement)
                    if failed is None:
                        ran.append(statement.shown)
                    elif failed:
                        return Exercise(trigger.name, "different", failed, (statement.shown,))
                    else:
                        refused += self.same_words
                    found = self._compare(touched, clock)
                if found:
                    return Exercise(trigger.name, "different", "", (statement.shown,), tuple(found))
        except _NotTried as error:
            return Exercise(trigger.name, "not tried", str(error), tuple(ran))
        if not ran and not refused:
            return Exercise(trigger.name, "not tried", "no statement for it succeeds on both sides")
        reason = f"both sides refuse {refused} statements in the same words" if refused else ""
        return Exercise(trigger.name, "same", reason, tuple(ran))

    # ------------------------------------------------------------------ what is looked at

    def _touched(self, trigger: Trigger) -> tuple[list[TableMatch], list[str]]:
        """The tables that may change, through other triggers and foreign keys too, and the triggers' SQL."""
        names = [fold(trigger.table)]
        texts: list[str] = []
        for name in names:
            relation = self.relations.get(name)
            if relation is None or name not in self.matches:
                raise _NotTried(f"it reaches {name}, which was not moved")
            more = [fold(child) for child in relation.cascades]
            for head, written in self.heads:
                if fold(head.table) == name:
                    texts.append(head.sql)
                    more += [fold(table) for table in written]
            names += [name for name in dict.fromkeys(more) if name not in names]
        texts += [self._sql(name) for name in names]
        names = [name for name in names if not self.relations[name].view]
        rows = 0
        for name in names:
            query = f"SELECT count(*) FROM {quote_identifier(self.matches[name].source)}"  # noqa: S608
            rows += self.copy.execute(query).fetchone()[0]
        if rows > MAX_ROWS:
            raise _NotTried(f"the tables that it changes have {rows} rows")
        if any(self.matches[name].where is not None for name in names):
            raise _NotTried("the plan leaves rows out of a table that it changes")
        return [self.matches[name] for name in names], texts

    def _sql(self, name: str) -> str:
        row = self.copy.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (self.matches[name].source,)).fetchone()
        return str(row[0])

    def _statements(self, trigger: Trigger) -> Iterator[_Statement]:
        match, relation = self.matches[fold(trigger.table)], self.relations[fold(trigger.table)]
        if relation.view:
            relation = self._keyed(match, relation)
        if not relation.primary_key:
            raise _NotTried("its table has no key")
        for name in relation.primary_key:
            context = relation.column(name)
            if context.type.base not in _KEY_TYPES or context.values is not None:
                raise _NotTried(f"its table's key is {context.type.display}")
        listed = ", ".join(map(quote_identifier, relation.primary_key))
        rows = self.copy.execute(f"SELECT {listed} FROM {quote_identifier(match.source)}").fetchall()  # noqa: S608
        keys: list[_Key] = sorted((row for row in rows if None not in row), key=_ordered)
        if not keys:
            raise _NotTried("its table is empty")
        chosen = list(dict.fromkeys((keys[0], keys[-1])))
        if trigger.event == "INSERT":
            yield self._insert(match, relation, keys)
            return
        if trigger.event == "UPDATE":
            yield from self._updates(trigger, match, relation, chosen)
            return
        names, where = _where(relation)
        for key in chosen:
            yield _statement(match, f"DELETE FROM {{table}} WHERE {where}", names, _values("v", key))  # noqa: S608

    def _keyed(self, match: TableMatch, relation: Relation) -> Relation:
        """A view with the columns that, in this database, name a row of it."""
        columns = [
            name
            for name, context in relation.columns.items()
            if context.type.base in _KEY_TYPES and context.values is None and fold(context.collation) == "binary"
        ]
        listed = ", ".join(map(quote_identifier, columns)) or "1"
        query = f"SELECT {listed} FROM {quote_identifier(match.source)} LIMIT {MAX_ROWS + 1}"  # noqa: S608
        rows = self.copy.execute(query).fetchall()
        if len(rows) > MAX_ROWS:
            raise _NotTried(f"its view has more than {MAX_ROWS} rows")
        for count in range(1, len(columns) + 1):
            parts = [row[:count] for row in rows]
            if len(set(parts)) == len(parts) and not any(None in part for part in parts):
                return replace(relation, primary_key=tuple(columns[:count]))
        raise _NotTried("no columns of its view name a row")

    def _updates(
        self, trigger: Trigger, match: TableMatch, relation: Relation, chosen: list[_Key]
    ) -> Iterator[_Statement]:
        """Every column in turn gets the value that another row has, or else NULL, and the one that it has."""
        wanted = [found for name in trigger.columns if (found := relation.find(name)) is not None]
        keys = relation.primary_key
        columns = [c for c in wanted or relation.columns if c not in keys and c not in relation.generated]
        names, where = _where(relation)
        _, other_where = _where(relation, "w")
        condition = " AND ".join(f"{quote_identifier(name)} = ?" for name in keys)
        table = quote_identifier(match.source)
        for column in columns[:MAX_COLUMNS]:
            for key in chosen:
                listed, word = ", ".join(map(quote_identifier, keys)), quote_identifier(column)
                present = f"SELECT {word} FROM {table} WHERE {condition}"  # noqa: S608
                query = f"SELECT {listed} FROM {table} WHERE {word} IS NOT ({present}) ORDER BY 1 LIMIT 1"  # noqa: S608
                other = self.copy.execute(query, key).fetchone()
                changed = {**names, "column": (column, relation.column(column).target)}
                if other is None:
                    # Every row has the same value: NULL is another one, where the column takes it.
                    form = f"UPDATE {{table}} SET {{column}} = NULL WHERE {where}"  # noqa: S608
                    yield _statement(match, form, changed, _values("v", key))
                yield _statement(
                    match,
                    f"UPDATE {{table}} SET {{column}} = (SELECT {{column}} FROM {{table}} WHERE {other_where})"  # noqa: S608
                    f" WHERE {where}",
                    changed,
                    _values("w", other or key) | _values("v", key),
                )

    def _insert(self, match: TableMatch, relation: Relation, keys: list[_Key]) -> _Statement:
        """A row like the last one, with a new key."""
        last = keys[-1]
        # The last part is made larger than any; the others stay as they are.
        largest = max((key[-1] for key in keys), key=lambda part: _ordered((part,)))
        new = largest + 1 if isinstance(largest, int) else f"{largest}~"
        names, where = _where(relation)
        own = f"k{len(last) - 1}"
        others = [n for n in relation.columns if n != relation.primary_key[-1] and n not in relation.generated]
        places = {f"c{n}": (name, relation.column(name).target) for n, name in enumerate(others)}
        listed = "".join(f", {{{name}}}" for name in places)
        return _statement(
            match,
            f"INSERT INTO {{table}} ({{{own}}}{listed}) SELECT {{new}}{listed} FROM {{table}} WHERE {where}",  # noqa: S608
            {**names, **places},
            {"new": new} | _values("v", last),
        )

    # ------------------------------------------------------------------ running and comparing

    @contextlib.contextmanager
    def _undone(self, touched: Sequence[TableMatch]) -> Iterator[None]:
        """Undo everything on both sides afterwards; sequences are put back, for no transaction does that."""
        sequences = []
        for match in touched:
            relation = self.relations[fold(match.source)]
            if relation.identity is not None:
                row = self.target.execute(
                    "select pg_get_serial_sequence(%s, %s)", (relation.sql, relation.column(relation.identity).target)
                ).fetchone()
                if row is not None and row[0] is not None:
                    sequences.append(row[0])
        # The name comes quoted from the server.
        states = [
            (name, self.target.execute(f"select last_value, is_called from {name}").fetchone())  # noqa: S608
            for name in sequences
        ]
        self.copy.execute("SAVEPOINT exercise")
        try:
            with self.target.transaction(force_rollback=True):
                yield
        finally:
            # An interrupted statement, or a full database, has undone all already.
            if self.copy.in_transaction:
                self.copy.execute("ROLLBACK TO exercise")
                self.copy.execute("RELEASE exercise")
            for name, state in states:
                if state is not None:
                    self.target.execute("select setval(%s::regclass, %s, %s)", (name, *state))

    def _both(self, statement: _Statement) -> str | None:
        """None where both sides take the statement, '' where neither does, else what the one said that does not."""
        source_error = target_error = None
        self.copy.execute("SAVEPOINT statement")
        try:
            self.copy.execute(statement.source, statement.values)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise
            # A function, collation or module of the application is missing in this copy.
            raise _NotTried(f"SQLite cannot run it here: {error}") from None
        except sqlite3.Error as error:
            source_error = str(error)
            self.copy.execute("ROLLBACK TO statement")
        self.copy.execute("RELEASE statement")
        try:
            with self.target.transaction():
                self.target.execute(statement.target, statement.values)
        except psycopg.errors.NotNullViolation as error:
            target_error = error.diag.message_primary or str(error)
            if source_error is None and self._in_key(error.diag.table_name, error.diag.column_name):
                # SQLite takes a NULL in a key of a rowid table ("CREATE TABLE", section 3.5): no fault of the trigger.
                self.copy.execute("ROLLBACK TO exercise")
                self.same_words = False
                return ""
        except psycopg.errors.QueryCanceled:
            raise
        except psycopg.Error as error:
            target_error = error.diag.message_primary or str(error)
        # The message of RAISE is the trigger's own.
        self.same_words = source_error is not None and source_error == target_error
        if (source_error is None) == (target_error is None):
            return None if source_error is None else ""
        return f"SQLite said {source_error or 'nothing'}; PostgreSQL said {target_error or 'nothing'}"

    def _in_key(self, table: str | None, column: str | None) -> bool:
        found = [relation for relation in self.relations.values() if relation.name == table and not relation.view]
        return any(relation.column(name).target == column for relation in found for name in relation.primary_key)

    def _compare(self, touched: Sequence[TableMatch], clock: bool) -> list[Difference]:
        found: list[Difference] = []
        for match in touched:
            proof = prove_table(self.copy, self.target, match, limit=None if clock else 20)
            if proof.equal or self._same_but_numbers(match):
                continue
            if clock and not match.key:
                raise _NotTried(f"it writes the time of the clock into {match.target}, which has no key")
            found += [difference for difference in proof.differences if not (clock and _of_clock(difference))]
        return found

    def _same_but_numbers(self, match: TableMatch) -> bool:
        """Whether only the numbers that each side gave to new rows differ: they follow the order of changed rows."""
        identity = self.relations[fold(match.source)].identity
        columns = tuple(column for column in match.columns if column.source != identity)
        if len(columns) == len(match.columns) or not columns:
            return False
        return prove_table(self.copy, self.target, replace(match, columns=columns, key=()), limit=0).equal


def _of_clock(difference: Difference) -> bool:
    """Whether both sides hold a time that is about now, where the trigger looked at the clock."""
    if difference.kind != "changed" or difference.source is None or difference.target is None:
        return False
    now = time.time()
    return all(_is_now(text, now) for text in (difference.source, difference.target))


def _is_now(text: str, now: float) -> bool:
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return False
        return abs(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now) < _NEAR
    # Seconds, milliseconds or microseconds since 1970, or a Julian day.
    seconds = (number, number / 1e3, number / 1e6, (number - 2440587.5) * 86400)
    return any(abs(second - now) < _NEAR for second in seconds)


def _ordered(key: _Key) -> list[tuple[bool, Any]]:
    return [(isinstance(part, str), part) for part in key]


def _where(relation: Relation, prefix: str = "v") -> tuple[dict[str, tuple[str, str]], str]:
    """The key's columns by the words k0, k1, ..., and the condition that they have the values v0, v1, ..."""
    names = {f"k{n}": (name, relation.column(name).target) for n, name in enumerate(relation.primary_key)}
    return names, " AND ".join(f"{{k{n}}} = {{{prefix}{n}}}" for n in range(len(names)))


def _values(prefix: str, key: _Key) -> dict[str, Any]:
    return {f"{prefix}{n}": part for n, part in enumerate(key)}


def _statement(
    match: TableMatch, form: str, names: Mapping[str, tuple[str, str]], values: Mapping[str, Any]
) -> _Statement:
    """A statement for both sides: ``names`` are columns (source, target) and ``values`` parameters, by their words."""
    order = [word for word in re.findall(r"\{(\w+)\}", form) if word in values]
    source_names = {word: quote_identifier(pair[0]) for word, pair in names.items()} | {
        "table": quote_identifier(match.source)
    }
    target_names: dict[str, sql.Composable] = {word: sql.Identifier(pair[1]) for word, pair in names.items()}
    target_names["table"] = sql.Identifier(match.schema, match.target)
    return _Statement(
        form.format(**source_names, **{word: repr(value) for word, value in values.items()}),
        form.format(**source_names, **dict.fromkeys(values, "?")),
        sql.SQL(form).format(**target_names, **{word: sql.Placeholder() for word in values}),
        tuple(values[word] for word in order),
    )
