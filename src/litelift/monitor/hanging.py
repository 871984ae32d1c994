"""Threads that may never come back: each is remembered, so that nothing begins again what hangs already."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

_left: dict[Hashable, threading.Thread] = {}
"""Those that were given up, by what they are at: their number would grow with every look."""


def begun(what: Hashable, run: Callable[[], None], name: str) -> threading.Thread | None:
    """A thread that runs, and ends with the process; None where one that was given up is still at it."""
    before = _left.get(what)
    if before is not None and before.is_alive():
        return None
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def give_up(what: Hashable, thread: threading.Thread) -> None:
    """Wait for it no longer."""
    _left[what] = thread
