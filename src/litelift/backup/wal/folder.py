"""What lies in a folder into which a plain archive_command copies, and the base backups beside it."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from litelift.backup.wal.archive import Archive, from_epoch
from litelift.backup.wal.asking import Unanswered
from litelift.backup.wal.found import BaseBackup, Problem
from litelift.backup.wal.segments import Segments

LABEL = "backup_label"
LABEL_BYTES = 65_536
FOLDERS = 1000
"""Folders beside the archive in which a base backup is looked for."""

_LINE = re.compile(r"^(?P<name>[A-Z ]+): (?P<value>.*)$", re.MULTILINE)
_FILE = re.compile(r"\(file (?P<name>[0-9A-F]{24})\)")
_TIME = re.compile(r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?: (?P<zone>\S+))?")


def look(folder: Path, size: int, log_timezone: str, *, here: bool) -> Archive:
    """Look into an archive's folder. ``here``: the server certainly sees the same file system.

    Raises Unanswered where it may not be read, or is perhaps another's.
    """
    archive = Archive(where=str(folder), segments=Segments(size), backups=[])
    assert archive.segments is not None
    written: dict[str, BaseBackup] = {}
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        if not here:
            raise Unanswered(f"{folder} is not on this machine, and the server may be in a container") from None
        archive.segments = archive.backups = None
        archive.problems.append(
            Problem(
                code="vanished",
                level="failed",
                message=f"the archive's folder {folder} is not there",
                hint="Mount or make it again, owned by the server's user. If what it held is lost, make a base backup.",
            )
        )
        return archive
    except OSError as error:
        raise Unanswered(f"{folder}: {error.strerror}. Run it as the server's user, or as root") from None
    for entry in entries:
        kind = archive.segments.add(entry.name)
        if kind == "segment":
            moment = _modified(entry)
            if moment is not None:
                archive.segments.newest_at = max(archive.segments.newest_at or moment, moment)
        elif kind == "backup":
            backup = _history(Path(entry.path), log_timezone)
            written[backup.start_wal or backup.name] = backup
    placed = []
    for found in _beside(folder, log_timezone):
        known = written.get(found.start_wal or "")
        # The server's word that it has ended is worth more than a manifest.
        placed.append(found if known is None else known.model_copy(update={"where": found.where, "name": found.name}))
    seen = {backup.start_wal for backup in placed}
    placed += [backup for backup in written.values() if backup.start_wal not in seen]
    archive.backups = sorted(placed, key=lambda backup: (backup.start_wal or "", backup.name))
    elsewhere = [backup.name for backup in archive.backups if backup.where is None]
    if elsewhere:
        archive.unseen.append(
            f"whether {len(elsewhere)} of the {len(archive.backups)} base backups that the archive's .backup files name"
            " are still there: none of these lies beside the archive"
        )
    return archive


def _modified(entry: os.DirEntry[str]) -> datetime | None:
    try:
        return from_epoch(entry.stat().st_mtime)
    except OSError:
        return None


def _history(path: Path, log_timezone: str) -> BaseBackup:
    """A backup history file, which the server archives when a base backup has ended."""
    facts = _facts(path)
    started, stopped = (_time(facts.get(f"{word} TIME"), log_timezone) for word in ("START", "STOP"))
    if stopped is None:
        stopped = from_epoch(path.stat().st_mtime)
    start = _FILE.search(facts.get("START WAL LOCATION", ""))
    stop = _FILE.search(facts.get("STOP WAL LOCATION", ""))
    return BaseBackup(
        name=facts.get("LABEL") or path.name,
        kind="full",
        started=started,
        stopped=stopped,
        start_wal=start["name"] if start else path.name[:24],
        stop_wal=stop["name"] if stop else None,
    )


def _beside(folder: Path, log_timezone: str) -> Iterator[BaseBackup]:
    """Base backups in plain format: in folders of the archive, beside it, and one below these."""
    seen: set[Path] = set()
    for place in _folders(folder):
        if place in seen or len(seen) >= FOLDERS:
            continue
        seen.add(place)
        label = place / LABEL
        # A running server that was restored has its own, renamed; that of one being restored is no backup either.
        if not label.is_file() or (place / "postmaster.pid").exists():
            continue
        facts = _facts(label)
        start = _FILE.search(facts.get("START WAL LOCATION", ""))
        if start is None:
            continue
        manifest = place / "backup_manifest"
        yield BaseBackup(
            name=place.name,
            kind="incr" if "INCREMENTAL FROM LSN" in facts else "full",
            started=_time(facts.get("START TIME"), log_timezone),
            # pg_basebackup writes it when all else is there.
            stopped=from_epoch(manifest.stat().st_mtime) if manifest.is_file() else None,
            start_wal=start["name"],
            where=str(place),
            error="" if manifest.is_file() else "it has no backup_manifest, so nothing says that it is whole",
        )


def _folders(folder: Path) -> Iterator[Path]:
    for above in (folder, folder.parent):
        for place in _within(above):
            yield place
            yield from _within(place)


def _within(folder: Path) -> list[Path]:
    try:
        found = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(Path(entry.path) for entry in found)


def _facts(path: Path) -> dict[str, str]:
    """The lines of a backup_label or a backup history file; none where it cannot be read."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                content = packed.read(LABEL_BYTES)
        else:
            with path.open("rb") as file:
                content = file.read(LABEL_BYTES)
    except (OSError, EOFError, zlib.error):
        return {}
    return {found["name"]: found["value"].strip() for found in _LINE.finditer(content.decode("utf-8", "replace"))}


def _time(text: str | None, log_timezone: str) -> datetime | None:
    """A time as the server writes it: in log_timezone, with that zone's abbreviation, which says little by itself."""
    found = _TIME.match(text or "")
    if found is None:
        return None
    moment = datetime.fromisoformat(found["time"])
    if found["zone"] in ("UTC", "GMT", "Z"):
        return moment.replace(tzinfo=UTC)
    try:
        return moment.replace(tzinfo=ZoneInfo(log_timezone)).astimezone(UTC)
    except (OSError, ValueError, KeyError):
        return None
