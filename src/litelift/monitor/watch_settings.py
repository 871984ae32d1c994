"""What is watched, read again when litelift.toml has changed; and the environment that the settings name."""

from __future__ import annotations

import os
from pathlib import Path

from litelift.backup.environment import read_environment
from litelift.errors import LiteliftError, UsageError
from litelift.monitor.watched import Watched, watched

Sign = tuple[int, int, int] | None


class WatchedFile:
    """What the words of the command name."""

    def __init__(self, what: str | None, folder: Path | None) -> None:
        """Read it. Raises as `watched` does, and UsageError where the environment cannot be read."""
        self._what, self._folder = what, folder
        self.watched = self._read()
        self._sign = self._signs()

    def changed(self) -> Watched | None:
        """What is watched from now on, where the file is another one; None where it is as it was.

        Raises LiteliftError where it cannot be read, once: it is read again when it has changed again.
        """
        sign = self._signs()
        if sign == self._sign:
            return None
        self._sign = sign
        self.watched = self._read()
        return self.watched

    def _read(self) -> Watched:
        found = watched(self._what, self._folder)
        named = found.settings.environment_file or found.backups.settings.environment_file
        if named is not None:
            path = found.project / named
            try:
                os.environ.update(read_environment(path))
            except OSError as error:
                raise UsageError(message=f"{path}: {error.strerror}") from None
        return found

    def _signs(self) -> Sign:
        file = self.watched.backups.file
        if file is None:
            return None
        try:
            facts = file.stat()
        except OSError as error:
            raise LiteliftError(message=f"{file}: {error.strerror}") from None
        return facts.st_mtime_ns, facts.st_size, facts.st_ino
