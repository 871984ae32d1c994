"""Free disk, where this machine can know it, against what a move needs."""

from __future__ import annotations

import os
import sqlite3
import struct
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from litelift import errors
from litelift.plan.plan import MovePlan
from litelift.postgres.connect import Connection
from litelift.postgres.existing_types import TargetSchema
from litelift.preflight.estimate import Need, estimate
from litelift.preflight.findings import DiskLook, Findings, notices
from litelift.preflight.server import State, read_state
from litelift.report.format import size
from litelift.result import Notice
from litelift.sqlite.census import TableCensus
from litelift.sqlite.open import temporary_folder

CERTAIN = 0.75
"""What the estimate is certain of: on none of the databases it was measured on was it more than 1.33 times too high."""
EMBEDDED_BYTES = 64_000_000
"""A new embedded server: its system databases, and its first write-ahead log."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PLACES = """
    select (select setting from pg_settings where name = 'data_directory'), pg_tablespace_location(dattablespace),
           current_setting('is_superuser') = 'on'
    from pg_database where datname = current_database()
"""


def free_at(folder: Path) -> int:
    """Bytes that an ordinary user may still write in a folder, or in the nearest one above that is there."""
    while not folder.exists():
        folder = folder.parent
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def disk_of(connection: Connection) -> DiskLook | None:
    """The disk that a database is on; None where the server is elsewhere, or the role may not know its folder."""
    host = connection.info.host
    if not host.startswith("/") and host not in _LOOPBACK:
        return None
    data, space, _ = connection.execute(_PLACES).fetchone() or (None, None, False)
    if data is None:
        return None
    # Behind a loopback address, or a socket that is shared with a container, another machine's folders may be.
    same = _is_folder_of(Path(data), connection)
    if same is False or (same is None and not host.startswith("/")):
        return None
    folder = Path(space or data)
    try:
        return DiskLook(folder=str(folder), free=free_at(folder)) if folder.is_dir() else None
    except OSError:
        return None


def _is_folder_of(data: Path, connection: Connection) -> bool | None:
    """Whether a data folder is this server's, by its identifier (pg_control's first eight bytes); None: unknown."""
    try:
        with (data / "global" / "pg_control").open("rb") as file:
            found = struct.unpack("=Q", file.read(8))[0]
    except PermissionError:
        return None
    except (OSError, struct.error):
        return False
    known = (connection.execute("select system_identifier from pg_control_system()").fetchone() or (None,))[0]
    return known is not None and int(known) % (1 << 64) == found


def words_of(need: Need) -> str:
    """A need, in words."""
    parts = [f"tables {size(need.tables)}", f"indexes {size(need.indexes)}", f"catalogue {size(need.catalogue)}"]
    parts += [f"the server itself {size(need.server)}"] if need.server else []
    meanwhile = [f"up to {size(need.log)} of write-ahead log"] if need.log else []
    meanwhile += [f"{size(need.sorting)} for sorting"] if need.sorting else []
    taken = f"; meanwhile {' and '.join(meanwhile)}" if meanwhile else ""
    return f"about {size(need.stays)} ({', '.join(parts)}){taken}"


def refuse_without_room(need: Need, disk: DiskLook) -> None:
    """Raise TargetTooSmall where what stays of a move cannot fit the disk."""
    if disk.free < need.stays * CERTAIN:
        raise errors.TargetTooSmall(folder=disk.folder, free=size(disk.free), need=words_of(need))


def look_after(
    connection: Connection,
    source: sqlite3.Connection,
    plan: MovePlan,
    censuses: Mapping[str, TableCensus],
    *,
    target: TargetSchema | None = None,
    jobs: int = 1,
) -> list[Notice]:
    """Compare what a move needs with the free disk, after the census and before anything is written: for
    `litelift migrate` itself. A server whose disk cannot be known from here is passed over.

    Args:
        connection: the target.
        source: the source, of which some rows are looked at.
        plan: what goes where.
        censuses: what is stored, by source table.
        target: the tables to fill (--data-only).
        jobs: how many indexes are built at one time.

    Returns:
        What needs a person: that it may become narrow.

    Raises:
        TargetTooSmall.
    """
    disk = disk_of(connection)
    if disk is None:
        return []
    need = estimate(source, plan, censuses, target=target, jobs=jobs, log_bytes=read_state(connection).log_bytes)
    return compare_room(need, disk)


def compare_room(need: Need, disk: DiskLook) -> list[Notice]:
    """What needs a person of a disk with so much free. Raises TargetTooSmall."""
    findings = Findings()
    refuse_without_room(need, disk)
    _tell_narrow(findings, need, disk)
    return notices(findings)


def tell_room(findings: Findings, need: Need, disk: DiskLook | None) -> None:
    """Tell what a move needs, and whether it is there."""
    findings.add("room", "ok", "need", f"a move takes {words_of(need)}")
    if disk is None:
        message = "how much disk is free for the server cannot be known from here"
        findings.add("room", "note", "disk-unknown", message, "Compare it with the need yourself, on the server.")
        return
    with findings.blocked("room"):
        refuse_without_room(need, disk)
        if not _tell_narrow(findings, need, disk):
            findings.add("room", "ok", "disk", f"{size(disk.free)} are free in {disk.folder}")


def _tell_narrow(findings: Findings, need: Need, disk: DiskLook) -> bool:
    if disk.free >= need.most:
        return False
    message = f"{size(disk.free)} are free in {disk.folder}, and the move takes {words_of(need)}"
    findings.add("room", "attention", "disk-narrow", message, "Make room there first.")
    return True


def tell_temporary(findings: Findings, largest: int) -> None:
    """Tell of the folders for temporary files of this machine; ``largest`` is the size of the largest table."""
    for folder in dict.fromkeys((tempfile.gettempdir(), temporary_folder())):
        with suppress(OSError):
            free = free_at(Path(folder))
            if free < largest:
                findings.add(
                    "room",
                    "attention",
                    "temporary-space",
                    f"{size(free)} are free in {folder} for temporary files, and the largest table has {size(largest)}",
                    "Make room there, or name another folder with TMPDIR=...",
                )


def tell_log(findings: Findings, need: Need, state: State) -> None:
    """Tell of a write-ahead log that is kept, or that is small for so much."""
    if state.keeps_log:
        message = f"the write-ahead log is archived or replicated: about {size(need.log)} of it are made"
        findings.add("room", "note", "log-kept", message, "See that whoever reads it keeps up.")
    elif need.stays > 10 * state.log_bytes:
        message = f"max_wal_size is {size(state.log_bytes)}: there are many checkpoints in a move of {size(need.stays)}"
        findings.add("room", "note", "max-wal-size", message, "Raise it for the move; it takes no restart.")
