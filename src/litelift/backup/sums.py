"""Checksums of the files of a backup."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from io import RawIOBase
from pathlib import Path
from typing import IO

from litelift.backup.manifest import StoredFile

BLOCK = 1 << 20

OnBytes = Callable[[int], None]
"""Gets how many bytes more were read or written."""


class Summed(RawIOBase):
    """A file to write to, which sums what is written."""

    def __init__(self, file: IO[bytes], on_bytes: OnBytes | None = None) -> None:
        """To ``file``."""
        self.file, self.on_bytes = file, on_bytes
        self.digest, self.bytes = hashlib.sha256(), 0

    def write(self, data: object) -> int:
        """Write all of ``data``."""
        content = bytes(memoryview(data))  # type: ignore[arg-type]
        self.file.write(content)
        self.digest.update(content)
        self.bytes += len(content)
        if self.on_bytes is not None:
            self.on_bytes(len(content))
        return len(content)

    def stored(self, name: str) -> StoredFile:
        """What was written, as a manifest has it."""
        return StoredFile(name=name, bytes=self.bytes, sha256=self.digest.hexdigest())


def stored_file(folder: Path, path: Path, on_bytes: OnBytes | None = None) -> StoredFile:
    """A file in ``folder`` with its size and SHA-256. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while data := file.read(BLOCK):
            digest.update(data)
            size += len(data)
            if on_bytes is not None:
                on_bytes(len(data))
    return StoredFile(name=path.relative_to(folder).as_posix(), bytes=size, sha256=digest.hexdigest())


def files_in(folder: Path, besides: Iterable[str] = ()) -> list[Path]:
    """Every file below a folder, sorted, but those of the given names."""
    names = set(besides)
    return sorted(path for path in folder.rglob("*") if not path.is_dir() and path.name not in names)
