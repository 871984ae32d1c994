"""What the server itself says of how its WAL is archived, as far as the login may see it."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg.rows import dict_row

from litelift.backup.wal.found import Archiver, Stream
from litelift.postgres.connect import Connection

RECEIVERS = ("pg_receivewal", "pg_receivexlog", "barman_receive_wal")
"""The application_name that pg_receivewal and Barman give themselves."""

_SETTINGS = (
    "archive_mode",
    "archive_command",
    "archive_library",
    "archive_timeout",
    "wal_level",
    "wal_segment_size",
    "log_timezone",
    "data_directory",
)

_LOOK = """
    select clock_timestamp() as at, pg_is_in_recovery() as standby,
           current_setting('basic_archive.archive_directory', true) as folder
"""
_IDENTIFIER = "select system_identifier::text as identifier from pg_control_system()"
_MAY = "select has_function_privilege(current_user, %s, 'execute') as may"
_WAITING = """
    select count(*) as waiting, min(modification) as since from pg_ls_archive_statusdir() where name like '%.ready'
"""
_CURRENT = "select pg_walfile_name(pg_current_wal_lsn()) as name"
# A slot that a standby uses is none of an archive's; one that nobody uses may be anybody's, but for its name.
_STREAMS = """
    select s.slot_name as slot, r.application_name as program, coalesce(s.active, true) as active,
           s.wal_status = 'lost' as lost,
           case when not pg_is_in_recovery()
                then pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(r.write_lsn, s.restart_lsn))::bigint
                end as behind
      from (select * from pg_replication_slots where slot_type = 'physical') s
      full join pg_stat_replication r on r.pid = s.active_pid
     where r.application_name = any(%(receivers)s) or s.slot_name ~ '(barman|receive_?wal|receive_?xlog)'
     order by s.slot_name, r.pid
"""


@dataclass(frozen=True, slots=True)
class ServerSaid:
    """The settings and statistics; None for what the login may not see."""

    at: datetime
    standby: bool
    mode: str
    command: str | None
    library: str | None
    library_folder: Path | None
    """Where basic_archive, the library that comes with PostgreSQL, keeps the segments."""
    timeout: int
    wal_level: str
    segment_bytes: int
    log_timezone: str
    data_directory: Path | None
    identifier: str | None
    restart_pending: bool
    archiver: Archiver
    streams: list[Stream]
    unseen: list[str]


def ask_server(connection: Connection) -> ServerSaid:
    """Ask for all of it. Raises psycopg.Error."""
    unseen = []
    with connection.cursor(row_factory=dict_row) as cursor:
        look = cursor.execute(_LOOK).fetchone() or {}
        cursor.execute(
            "select name, setting, unit, pending_restart from pg_settings where name = any(%s)", (list(_SETTINGS),)
        )
        rows = {row["name"]: row for row in cursor}
        settings = {name: row["setting"] for name, row in rows.items()}
        stats = cursor.execute("select * from pg_stat_archiver").fetchone() or {}
        identifier, waiting = None, {}
        if _may(cursor.execute(_MAY, ("pg_control_system()",)).fetchone()):
            identifier = (cursor.execute(_IDENTIFIER).fetchone() or {}).get("identifier")
        if _may(cursor.execute(_MAY, ("pg_ls_archive_statusdir()",)).fetchone()):
            waiting = cursor.execute(_WAITING).fetchone() or {}
        else:
            unseen.append("how many files wait to be archived: that takes a login with pg_monitor")
        streams = cursor.execute(
            _STREAMS if connection.info.server_version >= 130000 else _OLD_STREAMS, _NAMES
        ).fetchall()
    if "archive_command" not in settings:
        unseen.append("archive_command: the login may not see it, pg_read_all_settings lets it")
    directory = settings.get("data_directory")
    return ServerSaid(
        at=look["at"],
        standby=look["standby"],
        mode=settings["archive_mode"],
        command=settings.get("archive_command"),
        library=settings.get("archive_library") or None,
        library_folder=Path(look["folder"]) if look["folder"] else None,
        timeout=int(settings["archive_timeout"]),
        wal_level=settings["wal_level"],
        segment_bytes=int(settings["wal_segment_size"]) * (8192 if rows["wal_segment_size"]["unit"] == "8kB" else 1),
        log_timezone=settings["log_timezone"],
        data_directory=Path(directory) if directory else None,
        identifier=identifier,
        restart_pending=bool(rows["archive_mode"]["pending_restart"]),
        archiver=Archiver(
            archived=stats["archived_count"],
            last_archived=stats["last_archived_wal"],
            last_archived_at=stats["last_archived_time"],
            failed=stats["failed_count"],
            last_failed=stats["last_failed_wal"],
            last_failed_at=stats["last_failed_time"],
            waiting=waiting.get("waiting"),
            waiting_since=waiting.get("since"),
        ),
        streams=[
            Stream(
                slot=row["slot"],
                program=row["program"],
                active=row["active"],
                behind_bytes=row["behind"],
                lost=bool(row["lost"]),
            )
            for row in streams
        ],
        unseen=unseen,
    )


def current_segment(connection: Connection) -> str | None:
    """The name of the segment that the server writes now; None on a standby. Raises psycopg.Error."""
    standby = connection.execute("select pg_is_in_recovery()").fetchone() or (True,)
    row = None if standby[0] else connection.execute(_CURRENT).fetchone()
    return row[0] if row else None


def server_user(connection: Connection, data_directory: Path | None) -> int | None:
    """The number of the user that the server runs as, here; None where it cannot be known.

    Over a Unix socket the kernel says it (SO_PEERCRED, unix(7)); else the owner of the data folder, which PostgreSQL
    insists to be.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as peer:
        if peer.family == socket.AF_UNIX:
            _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            return int(user)
    try:
        return data_directory.stat().st_uid if data_directory else None
    except OSError:
        return None


_OLD_STREAMS = _STREAMS.replace("s.wal_status = 'lost'", "false")
"""Before PostgreSQL 13, a slot kept what it kept."""
_NAMES = {"receivers": list(RECEIVERS)}


def _may(row: dict[str, object] | None) -> bool:
    return bool(row and row["may"])
