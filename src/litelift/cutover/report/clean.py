"""What a report may say: a run's journal without secrets, whatever brought them in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from litelift.cutover.journal import Journal, Line
from litelift.redact import text

HIDDEN = "***"
_LOGINS = ("credentials.json", "superuser.json")
_SHORTEST = 6
"""Characters of a password that is looked for in what is told: a shorter one would hide words that are none."""


def clean_journal(journal: Journal) -> Journal:
    """The journal as a report may quote it: nothing that looks like a secret, and none of the run's own passwords."""
    words = passwords(journal.folder)
    lines = [Line(line.at, line.event, clean(line.values, words)) for line in journal.lines]
    return Journal(journal.folder, lines)


def passwords(folder: Path) -> list[str]:
    """The passwords in a run's files, the longest first."""
    found = set()
    for name in _LOGINS:
        try:
            login = json.loads((folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        word = login.get("password") if isinstance(login, dict) else None
        if isinstance(word, str) and len(word) >= _SHORTEST:
            found.add(word)
    return sorted(found, key=len, reverse=True)


def clean(content: Any, words: list[str]) -> Any:
    """``content`` without ``words``, and without what looks like a secret in a text."""
    if isinstance(content, dict):
        return {name: clean(part, words) for name, part in content.items()}
    if isinstance(content, (list, tuple)):
        return [clean(part, words) for part in content]
    if isinstance(content, str):
        for word in words:
            content = content.replace(word, HIDDEN)
        return text(content)
    return content
