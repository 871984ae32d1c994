"""One moment of a database, which several sessions and pg_dump read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from litelift.postgres.connect import Connection, connect

LOCK_WAIT = "600s"
"""How long a lock is waited for that somebody else holds: ALTER TABLE, say."""
# Besides what `connect` sets: nothing that a role or a database has set may change how a value is written.
_SESSION = """
    select set_config('lc_monetary', 'C', false), set_config('row_security', 'off', false),
           set_config('lock_timeout', %s, false), set_config('xmloption', 'content', false)
"""

# What the snapshot says of a table's file, and what is so now.
_REWRITTEN = """
    select oid::regclass::text from pg_class
     where oid = any(%s::oid[]) and relfilenode is distinct from pg_relation_filenode(oid)
"""


@contextmanager
def snapshot(dsn: str) -> Iterator[tuple[Connection, str]]:
    """A session that holds a snapshot, and the snapshot's name for `following` and ``pg_dump --snapshot``.

    "Snapshot Synchronization Functions" in the manual. Raises TargetUnreachable, TargetAuthFailed.
    """
    with connect(dsn, autocommit=False) as connection:
        _prepare(connection)
        connection.execute("set transaction isolation level repeatable read, read only")
        name = connection.execute("select pg_export_snapshot()").fetchone()
        assert name is not None
        yield connection, str(name[0])
        connection.rollback()


@contextmanager
def following(dsn: str, name: str) -> Iterator[Connection]:
    """Another session that sees what the snapshot ``name`` sees, while its own is held."""
    with connect(dsn, autocommit=False) as connection:
        _prepare(connection)
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(name)))
        yield connection
        connection.rollback()


def rewritten(session: Connection, tables: Sequence[int]) -> str | None:
    """A table whose rows the session's snapshot cannot see any more, for it was rewritten or emptied since.

    Args:
        session: that has the snapshot.
        tables: their numbers (pg_class.oid).
    """
    row = session.execute(_REWRITTEN, (list(tables),)).fetchone()
    return str(row[0]) if row else None


def _prepare(connection: Connection) -> None:
    connection.execute(_SESSION, (LOCK_WAIT,))
    connection.commit()
