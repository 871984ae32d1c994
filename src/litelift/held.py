"""A lock in a file: one process at a time, and the others are told which."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from litelift.atomic import errors_named

LOOKS = 5
"""How often the lock is tried, in tenths of a second: it may be `holder` that looks."""

_File = tuple[int, int]
_own: dict[_File, list[int]] = {}
"""The files of the locks that this process holds, by device and inode: to close any handle of one would let go of its
lock (fcntl(2), "Record locks"). With each the handles that are to be closed when that is meant."""
_turn = threading.Lock()


def _begin_anew() -> None:
    """In a fork, which holds none of its parent's locks."""
    global _turn
    _own.clear()
    _turn = threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def held(path: Path, refusal: Callable[[str], Exception]) -> Iterator[None]:
    """Be the only one who holds the lock ``path``, in this process too; raises the ``refusal`` made of who does."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    file = _file(os.fstat(handle))
    taken = False
    try:
        for attempt in range(LOOKS):
            taken = _take(handle, file)
            if taken:
                break
            if attempt + 1 == LOOKS:
                raise refusal(_named(handle))
            time.sleep(0.1)
        with errors_named(path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, _this().encode(), 0)
        yield
    finally:
        _let_go(handle, file, taken)


def holder(path: Path) -> str | None:
    """Who holds the lock now; None where nobody does."""
    with _turn:
        try:
            if _file(path.stat()) in _own:
                return _this()
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _named(handle)
        finally:
            os.close(handle)
    return None


def _take(handle: int, file: _File) -> bool:
    with _turn:
        if file in _own:
            return False
        try:
            # Of this process alone: a worker that outlives it for a moment must not hold it, as it would a flock(2).
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        _own[file] = []
        return True


def _let_go(handle: int, file: _File, taken: bool) -> None:
    with _turn:
        if not taken and file in _own:
            _own[file].append(handle)
            return
        for one in [handle, *(_own.pop(file, []) if taken else [])]:
            os.close(one)


def _file(found: os.stat_result) -> _File:
    return found.st_dev, found.st_ino


def _this() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _named(handle: int) -> str:
    return os.pread(handle, 200, 0).decode("utf-8", "replace").strip() or "another process"
