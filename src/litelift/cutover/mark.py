"""A mark in PostgreSQL's own time: what the tables held at the switch, so that what came later can be told from it.

A row's system column ``xmin`` is the transaction that wrote this version of it, and stays readable when the row is
frozen ("System Columns", section 5.5, and "Preventing Transaction ID Wraparound Failures", section 24.1.5 of the
manual). Its 32 bits become 64 by the distance to the newest transaction ("Transaction ID and Snapshot Information
Functions", section 9.26). Which transactions came later cannot be said by a number alone: one with a lower number may
commit later, and the snapshot does not name subtransactions. So the mark also keeps, of those that are not older than
the oldest that was at work, the ones whose rows were there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import pq, sql
from psycopg.rows import tuple_row
from pydantic import BaseModel

from litelift.errors import ExportFailed, MarkLost
from litelift.postgres.connect import Connection

TURN = 1 << 32
"""Transactions until the 32 bits of ``xmin`` come round."""
HALF = 1 << 31
_FIRST = 3
"""The lowest number of a transaction; below are special ones, which are older than all (access/transam.h)."""

_SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "search_path": "pg_catalog",
    "jit": "off",
    # Refuses to hide rows: a table whose policies would hide some is an error ("Row Security Policies").
    "row_security": "off",
}
_TABLES = """
    select c.oid, n.nspname, c.relname, coalesce(pg_partition_root(c.oid), c.oid)::oid, rn.nspname, rc.relname,
           coalesce(pg_relation_filenode(c.oid), 0), has_table_privilege(c.oid, 'select')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_class rc on rc.oid = coalesce(pg_partition_root(c.oid), c.oid)
    join pg_namespace rn on rn.oid = rc.relnamespace
    where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_'
      and n.nspname not in ('information_schema', 'litelift')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                      and d.deptype = 'e')
    order by n.nspname, c.relname
"""


class TableMark(BaseModel):
    """A table at the mark: a plain one, or a partition. ``root`` is the oid of the table that it is a partition of."""

    oid: int
    schema_name: str
    name: str
    root: int
    root_schema: str
    root_name: str
    filenode: int
    rows: int = 0
    wrapped: int = 0
    """Rows whose transaction is so old that its number may be taken for a new one's."""


class Mark(BaseModel):
    """A moment in one database, as JSON that a journal can keep."""

    at: datetime
    system: str | None
    """The cluster's identifier; None where the role may not read it."""
    database: str
    database_oid: int
    oldest: int
    """Of 64 bits: all transactions before this one had ended."""
    known: list[int]
    """Those from ``oldest`` on that had ended and left rows, as the 32 bits of ``xmin``."""
    tables: list[TableMark]
    unread: list[str] = []
    """Tables that the role may not read."""


@dataclass(frozen=True, slots=True)
class Now:
    """The database at the moment of a transaction's snapshot."""

    at: datetime
    system: str | None
    database: str
    database_oid: int
    oldest: int
    newest: int


def mark(connection: Connection) -> Mark:
    """Take the mark. Every table is read once, for its rows are counted.

    Args:
        connection: of the role that owns the tables; not within a transaction.

    Raises:
        ExportFailed: a table cannot be read.
    """
    with snapshot(connection) as now:
        tables, unread = read_tables(connection)
        known: set[int] = set()
        for table in tables:
            query = sql.SQL(
                "select case when {late} then t.xmin::text::bigint end, count(*), count(*) filter (where {wrapped})"
                " from only {table} as t group by 1"
            ).format(
                late=later_than(now.newest, now.newest - now.oldest),
                wrapped=sql.SQL("t.xmin::text::bigint >= {} and {} >= {}").format(_FIRST, _back(now.newest), HALF),
                table=sql.Identifier(table.schema_name, table.name),
            )
            with looking(connection) as cursor:
                for late, rows, wrapped in cursor.execute(query):
                    table.rows += rows
                    table.wrapped += wrapped
                    if late is not None:
                        known.add(late)
        return Mark(
            at=now.at,
            system=now.system,
            database=now.database,
            database_oid=now.database_oid,
            oldest=now.oldest,
            known=sorted(known),
            tables=tables,
            unread=unread,
        )


