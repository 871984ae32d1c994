"""Checksums of the files of a backup."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from litelift.backup.manifest import StoredFile
from litelift.summed import BLOCK, OnBytes, Summed


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
    with open_own(path) as file:
        summed = Summed(file, on_bytes)
        while summed.read(BLOCK):
            pass
    return stored(summed, path.relative_to(folder).as_posix())


def stored(summed: Summed, name: str) -> StoredFile:
    """What has passed, as a manifest has it."""
    return StoredFile(name=name, bytes=summed.bytes, sha256=summed.digest.hexdigest())


def files_in(folder: Path, besides: Iterable[str] = ()) -> list[Path]:
    """Every file below a folder, and every link, sorted, but those of the given names in the folder itself."""
    left_out = {folder / name for name in besides}
    return sorted(
        path for path in folder.rglob("*") if path not in left_out and (path.is_symlink() or not path.is_dir())
    )
