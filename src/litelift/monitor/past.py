"""What was measured before, for who looks once and writes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from litelift.errors import LiteliftError
from litelift.monitor import samples
from litelift.monitor.look import NoPast, Past


class _Readable:
    """Samples that may turn out to be damaged."""

    def __init__(self, past: Past) -> None:
        self._past = past

    def value(self, series: str, at: datetime) -> tuple[datetime, float] | None:
        """As `Past` has it."""
        try:
            return self._past.value(series, at)
        except sqlite3.Error:
            return None


@contextmanager
def past_of(folder: Path) -> Iterator[Past]:
    """The samples in a monitor's folder, as far as there are any that this user can read.

    A look is no worse without them: every check says since when it counts.
    """
    with ExitStack() as stack:
        try:
            past: Past = _Readable(stack.enter_context(samples.opened(folder)))
        except (OSError, sqlite3.Error, LiteliftError):
            past = NoPast()
        yield past
