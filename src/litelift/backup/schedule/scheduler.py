"""What cron and systemd have in common here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from litelift.backup.schedule.daily import Daily
from litelift.errors import ScheduleFailed

Kind = Literal["systemd", "cron"]
SECONDS = 60.0
"""That a program of the system may take."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what is installed: a unit's file, or lines of a crontab."""

    where: str
    text: str


class Scheduler(Protocol):
    """Starts a command every day."""

    kind: Kind

    def there(self) -> bool:
        """Whether this machine has it."""

    def proposed(self, daily: Daily) -> list[Piece]:
        """What `install` would put there. Raises ScheduleRefused and OSError."""

    def installed(self, daily: Daily) -> list[Piece]:
        """What is there of this one. Raises ScheduleFailed and OSError."""

    def install(self, daily: Daily) -> list[str]:
        """Put it there, in place of an older one; what a person has to see to. Raises ScheduleFailed and OSError."""

    def remove(self, daily: Daily) -> None:
        """Take it out, and nothing else. Raises ScheduleFailed and OSError."""


def call(words: Sequence[str], done: str, *, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a program of the system, whose words are to be C's. Raises ScheduleFailed where it cannot be run."""
    try:
        return subprocess.run(
            words,
            input=b"" if given is None else given,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=SECONDS,
            check=False,
        )
    except OSError as error:
        raise ScheduleFailed(done=done, message=f"{words[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ScheduleFailed(done=done, message=f"{words[0]} did not end in {SECONDS:g} s") from None


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """What a program said, in one line."""
    words = " ".join((done.stderr or done.stdout).decode("utf-8", "replace").split())
    return words or f"it ended with {done.returncode}"
