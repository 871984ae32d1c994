"""Copies a backup to a place, or goes on with that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from litelift import held
from litelift.backup.cold.confirm import How, confirmed
from litelift.backup.cold.index import INDEX, CopiedFile, Index, Measured, files_of, index_of, measured
from litelift.backup.cold.link import Link
from litelift.backup.cold.place import Place
from litelift.backup.cold.target import Target, Window
from litelift.backup.manifest import MANIFEST, Standing
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import Backup, Store, note, read_backup
from litelift.errors import BackupBusy, BackupDamaged, ColdStorageFailed, CopyDamaged, CopyTaken

LOCK = "copy.lock"
SENDS = 3
"""How often a piece is sent that does not arrive as it was sent."""


@dataclass
class Copied:
    """What was done to copy a backup."""

    backup: str
    place: str
    bytes: int = 0
    """Of the backup."""
    already: bool = False
    """It was there, and nothing was sent."""
    sent: int = 0
    sent_bytes: int = 0
    found: int = 0
    """Pieces that an earlier attempt had left there, whole."""
    found_bytes: int = 0
    confirmed: dict[How, int] = field(default_factory=lambda: {"server": 0, "read": 0})
    """Pieces, by how their content was confirmed."""
    losses: int = 0
    """Of the connection."""
    seconds: float = 0.0


@contextmanager
def copying(store: Store) -> Iterator[None]:
    """Be the only one that copies the backups of a folder; others may be made meanwhile. Raises BackupBusy, OSError."""
    with held.held(store.path / LOCK, lambda who: BackupBusy(folder=store.path, who=who)):
        yield


def copy_backup(place: Place, backup: Backup, on_sign: OnSign = silent) -> Copied:
    """Copy a backup to a place; pieces that are there already are looked at, and not sent again.

    Raises:
        BackupDamaged: it is not what its manifest says: a part of it may be there, and is no copy.
        CopyTaken: another backup has its name there. CopyDamaged: what arrives is not what was sent.
        ColdStorageLost, and the other errors of cold storage: what has arrived stays there for the next attempt.
    """
    began = time.monotonic()
    with Link(place, on_sign) as link:
        upload = _Upload(link, backup, on_sign)
        copied_at = upload.run()
        upload.done.losses, upload.done.seconds = link.losses, time.monotonic() - began
    if backup.folder.is_dir():
        note(backup, copies={**_copies(backup), place.name: copied_at})
    return upload.done


class _Upload:
    def __init__(self, link: Link, backup: Backup, on_sign: OnSign) -> None:
        self.link, self.backup, self.on_sign = link, backup, on_sign
        self.manifest = backup.read()
        try:
            self.files = list(files_of(backup.folder, self.manifest))
        except OSError as error:
            raise BackupDamaged(name=backup.name, message=f"{MANIFEST}: {error.strerror}") from error
        total = sum(file.bytes for file in self.files)
        self.done = Copied(backup.name, link.place.name, total)

    def run(self) -> datetime:
        """Copy it; when it was seen to be there."""
        name = self.backup.name
        there = self.link.run(lambda target: target.objects(name))
        doubted = False
        if INDEX in there:
            index = self._index()
            if index is not None and index.manifest_sha256 != self.files[0].sha256:
                raise CopyTaken(name=name, place=self.link.place)
            if index is not None and not index.damage and _sizes(index) == _besides_index(there):
                self.done.already = True
                return self._renewed(index)
            # Nobody may take it for whole while it is mended. Whatever was wrong with it, a checksum that the server
            # keeps beside an object says nothing of how the object is now.
            doubted = True
            self.link.run(lambda target: target.remove(f"{name}/{INDEX}"))
        elif MANIFEST in there:
            self._refuse_another(there[MANIFEST])
        return self._send_all(there, doubted=doubted)

    def _index(self) -> Index | None:
        try:
            return index_of(self.link.run(lambda target: content(target, self.backup.name, INDEX)), self.backup.name)
        except ValueError:
            return None

    def _refuse_another(self, size: int) -> None:
        """Of two unfinished copies of one name, that of the other backup is not overwritten."""
        found = self.link.run(lambda target: content(target, self.backup.name, MANIFEST))
        if len(found) == size and found != (self.backup.folder / MANIFEST).read_bytes():
            raise CopyTaken(name=self.backup.name, place=self.link.place)

    def _send_all(self, there: dict[str, int], *, doubted: bool) -> datetime:
        files = []
        for file in self.files:
            pieces = measured(self.backup.folder, file, self.link.place.part_bytes)
            for piece in pieces:
                self._send(piece, there.get(piece.piece.name) == piece.piece.bytes, doubted)
            files.append(
                CopiedFile(
                    name=file.name, bytes=file.bytes, sha256=file.sha256, pieces=[piece.piece for piece in pieces]
                )
            )
        index = Index(
            name=self.manifest.name,
            project=self.manifest.project,
            kind=self.manifest.kind,
            database=self.manifest.database,
            cluster=self.manifest.server.system_identifier,
            started=self.manifest.started,
            copied=datetime.now(UTC),
            manifest_sha256=self.files[0].sha256,
            files=files,
            standing=known_of(self.backup),
        )
        self._tidy(index)
        self._write(index)
        return index.copied

    def _send(self, piece: Measured, listed: bool, doubted: bool) -> None:
        place, name = self.link.place, self.backup.name
        # A piece whose answer was lost may have arrived.
        look = listed
        sent = 0

        def work(target: Target) -> How | None:
            nonlocal look, sent
            md5 = None if doubted and not sent else piece.md5
            if look and (how := confirmed(target, name, piece.piece, md5=md5)):
                return how
            look = True
            for _ in range(SENDS):
                sent += 1
                target.write(f"{name}/{piece.piece.name}", Window(piece.path, piece.offset, piece.piece.bytes))
                if how := confirmed(target, name, piece.piece, md5=piece.md5):
                    return how
            return None

        how = self.link.run(work)
        if how is None:
            message = f"{piece.piece.name} was sent {SENDS} times, and is not there as it was sent"
            raise CopyDamaged(name=name, place=place, message=message)
        self.done.confirmed[how] += 1
        if sent:
            self.done.sent += 1
            self.done.sent_bytes += piece.piece.bytes
        else:
            self.done.found += 1
            self.done.found_bytes += piece.piece.bytes
        self.on_sign(Sign("copy", self.done.sent_bytes + self.done.found_bytes, self.done.bytes))

    def _tidy(self, index: Index) -> None:
        """Remove what belongs to no piece, of a kill or of another ``part_bytes``; then all has to be there."""
        name, wanted = self.backup.name, _sizes(index)
        there = self.link.run(lambda target: target.objects(name))
        for other in there.keys() - wanted.keys():
            self.link.run(lambda target, other=other: target.remove(f"{name}/{other}"))  # type: ignore[misc]
        lost = sorted(piece for piece, size in wanted.items() if there.get(piece) != size)
        if lost:
            raise ColdStorageFailed(place=self.link.place, message=f"{lost[0]} has vanished after it was confirmed")

    def _renewed(self, index: Index) -> datetime:
        """Have the index say what became known of the backup since."""
        known = known_of(self.backup)
        if known != index.standing:
            self._write(index.model_copy(update={"standing": known}))
        return datetime.now(UTC)

    def _write(self, index: Index) -> None:
        write_index(self.link, index)


def write_index(link: Link, index: Index) -> None:
    """Write an index, and read it back. Raises CopyDamaged, and the errors of cold storage."""
    data = index.model_dump_json(indent=1).encode() + b"\n"

    def work(target: Target) -> bytes:
        target.write(f"{index.name}/{INDEX}", data)
        return content(target, index.name, INDEX)

    if link.run(work) != data:
        link.run(lambda target: target.remove(f"{index.name}/{INDEX}"))
        raise CopyDamaged(name=index.name, place=link.place, message=f"{INDEX} is not there as it was sent")


def content(target: Target, folder: str, name: str) -> bytes:
    """A small object, whole; nothing where it is not there."""
    found = target.stat(f"{folder}/{name}")
    return b"" if found is None else b"".join(target.read(f"{folder}/{name}", found.bytes))


def _sizes(index: Index) -> dict[str, int]:
    return {name: piece.bytes for name, piece in index.pieces.items()}


def _besides_index(there: dict[str, int]) -> dict[str, int]:
    return {name: size for name, size in there.items() if name != INDEX}


def known_of(backup: Backup) -> Standing:
    """What its copies are told of a backup."""
    return backup.standing.model_copy(update={"copies": {}})


def _copies(backup: Backup) -> dict[str, datetime]:
    """Read now: a copy to another place may have ended meanwhile."""
    return read_backup(backup.folder).standing.copies
