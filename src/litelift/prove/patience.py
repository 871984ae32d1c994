"""How long a view or a trigger may take on either side: what the source's own SQL says may have no end."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import psycopg.errors

from litelift.sqlite.guard import STEPS, deadline
from litelift.sqlite.twin import SourceConnection

LEAST_SECONDS = 10.0
SECONDS_FOR_MB = 1.0
IMPATIENT_SECONDS = 0.25
"""What is left in the end, where one thing after another takes too long."""


class OutOfTime(Exception):
    """Neither side is wrong: it takes too long; ``where`` is SQLite or PostgreSQL."""

    def __init__(self, where: str, seconds: float) -> None:
        """``seconds`` that it was given."""
        super().__init__(f"{where} was not through with it in {seconds:.3g} seconds")
        self.where = where


@dataclass(slots=True)
class Patience:
    """Seconds for one view or trigger; halved by each that takes longer, so that together they take less than twice."""

    seconds: float = LEAST_SECONDS

    @classmethod
    def for_source(cls, source: sqlite3.Connection) -> Patience:
        """A source's: the larger it is, the longer."""
        pages, size = (source.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return cls(LEAST_SECONDS + SECONDS_FOR_MB * pages * size / (1 << 20))

    @contextlib.contextmanager
    def bounded(self, source: sqlite3.Connection, target: psycopg.Connection[Any]) -> Iterator[None]:
        """Stop what both sides do in the block when the time is over. Raises OutOfTime."""
        seconds = self.seconds
        over = threading.Event()

        def stop() -> None:
            over.set()
            # The server may be gone; its own error is met then.
            with contextlib.suppress(psycopg.Error, OSError):
                target.cancel()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            with _stopped_after(source, seconds):
                yield
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            self._shorten()
            raise OutOfTime("SQLite", seconds) from error
        except psycopg.errors.QueryCanceled as error:
            if not over.is_set():
                raise
            self._shorten()
            raise OutOfTime("PostgreSQL", seconds) from error
        finally:
            timer.cancel()
            timer.join()
            if over.is_set():
                _take_late_cancel(target)

    def _shorten(self) -> None:
        self.seconds = max(IMPATIENT_SECONDS, self.seconds / 2)


@contextlib.contextmanager
def _stopped_after(source: sqlite3.Connection, seconds: float) -> Iterator[None]:
    if isinstance(source, SourceConnection):
        with source.within(seconds):
            yield
        return
    source.set_progress_handler(deadline(seconds), STEPS)
    try:
        yield
    finally:
        source.set_progress_handler(None, 0)


def _take_late_cancel(target: psycopg.Connection[Any]) -> None:
    """Let a request to cancel that came too late strike a statement that does nothing."""
    if target.closed or target.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        return
    with contextlib.suppress(psycopg.errors.QueryCanceled), target.transaction(force_rollback=True):
        target.execute("select pg_sleep(0.05)")
