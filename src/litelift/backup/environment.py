"""The environment of a scheduled run: cron and systemd give it none, so its secrets come from a file of its owner's."""

from __future__ import annotations

import re
from pathlib import Path

from litelift.backup.settings import Backup
from litelift.errors import UsageError

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def read_environment(path: Path) -> dict[str, str]:
    """The variables in a file of NAME=value lines; a value is as it stands, without quotes around it.

    Empty lines, and those that begin with # are left out. Raises UsageError, which repeats no value, and OSError.
    """
    found = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            raise UsageError(message=f"{path}:{number}: expected UTF-8") from None
        if not text or text.startswith("#"):
            continue
        met = _LINE.fullmatch(text)
        if met is None or "\0" in text:
            raise UsageError(message=f"{path}:{number}: expected NAME=value")
        name, value = met.groups()
        found[name] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    return found


def readable_by_others(path: Path) -> bool:
    """Whether somebody else than its owner may read it. Raises OSError."""
    return bool(path.stat().st_mode & 0o044)


def wanted(settings: Backup) -> list[str]:
    """The variables that the settings name."""
    return sorted(
        {*settings.tell.variables, *(name for copy in settings.copy_to for name in copy.options_env.values())}
    )
