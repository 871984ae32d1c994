"""Checksums of the files of a backup."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
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


def open_own(path: Path) -> IO[bytes]:
    """A file of a backup's own, to be read: no link to another's, and no pipe or device, which may have no end.

    Raises OSError.
    """
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode):
        kind = "a link" if stat.S_ISLNK(facts.st_mode) else "a folder" if stat.S_ISDIR(facts.st_mode) else "a device"
        raise NoFileError(errno.EINVAL, f"it is no file, but {kind}", str(path))
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


class NoFileError(OSError):
    """There is something else where a file should be."""


def stored_file(folder: Path, path: Path, on_bytes: OnBytes | None = None) -> StoredFile:
    """A file in ``folder`` with its size and SHA-256. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with open_own(path) as file:
        while data := file.read(BLOCK):
            digest.update(data)
            size += len(data)
            if on_bytes is not None:
                on_bytes(len(data))
    return StoredFile(name=path.relative_to(folder).as_posix(), bytes=size, sha256=digest.hexdigest())


def files_in(folder: Path, besides: Iterable[str] = ()) -> list[Path]:
    """Every file below a folder, and every link, sorted, but those of the given names in the folder itself."""
    left_out = {folder / name for name in besides}
    return sorted(
        path for path in folder.rglob("*") if path not in left_out and (path.is_symlink() or not path.is_dir())
    )
