"""Runs litelift as its user does: in a process of its own, with its words and its view on the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from examples.atis.evening.client import CheckFailed
from examples.atis.stack.folder import environment

END_SECONDS = 300.0
"""What an interrupted litelift is given to leave things in order."""


def litelift(*words: str | Path) -> None:
    """Run a command; what it tells goes to the terminal. Raises CheckFailed where it does not exit with 0.

    A Ctrl-C reaches it once, as the SIGTERM of this process.
    """
    process = subprocess.Popen(_command(words), env=_environment(), stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        status = process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    if status:
        raise CheckFailed(f"litelift {' '.join(map(str, words))} ended with status {status}; see above")


def run_of(file: Path) -> dict[str, Any]:
    """What became of the runbook's last run. Raises CheckFailed."""
    words = ("cutover", "status", file, "--json")
    done = subprocess.run(_command(words), env=_environment(), capture_output=True, text=True)
    if done.returncode:
        raise CheckFailed(f"litelift cutover status ended with status {done.returncode}: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)["run"]
    return found


def stop_server(source: Path) -> None:
    """Stop the embedded PostgreSQL beside a source, where there is one."""
    if Path(f"{source}.litelift").exists():
        words = ("server", "stop", source, "--quiet")
        subprocess.run(_command(words), env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _command(words: tuple[str | Path, ...]) -> list[str]:
    return [sys.executable, "-m", "litelift", *map(str, words)]


def _environment() -> dict[str, str]:
    path = os.environ.get("PYTHONPATH")
    return {**environment(), **({"PYTHONPATH": path} if path else {})}
