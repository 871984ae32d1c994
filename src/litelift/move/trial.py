"""Tries generated columns before the tables are made: each must give, for every row, the value that SQLite has."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from litelift.move import journal
from litelift.move.context import Context
from litelift.move.load import Loader, copy_statement
from litelift.move.preconditions import taken_names
from litelift.move.statements import raw
from litelift.move.unit import Unit
from litelift.plan.generated import keep_ordinary, tell_stored
from litelift.plan.plan import ColumnPlan, MovePlan, TablePlan, with_column
from litelift.postgres import types as pg
from litelift.postgres.connect import Connection, is_trouble
from litelift.postgres.support import COLLATIONS, make_support
from litelift.sqlite.scan import Rows
from litelift.sqlite.schema import Table
from litelift.translate.generated import named_columns
from litelift.translate.value import kind_of

_TABLE = "litelift_trial"
_NATIVE = frozenset({"bool", "int", "numeric", "bytes", "date", "time", "timestamp", "timestamptz", "uuid", "enum"})
"""The kinds whose own equality is the proof's; a real's takes 0 and -0 for one value, and its text does not."""


def try_generated(context: Context, plan: MovePlan) -> bool:
    """Make every generated column on trial, over the source's rows in a table of its own, and take all of it back.

    One that PostgreSQL refuses, that fails, or that differs from SQLite in any row becomes an ordinary column, and is
    told with an example. Returns whether there was one.
    """
    changed = False
    for table in plan.tables:
        if not table.create or not any(column.generated for column in table.columns):
            continue
        source = context.schema.table(table.source)
        for column, verdict in _verdicts(context, plan, table, source):
            current = plan.table(table.source)
            assert current is not None
            assert column.generated is not None
            if verdict.reason is not None:
                changed = True
                keep_ordinary(plan, current, column, source.column(column.source), verdict.reason)
            elif verdict.stored_because is not None:
                changed = True
                made = replace(column, generated=replace(column.generated, kind="stored"))
                plan.put(with_column(current, made))
                tell_stored(plan, current, column, verdict.stored_because)
    return changed


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Why a column cannot be generated, or why it must be stored; neither where it can be as it was planned."""

    reason: str | None = None
    stored_because: str | None = None


def _verdicts(context: Context, plan: MovePlan, table: TablePlan, source: Table) -> list[tuple[ColumnPlan, _Verdict]]:
    generated = [column for column in table.columns if column.generated]
    place = _place(context.connection)
    trial = _Trial(context.connection, replace(_needed(table, source), schema=place))
    try:
        with context.connection.transaction(force_rollback=True):
            try:
                if place != "pg_temp":
                    journal.make_schema(context.connection)
                _make_surroundings(context.connection, plan)
                trial.make()
            except psycopg.Error as error:
                if is_trouble(error):
                    raise
                why = f"no table could be made to try it: {error.diag.message_primary or error}"
                return [(column, _Verdict(why)) for column in generated]
            trial.load(context)
            return [(column, trial.verdict(column)) for column in generated]
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as error:
        why = f"its rows could not be loaded to try it: {error.diag.message_primary or error}"
        return [(column, _Verdict(why)) for column in generated]


def _place(connection: Connection) -> str:
    """Where the table is tried: a role may lack TEMPORARY on the database, and all is taken back anyway."""
    row = connection.execute("select has_database_privilege(current_database(), 'temporary')").fetchone()
    return "pg_temp" if row and row[0] else "litelift"


def _make_surroundings(connection: Connection, plan: MovePlan) -> None:
    """The types, functions and collations that the columns may need; they are made again, to stay, with the tables."""
    if plan.enums:
        schema = sql.Identifier(plan.schema)
        if not connection.execute("select 1 from pg_namespace where nspname = %s", (plan.schema,)).fetchone():
            connection.execute(sql.SQL("create schema {}").format(schema))
        there = taken_names(connection, plan.schema)
        for name, labels in plan.enums.items():
            if name in there:
                # This move's, where it began earlier; anybody else's is refused before anything is made.
                continue
            words = sql.SQL(", ").join(map(sql.Literal, labels))
            connection.execute(sql.SQL("create type {} as enum ({})").format(sql.Identifier(plan.schema, name), words))
    if plan.functions or plan.support:
        journal.make_schema(connection)
        journal.make_functions(connection, plan.functions)
        make_support(connection, plan.support)


def _needed(table: TablePlan, source: Table) -> TablePlan:
    """The table with those columns alone that the generated ones refer to, and what names a row."""
    names = [column.name for column in source.columns]
    wanted = {*table.key}
    for column in table.columns:
        if column.generated:
            wanted |= {column.source, *named_columns(column.generated.source_sql, names)}
    columns = tuple(column for column in table.columns if column.source in wanted)
    key = table.key
    if table.keyed_by_rowid and table.rowid is not None:
        columns = (ColumnPlan(table.rowid, _free("rowid", columns), pg.BIGINT), *columns)
        key = (table.rowid,)
    return replace(table, target=_TABLE, columns=columns, key=key, empty=(), derived=())


