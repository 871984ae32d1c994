"""Since when the server counts: what its statistics say of an index or a table holds for the time since then."""

from __future__ import annotations

from datetime import datetime

from litelift.postgres.connect import Connection

# Those of a database may have been set back by themselves (pg_stat_reset). A crash empties them too, and from
# PostgreSQL 15 on only the counters that are the whole server's tell of it ("The Cumulative Statistics System").
_SINCE = """
    select greatest(
        (select stats_reset from pg_stat_database where datname = current_database()),
        (select stats_reset from pg_stat_archiver))
"""


def counted_since(connection: Connection) -> datetime | None:
    """When the statistics of this database began; None where the server does not say. Raises psycopg.Error."""
    row = connection.execute(_SINCE).fetchone()
    assert row is not None
    since: datetime | None = row[0]
    return since
