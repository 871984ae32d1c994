"""What is scheduled: a command with all that it needs, for neither cron nor systemd gives it more."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from litelift.backup.schedule.quoting import check_words

PLAIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV = "/usr/bin/env"


@dataclass(frozen=True, slots=True)
class Daily:
    """A scheduled run, every day."""

    project: str
    """As it is told to people."""
    key: str
    """What makes it this one, whatever changes about it: the absolute path of its litelift.toml, or a database's URL
    and its folder."""
    words: tuple[str, ...]
    """Behind ``litelift backup run``."""
    at: str
    """The time of day in UTC: "02:00"."""

    @property
    def name(self) -> str:
        """Of its units and lines: "litelift-backup-school-1f0c9a2b"."""
        label = re.sub(r"[^A-Za-z0-9]+", "-", self.project).strip("-").lower()[:40] or "project"
        # The project may be called otherwise tomorrow.
        return f"litelift-backup-{label}-{self.mark}"

    @property
    def mark(self) -> str:
        """By which its lines and units are known again."""
        return hashlib.sha256(self.key.encode("utf-8", "surrogateescape")).hexdigest()[:8]

    def command(self, *more: str) -> list[str]:
        """The whole command, the first word a plain path. Raises ScheduleRefused for words that cannot be quoted."""
        # -P: no module of the folder in which it is started (python(1)).
        python = [sys.executable, "-P", "-m", "litelift"]
        words = [ENV, f"PATH={search_path(os.environ)}", *python, "backup", "run", *self.words, *more, "--quiet"]
        check_words([*words, self.project])
        return words


def search_path(environment: Mapping[str, str]) -> str:
    """The PATH of now, as far as it leads to folders by absolute paths."""
    folders = dict.fromkeys(environment.get("PATH", "").split(os.pathsep))
    return os.pathsep.join(name for name in folders if name.startswith("/") and _is_folder(name)) or PLAIN_PATH


def _is_folder(name: str) -> bool:
    """Whether it is one that this user may look at: who became another by su may have the PATH of before."""
    with contextlib.suppress(OSError):
        return Path(name).is_dir()
    return False
