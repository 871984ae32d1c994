"""A moment of a database at which no table is being rewritten or emptied.

A snapshot alone does not hold what is truncated or rewritten after it: such a table is empty to whoever looks with it
("Caveats" of the manual's chapter on concurrency). So each table is locked for an instant as for a SELECT, which waits
for those who change it; where one was rewritten by then, another moment is taken. The locks are not kept: who waits to
change a table would stand between them and pg_dump's own, and everybody would wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from litelift.backup.digest import Table, hold, tables
from litelift.backup.snapshot import rewritten, snapshot
from litelift.errors import BackupFailed
from litelift.postgres.connect import Connection

TRIES = 10


@contextmanager
def settled(dsn: str) -> Iterator[tuple[Connection, str, list[Table]]]:
    """A session that holds a snapshot, the snapshot's name, and the tables.

    Raises TargetUnreachable, TargetAuthFailed, psycopg.Error. BackupFailed: others rewrite tables all the time.
    """
    changed = ""
    for _ in range(TRIES):
        with ExitStack() as stack:
            holding, name = stack.enter_context(snapshot(dsn))
            found = tables(holding)
            try:
                with holding.transaction(force_rollback=True):
                    hold(holding, found)
                    again = rewritten(holding, [table.oid for table in found])
            except psycopg.errors.UndefinedTable as error:
                # It was dropped since.
                changed = error.diag.message_primary or str(error)
                continue
            if again:
                changed = f"{again} was rewritten"
                continue
            yield holding, name, found
            return
    hint = "Make it when nobody changes the structure of the tables."
    raise BackupFailed(message=f"others change tables while it begins: {changed}", hint=hint)


def free_sessions(connection: Connection) -> int:
    """How many more sessions the login may open to this database, as it looks now."""
    found = connection.execute(_FREE).fetchone()
    return int(found[0]) if found else 0


_FREE = """
    with login as (select * from pg_roles where rolname = session_user),
         there as (select datname, usesysid from pg_stat_activity where usesysid is not null)
    select least(
        current_setting('max_connections')::int - (select count(*) from there)
        - case when rolsuper then 0 else current_setting('superuser_reserved_connections')::int end,
        case when not rolsuper and rolconnlimit >= 0
             then rolconnlimit - (select count(*) from there where usesysid = login.oid) end,
        case when not rolsuper and datconnlimit >= 0
             then datconnlimit - (select count(*) from there where datname = current_database()) end)
    from login, pg_database where datname = current_database()
"""
