"""What the server is that is dumped: what a restore has to find again."""

from __future__ import annotations

import psycopg

from litelift.backup.manifest import ServerFacts
from litelift.postgres.connect import Connection
from litelift.postgres.login import where

_EXTENSIONS = "select extname, extversion from pg_extension order by extname"
_TABLESPACES = """
    select distinct t.spcname::text from pg_class c join pg_tablespace t on t.oid = c.reltablespace
     where c.oid >= 16384 and not c.relisshared order by 1
"""
# The database's own provider came with PostgreSQL 15; to_jsonb asks for a column that may not be there.
_ICU = """
    select exists (select from pg_collation c where c.collprovider = 'i' and c.oid >= 16384)
        or exists (select from pg_attribute a join pg_collation c on c.oid = a.attcollation
                     join pg_class r on r.oid = a.attrelid
                    where c.collprovider = 'i' and r.oid >= 16384 and not a.attisdropped)
        or exists (select from pg_database d
                    where d.datname = current_database() and to_jsonb(d) ->> 'datlocprovider' = 'i')
"""


def server_facts(connection: Connection) -> ServerFacts:
    """The facts of the server, as far as the login may ask. Raises psycopg.Error."""
    info = connection.info
    words = connection.execute("show server_version").fetchone()
    icu = connection.execute(_ICU).fetchone()
    return ServerFacts(
        version=str(words[0]) if words else "",
        version_number=info.server_version,
        where=where(info.dsn),
        system_identifier=_system_identifier(connection),
        extensions=dict(connection.execute(_EXTENSIONS).fetchall()),
        icu=bool(icu and icu[0]),
        tablespaces=[name for (name,) in connection.execute(_TABLESPACES)],
    )


def _system_identifier(connection: Connection) -> str | None:
    try:
        with connection.transaction():
            found = connection.execute("select system_identifier::text from pg_control_system()").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return str(found[0]) if found else None
