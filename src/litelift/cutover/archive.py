"""The archive: the SQLite file and its backups in one compressed tar, with a manifest of their checksums."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import IO, BinaryIO, cast

from pydantic import BaseModel

from litelift import __version__
from litelift.atomic import PRIVATE, no_more_readable_than, whole_file, write_whole
from litelift.errors import ArchiveDamaged, ArchiveFailed

MANIFEST = "MANIFEST.json"
LEVEL = 6
BLOCK = 1 << 20

OnBytes = Callable[[int], None]
"""Gets the number of bytes that were read since its last call."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file to archive: where it is, and its ``name`` in the archive."""

    path: Path
    name: str


class ArchivedFile(BaseModel):
    """A file as the manifest has it."""

    name: str
    path: str
    """Where it was."""
    bytes: int
    sha256: str
    modified: datetime


class Manifest(BaseModel):
    """What is in an archive, and until when it is to be kept. It is the archive's last member, and beside it."""

    format: int = 1
    litelift: str = __version__
    project: str
    made: datetime
    keep_until: date
    source: str
    """The name of the SQLite file in the archive."""
    files: list[ArchivedFile]
    file: str = ""
    """The archive's name; this and what follows is only in the manifest beside it."""
    bytes: int = 0
    sha256: str = ""

    @property
    def content_bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def ratio(self) -> float:
        """How many times smaller the archive is than its files."""
        return self.content_bytes / self.bytes if self.bytes else 0.0


def beside(path: Path) -> Path:
    """Where the manifest beside an archive is."""
    return path.with_name(path.name + ".json")


def part_of(path: Path) -> Path:
    """Where an archive is while it is being written; a kill leaves it, and the next try takes it away."""
    return path.with_name(f".{path.name}.part")


def write_archive(
    path: Path, items: Sequence[Item], project: str, keep_until: date, on_bytes: OnBytes | None = None
) -> Manifest:
    """Put files into the archive ``path`` (.tar.gz), in the order of their names after the first, which is the source.

    It has its name once it is whole and on the disk, and is no more readable than the least readable of its files.
    Memory is flat.

    Raises:
        ArchiveFailed: a file cannot be read or has changed meanwhile, or the disk is full. Nothing is left.
    """
    items = [items[0], *sorted(items[1:], key=lambda item: item.name)]
    manifest = Manifest(project=project, made=datetime.now(UTC), keep_until=keep_until, source=items[0].name, files=[])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o644
        for item in items:
            mode &= no_more_readable_than(item.path)
        with whole_file(path, mode=mode, part=part_of(path)) as file:
            summed = _Summed(file)
            # Without a time, and in this order: the same files make the same archive.
            with gzip.GzipFile(
                filename="", mode="wb", compresslevel=LEVEL, fileobj=cast(BinaryIO, summed), mtime=0
            ) as zipped:
                _fill(zipped, items, manifest, on_bytes)
        manifest = manifest.model_copy(
            update={"file": path.name, "bytes": summed.bytes, "sha256": summed.digest.hexdigest()}
        )
        write_whole(beside(path), _text(manifest), mode=mode)
    except OSError as error:
        raise ArchiveFailed(path=path, message=error.strerror or str(error)) from error
    return manifest


def read_archive(path: Path, sha256: str | None = None) -> Manifest:
    """Read a whole archive back, and compare every file in it with its manifest.

    Args:
        path: the archive.
        sha256: its own, where it is known; None asks the manifest beside it, if there is one.

    Raises:
        ArchiveDamaged: a byte of it is another, or it is not there.
    """
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    with _damage(path), path.open("rb") as file:
        summed = _Summed(file)
        with _members(summed) as members:
            for member, content in members:
                if member.name == MANIFEST:
                    manifest = _manifest(content.read())
                else:
                    found[member.name] = (member.size, _sum(content))
        whole = summed.digest.hexdigest()
    if manifest is None:
        raise ArchiveDamaged(path=path, message="it has no manifest")
    due = {file.name: (file.bytes, file.sha256) for file in manifest.files}
    for name in sorted(due.keys() | found.keys()):
        if due.get(name) != found.get(name):
            told = "is missing" if name not in found else "is not in the manifest" if name not in due else "is another"
            raise ArchiveDamaged(path=path, message=f"{name} {told}")
    kept = sha256 or _beside_sum(path)
    if kept is not None and kept != whole:
        raise ArchiveDamaged(path=path, message=f"its SHA-256 is {whole}, and was {kept}")
    return manifest.model_copy(update={"file": path.name, "bytes": path.stat().st_size, "sha256": whole})


