"""Hands a document to a command of the project."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litelift.cutover.commands import words_of
from litelift.tomlfile.section import Command

SECONDS = 60.0


def run(command: Command, folder: Path, document: Mapping[str, Any]) -> str | None:
    """Run ``command`` in ``folder`` with ``document`` as JSON on its standard input; what went wrong.

    After `SECONDS` it is ended, with all that it started.
    """
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                words_of(command),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"it cannot be started: {error.strerror}"
        try:
            process.communicate(json.dumps(document).encode(), SECONDS)
        except BaseException as error:
            _kill(process)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"it was ended after {SECONDS:g} s"
        if process.returncode == 0:
            return None
        said.seek(max(0, said.seek(0, os.SEEK_END) - 2000))
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return f"it ended with {process.returncode}" + (f" ({lines[-1]})" if lines else "")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
