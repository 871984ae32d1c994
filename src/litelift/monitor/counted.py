"""Since when the server counts: what its statistics say of an index or a table holds for the time since then."""

from __future__ import annotations

from datetime import datetime

from litelift.monitor.baseline import Baseline
from litelift.postgres.connect import Connection

# Those of a database may have been set back by themselves (pg_stat_reset). A crash empties them too, and from
# PostgreSQL 15 on only the counters that are the whole server's tell of it ("The Cumulative Statistics System").
_SINCE = """
    select greatest(
        (select stats_reset from pg_stat_database where datname = current_database()),
        (select stats_reset from pg_stat_archiver))
"""
_MOVED = """
    select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'litelift' and c.relname = 'run'
"""


def counted_since(connection: Connection) -> datetime | None:
    """When the statistics of this database began; None where the server does not say. Raises psycopg.Error."""
    row = connection.execute(_SINCE).fetchone()
    assert row is not None
    since: datetime | None = row[0]
    return since


def used_since(connection: Connection, baseline: Baseline | None) -> datetime | None:
    """Since when it is known what is used: the statistics, but no table of a move is older than the move.

    Raises psycopg.Error.
    """
    since = counted_since(connection)
    if since is None:
        return None
    moves = connection.execute(_MOVED).fetchone()
    if moves is not None and moves[0]:
        row = connection.execute("select max(finished_at) from litelift.run").fetchone()
        since = max(since, row[0]) if row is not None and row[0] is not None else since
    return max(since, baseline.at) if baseline is not None else since
