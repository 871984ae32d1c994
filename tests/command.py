"""Runs the command as a user does: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


def litelift(*words: str | Path, cwd: Path | None = None, **environment: str) -> Ran:
    """Run ``litelift`` with these words; it must end by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "litelift", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", **environment},
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
