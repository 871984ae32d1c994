"""Archives that are there: which, how old, until when they are to be kept; and a backup taken out of one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from litelift.archive.extract import extract_file as extract_file
from litelift.archive.extract import not_in
from litelift.archive.manifest import BACKUPS, ArchivedFile, Manifest, manifest_beside
from litelift.archive.read import read_archive
from litelift.archive.stream import copy, damage, members
from litelift.atomic import PRIVATE
from litelift.backup.manifest import MANIFEST
from litelift.backup.store import STANDING, Backup, Store, read_backup
from litelift.errors import ArchiveDamaged, ArchiveTooNew, BackupDamaged, BackupExists, ExtractFailed, UsageError
from litelift.summed import OnBytes, Summed

SUFFIX = ".tar.gz"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
"""Such as `litelift.backup.store.Store.new_name` makes; in a store, files that are no backups have others."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An archive in a folder."""

    path: Path
    bytes: int
    manifest: Manifest | None
    """None where it is damaged, of a later litelift, or without a manifest beside it and not read."""
    verified: bool = False
    """Whether all of it was read now, and every checksum holds."""
    damage: str = ""
    """What is wrong with it."""

    def expired(self, today: date) -> bool:
        """Whether the day has passed until which it is to be kept."""
        return self.manifest is not None and self.manifest.keep_until < today


def archived(path: Path, on_bytes: OnBytes | None = None) -> Manifest:
    """What is in an archive, after all of it was read and compared.

    Raises ArchiveDamaged, ArchiveTooNew, OSError.
    """
    return read_archive(path, on_bytes=on_bytes)


def archives(folder: Path, *, verify: bool = False, on_bytes: OnBytes | None = None) -> list[Listed]:
    """The archives in a folder, the oldest first.

    Args:
        folder: those in folders below it are not looked for.
        verify: read each, and compare every checksum; else only the manifest beside it is read.
        on_bytes: told of the bytes that were read.

    Raises:
        UsageError: there is no such folder.
        OSError: it may not be read.
    """
    if not folder.is_dir():
        hint = "Name the folder of the archives: litelift backup archive --list FOLDER"
        raise UsageError(message=f"there is no folder {folder}", hint=hint)
    # What is beside an archive that has gone is no archive; one that is being written begins with a dot.
    paths = [path for path in folder.iterdir() if path.name.endswith(SUFFIX) and not path.name.startswith(".")]
    found = [_listed(path, verify=verify, on_bytes=on_bytes) for path in paths if path.is_file()]
    return sorted(found, key=lambda one: (_made(one), one.path.name))


def _listed(path: Path, *, verify: bool, on_bytes: OnBytes | None) -> Listed:
    size = path.stat().st_size
    try:
        if verify:
            return Listed(path, size, read_archive(path, on_bytes=on_bytes), verified=True)
        manifest = manifest_beside(path)
    except (ArchiveDamaged, ArchiveTooNew) as error:
        return Listed(path, size, None, damage=str(error.facts.get("message") or error.message))
    except OSError as error:
        return Listed(path, size, None, damage=f"it cannot be read: {error.strerror}")
    if manifest is None:
        return Listed(path, size, None)
    if manifest.bytes != size:
        return Listed(path, size, manifest, damage=f"it has {size:,} bytes, and had {manifest.bytes:,}")
    return Listed(path, size, manifest)


def _made(one: Listed) -> datetime:
    return one.manifest.made if one.manifest is not None else datetime.fromtimestamp(one.path.stat().st_mtime, UTC)


