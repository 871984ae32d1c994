"""Makes the target's types, tables and defaults, before the load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import psycopg
from psycopg import sql

from litelift import errors
from litelift.move import schedule
from litelift.move.journal import RunLine, begin_run, has_run, make_functions, make_schema
from litelift.move.made import made_tables, note_made, note_tables
from litelift.move.preconditions import taken_names
from litelift.move.schedule import Job
from litelift.move.statements import raw
from litelift.plan.plan import ColumnPlan, MovePlan, TablePlan
from litelift.postgres.connect import Connection, cancel, is_trouble
from litelift.postgres.lanes import lanes_for, more
from litelift.postgres.locks import MADE, locks_at_once, packed
from litelift.postgres.sessions import OpenSession
from litelift.postgres.support import COLLATIONS, make_support
from litelift.result import Untranslated

TABLES_AT_ONCE = 200
"""Tables that one transaction makes at most: one string of statements, and one note."""


def _refuse_taken_types(connection: Connection, plan: MovePlan) -> None:
    for name in sorted(taken_names(connection, plan.schema) & plan.enums.keys()):
        raise errors.UsageError(
            message=f"the schema {plan.schema} has a type {name} already",
            hint=f"To use it, say type = {name!r} in the plan in the place of enum = {name!r}; or give another name.",
        )


def begin_move(connection: Connection, plan: MovePlan, line: RunLine) -> None:
    """Begin a whole move: its line in the journal, and what its tables need; nothing where that is there already.

    All of it in one transaction: where there is a schema or a type of ours, there is the line that tells so. Raises
    TargetRights, and UsageError where a type is there already.
    """
    if has_run(connection, line.run):
        return
    with connection.transaction():
        new = connection.execute("select to_regnamespace(quote_ident(%s))", (plan.schema,)).fetchone() == (None,)
        journaled = make_schema(connection)
        begin_run(connection, plan, line)
        _surroundings(connection, plan)
        note_made(connection, line.run, plan, schema=new, journal=journaled)


def make_tables(
    connection: Connection,
    run: str,
    plan: MovePlan,
    open_session: OpenSession,
    jobs: int,
    on_table: Callable[[str], None],
) -> list[Untranslated]:
    """Make the tables of a run that has begun: many in one transaction, which notes them in the run's line.

    Those that it has made already stay as they are.

    Args:
        connection: the target.
        run: its id.
        plan: what to make.
        open_session: makes more connections where they are worth it.
        jobs: how much is to be done at one time.
        on_table: hears the last of those that are there by now.

    Returns:
        The defaults that the server refused.

    Raises:
        TargetRights.
    """
    there = made_tables(connection, run)
    tables = [table for table in _made(plan) if table.target not in there]
    lanes = lanes_for(len(tables), jobs)
    refused: dict[int, list[Untranslated]] = {}

    def make(number: int, group: list[TablePlan], lane: Connection) -> None:
        with lane.transaction():
            refused[number] = _make(lane, group)
            note_tables(lane, run, plan.schema, [table.target for table in group])
        on_table(group[-1].target)

    groups = list(_groups(connection, tables, lanes))
    work = [Job(group[0].target, partial(make, place, group), {}, len(group)) for place, group in enumerate(groups)]
    with _rights(connection, plan), ExitStack() as stack:
        schedule.run(schedule.Schedule(work), [connection, *more(open_session, stack, lanes - 1)], cancel=cancel)
    earlier = [table for table in _made(plan) if table.target in there]
    told = _refused_defaults(connection, plan.schema, earlier)
    return [*told, *(told for place in range(len(groups)) for told in refused[place])]


def create_tables(connection: Connection, plan: MovePlan) -> list[Untranslated]:
    """Make the schema, the enum types, the tables, and their defaults, in one transaction.

    Returns the defaults that the server refused. Raises TargetRights, and UsageError where a type is there already.
    """
    with connection.transaction(), _rights(connection, plan):
        _surroundings(connection, plan)
        return [told for group in _groups(connection, _made(plan), 1) for told in _make(connection, group)]


def _made(plan: MovePlan) -> list[TablePlan]:
    return [table for table in plan.tables if table.create]


def _groups(connection: Connection, tables: list[TablePlan], lanes: int) -> Iterator[list[TablePlan]]:
    weighed = ((table, MADE + sum(column.identity for column in table.columns)) for table in tables)
    return packed(weighed, locks_at_once(connection, lanes), TABLES_AT_ONCE)


def _surroundings(connection: Connection, plan: MovePlan) -> None:
    _refuse_taken_types(connection, plan)
    with _rights(connection, plan):
        if not connection.execute("select 1 from pg_namespace where nspname = %s", (plan.schema,)).fetchone():
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(plan.schema)))
        for name, labels in plan.enums.items():
            words = sql.SQL(", ").join(map(sql.Literal, labels))
            connection.execute(sql.SQL("create type {} as enum ({})").format(sql.Identifier(plan.schema, name), words))
        make_functions(connection, plan.functions)
        make_support(connection, plan.support)


@contextmanager
def _rights(connection: Connection, plan: MovePlan) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        role = connection.info.user
        grant = sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(sql.Identifier(plan.schema), sql.Identifier(role))
        raise errors.TargetRights(
            role=role,
            action=f"make tables in the schema {plan.schema} ({error.diag.message_primary})",
            grant=grant.as_string(connection),
        ) from None


def _make(connection: Connection, tables: list[TablePlan]) -> list[Untranslated]:
    """Make tables in one round trip; where the server refuses a statement, one after the other."""
    statements = [words for table in tables for words in (_table(table), *(words for _, words in _defaults(table)))]
    try:
        with connection.transaction():
            connection.execute(sql.SQL("\n;\n").join(statements))
        return []
    except psycopg.Error as error:
        if is_trouble(error):
            raise
    return [told for table in tables for told in _make_one(connection, table)]


def _make_one(connection: Connection, table: TablePlan) -> list[Untranslated]:
    connection.execute(_table(table))
    return _set_defaults(connection, table, _defaults(table))


def _refused_defaults(connection: Connection, schema: str, tables: list[TablePlan]) -> list[Untranslated]:
    """The defaults that tables made earlier do not have: the server refused them, and does so again."""
    wanted = [table for table in tables if _defaults(table)]
    if not wanted:
        return []
    rows = connection.execute(
        "select c.relname::text, a.attname::text from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " join pg_namespace n on n.oid = c.relnamespace where n.nspname = %s and a.atthasdef and c.relname = any(%s)",
        (schema, [table.target for table in wanted]),
    ).fetchall()
    there = {(table, column) for table, column in rows}
    refused = []
    for table in wanted:
        missing = [pair for pair in _defaults(table) if (table.target, pair[0].target) not in there]
        refused += _set_defaults(connection, table, missing)
    return refused


def _set_defaults(
    connection: Connection, table: TablePlan, defaults: list[tuple[ColumnPlan, sql.Composed]]
) -> list[Untranslated]:
    """Set defaults one by one; those that the server refuses."""
    refused = []
    for column, words in defaults:
        try:
            with connection.transaction():
                connection.execute(words)
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            reason = f"PostgreSQL refuses its translation: {error.diag.message_primary or error}"
            name = f"{table.target}.{column.target}"
            refused.append(Untranslated(kind="default", name=name, sql=column.default or "", reason=reason))
    return refused


def _table(table: TablePlan) -> sql.Composed:
    columns = []
    for column in table.columns:
        words = [sql.Identifier(column.target), column.type.sql()]
        if column.collation is not None:
            words.append(COLLATIONS[column.collation])
        if column.generated is not None:
            words.append(_generated(column.generated.sql, column.generated.kind))
        if column.identity:
            words.append(sql.SQL("generated by default as identity"))
            if column.sequence is not None:
                words.append(sql.SQL("(sequence name {})").format(sql.Identifier(table.schema, column.sequence)))
        if column.not_null:
            words.append(sql.SQL("not null"))
        columns.append(sql.SQL(" ").join(words))
    for derived in table.derived:
        words = [sql.Identifier(derived.name), raw(derived.type), _generated(derived.expression, "stored")]
        columns.append(sql.SQL(" ").join(words))
    return sql.SQL("create table {} ({})").format(
        sql.Identifier(table.schema, table.target), sql.SQL(", ").join(columns)
    )


def _defaults(table: TablePlan) -> list[tuple[ColumnPlan, sql.Composed]]:
    head = sql.SQL("alter table {} alter column {} set default ")
    name = sql.Identifier(table.schema, table.target)
    return [
        (column, head.format(name, sql.Identifier(column.target)) + raw(column.default))
        for column in table.columns
        if column.default is not None and not column.identity
    ]


def _generated(expression: str, kind: str) -> sql.Composable:
    return sql.SQL("generated always as ({}\n) {}").format(raw(expression), sql.SQL(kind))
