"""Builds what stands on the loaded rows: keys, indexes, checks, foreign keys, sequences, statistics.

What old rows already violate is added NOT VALID and told; what cannot be built at all is kept as untranslated and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any

import psycopg
from psycopg import sql

from litelift.plan.names import Namer
from litelift.plan.plan import CheckPlan, ForeignKeyPlan, IndexPlan, MovePlan, TablePlan
from litelift.plan.tell import key_words
from litelift.postgres.connect import Connection, connect, is_trouble
from litelift.result import Notice, Untranslated

NAMED = 20
Told = tuple[list[Notice], list[Untranslated]]
OnObject = Callable[[str], None]


class Builder:
    """Builds a plan's objects over one or more connections. ``notices`` and ``untranslated`` grow as it goes."""

    def __init__(
        self, plan: MovePlan, dsn: str, jobs: int, memory: str = "256MB", connection: Connection | None = None
    ) -> None:
        """See the class.

        Args:
            plan: what to build.
            dsn: the target.
            jobs: connections at most.
            memory: for each index being built (maintenance_work_mem).
            connection: the one to build over, in its transaction, instead of connections of its own.
        """
        self.plan = plan
        self.connection = connection
        self.dsn = dsn
        self.jobs = jobs
        self.memory = memory
        self.notices: list[Notice] = []
        self.untranslated: list[Untranslated] = []
        self.tables = {table.target: table for table in plan.tables}

    def build(self, on_object: OnObject | None = None) -> None:
        """Build everything, in the order that the dependencies ask for."""
        keys = [index for index in self.plan.indexes if index.kind == "primary key"]
        rest = [index for index in self.plan.indexes if index.kind != "primary key"]
        # A table's objects take locks on it that exclude each other, so one table is one thread's.
        self._each([*keys, *rest], lambda index: index.table, self._index, on_object)
        self._each(self.plan.checks, lambda check: check.table, self._check, on_object)
        self._each([t for t in self.plan.tables if t.create], lambda t: t.target, self._not_nulls, on_object)
        # A foreign key locks two tables: one after the other, or two of them could wait for each other.
        with self._connected() as connection:
            for key in self.plan.foreign_keys:
                self._foreign_key(connection, key)
                if on_object:
                    on_object(key.name)
            for sequence in self.plan.sequences:
                connection.execute(
                    sql.SQL("alter table {} alter column {} restart with {}").format(
                        sql.Identifier(self.plan.schema, sequence.table),
                        sql.Identifier(sequence.column),
                        sql.Literal(min(sequence.next_value, (1 << 63) - 1)),
                    )
                )
                if sequence.next_value >= 1 << 63:
                    # Used up, as in SQLite: the next value must be an error, not the last one a second time.
                    table = sql.Identifier(self.plan.schema, sequence.table).as_string(connection)
                    connection.execute(
                        "select setval(pg_get_serial_sequence(%s, %s), %s, true)",
                        (table, sequence.column, (1 << 63) - 1),
                    )
                    message = f"{sequence.table}.{sequence.column} has used the last value that a bigint holds"
                    self.notices.append(
                        Notice(level="attention", kind="sequence", message=message, table=sequence.table)
                    )

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if self.connection is not None:
            yield self.connection
            return
        with connect(self.dsn) as connection:
            connection.execute("select set_config('maintenance_work_mem', %s, false)", (self.memory,))
            connection.execute("set synchronous_commit = off")
            yield connection

    def _each(
        self,
        things: Sequence[Any],
        table_of: Callable[[Any], str],
        build: Callable[[Connection, Any], None],
        on_object: OnObject | None,
    ) -> None:
        groups: dict[str, list[Any]] = {}
        for thing in things:
            groups.setdefault(table_of(thing), []).append(thing)
        # The biggest tables first, so that the last thread does not start with one of them.
        order = sorted(groups, key=lambda name: -self.tables[name].bytes)

        open_: list[Connection] = []
        stopped = Event()

        def work(names: Sequence[str]) -> None:
            with self._connected() as connection:
                open_.append(connection)
                for name in names:
                    for thing in groups[name]:
                        if stopped.is_set():
                            return
                        build(connection, thing)
                        if on_object:
                            on_object(name)

        if self.connection is not None:
            work(order)
            return
        lanes = [order[at :: self.jobs] for at in range(self.jobs)]
        with ThreadPoolExecutor(self.jobs) as pool:
            futures = [pool.submit(work, lane) for lane in lanes if lane]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                # One lane failed, or someone pressed Ctrl-C: the others' indexes are not wanted any more.
                stopped.set()
                for connection in open_:
                    with suppress(psycopg.Error):
                        connection.cancel_safe(timeout=5)
                raise

    # ----------------------------------------------------------------- keys and indexes

    def _index(self, connection: Connection, index: IndexPlan) -> None:
        try:
            with connection.transaction():
                connection.execute(self._index_sql(index, index.unique, index.kind))
        except psycopg.errors.UniqueViolation as error:
            detail = error.diag.message_detail or error.diag.message_primary
            reason = f"values that were different in SQLite are the same here: {detail}"
            self._left(index, f"{reason}; a plain index stands in its place")
            with connection.transaction():
                connection.execute(self._index_sql(index, False, "index"))
        except (psycopg.errors.NotNullViolation, psycopg.DataError, psycopg.OperationalError) as error:
            if is_trouble(error):
                raise
            self._left(index, f"PostgreSQL refuses it: {error.diag.message_primary or error}")
        except psycopg.ProgrammingError as error:
            self._left(index, f"PostgreSQL refuses its translation: {error.diag.message_primary or error}")

    def _left(self, index: IndexPlan, reason: str) -> None:
        self.untranslated.append(Untranslated(kind=index.kind, name=index.name, sql=index.source_sql, reason=reason))

    def _index_sql(self, index: IndexPlan, unique: bool, kind: str) -> sql.Composed:
        table = sql.Identifier(self.plan.schema, index.table)
        parts = _raw(", ".join(index.parts))
        if kind in ("primary key", "unique"):
            return sql.SQL("alter table {} add constraint {} {} ({})").format(
                table, sql.Identifier(index.name), sql.SQL(kind), parts
            )
        head = sql.SQL("create {} index {} on {} using {} ({})").format(
            sql.SQL("unique" if unique else ""), sql.Identifier(index.name), table, sql.SQL(index.method), parts
        )
        return head + _raw(f" where {index.where}") if index.where else sql.Composed([head])

    # ----------------------------------------------------------------- checks

    def _check(self, connection: Connection, check: CheckPlan) -> None:
        table, name = sql.Identifier(self.plan.schema, check.table), sql.Identifier(check.name)
        add = sql.SQL("alter table {} add constraint {} check (").format(table, name) + _raw(check.condition)
        try:
            with connection.transaction():
                connection.execute(add + sql.SQL("\n) not valid"))
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            reason = f"PostgreSQL refuses its translation: {error.diag.message_primary or error}"
            self._untranslated_check(check, reason)
            return
        try:
            with connection.transaction():
                connection.execute(sql.SQL("alter table {} validate constraint {}").format(table, name))
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            self._broken_check(connection, check, error)

    def _broken_check(self, connection: Connection, check: CheckPlan, error: psycopg.Error) -> None:
        table, name = sql.Identifier(self.plan.schema, check.table), sql.Identifier(check.name)
        if check.violations and isinstance(error, psycopg.errors.CheckViolation):
            message = (
                f"{check.table}: {check.violations} rows break the check {check.name} ({check.source_sql.strip()}) "
            )
            message += "already; it is NOT VALID: it holds for new rows"
            self.notices.append(Notice(level="attention", kind="check", message=message, table=check.table))
            return
        with connection.transaction():
            connection.execute(sql.SQL("alter table {} drop constraint {}").format(table, name))
        self._untranslated_check(check, f"its translation does not hold for rows for which it holds in SQLite: {error}")

    def _untranslated_check(self, check: CheckPlan, reason: str) -> None:
        self.untranslated.append(
            Untranslated(kind="check", name=f"{check.table}.{check.name}", sql=check.source_sql, reason=reason)
        )

    def _not_nulls(self, connection: Connection, table: TablePlan) -> None:
        """A NOT NULL that old rows violate already, as a check that is not valid."""
        others = [(index.table, index.name) for index in self.plan.indexes]
        others += [(check.table, check.name) for check in self.plan.checks]
        others += [(key.table, key.name) for key in self.plan.foreign_keys]
        names = Namer(taken=frozenset(name for place, name in others if place == table.target))
        for column in table.columns:
            if not column.null_violated:
                continue
            connection.execute(
                sql.SQL("alter table {} add constraint {} check ({} is not null) not valid").format(
                    sql.Identifier(self.plan.schema, table.target),
                    sql.Identifier(names.name(f"{column.target}_not_null")),
                    sql.Identifier(column.target),
                )
            )
            message = (
                f"{table.target}.{column.target} is NOT NULL, and holds NULLs already; it is a check that is NOT VALID"
            )
            self.notices.append(
                Notice(level="attention", kind="not null", message=message, table=table.target, column=column.target)
            )

    # ----------------------------------------------------------------- foreign keys

    def _foreign_key(self, connection: Connection, key: ForeignKeyPlan) -> None:
        table, name = sql.Identifier(self.plan.schema, key.table), sql.Identifier(key.name)
        try:
            with connection.transaction():
                connection.execute(self._foreign_key_sql(key))
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            words = f"FOREIGN KEY ({', '.join(key.columns)}) REFERENCES {key.parent} ({', '.join(key.parent_columns)})"
            reason = f"PostgreSQL refuses it: {error.diag.message_primary or error}"
            self.untranslated.append(
                Untranslated(kind="foreign key", name=f"{key.table}.{key.name}", sql=words, reason=reason)
            )
            return
        try:
            with connection.transaction():
                connection.execute(sql.SQL("alter table {} validate constraint {}").format(table, name))
        except psycopg.errors.ForeignKeyViolation:
            self._orphans(connection, key)

    def _foreign_key_sql(self, key: ForeignKeyPlan) -> sql.Composed:
        words: list[sql.Composable] = [
            sql.SQL("alter table {} add constraint {} foreign key ({}) references {} ({})").format(
                sql.Identifier(self.plan.schema, key.table),
                sql.Identifier(key.name),
                _names(key.columns),
                sql.Identifier(self.plan.schema, key.parent),
                _names(key.parent_columns),
            )
        ]
        for event, action in (("delete", key.on_delete), ("update", key.on_update)):
            if action in ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"):
                words.append(sql.SQL(f"on {event} {action.lower()}"))
        if key.deferrable:
            words.append(sql.SQL("deferrable initially deferred" if key.initially_deferred else "deferrable"))
        words.append(sql.SQL("not valid"))
        return sql.SQL(" ").join(words)

    def _orphans(self, connection: Connection, key: ForeignKeyPlan) -> None:
        planned = self.tables[key.table]
        sources = {column.source: column.target for column in planned.columns}
        names = [sources[name] for name in planned.key]
        shown = [*names, *key.columns]
        orphaned = sql.SQL("from {child} c where {filled} and not exists (select from {parent} p where {same})").format(
            child=sql.Identifier(self.plan.schema, key.table),
            parent=sql.Identifier(self.plan.schema, key.parent),
            filled=sql.SQL(" and ").join(sql.SQL("c.{} is not null").format(sql.Identifier(c)) for c in key.columns),
            same=sql.SQL(" and ").join(
                sql.SQL("p.{} = c.{}").format(sql.Identifier(p), sql.Identifier(c))
                for p, c in zip(key.parent_columns, key.columns, strict=True)
            ),
        )
        total = (connection.execute(sql.SQL("select count(*) ") + orphaned).fetchone() or (0,))[0]
        listed = sql.SQL(", ").join(
            sql.SQL("c.{}" if place < len(names) else "c.{}::text").format(sql.Identifier(name))
            for place, name in enumerate(shown)
        )
        rows = connection.execute(
            sql.SQL("select {} ").format(listed) + orphaned + sql.SQL(" limit {}").format(sql.Literal(NAMED))
        ).fetchall()
        column = ", ".join(key.columns)
        found = [
            ({name: _told(value) for name, value in zip(names, row, strict=False)}, ", ".join(row[len(names) :]))
            for row in rows
        ]
        examples = "; ".join(f"{key_words(where)}: {dangling}" if where else dangling for where, dangling in found)
        more = f"; and {total - len(found)} more" if total > len(found) else ""
        message = (
            f"{key.table}.{column} refers to rows of {key.parent} that are not there ({total}): {examples}{more}; "
            f"the foreign key {key.name} is NOT VALID: it holds for new rows"
        ) + (f"; {key.note}" if key.note else "")
        self.notices.append(Notice(level="attention", kind="orphans", message=message, table=key.table, column=column))
        for where, dangling in found:
            place = f", key {key_words(where)}" if where else ""
            self.notices.append(
                Notice(
                    level="info",
                    kind="orphan",
                    message=f"{key.table}.{column}{place}: {dangling} is not in {key.parent}",
                    table=key.table,
                    column=column,
                    key=where or None,
                )
            )


def analyze(connection: Connection, plan: MovePlan) -> None:
    """Gather statistics on every table that was filled."""
    for table in plan.tables:
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(table.schema, table.target)))


def _told(value: object) -> str | int | float | None:
    """A value of a key as a notice holds it."""
    if value is None or isinstance(value, str | int | float):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _raw(text: str) -> sql.Composed:
    # Our own translation, made of quoted identifiers and literals.
    return sql.Composed([sql.SQL(text)])
