"""Starts a litelift to which something happens in a phase (hooked.py), and waits until nothing of it goes on."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

import hooked
from broken import members, wait_for
from command import Ran
from forked import POSSIBLE, Forked, fork


@contextlib.contextmanager
def hooking(
    phase: str,
    action: str,
    argument: str,
    *words: str | Path,
    environment: Mapping[str, str] | None = None,
    anew: bool = False,
) -> Iterator[subprocess.Popen[str] | Forked]:
    """A litelift to which something happens in a phase; it has a process group of its own.

    ``anew`` has Python start for it, so that its words are in the process list.
    """
    process: subprocess.Popen[str] | Forked
    if POSSIBLE and not anew:
        process = fork(words, environment=environment, session=True, hook=(phase, action, argument))
    else:
        command = [sys.executable, hooked.__file__, phase, action, argument, *map(str, words)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=300)


def run_hooked(
    phase: str, action: str, argument: str, *words: str | Path, environment: Mapping[str, str] | None = None
) -> Ran:
    """Run it to its end."""
    with hooking(phase, action, argument, *words, environment=environment) as process:
        out, err = process.communicate(timeout=300)
        # A zombie worker, or one that works on for nobody, would be in the group still.
        wait_for(lambda: not members(process.pid))
        return Ran(process.wait(), out, err)


def killed(url: str, phase: str, *words: str | Path, action: str = "self") -> Ran:
    """Run it, and kill it in a phase (``action`` says whether alone or with its group); its sessions in the target are
    gone then, and with them whatever they were still about to commit."""
    ran = run_hooked(phase, action, "SIGKILL", *words)
    assert ran.status == -signal.SIGKILL, ran
    no_session(url)
    return ran


def no_session(url: str) -> None:
    """Wait until no litelift has a session in the target: the server notices the end of a client when it is done."""
    query = "select 1 from pg_stat_activity where application_name = 'litelift' and datname = current_database()"
    with psycopg.connect(url, autocommit=True) as connection:
        wait_for(lambda: connection.execute(query).fetchone() is None)


def on_terminal(command: list[str], environment: Mapping[str, str]) -> tuple[int, bytes]:
    """Run a command, in a process group of its own, at a terminal: its status, and what the terminal was sent."""
    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**environment, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    # Linux ends a terminal whose last process has gone with EIO.
    with contextlib.suppress(OSError):
        while part := os.read(mine, 65536):
            shown += part
    os.close(mine)
    return process.wait(300), shown


def at_terminal(answer: str, *words: str | Path) -> Ran:
    """Run litelift with a terminal as its input, at which somebody types ``answer``."""
    mine, theirs = os.openpty()
    os.write(mine, answer.encode())
    try:
        done = subprocess.run(
            [sys.executable, "-m", "litelift", *map(str, words)],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        os.close(theirs)
        os.close(mine)
    return Ran(done.returncode, done.stdout, done.stderr)
