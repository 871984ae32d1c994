"""Writes a file whole or not at all, also where the power goes meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

PRIVATE = 0o600
# A folder that may be written to but not read, and file systems that cannot synchronise one (fsync(2)).
_CANNOT_SYNC = (errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP)


def write_whole(path: Path, data: str | bytes, *, mode: int | None = None) -> None:
    """Write ``path``: a reader, or who comes after a crash, finds the old file or the new one, never a part.

    Args:
        path: in a folder that is there. A link is replaced itself: resolve it first where its target is meant.
        data: the whole content; a text is written as UTF-8, its line ends as they are.
        mode: the permissions from the first byte on, less the umask, as open(2) takes them. None: those of the file
            that is replaced, exactly, and its owner and group; 0600 where there is none.

    Raises:
        OSError: the old file stays. Also where the owner of the old one cannot be given to the new one.
    """
    content = data.encode() if isinstance(data, str) else data
    with whole_file(path, mode=mode) as file:
        file.write(content)


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Have an OSError of the block say ``path``, where it says no file, or the one that it would have become."""
    try:
        yield
    except OSError as error:
        told = error.filename
        if told is None or str(told).startswith(str(path.with_name(f".{path.name[:40]}."))):
            error.filename = str(path)
        raise


@contextmanager
def whole_file(path: Path, *, mode: int | None = None, part: Path | None = None) -> Iterator[BinaryIO]:
    """A file that becomes ``path`` when the block ends, as `write_whole` writes one; where the block raises, it goes.

    ``part`` is where it is meanwhile, in the same folder: what a kill has left there, which may be large, is removed by
    the next that writes it. None is a name that no other has.
    """
    old = _replaced(path) if mode is None else None
    if part is None:
        # Names of up to 255 bytes leave no room for one that is longer.
        part = path.with_name(f".{path.name[:40]}.{token_hex(4)}.part")
    else:
        part.unlink(missing_ok=True)
    with errors_named(path):
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE if mode is None else mode)
    try:
        with errors_named(path), os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if old is not None:
                _make_alike(handle, old)
            os.fsync(handle)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def no_more_readable_than(source: Path) -> int:
    """The mode of a file that quotes ``source``: for its owner, and for whom that can be read by; not where it is gone.

    Nobody but the owner may write to it.
    """
    try:
        return PRIVATE | source.stat().st_mode & 0o044
    except OSError:
        return PRIVATE


def _replaced(path: Path) -> os.stat_result | None:
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return None
    return facts if stat.S_ISREG(facts.st_mode) else None


def _make_alike(handle: int, old: os.stat_result) -> None:
    new = os.fstat(handle)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))


def sync_folder(folder: Path) -> None:
    """Have a folder's new names survive a power cut; where that cannot be asked for, they may be gone after one.

    Raises OSError where the disk fails.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
