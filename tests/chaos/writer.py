"""An application that goes on writing into the source: transactions of which each is known by its number."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from chaos.databases import book

BUSY_SECONDS = 0.2


class Writer:
    """Books from transaction ``first`` on, in a thread, until it is stopped."""

    def __init__(self, path: Path, pause: float) -> None:
        """``pause``: seconds between two transactions."""
        self.path = path
        self.pause = pause
        with sqlite3.connect(path) as connection:
            self.done = int(connection.execute("select n from tick").fetchone()[0])
        connection.close()
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        # A reader of a log that is no longer needed must not wait for the disk.
        connection.execute("pragma synchronous = off")
        try:
            while not self._stop.wait(self.pause):
                try:
                    book(connection, self.done + 1)
                    self.done += 1
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error):
                        self.errors.append(str(error))
                        return
        finally:
            connection.close()

    def go_on_to(self, number: int, seconds: float = 120) -> bool:
        """Wait until it has booked so many."""
        waited = threading.Event()
        for _ in range(int(seconds / 0.02)):
            if self.done >= number or self.errors:
                break
            waited.wait(0.02)
        return self.done >= number

    def stop(self) -> None:
        """End, after the transaction that it is at."""
        self._stop.set()
        self._thread.join(120)


def replay(original: Path, number: int, made: Path) -> None:
    """A copy of the original as it was after the writer's transaction of this number."""
    made.write_bytes(original.read_bytes())
    connection = sqlite3.connect(made, isolation_level=None)
    connection.execute("pragma journal_mode = memory")
    connection.execute("pragma synchronous = off")
    for one in range(1, number + 1):
        book(connection, one)
    connection.close()
