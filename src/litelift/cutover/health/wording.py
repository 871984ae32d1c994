"""Pieces of what an application said, short enough to be told.

Where something is cut off stands ``...``, right at the cut: `Secrets.hide` knows half a secret by that.
"""

from __future__ import annotations

import json

LETTERS = 80
"""Of a value that is told."""


def cut(words: str, letters: int = LETTERS) -> str:
    """The words, or their beginning."""
    return words if len(words) <= letters else words[:letters] + "..."


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of a place, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def excerpt(text: str, at: int, length: int, around: int = 30) -> str:
    """What stands around a place, on one line."""
    start, end = max(0, at - around), min(len(text), at + length + around)
    words = " ".join(text[start:end].split())
    return f"{'...' if start else ''}{words}{'...' if end < len(text) else ''}"


def short(value: object) -> str:
    """A value as JSON, short enough for a line."""
    return cut(json.dumps(value, ensure_ascii=False, default=str))
