"""Keeps what a watch sees; where that fails, it says so, goes on, and keeps the rest when it can be kept again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from litelift.monitor.folder import make_folder
from litelift.monitor.incident import Incident
from litelift.monitor.letter import Letter
from litelift.monitor.samples import Samples
from litelift.monitor.samples_file import FILE, check_whole, connection_to, is_damaged, set_aside

Value = TypeVar("Value")


class Kept:
    """The samples of the one watch of a folder."""

    def __init__(self, folder: Path) -> None:
        """Open them; a damaged file is moved aside. Raises SamplesTooNew, and OSError where there is no folder."""
        self.folder = folder
        self.trouble: str | None = None
        """Why what was seen last could not be kept."""
        self.aside: Path | None = None
        """Where a damaged file is now."""
        self.files = 0
        """How many there were: one that is new holds nothing of what lasts."""
        self._samples: Samples | None = None
        self._inode: int | None = None
        self._unsaved: dict[int, Incident] = {}
        make_folder(folder)
        try:
            check_whole(folder)
        except sqlite3.Error as error:
            self._meet(error)
        self._try(lambda samples: None)

    def read(self, default: Value, ask: Callable[[Samples], Value]) -> Value:
        """What the file says, or ``default`` where it cannot be read."""
        found = default

        def look(samples: Samples) -> None:
            nonlocal found
            found = ask(samples)

        return found if self._try(look) else default

    def value(self, series: str, at: datetime) -> tuple[datetime, float] | None:
        """What a series was: the past of the checks, which stay blind to it where it cannot be read."""
        if self._samples is None:
            return None
        try:
            return self._samples.value(series, at)
        except sqlite3.Error:
            # The next writing meets the same, and says it.
            return None

    def write(
        self,
        write: Callable[[Samples, list[Incident], list[Letter]], None],
        incidents: Iterable[Incident],
        letters: dict[int, Letter],
    ) -> bool:
        """Have ``write`` keep what is others than it was kept; what cannot be is left for the next time."""
        self._unsaved.update({incident.id: incident for incident in incidents})
        done = self._try(lambda samples: write(samples, list(self._unsaved.values()), list(letters.values())))
        if done:
            self._unsaved.clear()
            letters.clear()
        return done

    def prune(self, now: datetime) -> None:
        """As `Samples.prune`."""
        self._try(lambda samples: samples.prune(now))

    def close(self) -> None:
        """Let go of the file."""
        if self._samples is not None:
            self._samples.connection.close()
            self._samples = None

    def _try(self, work: Callable[[Samples], None]) -> bool:
        for _ in range(2):
            try:
                work(self._opened())
            except (sqlite3.Error, OSError) as error:
                if self._meet(error):
                    continue
                return False
            self.trouble = None
            return True
        return False

    def _opened(self) -> Samples:
        path = self.folder / FILE
        if self._samples is not None and _number(path) != self._inode:
            # It was removed or replaced: what is written now would be seen by nobody.
            self.close()
        if self._samples is None:
            self._samples = Samples(connection_to(self.folder, write=True))
            self._inode = _number(path)
            self.files += 1
        return self._samples

    def _meet(self, error: sqlite3.Error | OSError) -> bool:
        """Note what went wrong; whether to try it again at once, with a new file."""
        self.trouble = " ".join(str(getattr(error, "strerror", None) or error).split())
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
            return False
        self.close()
        if not isinstance(error, sqlite3.Error) or not is_damaged(error):
            return False
        try:
            self.aside = set_aside(self.folder)
        except OSError as unmoved:
            self.trouble += f"; it cannot be moved aside: {unmoved.strerror}"
            return False
        return True


def _number(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
