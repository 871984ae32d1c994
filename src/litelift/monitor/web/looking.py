"""Looks itself where no `litelift monitor watch` does, and tells what that would tell."""

from __future__ import annotations

import contextlib
import sqlite3
import threading

from litelift.errors import LiteliftError, WatchBusy
from litelift.monitor.samples import opened
from litelift.monitor.watch import Watch
from litelift.monitor.watch_lock import watch_held
from litelift.monitor.watched import Watched
from litelift.monitor.web.log import Log

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
        self._watch: Watch | None = None

    def end(self) -> None:
        """End, and note that it has; a look that is being made for long is not waited for."""
        self._over.set()
        watch = self._watch
        if watch is not None:
            watch.end()
        self.join(LOOK_SECONDS)
        if self.is_alive() and self._watch is not None:
            # What cannot be noted is told later as a watch that was killed.
            missed = contextlib.suppress(LiteliftError, OSError, sqlite3.Error)
            with missed, opened(self._watched.folder, write=True) as samples:
                samples.stop()

    def run(self) -> None:
        """Look, again and again."""
        while not self._over.is_set():
            try:
                with watch_held(self._watched.folder):
                    self._watch = Watch(self._watched)
                    for look in self._watch.rounds():
                        for note in look.notes:
                            self._log.failed("the watch", note)
                        if self._over.is_set():
                            self._watch.end()
            except WatchBusy:
                pass
            except (LiteliftError, OSError, sqlite3.Error) as error:
                self._log.failed("the watch", str(error))
            self._watch = None
            self._over.wait(AGAIN)
