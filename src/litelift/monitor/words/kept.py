"""What is said of findings that were kept: another version of litelift may have found them, and said it in other words.

What this one has no words for is called by its key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from litelift.monitor import words
from litelift.monitor.finding import Finding
from litelift.monitor.words import Language

_Said = TypeVar("_Said")


def title(check: str, language: Language = "en") -> str:
    """A check's name for people."""
    return _or(check, lambda: words.title(check, language))


def about(check: str, language: Language = "en") -> str:
    """What a check looks at; empty where nothing is known of it."""
    return _or("", lambda: words.about(check, language))


def said(finding: Finding, language: Language = "en") -> str:
    """What was found, in one line."""
    return _or(finding.found, lambda: words.said(finding, language))


def to_do(finding: Finding, language: Language = "en") -> str | None:
    """What to do about it."""
    return _or(None, lambda: words.to_do(finding, language))


def _or(otherwise: _Said, say: Callable[[], _Said]) -> _Said:
    try:
        return say()
    except (LookupError, TypeError, ValueError):
        return otherwise
