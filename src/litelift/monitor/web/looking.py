"""Looks itself where no `litelift monitor watch` does, so that there is something to be seen."""

from __future__ import annotations

import sqlite3
import threading

from litelift.errors import LiteliftError, WatchBusy
from litelift.held import held
from litelift.monitor.samples import opened
from litelift.monitor.watch import watch
from litelift.monitor.watched import Watched
from litelift.monitor.web.log import Log

LOCK = "watch.lock"
AGAIN = 5.0
"""Seconds until it is looked again whether another watch has ended."""


class Looking(threading.Thread):
    """A watch, for as long as nobody else watches here."""

    def __init__(self, watched: Watched, log: Log) -> None:
        """Of what is watched."""
        super().__init__(name="watch", daemon=True)
        self._watched, self._log = watched, log
        self._over = threading.Event()

    def end(self) -> None:
        """End after the look that is being made."""
        self._over.set()

    def run(self) -> None:
        """Look, again and again."""
        folder = self._watched.folder
        while not self._over.is_set():
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with (
                    held(folder / LOCK, lambda who: WatchBusy(who=who, lock=folder / LOCK)),
                    opened(folder, write=True) as samples,
                ):
                    for _ in watch(self._watched, samples, sleep=self._sleep):
                        if self._over.is_set():
                            break
                    samples.stop()
            except WatchBusy:
                pass
            except (LiteliftError, OSError, sqlite3.Error) as error:
                self._log.failed("the watch", str(error))
            self._over.wait(AGAIN)

    def _sleep(self, seconds: float) -> None:
        self._over.wait(seconds)
