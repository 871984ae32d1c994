"""What stands in the way of a recovery, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from litelift.backup.wal.archive import Archive
from litelift.backup.wal.command import Archives
from litelift.backup.wal.found import BaseBackup, Code, Gap, Level, Problem
from litelift.backup.wal.segments import name_of, named
from litelift.backup.wal.server import ServerSaid
from litelift.report.format import age, count, moment, size

BEHIND = 10
"""Whole segments that wait: more than a bulk load leaves for a moment, still far from a full disk."""

STREAM_BEHIND = 1 << 30
"""Bytes: a receiver says every ten seconds how far it is, which on a busy server is some hundred megabytes."""

HANGS = timedelta(hours=1)
"""How long one whole segment may wait: a command that never ends fails never."""


@dataclass(frozen=True, slots=True)
class Judged:
    """All that is known."""

    said: ServerSaid
    archives: Archives | None
    archive: Archive
    current: str | None
    backup: BaseBackup | None
    """The newest that is good."""
    gaps: list[Gap]
    newest: str | None
    newest_at: datetime | None
    oldest_age: timedelta

    @property
    def archived_by_server(self) -> bool:
        """Whether the server's archiver does it; else it is streamed."""
        return self.archives is not None and not self.archives.streamed


def judge_server(known: Judged) -> Iterator[Problem]:
    """What is wrong by the server's own account."""
    said, archiver = known.said, known.said.archiver
    if known.archives is None:
        return
    if known.archived_by_server:
        if said.command is not None and not said.command.strip() and not said.library:
            yield _failed(
                "no-command",
                "archive_mode is on, and archive_command is empty: the server keeps all its WAL until its disk is full",
                "Set archive_command (and reload), or archive_mode = off (and restart).",
            )
        if known.archives.discards:
            yield Problem(
                code="discarded",
                level="attention",
                message=f'there is no point in time: archive_command is "{said.command}", which throws the WAL away',
                hint="Set archive_command to one that keeps it, and make a base backup then. Or archive_mode = off.",
            )
        if archiver.failing and archiver.last_failed_at:
            since = (
                f"nothing has been archived since {moment(archiver.last_archived_at)}"
                if (archiver.last_archived_at)
                else "nothing has been archived yet"
            )
            yield _failed(
                "failing",
                f"archiving fails: {archiver.last_failed} at {moment(archiver.last_failed_at)}; {since}",
                "The server's log says why. Until it succeeds the server keeps all its WAL, which fills its disk.",
            )
    yield from _streams(known)
    yield from _behind(known)


def _streams(known: Judged) -> Iterator[Problem]:
    alone = not known.archived_by_server
    for stream in known.said.streams:
        if stream.active and (stream.behind_bytes or 0) >= STREAM_BEHIND:
            yield Problem(
                code="behind",
                level="attention",
                message=f"the receiver of the slot {stream.slot} is {size(stream.behind_bytes or 0)} behind",
                hint="See whether the network, or the disk that it writes to, is too slow for the load.",
            )
        if stream.lost:
            yield _failed(
                "slot",
                f"the server no longer has what the slot {stream.slot} needs: a gap in what was streamed",
                "Drop and make the slot again, start the receiver, and make a base backup.",
            )
        elif not stream.active:
            kept = f"; the server keeps {size(stream.behind_bytes)} of WAL for it" if stream.behind_bytes else ""
            level: Level = "failed" if alone else "attention"
            yield Problem(
                code="slot",
                level=level,
                message=f"nobody receives the WAL of the slot {stream.slot}{kept}",
                hint="Start its receiver (Barman: barman cron, each minute), or drop the slot if nobody uses it.",
            )


def _behind(known: Judged) -> Iterator[Problem]:
    said, each = known.said, known.said.segment_bytes
    waiting, since = None, known.newest_at
    if known.archived_by_server and said.archiver.waiting is not None:
        waiting, since = said.archiver.waiting, said.archiver.waiting_since
    current, newest = named(known.current, each), named(known.newest, each)
    if waiting is None and current and newest and current.timeline == newest.timeline:
        # The current one is not whole.
        waiting = max(current.number - newest.number - 1, 0)
    waited = said.at - since if since else timedelta(0)
    if waiting and (waiting >= BEHIND or waited > HANGS):
        yield Problem(
            code="behind",
            level="attention",
            message=f"archiving is behind: {count(waiting, 'file')} {'waits' if waiting == 1 else 'wait'}"
            + (f", for {age(waited.total_seconds())}" if waited > HANGS else ""),
            hint="See whether the command hangs, and whether the network or the archive's disk is too slow for it.",
        )


