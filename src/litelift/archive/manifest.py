"""What is in an archive: its manifest, which is its last member, and beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel

from litelift import __version__
from litelift.errors import ArchiveDamaged, ArchiveTooNew

MANIFEST = "MANIFEST.json"
FORMAT = 1
SOURCE = "source/"
"""Where the SQLite database that was moved is in an archive."""
FILES = "files/"
"""Where other files are."""
BACKUPS = "backups/"
"""Where backups of `litelift.backup` are, each in a folder of its name."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file to archive: where it is, and its ``name`` in the archive."""

    path: Path
    name: str
    origin: Path | None = None
    """Where the original is, of which ``path`` is a copy that was taken for the archive."""
    sha256: str | None = None
    """What it must be, where that is known."""


class ArchivedFile(BaseModel):
    """A file as the manifest has it."""

    name: str
    path: str
    """Where it was."""
    bytes: int
    sha256: str
    modified: datetime


class Manifest(BaseModel):
    """What is in an archive, and until when it is to be kept."""

    format: int = FORMAT
    litelift: str = __version__
    project: str
    made: datetime
    keep_until: date
    source: str
    """The name of the moved SQLite file in the archive; "" where it is not in it."""
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

    @property
    def backups(self) -> list[str]:
        """The names of the backups in it."""
        inside = (file.name.split("/") for file in self.files if file.name.startswith(BACKUPS))
        return list(dict.fromkeys(parts[1] for parts in inside if len(parts) > 2))

    def of_backup(self, name: str) -> dict[str, ArchivedFile]:
        """The files of a backup, by their names in its folder."""
        head = f"{BACKUPS}{name}/"
        return {file.name.removeprefix(head): file for file in self.files if file.name.startswith(head)}

    @property
    def single(self) -> list[ArchivedFile]:
        """The files that are of no backup."""
        return [file for file in self.files if not file.name.startswith(BACKUPS)]


def beside(path: Path) -> Path:
    """Where the manifest beside an archive is."""
    return path.with_name(path.name + ".json")


def as_text(manifest: Manifest, *, inside: bool = False) -> str:
    """As JSON in ASCII: a name whose bytes are not UTF-8 is lone surrogates, as Python reads it."""
    document = manifest.model_dump(mode="python", exclude={"file", "bytes", "sha256"} if inside else None)
    if not inside:
        document["ratio"] = round(manifest.ratio, 3)
    return json.dumps(document, indent=2, default=lambda value: value.isoformat()) + "\n"


def parsed(content: bytes, path: Path) -> Manifest:
    """The manifest in ``content``, which is of the archive ``path``. Raises ValueError and ArchiveTooNew."""
    # Not pydantic's own reader, which takes no lone surrogates.
    document = json.loads(content)
    if isinstance(document, dict) and isinstance(document.get("format"), int) and document["format"] > FORMAT:
        raise ArchiveTooNew(path=path, version=document.get("litelift"), format=document["format"])
    return Manifest.model_validate(document)


def manifest_beside(path: Path) -> Manifest | None:
    """The manifest beside the archive ``path``; None where there is none.

    Raises ArchiveDamaged where it cannot be read, and ArchiveTooNew.
    """
    aside = beside(path)
    try:
        return parsed(aside.read_bytes(), path)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, OSError) as error:
        raise ArchiveDamaged(path=aside, message="it cannot be read as a manifest") from error
