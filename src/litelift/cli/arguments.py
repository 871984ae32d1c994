"""Hides a password that the words of the command hold from the process list."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from litelift.redact import text

_LOOKS = re.compile(rb"://|passw|secret|token", re.IGNORECASE)
# Fields of /proc/self/stat (proc_pid_stat(5)), the first after the command's name being the third.
_START, _END = 48 - 3, 49 - 3


def hide_passwords() -> None:
    """Take passwords out of this process's own words, as `ps` and /proc show them, and those of processes it forks.

    On Linux, which lets a process write to its own memory; elsewhere, or where that is forbidden, they stay. Until it
    is done they are there to be seen: for the time that Python takes to start and to import this, about a tenth of a
    second, and more than half a second where the processors are busy. A password in a variable never is.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        start, end = int(fields[_START]), int(fields[_END])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:  # noqa: PTH123
            memory.seek(start)
            held = memory.read(end - start)
            if not _LOOKS.search(held):
                return
            words = [os.fsencode(text(os.fsdecode(word))) for word in held.split(b"\0")]
            # The last byte must stay zero: else the kernel reads on, into the environment.
            shown = b"\0".join(words)[: len(held) - 1].ljust(len(held), b"\0")
            memory.seek(start)
            memory.write(shown)