def extract_backup(path: Path, name: str, to_store: Store, on_bytes: OnBytes | None = None) -> Backup:
    """Put the backup ``name`` of the archive ``path`` into a store, whole or not at all: it is then like any other.

    Args:
        path: the archive. All of it is read and compared first.
        name: the backup's, or the beginning of it where only one begins so.
        to_store: it is made where it is not there.
        on_bytes: told of the bytes of the archive that were read; it is read twice.

    Raises:
        NotInArchive: there is no such backup in it.
        BackupExists: the store has one of that name.
        BackupBusy: another works in the store. BackupFolderMissing, BackupFolderUnusable.
        ArchiveDamaged: its content is not what was put in, or the archive cannot be read.
        ArchiveTooNew: its format is of a later litelift.
        BackupDamaged: what is in the archive is no whole backup.
        ExtractFailed: it cannot be written. Nothing is left of it.
    """
    manifest = archived(path, on_bytes)
    name = find_backup(manifest, path, name)
    if not _NAME.fullmatch(name):
        raise ArchiveDamaged(path=path, message=f"{name!r} is no name of a backup")
    try:
        with to_store.held():
            if os.path.lexists(to_store.path / name):
                raise BackupExists(name=name, folder=to_store.path)
            with to_store.being_made(name) as folder:
                _fill(path, name, manifest.of_backup(name), folder, on_bytes)
                _look(folder, name, manifest.of_backup(name))
            return read_backup(to_store.path / name)
    except OSError as error:
        raise ExtractFailed(path=to_store.path / name, archive=path, message=error.strerror or str(error)) from error


def taken_out(path: Path, name: str | None, to_store: Store, on_bytes: OnBytes | None = None) -> Backup:
    """A backup of an archive in a store, where it stays: the one named, else the newest. One that is there is taken.

    Raises as `extract_backup`.
    """
    manifest = archived(path, on_bytes)
    if name is None and not manifest.backups:
        raise not_in(manifest, path, "backup")
    # A name ends in its moment, and the newest project's is as good a guess as any where there are several.
    wanted = find_backup(manifest, path, name) if name is not None else max(manifest.backups, key=_moment)
    there = [backup for backup in to_store.backups() if backup.name == wanted]
    return there[0] if there else extract_backup(path, wanted, to_store, on_bytes)


def _moment(name: str) -> str:
    """What a backup's name says of its moment: 20261123T020000Z, and a number where several are of one second."""
    found = re.search(r"\d{8}T\d{6}Z(-\d+)?\Z", name)
    return found[0] if found else ""


def find_backup(manifest: Manifest, path: Path, name: str) -> str:
    """The whole name of a backup in an archive. Raises NotInArchive, with what is in it."""
    exact = [one for one in manifest.backups if one == name]
    near = exact or [one for one in manifest.backups if name and one.startswith(name)]
    if len(near) != 1:
        raise not_in(manifest, path, name)
    return near[0]


def _fill(path: Path, name: str, due: Mapping[str, ArchivedFile], folder: Path, on_bytes: OnBytes | None) -> None:
    head = f"{BACKUPS}{name}/"
    left = dict(due)
    with damage(path), path.open("rb") as archive, members(Summed(archive, on_bytes)) as each:
        for member, content in each:
            if not member.name.startswith(head):
                continue
            expected = left.pop(member.name.removeprefix(head), None)
            if expected is None:
                raise ArchiveDamaged(path=path, message=f"{member.name} is not in the manifest")
            target = folder / member.name.removeprefix(head)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
            with os.fdopen(handle, "wb") as file:
                copy(content, summed := Summed(file))
            if summed.digest.hexdigest() != expected.sha256:
                raise ArchiveDamaged(path=path, message=f"{member.name} is another")
            os.utime(target, (member.mtime, member.mtime))
    if left:
        raise ArchiveDamaged(path=path, message=f"{head}{min(left)} is missing")


def _look(folder: Path, name: str, found: Mapping[str, ArchivedFile]) -> None:
    """Hold what came out against the backup's own manifest, which the archive only carries. Raises BackupDamaged."""
    due = {file.name: file for file in read_backup(folder, name).read().files}
    for file in sorted((due.keys() | found.keys()) - {MANIFEST, STANDING}):
        if file not in found:
            raise BackupDamaged(name=name, message=f"{file} is missing")
        if file in due and due[file].sha256 != found[file].sha256:
            raise BackupDamaged(name=name, message=f"{file} is another")
