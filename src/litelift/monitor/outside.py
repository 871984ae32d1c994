"""Makes the checks that need no session beside the others; one that hangs keeps nobody waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from litelift.monitor.finding import Finding
from litelift.monitor.hanging import begun, give_up

SECONDS = 20.0
"""In which they all have to answer: longer than each one's own time-out. What a dead network disk is asked for never
comes back."""


class Outside:
    """The checks of one round that are under way."""

    def __init__(self, folder: Path, checks: Mapping[str, Callable[[], list[Finding]]]) -> None:
        """Begin them, each in a thread that ends with the process.

        Args:
            folder: the monitor's, which says whose they are.
            checks: what makes each.
        """
        self._answers: SimpleQueue[tuple[str, list[Finding]]] = SimpleQueue()
        self._threads: dict[str, threading.Thread] = {}
        self._folder = folder
        self._deadline = time.monotonic() + SECONDS
        for name, make in checks.items():
            thread = begun((folder, name), partial(self._make, name, make), f"outside {name}")
            if thread is not None:
                self._threads[name] = thread

    def _make(self, name: str, make: Callable[[], list[Finding]]) -> None:
        self._answers.put((name, make()))

    def found(self) -> dict[str, list[Finding]]:
        """What each found; those that did not answer in time are left out."""
        found: dict[str, list[Finding]] = {}
        while len(found) < len(self._threads):
            try:
                name, findings = self._answers.get(timeout=max(0.0, self._deadline - time.monotonic()))
            except Empty:
                break
            found[name] = findings
        for name, thread in self._threads.items():
            if name not in found:
                give_up((self._folder, name), thread)
        return found
