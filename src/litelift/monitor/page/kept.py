"""The backups as they lie in their folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from litelift.backup.manifest import Look
from litelift.backup.status import State, Status, read_status, state
from litelift.backup.store import Backup, Store

LISTED = 8
"""That are listed: the newest."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup."""

    name: str
    at: datetime | None
    """None where its manifest cannot be read."""
    bytes: int
    good: bool
    drilled: Look | None
    copies: int


@dataclass(frozen=True, slots=True)
class Backups:
    """The backups in their folder."""

    folder: str
    state: State
    status: Status
    number: int
    newest: Kept | None
    """That is good."""
    drilled: Kept | None
    """The one that was restored last."""
    listed: tuple[Kept, ...]


def backups(store: Store) -> Backups:
    """What lies in the folder. Raises OSError, BackupFolderUnusable."""
    found = [_kept(one) for one in reversed(store.backups())]
    drilled = [(one.drilled.at, one.name, one) for one in found if one.drilled is not None]
    return Backups(
        str(store.path),
        state(store.path),
        read_status(store.path),
        len(found),
        next((one for one in found if one.good), None),
        max(drilled)[2] if drilled else None,
        tuple(found[:LISTED]),
    )


def _kept(backup: Backup) -> Kept:
    manifest = backup.manifest
    return Kept(
        backup.name,
        manifest.started if manifest is not None else None,
        manifest.bytes if manifest is not None else 0,
        backup.good,
        backup.standing.drilled,
        len(backup.standing.copies),
    )
