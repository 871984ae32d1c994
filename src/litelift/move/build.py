"""Builds what stands on the loaded rows: keys, indexes, checks, foreign keys, sequences, statistics.

What old rows already violate is added NOT VALID and told; what cannot be built at all is kept as untranslated and told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial

import psycopg
from psycopg import sql

from litelift.move.orphans import orphans
from litelift.move.schedule import Job, Lock, run
from litelift.plan.names import Namer
from litelift.plan.plan import CheckPlan, ForeignKeyPlan, IndexPlan, MovePlan, SequencePlan, TablePlan
from litelift.postgres.connect import Connection, connect, is_trouble
from litelift.result import Notice, Untranslated

WORTH_SHARING = 8 << 20
"""Bytes of a table from which on its indexes are built side by side."""
OnObject = Callable[[str], None]
Action = Callable[[Connection], None]


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
            connection: the one to build over, in its transaction, instead of connections of its own; then no
                statistics are gathered.
        """
        self.plan = plan
        self.connection = connection
        self.dsn = dsn
        self.jobs = jobs
        self.memory = memory
        self.notices: list[Notice] = []
        self.untranslated: list[Untranslated] = []
        self.tables = {table.target: table for table in plan.tables}
        self._no_key: set[str] = set()

    def build(self, on_object: OnObject | None = None) -> None:
        """Build everything: side by side where the connections and PostgreSQL's locks allow it."""

        def told(job: Job[Connection]) -> None:
            if on_object:
                on_object(job.name)

        jobs = self._jobs()
        with ExitStack() as stack:
            lanes = [self._lane(stack) for _ in range(max(1, min(self.jobs, len(jobs))))]
            run(jobs, lanes, told, _cancel)
            for sequence in self.plan.sequences:
                self._sequence(lanes[0], sequence)

    def _lane(self, stack: ExitStack) -> Connection:
        if self.connection is not None:
            return self.connection
        connection = stack.enter_context(connect(self.dsn))
        connection.execute("select set_config('maintenance_work_mem', %s, false)", (self.memory,))
        connection.execute("set synchronous_commit = off")
        return connection

    # ----------------------------------------------------------------- the jobs

    def _jobs(self) -> list[Job[Connection]]:
        jobs: list[Job[Connection]] = []
        built: dict[str, list[Job[Connection]]] = {table.target: [] for table in self.plan.tables}

        def add(
            table: str, action: Action, locks: dict[str, Lock], cost: float, after: Sequence[Job[Connection]] = ()
        ) -> Job[Connection]:
            job = Job(table, action, locks, cost, after)
            jobs.append(job)
            return job

        # The primary keys first: foreign keys, and the checks that read like them, come after.
        for index in sorted(self.plan.indexes, key=lambda index: index.kind != "primary key"):
            size = float(self.tables[index.table].bytes)
            if index.kind == "index" or not self._shares(index):
                lock: Lock = "share" if index.kind == "index" else "exclusive"
                built[index.table].append(add(index.table, partial(self._index, index), {index.table: lock}, size))
                continue
            made = add(index.table, partial(self._index_of_key, index), {index.table: "share"}, size)
            attached = add(index.table, partial(self._attach, index), {index.table: "exclusive"}, 0, [made])
            built[index.table] += [made, attached]
        for check in self.plan.checks:
            size = float(self.tables[check.table].bytes)
            built[check.table].append(add(check.table, partial(self._check, check), {check.table: "exclusive"}, size))
        for table in self.plan.tables:
            if table.create and any(column.null_violated for column in table.columns):
                built[table.target].append(
                    add(table.target, partial(self._not_nulls, table), {table.target: "exclusive"}, 0)
                )
        known: dict[str, list[Job[Connection]]] = dict(built)
        if self.connection is None:
            # A foreign key's validation is a join, for which the planner wants to know its tables.
            for table in self.plan.tables:
                analysed = add(
                    table.target,
                    partial(self._analyze, table),
                    {table.target: "share update exclusive"},
                    table.bytes / 20,
                    built[table.target],
                )
                known[table.target] = [analysed]
        for key in self.plan.foreign_keys:
            pair: dict[str, Lock] = {key.parent: "exclusive", key.table: "exclusive"}
            ready = [*known[key.table], *known[key.parent]]
            added = add(key.name, partial(self._add_foreign_key, key), pair, 0, ready)
            reading: dict[str, Lock] = {key.parent: "row share", key.table: "share update exclusive"}
            add(key.name, partial(self._validate, key), reading, float(self.tables[key.table].bytes), [added])
        return jobs

    def _shares(self, index: IndexPlan) -> bool:
        """Whether a key's index is worth building beside the table's others, and being made a constraint afterwards."""
        others = sum(other.table == index.table for other in self.plan.indexes) - 1
        return self.jobs > 1 and others > 0 and self.tables[index.table].bytes >= WORTH_SHARING

    def _analyze(self, table: TablePlan, connection: Connection) -> None:
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(table.schema, table.target)))

    def _sequence(self, connection: Connection, sequence: SequencePlan) -> None:
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
            self.notices.append(Notice(level="attention", kind="sequence", message=message, table=sequence.table))

    # ----------------------------------------------------------------- keys and indexes

    def _index_of_key(self, index: IndexPlan, connection: Connection) -> None:
        self._index(replace(index, kind="index"), connection, key=index)

    def _attach(self, index: IndexPlan, connection: Connection) -> None:
        """Make the index the constraint that it stands for ("ALTER TABLE", ADD table_constraint_using_index)."""
        if index.name in self._no_key:
            return
        name = sql.Identifier(index.name)
        connection.execute(
            sql.SQL("alter table {} add constraint {} {} using index {}").format(
                sql.Identifier(self.plan.schema, index.table), name, sql.SQL(index.kind), name
            )
        )

    def _index(self, index: IndexPlan, connection: Connection, key: IndexPlan | None = None) -> None:
        """Build an index, or a key's constraint; ``key`` is the constraint that an index will be."""
        try:
            with connection.transaction():
                connection.execute(self._index_sql(index, index.unique, index.kind))
        except psycopg.errors.UniqueViolation as error:
            detail = error.diag.message_detail or error.diag.message_primary
            reason = f"values that were different in SQLite are the same here: {detail}"
            self._left(key or index, f"{reason}; a plain index stands in its place")
            with connection.transaction():
                connection.execute(self._index_sql(index, False, "index"))
        except (psycopg.errors.NotNullViolation, psycopg.DataError, psycopg.OperationalError) as error:
            if is_trouble(error):
                raise
            self._left(key or index, f"PostgreSQL refuses it: {error.diag.message_primary or error}")
        except psycopg.ProgrammingError as error:
            self._left(key or index, f"PostgreSQL refuses its translation: {error.diag.message_primary or error}")

    def _left(self, index: IndexPlan, reason: str) -> None:
        self._no_key.add(index.name)
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

    def _check(self, check: CheckPlan, connection: Connection) -> None:
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

    def _not_nulls(self, table: TablePlan, connection: Connection) -> None:
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

    def _add_foreign_key(self, key: ForeignKeyPlan, connection: Connection) -> None:
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
            self._no_key.add(f"{key.table}.{key.name}")

    def _validate(self, key: ForeignKeyPlan, connection: Connection) -> None:
        table, name = sql.Identifier(self.plan.schema, key.table), sql.Identifier(key.name)
        if f"{key.table}.{key.name}" in self._no_key:
            return
        try:
            with connection.transaction():
                connection.execute(sql.SQL("alter table {} validate constraint {}").format(table, name))
        except psycopg.errors.ForeignKeyViolation:
            self.notices += orphans(connection, self.plan.schema, key, self.tables[key.table])

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


def _cancel(connection: Connection) -> None:
    # What one lane failed at, or Ctrl-C, makes the others' work unwanted.
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=5)


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _raw(text: str) -> sql.Composed:
    # Our own translation, made of quoted identifiers and literals.
    return sql.Composed([sql.SQL(text)])
