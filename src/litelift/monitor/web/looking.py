"""Looks itself where no `litelift monitor watch` does, so that there is something to be seen."""

from __future__ import annotations

import contextlib
import sqlite3
import threading

from litelift.errors import LiteliftError, WatchBusy
from litelift.held import held
from litelift.monitor.samples import opened
from litelift.monitor.watch import watch
from litelift.monitor.watched import Watched
from litelift.monitor.web.log import Log

LOCK = "watch.lock"
LOOK_SECONDS = 0.5
"""That the end waits for a look."""
AGAIN = 5.0
"""Seconds until it is looked again whether another watch has ended."""


class Looking(threading.Thread):
    """A watch, for as long as nobody else watches here."""

    def __init__(self, watched: Watched, log: Log) -> None:
        """Of what is watched."""
        super().__init__(name="watch", daemon=True)
        self._watched, self._log = watched, log
        self._over = threading.Event()
        self._watching = False

    def end(self) -> None:
        """End, and note that it has; a look that is being made for long is not waited for."""
        self._over.set()
        self.join(LOOK_SECONDS)
        if self.is_alive() and self._watching:
            # What cannot be noted is told later as a watch that was killed.
            with contextlib.suppress(OSError, sqlite3.Error), opened(self._watched.folder, write=True) as samples:
                samples.stop()

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
                    self._watching = True
                    for _ in watch(self._watched, samples, sleep=self._sleep):
                        if self._over.is_set():
                            break
                    self._watching = False
                    samples.stop()
            except WatchBusy:
                pass
            except (LiteliftError, OSError, sqlite3.Error) as error:
                self._log.failed("the watch", str(error))
            self._over.wait(AGAIN)

    def _sleep(self, seconds: float) -> None:
        self._over.wait(seconds)
