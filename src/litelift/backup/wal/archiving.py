"""Finds out whether and how the server's WAL is archived, and checks it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from litelift.backup.wal.archive import Archive
from litelift.backup.wal.asking import Asking, Unanswered
from litelift.backup.wal.command import Archives, read_command, shown
from litelift.backup.wal.found import BaseBackup, WalArchiving
from litelift.backup.wal.judging import Judged, judge_archive, judge_server
from litelift.backup.wal.segments import Segment, gaps, name_of, named
from litelift.backup.wal.server import ServerSaid, ask_server, current_segment, server_user
from litelift.postgres.connect import Connection, stopped

DAYS = 8.0
"""How old the newest base backup may be: a weekly one, and a day."""

BASIC_ARCHIVE = "basic_archive"
"""The archive_library that comes with PostgreSQL ("basic_archive", appendix F)."""


def wal_archiving(connection: Connection, *, local: bool, days: float = DAYS) -> WalArchiving:
    """How the server's WAL is archived, and what stands in the way of a recovery from it.

    It writes nothing, on the server or in the archive, and takes a minute at most where a tool is asked.

    Args:
        connection: To any database of the server, with any login; what that may not see is in ``unseen``.
        local: Whether this is the server's machine, so that its archive may be here, and its tool may be asked.
        days: The age of the newest base backup, in days, from which it is a problem.

    Raises:
        TargetError: The server went away, or refuses what every login may ask.
    """
    try:
        return _wal_archiving(connection, local=local, oldest=timedelta(days=days))
    except psycopg.Error as error:
        raise stopped(error) from error


def _wal_archiving(connection: Connection, *, local: bool, oldest: timedelta) -> WalArchiving:
    said = ask_server(connection)
    archives = _archives(said)
    archive = Archive()
    if archives is not None:
        archive = _look(connection, said, archives, local=local)
    # Asked for last: what the server has archived meanwhile is not beyond it.
    current = current_segment(connection)
    newest_backup = next((backup for backup in reversed(archive.backups or []) if backup.good), None)
    held = archive.segments
    missing = gaps(held, *_ends(said, archive, newest_backup)) if held and held.whole else []
    newest, newest_at = _newest(said, archives, archive)
    judged = Judged(said, archives, archive, current, newest_backup, missing, newest, newest_at, oldest)
    size = said.segment_bytes
    return WalArchiving(
        at=said.at,
        mode=said.mode,
        wal_level=said.wal_level,
        standby=said.standby,
        tool=archives.tool if archives else None,
        where=archive.where or (archives.where if archives else ""),
        command=shown(said.command) if said.command and said.mode != "off" else None,
        library=said.library,
        archive_timeout=said.timeout,
        segment_bytes=size,
        current_wal=current,
        archiver=said.archiver,
        streams=said.streams,
        looked_into=archive.segments is not None or archive.backups is not None,
        segments=len(held.whole) if held else None,
        oldest_wal=name_of(held.oldest, size) if held and held.oldest else None,
        newest_wal=newest,
        newest_wal_at=newest_at,
        newest_wal_age=max((said.at - newest_at).total_seconds(), 0.0) if newest_at else None,
        gaps=missing,
        backups=archive.backups or [],
        problems=[*judge_server(judged), *archive.problems, *judge_archive(judged)],
        notes=[*_notes(said, archives), *archive.notes],
        unseen=[*(said.unseen if archives and not archives.streamed else ()), *archive.unseen],
    )


def _archives(said: ServerSaid) -> Archives | None:
    """Who archives; None where nobody does."""
    if said.mode == "always" or (said.mode == "on" and not said.standby):
        if said.library == BASIC_ARCHIVE and said.library_folder:
            return Archives("library", str(said.library_folder), folder=said.library_folder)
        if said.library:
            return Archives("library", said.library, unclear=f"{said.library} keeps it in a way of its own")
        if said.command is None:
            return Archives("command", unclear="archive_command cannot be seen with this login")
        archives = read_command(said.command) if said.command.strip() else Archives("command")
        if not (archives.discards and said.streams):
            return archives
    if said.streams:
        words = [word for stream in said.streams for word in (stream.slot, stream.program) if word]
        return Archives("barman" if any("barman" in word for word in words) else "pg_receivewal", streamed=True)
    return None


def _look(connection: Connection, said: ServerSaid, archives: Archives, *, local: bool) -> Archive:
    """Look into the archive, as far as that can be done from here."""
    if archives.discards or (not said.command and not said.library and not said.streams):
        return Archive()
    here = _is_here(connection, said)
    if not local or here is False:
        why_not = (
            "the server has a file system of its own" if local else "litelift does not run on the server's machine"
        )
        return Archive(unseen=[f"the archive itself: {why_not}"])
    asking = Asking(server_user(connection, said.data_directory))
    try:
        if archives.tool == "pgbackrest":
            from litelift.backup.wal import pgbackrest

            return pgbackrest.look(asking, archives, said.identifier, said.segment_bytes)
        if archives.tool == "wal-g":
            from litelift.backup.wal import walg

            return walg.look(asking, archives, said.identifier, said.segment_bytes)
        if archives.tool == "barman":
            from litelift.backup.wal import barman

            slots = {stream.slot for stream in said.streams if stream.slot}
            return barman.look(asking, archives.name, slots, said.identifier, said.segment_bytes)
        if archives.folder is not None:
            from litelift.backup.wal import folder

            return folder.look(_absolute(said, archives.folder), said.segment_bytes, said.log_timezone, here=bool(here))
    except Unanswered as why:
        return Archive(unseen=[f"the archive itself: {why}"])
    why_not = archives.unclear or "where a pg_receivewal of the site's own writes is not known here"
    return Archive(unseen=[f"the archive itself: {why_not}"])


def _absolute(said: ServerSaid, path: Path) -> Path:
    """A relative folder is one of the data folder's: there the server runs its commands."""
    if said.data_directory is None and not path.is_absolute():
        raise Unanswered("its folder is relative to the server's data folder, which this login may not see")
    return (said.data_directory or Path()) / path