@contextmanager
def snapshot(connection: Connection) -> Iterator[Now]:
    """A transaction that only reads, at one snapshot. Raises ExportFailed for whatever the server refuses in it."""
    if connection.info.transaction_status != pq.TransactionStatus.IDLE:
        raise ValueError("expected a connection that is not within a transaction")
    try:
        with connection.transaction(force_rollback=True), connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            for name, value in _SETTINGS.items():
                cursor.execute("select set_config(%s, %s, true)", (name, value))
            # The newer names of these functions came with PostgreSQL 13.
            row = cursor.execute(
                "select clock_timestamp(), current_database(), d.oid, txid_snapshot_xmin(s), txid_snapshot_xmax(s)"
                " from pg_database d, txid_current_snapshot() s where d.datname = current_database()"
            ).fetchone()
            if row is None:
                raise ExportFailed(message="the database is not in pg_database")
            yield Now(row[0], _system(connection), *row[1:])
    except psycopg.Error as error:
        said = " ".join((error.diag.message_primary or str(error)).split())
        raise ExportFailed(message=said) from error


@contextmanager
def looking(connection: Connection) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A look at one table within a `snapshot`; its locks are given back at the end.

    A transaction's locks on thousands of tables and their indexes are more than a server has room for; those taken
    after a savepoint go when it is rolled back to ("Table-Level Locks", section 13.3.1 of the manual).
    """
    with connection.transaction(force_rollback=True), connection.cursor(row_factory=tuple_row) as cursor:
        yield cursor


def _system(connection: Connection) -> str | None:
    try:
        with connection.transaction():
            row = connection.execute("select system_identifier::text as s from pg_control_system()").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return str(next(iter(row.values())) if isinstance(row, dict) else row[0]) if row else None


def read_tables(connection: Connection) -> tuple[list[TableMark], list[str]]:
    """The tables that hold rows, as they are now, and the names of those that may not be read."""
    found: list[TableMark] = []
    unread: list[str] = []
    with connection.cursor(row_factory=tuple_row) as cursor:
        for oid, schema, name, root, root_schema, root_name, filenode, readable in cursor.execute(_TABLES):
            if not readable:
                unread.append(f"{schema}.{name}")
                continue
            found.append(
                TableMark(
                    oid=oid,
                    schema_name=schema,
                    name=name,
                    root=root,
                    root_schema=root_schema,
                    root_name=root_name,
                    filenode=filenode,
                )
            )
    return found, unread


def _back(newest: int) -> sql.Composable:
    """How many transactions before ``newest`` a row of ``t`` was written, by the 32 bits of it."""
    turned = sql.Literal(newest % TURN + TURN)
    return sql.SQL("mod({} - t.xmin::text::bigint, {})").format(turned, sql.Literal(TURN))


def later_than(newest: int, span: int, known: Sequence[int] = ()) -> sql.Composable:
    """Whether one of the ``span`` transactions before ``newest``, but none that is ``known``, wrote a row of ``t``."""
    late = sql.SQL("(t.xmin::text::bigint >= {} and {} between 1 and {})").format(
        sql.Literal(_FIRST), _back(newest), sql.Literal(span)
    )
    if not known:
        return late
    return sql.SQL("({} and t.xmin::text::bigint <> all ({}::bigint[]))").format(late, sql.Literal(list(known)))


def written_after(mark: Mark, now: Now) -> sql.Composable:
    """Whether a row of ``t`` was written after ``mark``, as SQL. Raises MarkLost where nobody can know."""
    span = now.newest - mark.oldest
    why = ""
    if mark.system is not None and now.system is not None and mark.system != now.system:
        why = "it is in another server (a restored dump, or another cluster)"
    elif mark.database_oid != now.database_oid:
        why = "another database stands in its place"
    elif span < 0:
        why = "the server was set back to a time before it"
    elif span >= HALF:
        why = f"{span:,} transactions were begun since, so that the numbers of rows' transactions may have come round"
    if why:
        raise MarkLost(database=now.database, why=why, at=f"{mark.at:%Y-%m-%d %H:%M:%S} UTC")
    return later_than(now.newest, span, mark.known)
