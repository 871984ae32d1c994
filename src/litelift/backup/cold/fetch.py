"""Brings a copy back: whole, and equal to what the manifest says, or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from litelift.atomic import PRIVATE
from litelift.backup.cold.copies import find
from litelift.backup.cold.index import CopiedFile, Index, Piece
from litelift.backup.cold.link import Link
from litelift.backup.cold.place import Place
from litelift.backup.cold.target import Target
from litelift.backup.manifest import MANIFEST, Look, Manifest, Standing, StoredFile
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import Backup, Store, note, read_backup
from litelift.errors import BackupDiskFull, BackupThere, CopyDamaged, CopyNotFound, LiteliftError
from litelift.report.format import size


def fetch(link: Link, name: str, store: Store) -> Backup:
    """Bring the copy ``name`` into a folder of backups, under its lock.

    Raises:
        CopyNotFound, CopyDamaged: it is not there whole. Nothing of it is in the folder then.
        BackupThere: the folder has a backup of that name. BackupDiskFull, BackupBusy, OSError.
        ColdStorageLost, and the other errors of cold storage.
    """
    began = time.monotonic()
    index = find(link, name).index
    assert index is not None
    if (store.path / index.name).exists():
        raise BackupThere(name=index.name, folder=store.path)
    with store.held():
        free = shutil.disk_usage(store.path).free
        if free < index.bytes:
            raise _full(store, free, index)
        try:
            with store.being_made(index.name) as folder:
                _bring(link, index, folder)
                look = Look(at=datetime.now(UTC), ok=True, seconds=time.monotonic() - began)
                known = {"verified": look, "drilled": index.standing.drilled, "copies": {link.place.name: index.copied}}
                note(Backup(folder, None, Standing()), **known)
        except _Here as here:
            if here.error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _full(store, shutil.disk_usage(store.path).free, index) from here.error
            raise here.error from None
    return read_backup(store.path / index.name)


def fetch_from(places: Sequence[Place], name: str, store: Store, on_sign: OnSign = silent) -> tuple[Place, Backup]:
    """Bring a copy back from the first of the places that has it whole, and which that was. Raises as `fetch` does."""
    *others, last = places
    for place in others:
        with contextlib.suppress(CopyNotFound), Link(place, on_sign) as link:
            return place, fetch(link, name, store)
    with Link(last, on_sign) as link:
        return last, fetch(link, name, store)


def _full(store: Store, free: int, index: Index) -> BackupDiskFull:
    return BackupDiskFull(
        folder=store.path,
        free=size(free),
        hint=f"The copy has {size(index.bytes)}. Nothing of it is left here. Make room, or name another --folder.",
    )


def _bring(link: Link, index: Index, folder: Path) -> None:
    done = 0
    for file in index.files:
        path = folder / file.name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _bring_file(link, index, file, path, done)
        done += file.bytes
    _compare(link, index, (folder / MANIFEST).read_bytes())


def _bring_file(link: Link, index: Index, file: CopiedFile, path: Path, done: int) -> None:
    whole = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE), "wb") as out:
        for piece in file.pieces:
            whole = link.run(_Piece(out, out.tell(), whole, index.name, piece, link.place))
            done += piece.bytes
            link.on_sign(Sign("copy", done, index.bytes))
    if whole.hexdigest() != file.sha256:
        raise CopyDamaged(name=index.name, place=link.place, message=f"{file.name}: its SHA-256 is another")


@dataclass
class _Piece:
    """Brings a piece; done again, it begins where it began."""

    out: BinaryIO
    start: int
    whole: hashlib._Hash
    folder: str
    piece: Piece
    place: Place

    def __call__(self, target: Target) -> hashlib._Hash:
        """Bring it; the sum of the file up to its end."""
        digest, whole = hashlib.sha256(), self.whole.copy()
        self._here(lambda: (self.out.seek(self.start), self.out.truncate()))
        for data in target.read(f"{self.folder}/{self.piece.name}", self.piece.bytes):
            self._here(lambda data=data: self.out.write(data))  # type: ignore[misc]
            digest.update(data)
            whole.update(data)
        self._here(self.out.flush)
        if digest.hexdigest() != self.piece.sha256:
            message = f"{self.piece.name}: the SHA-256 is not that of what was sent"
            raise CopyDamaged(name=self.folder, place=self.place, message=message)
        return whole

    def _here(self, work: Callable[[], object]) -> None:
        """What fails on this side is no trouble of the place's."""
        try:
            work()
        except OSError as error:
            raise _Here(error) from error


class _Here(LiteliftError):
    """{message}"""

    def __init__(self, error: OSError) -> None:
        super().__init__(message=str(error))
        self.error = error


def _compare(link: Link, index: Index, data: bytes) -> None:
    """The files have to be those of the manifest, and the manifest that of the backup."""
    try:
        manifest = Manifest.model_validate_json(data)
    except ValueError:
        raise CopyDamaged(name=index.name, place=link.place, message=f"{MANIFEST} cannot be read") from None
    copied = [StoredFile(name=file.name, bytes=file.bytes, sha256=file.sha256) for file in index.files[1:]]
    if copied != list(manifest.files) or manifest.name != index.name:
        raise CopyDamaged(name=index.name, place=link.place, message=f"its index is not of the backup in {MANIFEST}")
