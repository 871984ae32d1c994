"""Runs litelift as its user does, in a process of its own, and reads the one document that it prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from examples.atis.evening.client import CheckFailed
from examples.atis.stack.folder import environment

END_SECONDS = 120.0


def litelift(*words: str | Path) -> dict[str, Any]:
    """What a command said with --json; its progress goes to stderr. Raises CheckFailed where it does not exit with 0.

    A Ctrl-C reaches it once, through this process, and it is given the time to leave things in order.
    """
    command = [sys.executable, "-m", "litelift", *map(str, words), "--json"]
    path = os.environ.get("PYTHONPATH")
    process = subprocess.Popen(
        command,
        env={**environment(), **({"PYTHONPATH": path} if path else {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate()
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        raise
    try:
        found: dict[str, Any] = json.loads(out)
    except ValueError:
        found = {}
    if process.returncode:
        raise CheckFailed(f"litelift {' '.join(map(str, words))} ended with status {process.returncode}; see above")
    return found