def _is_here(connection: Connection, said: ServerSaid) -> bool | None:
    """Whether the server sees this file system, and not a container's; None where nothing says so."""
    if said.data_directory is None:
        return True if connection.info.host.startswith("/") else None
    try:
        return bool(said.data_directory.stat())
    except FileNotFoundError:
        return False
    except OSError:
        # It is there, behind a folder that this user may not pass.
        return True


def _ends(said: ServerSaid, archive: Archive, newest: BaseBackup | None) -> tuple[Segment | None, Segment | None]:
    """What has to be there: where the newest base backup begins, and what the server archived last."""
    size = said.segment_bytes
    last = named(said.archiver.last_archived, size) if archive.direct else None
    start = named(newest.start_wal, size) if newest else None
    reached = max((end for end in (last, archive.segments and archive.segments.newest) if end), default=None)
    if start is not None and (reached is None or start > reached):
        # It has just been made, and its WAL is on its way.
        start = None
    return start, last


def _newest(said: ServerSaid, archives: Archives | None, archive: Archive) -> tuple[str | None, datetime | None]:
    """The newest segment that is archived, and when it was."""
    if archives is None or archives.discards or (archives.streamed and archive.segments is None):
        return None, None
    size = said.segment_bytes
    held = archive.segments
    if held is not None:
        at = held.newest_at
        name = name_of(held.newest, size) if held.newest else None
        return name, at or (said.archiver.last_archived_at if name == said.archiver.last_archived else None)
    last = named(said.archiver.last_archived, size)
    return (said.archiver.last_archived, said.archiver.last_archived_at) if last else (None, None)


def _notes(said: ServerSaid, archives: Archives | None) -> list[str]:
    notes = []
    if said.restart_pending:
        notes.append("archive_mode was changed, which takes effect when the server is restarted")
    if said.standby and said.mode == "on":
        notes.append("the server is a standby: what is archived is the primary's affair")
    if archives is not None and said.mode != "off" and said.timeout == 0:
        notes.append("archive_timeout is 0: what a quiet server has written waits until its segment is full")
    return notes
