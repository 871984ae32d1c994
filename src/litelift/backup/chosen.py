"""The chosen tables of the live database: whether they are there, and kept from the writes of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from litelift.backup.obstacles import session
from litelift.errors import RowsRefused
from litelift.postgres.connect import Connection
from litelift.postgres.existing import read_constraints
from litelift.result import Notice
from litelift.shorten import shortened

_SHOWN = 10
_TABLE = """
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p') and not c.relispartition
"""
_HOLDERS = """
    select distinct a.pid, a.usename, a.application_name, a.client_addr::text as address, a.backend_type
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'relation' and l.granted and l.mode in ('RowExclusiveLock', 'ShareUpdateExclusiveLock',
          'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      and l.database = %(database)s::bigint::oid and l.relation::bigint = any(%(tables)s) and l.pid <> %(own)s
"""


_MATERIALIZED = """
    with recursive reads(oid) as (
        select unnest(%s::oid[])
        union
        select r.ev_class from reads join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = reads.oid
        join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    )
    select n.nspname || '.' || c.relname from reads join pg_class c on c.oid = reads.oid and c.relkind = 'm'
    join pg_namespace n on n.oid = c.relnamespace order by 1
"""


class ChosenTable(NamedTuple):
    """A table by its full name."""

    schema: str
    name: str

    def __str__(self) -> str:
        """As it is told."""
        return f"{self.schema}.{self.name}"


def parsed(connection: Connection, names: Sequence[str]) -> list[ChosenTable]:
    """Tables from their names in SQL, as a manifest has them: public.pupils, "my schema"."my table".

    Raises RowsRefused where one has not two parts.
    """
    found = []
    for name in names:
        try:
            (parts,) = connection.execute("select parse_ident(%s)", (name,)).fetchone() or ([],)
        except psycopg.errors.InvalidParameterValue:
            parts = []
        if len(parts) != 2:
            raise RowsRefused(message=f"expected a table with its schema, as public.{name}; got {name}")
        found.append(ChosenTable(*parts))
    return found


def refuse_missing(live: Connection, tables: Sequence[ChosenTable]) -> None:
    """Raise RowsRefused where the live database has not all of them."""
    wrong = [] if tables else ["no table is named"]
    for table in tables:
        if live.execute(_TABLE, (table.schema, table.name)).fetchone() is None:
            wrong.append(f"the live database has no table {table} (a partition goes with its table)")
    if wrong:
        raise RowsRefused(message=shortened(wrong, _SHOWN, separator="; "))


def materialized(live: Connection, tables: Sequence[ChosenTable]) -> list[Notice]:
    """The materialized views that read these tables, by way of other views too: they hold what was before."""
    oids = [row[0] for table in tables for row in live.execute(_TABLE, table)]
    return [
        Notice(
            level="attention",
            kind="materialized-view",
            message=f"the materialized view {name} has the rows of before until it is refreshed",
        )
        for (name,) in live.execute(_MATERIALIZED, (oids,))
    ]


def lock(live: Connection, tables: Sequence[ChosenTable]) -> list[str]:
    """Let nobody write to the tables, nor to those that refer to them or that they refer to; those it may not lock.

    Else a row could go that was just found to be referred to: a session without triggers checks nothing for others.
    """
    own = sorted({(table.schema, table.name) for table in tables})
    for schema, name in own:
        _lock_one(live, schema, name)
    oids = [row[0] for table in own for row in live.execute(_TABLE, table)]
    keys = [key for key in read_constraints(live, oids, onto=True) if key.kind == "f"]
    others = {(key.schema, key.table) for key in keys}
    others |= {(key.foreign_schema, key.foreign_table) for key in keys if key.foreign_schema and key.foreign_table}
    unlocked = []
    for schema, name in sorted(others.difference(own)):
        try:
            _lock_one(live, schema, name)
        except psycopg.errors.InsufficientPrivilege:
            unlocked.append(f"{schema}.{name}")
    return unlocked


def _lock_one(live: Connection, schema: str, name: str) -> None:
    words = sql.SQL("lock table {} in share row exclusive mode").format(sql.Identifier(schema, name))
    try:
        with live.transaction():
            live.execute(words)
    except psycopg.errors.LockNotAvailable as error:
        raise RowsRefused(message=f"others write to {schema}.{name}: {_holders(live, schema, name)}") from error


def _holders(live: Connection, schema: str, name: str) -> str:
    """Who is in the way."""
    with live.cursor(row_factory=dict_row) as cursor:
        facts = cursor.execute(
            "select (select oid::bigint from pg_database where datname = current_database()) as database,"
            " array(select relid::oid::bigint from pg_partition_tree(%s::regclass)"
            "       union select %s::regclass::oid::bigint) as tables, pg_backend_pid() as own",
            [sql.Identifier(schema, name).as_string(live)] * 2,
        ).fetchone()
        rows = cursor.execute(_HOLDERS, facts).fetchall() if facts else []
    return shortened([str(session(row)) for row in rows], _SHOWN, separator="; ") or "nobody whom this role can see"
