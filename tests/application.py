"""An application that has a source open: a process of its own, with its own locks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


class Application:
    """Opens a database as ``c``, has done what ``script`` says when it is made, and does ``going_on`` until its end."""

    def __init__(self, path: Path, script: str, going_on: str = "sys.stdin.read()") -> None:
        opened = "import sqlite3, sys, time\nc = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=300)"
        words = f"{opened}\n{script}\nprint('ready', flush=True)\n{going_on}\n"
        self._process = subprocess.Popen(
            [sys.executable, "-c", words, path], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """Kill it; what it holds is free then."""
        self._process.kill()
        self._process.communicate()
