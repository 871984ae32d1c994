"""Builds what stands on the loaded rows, side by side: keys, indexes, checks, foreign keys, sequences, statistics.

All that stands on small tables is built in one round trip for many of them; where the server refuses a statement of
these, what belongs to them is built one by one.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import psycopg
from psycopg import sql

from litelift.move import statements
from litelift.move.objects import Objects
from litelift.move.schedule import Job, Lock, Schedule, run
from litelift.plan.plan import CheckPlan, IndexPlan, MovePlan, TablePlan
from litelift.postgres.connect import Connection, cancel, is_trouble
from litelift.postgres.lanes import lanes_for, more
from litelift.postgres.locks import MADE, locks_at_once, packed
from litelift.postgres.sessions import OpenSession
from litelift.postgres.standing import Standing, read_standing
from litelift.result import Notice, Untranslated

WORTH_SHARING = 8 << 20
"""Bytes of a table from which on its indexes are built side by side."""
SMALL = 1 << 20
"""Bytes of a table up to which a round trip counts for more than the work."""
TABLES_AT_ONCE = 50
SEQUENCES_AT_ONCE = 1000
OnObject = Callable[[str], None]
Action = Callable[[Connection], None]


class Builder:
    """Builds a plan's objects over one or more connections."""

    def __init__(
        self,
        plan: MovePlan,
        open_session: OpenSession | None,
        jobs: int,
        memory: str = "256MB",
        connection: Connection | None = None,
        *,
        loading: bool = False,
        resumed: bool = False,
        settle: Action | None = None,
    ) -> None:
        """See the class.

        Args:
            plan: what to build.
            open_session: makes its connections; None where ``connection`` is given.
            jobs: connections at most.
            memory: for each index being built (maintenance_work_mem).
            connection: the one to build over, in its transaction, instead of connections of its own; then no
                statistics are gathered.
            loading: tables are still being loaded; what is to be built on one waits until it is said to be `loaded`.
            resumed: some of it may have been built before; what stands already is left as it is.
            settle: called at the end, with a connection that has been open since the beginning: a crash of the server,
                which forgets what was not waited for, ends that one too.
        """
        self.plan = plan
        self.connection = connection
        self.open_session = open_session
        self.jobs = jobs
        self.memory = memory
        self._objects = Objects(plan, Standing())
        self.tables = {table.target: table for table in plan.tables}
        self._indexes: defaultdict[str, list[IndexPlan]] = defaultdict(list)
        # The primary keys first: foreign keys, and the checks that read like them, come after.
        for index in sorted(plan.indexes, key=lambda index: index.kind != "primary key"):
            self._indexes[index.table].append(index)
        self._checks: defaultdict[str, list[CheckPlan]] = defaultdict(list)
        for check in plan.checks:
            self._checks[check.table].append(check)
        self._lanes: list[Connection] = []
        self._stopped = False
        self._gates = {name: Job[Connection](name, _nothing, {}) for name in self.tables} if loading else {}
        self._loaded: set[str] = set()
        self._first = threading.Event()
        self._schedule: Schedule[Connection] | None = None
        self._changes = threading.Lock()
        self._resumed = resumed
        self._settle = settle

    @property
    def notices(self) -> list[Notice]:
        """What is to be told of what was built."""
        return self._objects.notices

    @property
    def untranslated(self) -> list[Untranslated]:
        """What could not be built."""
        return self._objects.untranslated

    def build(self, on_object: OnObject | None = None) -> None:
        """Build everything: side by side where the connections and PostgreSQL's locks allow it.

        It can be called again where it failed: what it has built then stays.
        """
        self._lanes = []

        def told(job: Job[Connection]) -> None:
            if self._stopped:
                raise psycopg.errors.QueryCanceled
            if on_object:
                on_object(job.name)

        with ExitStack() as stack:
            first = self.connection or self._lane(stack.enter_context(self._open()))
            standing = read_standing(first, self.plan.schema, list(self.tables)) if self._resumed else Standing()
            self._objects = Objects(self.plan, standing)
            self._resumed = self.connection is None
            touched = standing.tables()
            small = [table for table in self.plan.tables if self._is_small(table) and table.target not in touched]
            count = 1 if self.connection is not None else max(self.jobs, lanes_for(len(small), self.jobs))
            room = locks_at_once(first, count)
            jobs = self._jobs(small, room)
            others = [] if self.connection is not None else more(self._open, stack, min(count, len(jobs)) - 1)
            run(self._scheduled(jobs), [first, *map(self._lane, others)], told, cancel)
            if self._stopped:
                raise psycopg.errors.QueryCanceled
            for group in packed(((sequence, 2) for sequence in self.plan.sequences), room, SEQUENCES_AT_ONCE):
                self._objects.sequences(first, group)
            if self._settle is not None:
                self._settle(first)

    def _scheduled(self, jobs: list[Job[Connection]]) -> Schedule[Connection]:
        schedule = Schedule(jobs)
        with self._changes:
            self._schedule = schedule
            for table in self._loaded:
                schedule.open(self._gates[table])
            if self._stopped:
                schedule.stop()
        return schedule

    def loaded(self, table: str) -> None:
        """Say, from another thread, that a table has all its rows."""
        with self._changes:
            self._loaded.add(table)
            if self._schedule is not None:
                self._schedule.open(self._gates[table])
        self._first.set()

    def wait(self) -> None:
        """Wait until there is something to build on."""
        if self._gates:
            self._first.wait()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def stop(self) -> None:
        """End what another thread builds; there `build` raises QueryCanceled."""
        with self._changes:
            self._stopped = True
            if self._schedule is not None:
                self._schedule.stop()
        self._first.set()
        for lane in self._lanes:
            cancel(lane)

    def _open(self) -> Connection:
        assert self.open_session is not None
        return self.open_session()

    def _lane(self, connection: Connection) -> Connection:
        connection.execute("select set_config('maintenance_work_mem', %s, false)", (self.memory,))
        connection.execute("set synchronous_commit = off")
        self._lanes.append(connection)
        return connection

    # ----------------------------------------------------------------- the jobs

    def _jobs(self, small: list[TablePlan], room: int) -> list[Job[Connection]]:
        """The jobs; ``room`` is for the locks of one that has many of the ``small`` tables."""
        jobs: list[Job[Connection]] = []
        built: dict[str, list[Job[Connection]]] = {}

        def add(
            table: str, action: Action, locks: dict[str, Lock], cost: float, after: Sequence[Job[Connection]] = ()
        ) -> Job[Connection]:
            job = Job(table, action, locks, cost, after)
            jobs.append(job)
            return job

        weighed = ((table, MADE + len(self._indexes[table.target])) for table in small)
        for tables in packed(weighed, room, TABLES_AT_ONCE):
            held: dict[str, Lock] = {table.target: "exclusive" for table in tables}
            gates = [self._gates[table.target] for table in tables if self._gates]
            size = sum(table.bytes for table in tables)
            job = add(tables[-1].target, partial(self._small, tables), held, size, gates)
            built |= {table.target: [job] for table in tables}
        for table in self.plan.tables:
            if table.target not in built:
                built[table.target] = self._table_jobs(table, add)
        for key in self.plan.foreign_keys:
            pair: dict[str, Lock] = {key.parent: "exclusive", key.table: "exclusive"}
            added = add(
                key.name, partial(self._objects.add_foreign_key, key), pair, 0, [*built[key.table], *built[key.parent]]
            )
            reading: dict[str, Lock] = {key.parent: "row share", key.table: "share update exclusive"}
            add(key.name, partial(self._objects.validate, key), reading, float(self.tables[key.table].bytes), [added])
        return jobs

    def _table_jobs(self, table: TablePlan, add: Callable[..., Job[Connection]]) -> list[Job[Connection]]:
        """The jobs of one table, up to its statistics; what refers to it waits for those that it returns."""
        name, size = table.target, float(table.bytes)
        exclusive: dict[str, Lock] = {name: "exclusive"}
        share: dict[str, Lock] = {name: "share"}
        gate = [self._gates[name]] if self._gates else []
        built: list[Job[Connection]] = []
        for index in self._indexes[name]:
            if index.kind == "index" or not self._shares(table):
                held = share if index.kind == "index" else exclusive
                built.append(add(name, partial(self._objects.index, index), held, size, gate))
                continue
            made = add(name, partial(self._objects.index_of_key, index), share, size, gate)
            built += [made, add(name, partial(self._objects.attach, index), exclusive, 0, [made])]
        built += [add(name, partial(self._objects.check, check), exclusive, size, gate) for check in self._checks[name]]
        if _breaks_not_null(table):
            built.append(add(name, partial(self._objects.not_nulls, table), exclusive, 0, gate))
        if self.connection is not None:
            return built
        # A foreign key's validation is a join, for which the planner wants to know its tables.
        analyze = partial(self._execute, statements.analyze([table]))
        return [add(name, analyze, {name: "share update exclusive"}, size / 20, built or gate)]

    def _is_small(self, table: TablePlan) -> bool:
        """Whether it can be built with others; not where a statement is known to fail."""
        broken = any(check.violations for check in self._checks[table.target])
        return table.bytes <= SMALL and not broken and not _breaks_not_null(table)

    def _small(self, tables: list[TablePlan], connection: Connection) -> None:
        """Build all that belongs to these tables."""
        schema = self.plan.schema
        indexes = [index for table in tables for index in self._indexes[table.target]]
        checks = [check for table in tables for check in self._checks[table.target]]
        words = [statements.index(schema, index, unique=index.unique, kind=index.kind) for index in indexes]
        for check in checks:
            words += [statements.check(schema, check), statements.validate(schema, check.table, check.name)]
        analyze = [] if self.connection is not None else [statements.analyze(tables)]
        try:
            with connection.transaction():
                self._execute(sql.SQL("\n;\n").join([*words, *analyze]), connection)
            return
        except psycopg.Error as error:
            if is_trouble(error):
                raise
        for index in indexes:
            self._objects.index(index, connection)
        for check in checks:
            self._objects.check(check, connection)
        for words_ in analyze:
            self._execute(words_, connection)

    def _execute(self, words: sql.Composed, connection: Connection) -> None:
        connection.execute(words)

    def _shares(self, table: TablePlan) -> bool:
        """Whether a key's index is worth building beside the table's others, and being made a constraint afterwards."""
        return self.jobs > 1 and len(self._indexes[table.target]) > 1 and table.bytes >= WORTH_SHARING


def _nothing(_: Connection) -> None:
    """What a gate would do, if anybody carried it out."""


def _breaks_not_null(table: TablePlan) -> bool:
    return table.create and any(column.null_violated for column in table.columns)
