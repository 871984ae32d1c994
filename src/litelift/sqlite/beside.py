"""The files that SQLite keeps beside a database, and how those that only our reading made go again.

Sources: "Temporary Files Used By SQLite", sections 2.1 to 2.3; "Write-Ahead Logging", section 4; for the locks "File
Locking And Concurrency In SQLite Version 3", section 3, and their bytes os.h (PENDING_BYTE).
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Runs in a process of its own: a POSIX lock is given up when its process closes any descriptor of the file, and this
# one may hold SQLite's ("How To Corrupt An SQLite Database File", section 2.2). Whoever is connected to a database in
# write-ahead mode holds a shared lock on it all the while, so under the exclusive one the two files belong to nobody.
_REMOVE = """
import fcntl, os, sys
path, log, memory = sys.argv[1:]
file = os.open(path, os.O_RDWR)
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 512, 0x40000000)
if not log or not os.path.exists(log) or os.stat(log).st_size == 0:
    for one in (log, memory):
        if one and os.path.exists(one):
            os.unlink(one)
"""


def companion(path: Path, suffix: str) -> Path:
    """The file of that suffix (-wal, -shm, -journal): beside the database itself, not beside a link to it."""
    return Path(f"{path.resolve()}{suffix}")


def log_of(path: Path) -> Path:
    """The write-ahead log."""
    return companion(path, "-wal")


@dataclass(frozen=True, slots=True)
class Made:
    """What reading a database in write-ahead mode makes beside it: those files that were not there before."""

    path: Path
    log: Path | None
    memory: Path | None

    def remove(self) -> None:
        """Remove them, unless another is connected or the log holds something; without the right to, they stay."""
        if not any(one is not None and one.exists() for one in (self.log, self.memory)):
            return
        words = [str(self.path.resolve()), *("" if one is None else str(one) for one in (self.log, self.memory))]
        with suppress(OSError, ValueError, subprocess.SubprocessError):
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", _REMOVE, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=10,
                check=False,
            )


def made_by_reading(path: Path) -> Made:
    """What a reader that opens ``path`` now will have made."""
    found = [companion(path, suffix) for suffix in ("-wal", "-shm")]
    log, memory = (None if os.path.lexists(one) else one for one in found)
    return Made(path, log, memory)
