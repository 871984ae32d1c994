"""The folder of the backups: each in a folder of its own, which has its name once it is whole."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from litelift import held
from litelift.atomic import PRIVATE, sync_folder, write_whole
from litelift.backup.manifest import FORMAT, MANIFEST, Manifest, Standing
from litelift.backup.sums import open_own
from litelift.errors import (
    BackupAmbiguous,
    BackupBusy,
    BackupDamaged,
    BackupFolderMissing,
    BackupFolderUnusable,
    BackupNotFound,
    NoBackup,
)

STANDING = "standing.json"
LOCK = "lock"
PART = ".part"
GONE = ".gone"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup in its folder. ``manifest`` is None where it cannot be read, and ``damage`` says why."""

    folder: Path
    manifest: Manifest | None
    standing: Standing
    damage: str = ""

    @property
    def name(self) -> str:
        """As it is called on the command line."""
        return self.folder.name

    @property
    def good(self) -> bool:
        """Whether it is whole, and nothing that became known speaks against it."""
        return self.manifest is not None and self.standing.good

    def read(self) -> Manifest:
        """The manifest. Raises BackupDamaged where it cannot be read."""
        if self.manifest is None:
            raise BackupDamaged(name=self.name, message=self.damage)
        return self.manifest


@dataclass(frozen=True, slots=True)
class Store:
    """The folder ``path`` in which backups lie."""

    path: Path

    def make(self) -> None:
        """Make the folder, for its owner alone, and out of sight of git. Raises OSError.

        Not the folders above it: a disk that is not mounted shall be missed.
        """
        if not self.path.is_dir():
            self.path.mkdir(mode=0o700)
            (self.path / ".gitignore").write_text("*\n")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one that changes it.

        Raises BackupBusy, with who does; BackupFolderMissing, BackupFolderUnusable.
        """
        with ExitStack() as stack:
            try:
                self.make()
                stack.enter_context(held.held(self.path / LOCK, lambda who: BackupBusy(folder=self.path, who=who)))
            except FileNotFoundError as error:
                raise BackupFolderMissing(folder=self.path.parent) from error
            except OSError as error:
                raise self._unusable(error) from error
            yield

    @contextmanager
    def looked_at(self) -> Iterator[bool]:
        """As `held`; where nothing can be written to the folder, nobody changes it: gives whether it can be."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self.held())
            except BackupFolderUnusable as error:
                number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
                if number not in (errno.EROFS, errno.EACCES, errno.EPERM) or not self.path.is_dir():
                    raise
                yield False
            else:
                yield True

    def holder(self) -> str | None:
        """Who changes it now; None where nobody does."""
        return held.holder(self.path / LOCK)

    def backups(self) -> list[Backup]:
        """All of them, the oldest first. A folder that could not be finished is none, nor is one of something else."""
        found = []
        for backup in map(read_backup, self.folders()):
            # Another may have removed it meanwhile, who holds the lock.
            with suppress(FileNotFoundError):
                found.append((_made(backup), backup.name, backup))
        return [backup for _, _, backup in sorted(found, key=lambda one: one[:2])]

    def folders(self) -> list[Path]:
        """Those of the backups, in no order. Raises BackupFolderUnusable."""
        try:
            return [entry for entry in self.path.iterdir() if entry.is_dir() and _is_backup(entry)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> BackupFolderUnusable:
        return BackupFolderUnusable(message=f"{error.filename or self.path}: {error.strerror or error}")

    def find(self, name: str | None) -> Backup:
        """The backup of that name, or of the one name that begins so.

        None: the newest that is good; of those that were made before a restore only where there is no other.

        Raises BackupNotFound, BackupAmbiguous.
        """
        found = self.backups()
        if name is None:
            good = [backup for backup in found if backup.good]
            if not good:
                raise NoBackup(folder=self.path, what="good backup" if found else "backup")
            return max(good, key=lambda backup: (backup.read().kind != "safety", found.index(backup)))
        exact = [backup for backup in found if backup.name == name]
        near = exact or [backup for backup in found if backup.name.startswith(name)]
        if len(near) > 1:
            raise BackupAmbiguous(number=len(near), folder=self.path, name=name, example=near[-1].name)
        if not near:
            raise BackupNotFound(folder=self.path, name=name)
        return near[0]

    def newest(self) -> Backup:
        """The newest, good or not. Raises BackupNotFound where there is none."""
        found = self.backups()
        if not found:
            raise NoBackup(folder=self.path, what="backup")
        return found[-1]

    def new_name(self, label: str, moment: datetime) -> str:
        """A name that is free: "school-20261123T020000Z"."""
        label = re.sub(r"[^A-Za-z0-9_]+", "-", label).strip("-")[:60] or "database"
        stem = f"{label}-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        taken = {entry.name for entry in self.path.iterdir()} if self.path.is_dir() else set()
        names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)

    @contextmanager
    def being_made(self, name: str) -> Iterator[Path]:
        """A folder that becomes the backup ``name`` when the block ends; where the block raises, it goes.

        Whoever holds the lock removes what a kill has left of others.
        """
        self.tidy()
        folder = self.path / f".{name}{PART}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
            _sync(folder)
            folder.rename(self.path / name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        sync_folder(self.path)

    def remove(self, backup: Backup) -> None:
        """Remove a backup: it is gone from the list at once, whatever happens then. Raises OSError."""
        gone = self.path / f".{backup.name}{GONE}"
        backup.folder.rename(gone)
        sync_folder(self.path)
        shutil.rmtree(gone)

    def tidy(self) -> list[Path]:
        """Remove what kills have left, under the lock; what was removed. What cannot be is in nobody's way."""
        left = self.left()
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return [folder for folder in left if not folder.exists()]

    def left(self) -> list[Path]:
        """What kills have left. Under the lock: what another makes now looks the same."""
        return [entry for entry in self.path.iterdir() if entry.name.startswith(".") and _is_left(entry)]


def read_backup(folder: Path, name: str | None = None) -> Backup:
    """The backup in a folder, as far as it can be read. ``name`` is what it must be called; None: as its folder is."""
    try:
        with open_own(folder / MANIFEST) as file:
            data = json.loads(file.read())
        if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
            version = re.sub(r"[^\w.+-]", "?", str(data.get("litelift")))[:40]
            message = f"it is of a newer litelift ({version}): use that one"
            return Backup(folder, None, Standing(), message)
        manifest = Manifest.model_validate(data)
    except FileNotFoundError:
        return Backup(folder, None, Standing(), f"it has no {MANIFEST}")
    except (OSError, ValueError, RecursionError) as error:
        return Backup(folder, None, Standing(), f"{MANIFEST}: {_said(error)}")
    if manifest.name != (name or folder.name):
        return Backup(folder, None, Standing(), f"its manifest is that of {manifest.name}")
    return Backup(folder, manifest, _standing(folder))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, with which the folder becomes a backup. Raises OSError."""
    write_whole(folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n", mode=PRIVATE)


def note(backup: Backup, **known: object) -> Backup:
    """Keep what became known of a backup: ``verified``, ``drilled`` or ``copies``. Raises OSError."""
    standing = _standing(backup.folder).model_copy(update=known)
    write_whole(backup.folder / STANDING, standing.model_dump_json(indent=1) + "\n", mode=PRIVATE)
    return Backup(backup.folder, backup.manifest, standing, backup.damage)


def _standing(folder: Path) -> Standing:
    try:
        with open_own(folder / STANDING) as file:
            return Standing.model_validate_json(file.read())
    except (OSError, ValidationError):
        # What was known is lost, and can be found out again; the backup itself is not touched by it.
        return Standing()


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, ValidationError):
        for one in error.errors(include_url=False):
            if one["type"] == "value_error":
                return str(one["ctx"]["error"])
    return "it cannot be read as a manifest"


def _made(backup: Backup) -> datetime:
    if backup.manifest is not None:
        return backup.manifest.started
    return datetime.fromtimestamp(backup.folder.stat().st_mtime, UTC)


def _is_backup(folder: Path) -> bool:
    """Whether a folder is one, or was: a disk's own lost+found is not."""
    # A disk's own, into which only root may look.
    if folder.name.startswith(".") or folder.name == "lost+found":
        return False
    try:
        return any((folder / name).exists() for name in (MANIFEST, "database", "database.dump", "database.dump.age"))
    except PermissionError:
        return True


def _is_left(entry: Path) -> bool:
    return entry.suffix in (PART, GONE) and entry.is_dir() and not entry.is_symlink()


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    sync_folder(folder)
