"""What WAL-G says of its storage: `backup-list --detail --json` and `wal-show --detailed-json`, which only read.

Their documents are those of WAL-G's source (BackupTime, ExtendedMetadataDto, TimelineInfo) and of its manual,
docs/PostgreSQL.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litelift.backup.wal.archive import Archive, from_iso, number, parts, text
from litelift.backup.wal.asking import Asking, Unanswered
from litelift.backup.wal.command import Archives
from litelift.backup.wal.found import BaseBackup
from litelift.backup.wal.segments import Segment, Segments, named


def look(asking: Asking, archives: Archives, identifier: str | None, size: int) -> Archive:
    """Ask WAL-G, with the configuration that the archive_command names. Raises Unanswered."""
    archive = Archive(where=archives.where, keeps_histories=False)
    answer = asking.ask("wal-g", *archives.options, "backup-list", "--detail", "--json", before=archives.before)
    if answer.status:
        raise Unanswered(f"wal-g backup-list ended with {answer.status}: {answer.said}")
    # It prints nothing at all where there are none.
    archive.backups = read_backups(answer.json() if answer.out.strip() else [], identifier)
    answer = asking.ask(
        "wal-g", *archives.options, "wal-show", "--detailed-json", "--without-backups", before=archives.before
    )
    if answer.status:
        archive.unseen.append(f"the WAL in the storage of WAL-G: wal-show ended with {answer.status}: {answer.said}")
    else:
        archive.segments = read_timelines(answer.json() if answer.out.strip() else [], size)
    return archive


def read_backups(document: Any, identifier: str | None) -> list[BaseBackup]:
    """What `backup-list --detail --json` lists of this server, the oldest first."""
    found = [_backup(one) for one in parts(document) if _is(one, identifier)]
    return sorted(found, key=_when)


def _is(one: dict[str, Any], identifier: str | None) -> bool:
    theirs = one.get("system_identifier")
    return theirs is None or identifier is None or str(theirs) == identifier


def _backup(one: dict[str, Any]) -> BaseBackup:
    name = str(one.get("backup_name"))
    # It was "time" until 2022.
    modified = from_iso(one.get("modification_time") or one.get("time"))
    return BaseBackup(
        name=name,
        kind="delta" if "_D_" in name else "full",
        started=from_iso(one.get("start_time")),
        stopped=from_iso(one.get("finish_time")) or modified,
        bytes=number(one.get("uncompressed_size")),
        stored_bytes=number(one.get("compressed_size")),
        start_wal=text(one.get("wal_file_name")),
    )


def _when(backup: BaseBackup) -> tuple[float, str]:
    moment: datetime | None = backup.stopped or backup.started
    return moment.timestamp() if moment else 0.0, backup.name


def read_timelines(document: Any, size: int) -> Segments:
    """What `wal-show --detailed-json` shows of each timeline: its first and last segment, and what is missing."""
    segments = Segments(size)
    for one in parts(document):
        first, last = named(one.get("start_segment"), size), named(one.get("end_segment"), size)
        if first is None or last is None:
            continue
        lost = one.get("missing_segments")
        missing = {named(name, size) for name in lost} if isinstance(lost, list) else set()
        held = (Segment(first.timeline, number) for number in range(first.number, last.number + 1))
        segments.whole.update(segment for segment in held if segment not in missing)
    return segments
