"""How much room a disk has, as df(1) counts it, and when it will be full."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from litelift.monitor.look import Past

_MOUNTS = Path("/proc/self/mountinfo")
_BACK = (timedelta(hours=6), timedelta(days=7))
"""What was written lately, and in a week: one large file makes the first fast, and one bulky month the second."""
_LEAST = timedelta(hours=3)
"""Of which growth says anything."""


class Room(NamedTuple):
    """A file system."""

    device: int
    """By which two folders are known to share it."""
    mount: str
    used: int
    """Bytes."""
    free: int
    """Bytes that others than root may still write."""
    inodes_percent: float | None
    """Of its inodes, used; None where it has no fixed number of them."""
    read_only: bool

    @property
    def used_percent(self) -> float:
        """As df has it: what only root may use is neither used nor free."""
        return 100 * self.used / max(self.used + self.free, 1)


def room_of(folder: Path, *, climb: bool = False) -> Room | None:
    """The file system of a folder; None where there is no such folder.

    Args:
        folder: it may be one that only others may look into.
        climb: whether the nearest folder above it does, where it is not there yet.

    Raises OSError.
    """
    while True:
        try:
            return _room(folder)
        except (FileNotFoundError, NotADirectoryError):
            if not climb or folder == folder.parent:
                return None
            folder = folder.parent
        except PermissionError:
            # The list of what is mounted says where it lies, whoever may look into it.
            mount = mount_of(folder)
            if Path(mount) == folder:
                raise
            folder, climb = Path(mount), False


def _room(folder: Path) -> Room:
    found, device = os.statvfs(folder), folder.stat().st_dev
    unit = found.f_frsize or found.f_bsize
    inodes = 100 * (found.f_files - found.f_ffree) / found.f_files if found.f_files else None
    return Room(
        device,
        mount_of(folder.resolve()),
        (found.f_blocks - found.f_bfree) * unit,
        found.f_bavail * unit,
        inodes,
        bool(found.f_flag & os.ST_RDONLY),
    )


def mount_of(folder: Path) -> str:
    """Where the file system of a folder is mounted."""
    own = str(folder)
    try:
        points = list(_mounted())
    except OSError:
        return str(next(one for one in (folder, *folder.parents) if one.is_mount() or one == one.parent))
    return max((one for one in points if one == own or own.startswith(one.rstrip("/") + "/")), key=len, default="/")


def _mounted() -> Iterator[str]:
    # The fifth field, spaces and the like in it as \040 (proc(5)).
    for line in _MOUNTS.read_bytes().splitlines():
        point = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), line.split(b" ")[4])
        yield os.fsdecode(point)


def full_in(room: Room, series: str, past: Past, now: datetime) -> float | None:
    """Seconds until it is full, where it has grown both lately and over the week; None where that cannot be said.

    Args:
        room: as it is now.
        series: of its used bytes.
        past: what they were.
        now: the moment of ``room``.
    """
    ends = []
    for back in _BACK:
        before = past.value(series, now - back) or _oldest(series, past, now, back)
        if before is None or now - before[0] < _LEAST:
            return None
        rate = (room.used - before[1]) / (now - before[0]).total_seconds()
        if rate <= 0:
            return None
        ends.append(room.free / rate)
    return max(ends)


def _oldest(series: str, past: Past, now: datetime, back: timedelta) -> tuple[datetime, float] | None:
    """The oldest that is known within ``back``, to the half."""
    while back > _LEAST:
        back /= 2
        found = past.value(series, now - back)
        if found is not None:
            return found
    return None