def restore_source(path: Path, to: Path) -> str:
    """Put the archive's SQLite file at ``to``, whole or not at all; return its SHA-256.

    A file that is there is replaced, and its permissions and owner stay; else it is its owner's alone.

    Raises:
        ArchiveDamaged: its content is not what was put in, or the archive cannot be read.
        ArchiveFailed: it cannot be written.
    """
    manifest = read_archive(path)
    due = next((file for file in manifest.files if file.name == manifest.source), None)
    if due is None:
        raise ArchiveDamaged(path=path, message="it has no SQLite file")
    part = to.with_name(f".{to.name[:40]}.litelift.part")
    old = to.stat() if to.is_file() else None
    try:
        with whole_file(to, mode=PRIVATE, part=part) as file, _damage(path), path.open("rb") as archive:
            summed = _Summed(file)
            with _members(archive) as members:
                for member, content in members:
                    if member.name == due.name:
                        _copy(content, summed)
            if summed.digest.hexdigest() != due.sha256:
                raise ArchiveDamaged(path=path, message=f"{due.name} is another")
            if old is not None:
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), old.st_mode & 0o7777)
    except OSError as error:
        raise ArchiveFailed(path=to, message=error.strerror or str(error)) from error
    return due.sha256


def _fill(zipped: gzip.GzipFile, items: Sequence[Item], manifest: Manifest, on_bytes: OnBytes | None) -> None:
    with tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for item in items:
            with item.path.open("rb") as file:
                facts = os.fstat(file.fileno())
                member = tarfile.TarInfo(item.name)
                member.size, member.mtime, member.mode = facts.st_size, facts.st_mtime, facts.st_mode & 0o777
                summed = _Summed(file, on_bytes)
                tar.addfile(member, cast(IO[bytes], summed))
                if file.read(1) or os.fstat(file.fileno()).st_mtime_ns != facts.st_mtime_ns:
                    raise OSError(None, f"{item.path} was written to meanwhile")
            manifest.files.append(
                ArchivedFile(
                    name=item.name,
                    path=str(item.path),
                    bytes=facts.st_size,
                    sha256=summed.digest.hexdigest(),
                    modified=datetime.fromtimestamp(facts.st_mtime, UTC),
                )
            )
        content = _text(manifest, inside=True).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mtime, member.mode = len(content), int(manifest.made.timestamp()), 0o600
        tar.addfile(member, BytesIO(content))


def _text(manifest: Manifest, *, inside: bool = False) -> str:
    """As JSON in ASCII: a name whose bytes are not UTF-8 is lone surrogates, as Python reads it."""
    document = manifest.model_dump(mode="python", exclude={"file", "bytes", "sha256"} if inside else None)
    if not inside:
        document["ratio"] = round(manifest.ratio, 3)
    return json.dumps(document, indent=2, default=lambda value: value.isoformat()) + "\n"


def _manifest(content: bytes) -> Manifest:
    # Not pydantic's own reader, which takes no lone surrogates.
    return Manifest.model_validate(json.loads(content))


def _beside_sum(path: Path) -> str | None:
    try:
        return _manifest(beside(path).read_bytes()).sha256 or None
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise ArchiveDamaged(path=beside(path), message="it cannot be read as a manifest") from error


class _Summed(RawIOBase):
    """A file that sums what passes through it."""

    def __init__(self, file: IO[bytes], on_bytes: OnBytes | None = None) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.bytes = 0
        self.on_bytes = on_bytes

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self._add(data)
        return data

    def write(self, data: object) -> int:
        content = bytes(memoryview(data))  # type: ignore[arg-type]
        self.file.write(content)
        self._add(content)
        return len(content)

    def flush(self) -> None:
        if not self.file.closed:
            self.file.flush()

    def _add(self, data: bytes) -> None:
        self.digest.update(data)
        self.bytes += len(data)
        if self.on_bytes is not None and data:
            self.on_bytes(len(data))


@contextmanager
def _members(file: IO[bytes] | _Summed) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes]]]]:
    """The regular files of an archive, each to be read before the next; then gzip's own checksum is looked at."""
    with gzip.GzipFile(fileobj=cast(BinaryIO, file), mode="rb") as zipped:

        def each() -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
            with tarfile.open(fileobj=zipped, mode="r|") as tar:
                for member in tar:
                    content = tar.extractfile(member) if member.isreg() else None
                    if content is None:
                        raise tarfile.TarError(f"{member.name} is no file")
                    yield member, content

        yield each()
        # gzip looks at its checksum when it has read all.
        while zipped.read(BLOCK):
            pass


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ArchiveDamaged(path=path, message="it is not there") from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        told = "its manifest cannot be read" if isinstance(error, ValueError) else str(error)
        raise ArchiveDamaged(path=path, message=told) from error


def _sum(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while data := content.read(BLOCK):
        digest.update(data)
    return digest.hexdigest()


def _copy(content: IO[bytes], to: _Summed) -> None:
    while data := content.read(BLOCK):
        to.write(data)
