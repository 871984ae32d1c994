"""What of the server's past and present the rules about its settings rest on."""

from __future__ import annotations

from dataclasses import dataclass

from litelift.postgres.connect import Connection

# pg_stat_checkpointer came with PostgreSQL 17, and took these columns from pg_stat_bgwriter.
_CHECKPOINTS = """
    select checkpoints_timed, checkpoints_req, extract(epoch from now() - stats_reset)::float8 from pg_stat_bgwriter
"""
_CHECKPOINTS_17 = """
    select num_timed, num_requested, extract(epoch from now() - stats_reset)::float8 from pg_stat_checkpointer
"""
_FACTS = """
    select (select coalesce(sum(pg_database_size(oid)), 0)::int8 from pg_database
            where has_database_privilege(oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage')),
           temp_files, temp_bytes, coalesce(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 100)::float8,
           blks_hit + blks_read,
           (select count(*) from pg_stat_activity where backend_type = 'client backend'),
           (select count(*) from pg_stat_ssl s join pg_stat_activity a using (pid)
            where not s.ssl and a.client_addr is not null and not a.client_addr <<= '127.0.0.0/8'
            and a.client_addr <> '::1'),
           exists (select from pg_available_extensions where name = 'pg_stat_statements'),
           coalesce((select max(pg_table_size(c.oid)) from pg_class c
                     where c.relkind = 'r' and c.oid in (select oid from pg_class where relkind = 'r'
                                                         order by relpages desc limit 1)), 0)::int8
    from pg_stat_database where datname = current_database()
"""
# What keeps copies of the WAL, and serves nobody, connects as standbys do; a slot that nobody uses is one's, for all
# that is known.
_STANDBYS = """
    with others as (
        select pid from pg_stat_replication
        where application_name in ('pg_receivewal', 'pg_basebackup', 'barman_receive_wal', 'barman_streaming_backup'))
    select exists (select from pg_stat_replication where pid not in (select pid from others))
           or exists (select from pg_replication_slots where slot_type = 'physical'
                      and (active_pid is null or active_pid not in (select pid from others)))
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """Counted since the statistics began."""

    cluster_bytes: int
    """Of all databases that the login may look at."""
    temp_files: int
    temp_bytes: int
    hit_percent: float
    blocks: int
    """That were asked for: by them the share is believed, or not yet."""
    connections: int
    unencrypted: int
    """Sessions from elsewhere without TLS."""
    has_statements: bool
    """Whether pg_stat_statements is installed on the server's machine."""
    largest_table: int
    """Bytes."""
    checkpoints_timed: int
    checkpoints_requested: int
    checkpoint_seconds: float
    """For how long those were counted."""
    standbys: bool = False
    """Whether other servers follow this one."""


def read_facts(connection: Connection) -> Facts:
    """Read them. Raises psycopg.Error."""
    row = connection.execute(_FACTS).fetchone()
    query = _CHECKPOINTS_17 if connection.info.server_version >= 170000 else _CHECKPOINTS
    checkpoints = connection.execute(query).fetchone()
    standbys = connection.execute(_STANDBYS).fetchone()
    assert row is not None and checkpoints is not None and standbys is not None
    timed, requested, seconds = checkpoints
    return Facts(*(*row, int(timed), int(requested), float(seconds or 0), bool(standbys[0])))