def _free(name: str, columns: tuple[ColumnPlan, ...]) -> str:
    taken = {column.target for column in columns}
    while name in taken:
        name += "_"
    return name


class _Trial:
    """A table of one table's rows, with the generated columns as ordinary ones beside them."""

    def __init__(self, connection: Connection, table: TablePlan) -> None:
        self.connection = connection
        self.table = table
        self.name = sql.Identifier(table.schema, table.target)
        self.tried = sql.Identifier(_free("litelift_tried", table.columns))
        places = {column.source: column.target for column in table.columns}
        self.key = [places[name] for name in table.key]

    def make(self) -> None:
        columns = sql.SQL(", ").join(
            sql.SQL(" ").join([sql.Identifier(column.target), *self._type(column)]) for column in self.table.columns
        )
        self.connection.execute(sql.SQL("create table {} ({})").format(self.name, columns))

    def _type(self, column: ColumnPlan) -> list[sql.Composable]:
        collation = [COLLATIONS[column.collation]] if column.collation is not None else []
        return [column.type.sql(), *collation]

    def load(self, context: Context) -> None:
        loader = Loader(Unit(self.table), "", context.crew.worker.judge)
        with (
            closing(loader),
            self.connection.cursor() as cursor,
            cursor.copy(copy_statement(self.table)) as copy,
        ):
            for batch in map(Rows, self.table.scan().batches(context.source.connection)):
                loader.take(batch, copy.write)

    def verdict(self, column: ColumnPlan) -> _Verdict:
        assert column.generated is not None
        expression = raw(column.generated.sql)
        try:
            return _Verdict(self._differs(column, expression, column.generated.kind))
        except psycopg.DataError as error:
            return _Verdict(f"its expression fails: {_said(error)}{self._failing(column, expression)}")
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            refusal = _said(error)
        if column.generated.kind == "virtual":
            verdict = self.verdict(replace(column, generated=replace(column.generated, kind="stored")))
            return verdict if verdict.reason else _Verdict(stored_because=f"PostgreSQL says: {refusal}")
        return _Verdict(f"PostgreSQL refuses its expression: {refusal}")

    def _differs(self, column: ColumnPlan, expression: sql.Composable, kind: str) -> str | None:
        """The rows that differ, in words; None where none does."""
        had, made = (self._compared(column, name) for name in (sql.Identifier(column.target), self.tried))
        unlike = sql.SQL("from {} where {} is distinct from {}").format(self.name, had, made)
        with self.connection.transaction(force_rollback=True):
            self.connection.execute(
                sql.SQL("alter table {} add column {} {} generated always as ({}\n) {}").format(
                    self.name, self.tried, sql.SQL(" ").join(self._type(column)), expression, sql.SQL(kind)
                )
            )
            count = self._count(unlike)
            if not count:
                return None
            shown = [sql.Identifier(column.target), self.tried]
            row = self.connection.execute(self._select(shown, unlike)).fetchone() or (None, None)
        return (
            f"in {count} rows PostgreSQL would make another value than SQLite has: {self._key_words(row)}"
            f"{_shown(row[-2])} in SQLite, {_shown(row[-1])} here"
        )

    def _failing(self, column: ColumnPlan, expression: sql.Composable) -> str:
        """The first row for which the expression fails, in words."""
        first, last = 0, self._count(sql.SQL("from {}").format(self.name))
        rows = sql.SQL("select count(made) from (select ({}\n) as made from {} offset {} limit {}) as part")
        while last - first > 1:
            middle = (first + last) // 2
            query = rows.format(expression, self.name, sql.Literal(first), sql.Literal(middle - first))
            try:
                with self.connection.transaction():
                    self.connection.execute(query)
            except psycopg.DataError:
                last = middle
            else:
                first = middle
        place = sql.SQL("from {} offset {} limit 1").format(self.name, sql.Literal(first))
        row = self.connection.execute(self._select([sql.Identifier(column.target)], place)).fetchone()
        return f" ({self._key_words(row)}{_shown(row[-1])} in SQLite)" if row else ""

    def _count(self, rest: sql.Composable) -> int:
        row = self.connection.execute(sql.SQL("select count(*) ") + rest).fetchone()
        return int(row[0]) if row else 0

    def _select(self, shown: list[sql.Identifier], rest: sql.Composable) -> sql.Composed:
        names = [*map(sql.Identifier, self.key), *shown]
        listed = sql.SQL(", ").join(sql.SQL("{}::text").format(name) for name in names)
        return sql.SQL("select {} ").format(listed) + rest

    def _key_words(self, row: tuple[str | None, ...]) -> str:
        words = ", ".join(f"{name}={value}" for name, value in zip(self.key, row, strict=False))
        return f"{words}: " if words else ""

    def _compared(self, column: ColumnPlan, name: sql.Identifier) -> sql.Composable:
        if kind_of(column.type) in _NATIVE:
            return name
        return sql.SQL('{}::text collate "C"').format(name)


def _shown(value: str | None) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if len(value) <= 100 else f"'{value[:100]}...'"


def _said(error: psycopg.Error) -> str:
    return " ".join((error.diag.message_primary or str(error)).split())
