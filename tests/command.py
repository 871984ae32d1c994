"""Runs the command as a user does: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forked

AT_START = ("PYTHON", "LANG", "LC_", "TMPDIR", "SQLITE_")
"""Variables that take effect while an interpreter starts, or once and for all."""


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


def litelift(
    *words: str | Path,
    cwd: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    only: Mapping[str, str] | None = None,
    **environment: str,
) -> Ran:
    """Run ``litelift`` with these words; it must end by itself.

    Args:
        words: of the command.
        cwd: its folder.
        settings: what is otherwise in litelift's modules, by names as "module:attribute" has them.
        only: all of its environment; by default that of the tests.
        environment: variables beside that.
    """
    whole = {**({**os.environ, "COLUMNS": "80"} if only is None else only), **environment}
    if forked.POSSIBLE and not any(name.startswith(AT_START) for name in environment):
        process = forked.fork(words, cwd=cwd, environment=whole, settings=settings)
        out, err = process.communicate()
        return Ran(process.wait(), out, err)
    assert not settings
    done = subprocess.run(
        [sys.executable, "-m", "litelift", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env=whole,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
