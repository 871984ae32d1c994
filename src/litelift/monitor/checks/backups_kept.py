"""What the checks of backups know of those in the folder, without reading again what has not changed."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from litelift.backup.manifest import MANIFEST, Look
from litelift.backup.store import Store, read_backup
from litelift.backup.subject import Subject
from litelift.monitor.bounded import bounded
from litelift.monitor.look import Look as MonitorLook

SECONDS = 10.0
"""For all of the folder, which may be a network's."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup, in short: sixty manifests with all that they name would be much to hold."""

    name: str
    made: datetime
    bytes: int
    project: str
    good: bool
    damage: str
    """What is wrong with one that is not good."""
    drilled: Look | None
    copies: Mapping[str, datetime]


_Stamp = tuple[int, int]
_READ: dict[Path, tuple[_Stamp, Kept]] = {}
_LOCK = threading.Lock()


def kept(of: Subject) -> list[Kept]:
    """The backups of a database, the oldest first; one that cannot be read is anybody's.

    Raises TimeoutError, OSError, BackupFolderUnusable.
    """
    found = bounded(f"backups in {of.store.path}", SECONDS, lambda: _kept(of.store))
    return [one for one in found if one.project in ("", of.label)]


def _kept(store: Store) -> list[Kept]:
    with _LOCK:
        found = {}
        for folder in store.folders():
            # Another may have removed it meanwhile.
            with suppress(FileNotFoundError):
                stamp = _stamp(folder)
                before = _READ.get(folder)
                found[folder] = before if before is not None and before[0] == stamp else (stamp, _read(folder))
        for folder in [folder for folder in _READ if folder.parent == store.path and folder not in found]:
            del _READ[folder]
        _READ.update(found)
        return sorted((one for _, one in found.values()), key=lambda one: (one.made, one.name))


def _stamp(folder: Path) -> _Stamp:
    # What becomes known of a backup is renamed into its folder, whose own time that changes.
    manifest = folder / MANIFEST
    return folder.stat().st_mtime_ns, manifest.stat().st_mtime_ns if manifest.exists() else 0


def _read(folder: Path) -> Kept:
    backup = read_backup(folder)
    standing, manifest = backup.standing, backup.manifest
    if manifest is None:
        made = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        return Kept(backup.name, made, 0, "", False, backup.damage, None, {})
    looks = [look for look in (standing.verified, standing.drilled) if look is not None]
    last = max(looks, key=lambda look: look.at, default=None)
    damage = last.message if last is not None and not last.ok else ""
    return Kept(
        backup.name,
        manifest.started,
        manifest.bytes,
        manifest.project,
        backup.good,
        damage,
        standing.drilled,
        standing.copies,
    )


def words_of(look: MonitorLook) -> str:
    """What names the database to a command of the backups, as a shell takes it; without a password."""
    of = look.watched.backups
    path = of.file or of.source
    if path is not None:
        return shlex.quote(os.fspath(path))
    given = conninfo_to_dict(of.dsn)
    login = {name: given[name] for name in ("host", "port", "user", "dbname") if given.get(name)}
    return f"{shlex.quote(make_conninfo('', **login))} --folder {shlex.quote(os.fspath(of.store.path))}"
