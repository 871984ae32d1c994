"""How large a database is."""

from __future__ import annotations

from litelift.postgres.connect import Connection


def database_bytes(connection: Connection) -> int:
    """What the connection's database takes on the server's disk. Raises psycopg.Error."""
    found = connection.execute("select pg_database_size(current_database())").fetchone()
    return int(found[0]) if found else 0
