"""The index of a copy: which pieces it is made of. It is written last, and removed first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError

from litelift import __version__
from litelift.backup.manifest import MANIFEST, Kind, Manifest, Part, Standing, StoredFile
from litelift.errors import BackupDamaged

INDEX = "copy.json"
FORMAT = 1
BLOCK = 1 << 20


def _inside(name: str) -> str:
    """Refuse a name that leads out of the folder: whoever can write to the place can write an index."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or str(path) != name or set(name) & {"\0", "\\"}:
        raise ValueError("it names a file outside of its folder")
    return name


Inside = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Piece(Part):
    """A part of a file, as an object of its own."""

    name: Inside
    """Relative to the copy's folder. A file of one piece keeps its name; others are numbered: "database.dump.0001"."""
    bytes: int
    sha256: Sha256


class CopiedFile(Part):
    """A file of the backup."""

    name: Inside
    bytes: int
    sha256: Sha256
    pieces: list[Piece]


class Index(Part):
    """What a copy is made of, and what retention asks about it."""

    format: int = FORMAT
    litelift: str = __version__
    name: str
    project: str
    kind: Kind
    database: str
    cluster: str | None = None
    """The system identifier of the server that was dumped."""
    started: AwareDatetime
    """The moment of the backup."""
    copied: AwareDatetime
    """When every piece had been confirmed."""
    manifest_sha256: Sha256
    files: list[CopiedFile]
    """The manifest first."""
    standing: Standing = Field(default_factory=Standing)
    """What was known of the backup when this was written; not where else it was copied to."""
    damage: str = ""
    """What a later look at the pieces has found."""

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def pieces(self) -> dict[str, Piece]:
        """All of them, by name."""
        return {piece.name: piece for file in self.files for piece in file.pieces}


def index_of(data: bytes, name: str) -> Index:
    """The index in ``data``, of the copy ``name``. Raises ValueError, with what is wrong."""
    try:
        index = Index.model_validate_json(data)
    except ValidationError as error:
        found = error.errors()[0]
        raise ValueError(f"{INDEX}: {'.'.join(map(str, found['loc']))}: {found['msg']}") from None
    if index.format > FORMAT:
        raise ValueError(f"it is of a newer litelift ({index.litelift}): use that one")
    if index.name != name:
        raise ValueError(f"its {INDEX} is that of {index.name}")
    if not index.files or index.files[0].name != MANIFEST or index.files[0].sha256 != index.manifest_sha256:
        raise ValueError(f"its {INDEX} lacks the manifest")
    return index


@dataclass(frozen=True, slots=True)
class Measured:
    """A piece that is to be sent, where it lies in its file, and its MD5, which S3 has for its entity tag."""

    piece: Piece
    path: Path
    offset: int
    md5: str


def measured(folder: Path, file: StoredFile, part_bytes: int) -> list[Measured]:
    """Read a file of a backup once: its pieces. Raises BackupDamaged where it is not what the manifest says."""
    path = folder / file.name
    count = max(1, -(-file.bytes // part_bytes))
    digits = max(4, len(str(count)))
    whole = hashlib.sha256()
    found = []
    try:
        with path.open("rb") as source:
            for number in range(1, count + 1):
                digest, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
                while data := source.read(min(BLOCK, part_bytes - size)):
                    whole.update(data)
                    digest.update(data)
                    md5.update(data)
                    size += len(data)
                name = file.name if count == 1 else f"{file.name}.{number:0{digits}}"
                piece = Piece(name=name, bytes=size, sha256=digest.hexdigest())
                found.append(Measured(piece, path, (number - 1) * part_bytes, md5.hexdigest()))
            more = bool(source.read(1))
    except OSError as error:
        raise BackupDamaged(name=folder.name, message=f"{file.name}: {error.strerror}") from error
    if more or whole.hexdigest() != file.sha256:
        raise BackupDamaged(name=folder.name, message=f"{file.name}: its SHA-256 is not the manifest's")
    return found


def files_of(folder: Path, manifest: Manifest) -> Iterator[StoredFile]:
    """The files of a backup as they are copied: the manifest first. Raises OSError."""
    data = (folder / MANIFEST).read_bytes()
    yield StoredFile(name=MANIFEST, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    yield from manifest.files
