"""Runs pg_dump or pg_restore to its end, and says what went wrong in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINES = 200
"""How many of the last lines that a program says are kept."""
WAIT_SECONDS = 0.2
ENDS_SECONDS = 10.0


class Failed(Exception):
    """A program ended with an error: the ``lines`` that it said, and its status (a signal's number below 0)."""

    def __init__(self, program: str, status: int, lines: list[str]) -> None:
        """Of ``program``."""
        self.program, self.status, self.lines = program, status, lines
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """In one line."""
        if self.status < 0:
            return f"{self.program} was killed by {signal.Signals(-self.status).name}"
        errors = [line.split("error: ", 1)[-1] for line in self.lines if ": error: " in line]
        told = errors or self.lines[-3:]
        return "; ".join(dict.fromkeys(told[:3])) or f"{self.program} ended with status {self.status}"


@contextmanager
def running(process: subprocess.Popen[bytes], program: str) -> Iterator[Callable[[], list[str]]]:
    """A program that was started. The block gets a function that waits for its end: the lines that it said.

    However the block ends, the program has ended too. The function raises Failed.
    """
    lines: deque[str] = deque(maxlen=LINES)
    assert process.stderr is not None

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line.decode(errors="replace").rstrip())

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()

    def finish() -> list[str]:
        process.wait()
        listener.join(ENDS_SECONDS)
        if process.returncode:
            raise Failed(program, process.returncode, list(lines))
        return list(lines)

    try:
        yield finish
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(ENDS_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        listener.join(ENDS_SECONDS)
        process.stderr.close()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                # What a program that has gone did not read is of no use to anybody.
                try:
                    stream.close()
                except BrokenPipeError:
                    continue


def wait_for(process: subprocess.Popen[bytes], look: Callable[[], None]) -> None:
    """Wait until a program ends, and look in meanwhile."""
    while True:
        try:
            process.wait(WAIT_SECONDS)
            return
        except subprocess.TimeoutExpired:
            look()


def is_full(failed: BaseException) -> bool:
    """Whether a full disk is what is wrong."""
    if isinstance(failed, OSError):
        return failed.errno in (28, 122)
    words = os.strerror(28).lower()
    return isinstance(failed, Failed) and any(words in line.lower() for line in failed.lines)