def judge_archive(known: Judged) -> Iterator[Problem]:
    """What is wrong with what lies in the archive."""
    segments = known.archive.segments
    if segments is not None and not segments.whole:
        archived = known.said.archiver.archived if known.archive.direct else 0
        yield Problem(
            code="empty",
            level="failed" if archived else "attention",
            message=f"the archive is empty, and the server has archived {count(archived, 'file')}"
            if archived
            else "the archive is empty",
            hint="See who removed them, and make a base backup."
            if archived
            else "Have the server end a segment, select pg_switch_wal(), and see whether it comes.",
        )
    for gap in known.gaps:
        yield _gap(known, gap)
    yield from _timelines(known)
    yield from _backups(known)


def _gap(known: Judged, gap: Gap) -> Problem:
    each = known.said.segment_bytes
    last, start = named(gap.last, each), named(known.backup.start_wal, each) if known.backup else None
    # What was lost before the newest base backup began, that one does not need.
    old = last is not None and start is not None and last < start
    which = gap.first if gap.segments == 1 else f"{gap.first} to {gap.last}, {count(gap.segments, 'segment')}"
    return Problem(
        code="gap",
        level="attention" if old else "failed",
        message=f"WAL is missing: {which}; "
        + ("no older base backup can be brought past it" if old else "no recovery can go past it"),
        hint="Look for it where the archive was copied to. If it is lost, "
        + ("keep the newer base backup." if old else "make a base backup now: recovery works from there on."),
    )


def _timelines(known: Judged) -> Iterator[Problem]:
    segments, current = known.archive.segments, named(known.current, known.said.segment_bytes)
    newest = segments.newest if segments else None
    if segments is None or newest is None:
        return
    if known.archive.keeps_histories:
        for timeline in sorted({segment.timeline for segment in segments.whole} - segments.histories - {1}):
            yield Problem(
                code="history",
                level="attention",
                message=f"the archive has WAL of timeline {timeline}, and not its {timeline:08X}.history",
                hint="Copy it from the server's pg_wal: without it no recovery finds the way to this timeline.",
            )
    if current is not None and newest > current:
        name = name_of(newest, known.said.segment_bytes)
        yield Problem(
            code="other-cluster",
            level="attention",
            message=f"the archive has {name}, and the server itself is only at {known.current}",
            hint="Another server archives to the same place, or this one was set back. Give each a place of its own.",
        )


def _backups(known: Judged) -> Iterator[Problem]:
    backups = known.archive.backups
    if backups is None:
        return
    newest = known.backup
    if newest is None or newest.stopped is None:
        yield _failed(
            "no-base",
            "there is no good base backup: WAL alone restores nothing",
            _make_one(known),
        )
    elif known.said.at - newest.stopped > known.oldest_age:
        days = (known.said.at - newest.stopped).total_seconds() / 86_400
        yield Problem(
            code="old-base",
            level="attention",
            message=f"the newest good base backup, {newest.name}, is {days:.1f} days old: a recovery has to replay"
            " all that came since",
            hint=_make_one(known),
        )
    for backup in backups:
        if backup.error:
            yield Problem(
                code="base-error",
                level="failed" if backup is backups[-1] else "attention",
                message=f"the base backup {backup.name} is not to be relied on: {backup.error}",
                hint=_make_one(known) if backup is backups[-1] else "Newer ones are there; have its tool remove it.",
            )


def _make_one(known: Judged) -> str:
    name = known.archives.name if known.archives else None
    tool = known.archives.tool if known.archives else None
    where = known.archive.where.rpartition(" ")[2] or name or "NAME"
    return "Make one: " + {
        "pgbackrest": f"pgbackrest --stanza={where} backup",
        "barman": f"barman backup {where} --wait",
        "wal-g": "wal-g backup-push, with the server's data folder",
    }.get(tool or "", "pg_basebackup -D FOLDER, beside the archive")


def _failed(code: Code, message: str, hint: str) -> Problem:
    return Problem(code=code, level="failed", message=message, hint=hint)
