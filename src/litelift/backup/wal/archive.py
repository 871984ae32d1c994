"""What a look into an archive gives, whichever tool keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from litelift.backup.wal.found import BaseBackup, Problem
from litelift.backup.wal.segments import Segments


@dataclass(slots=True)
class Archive:
    """An archive, as far as it was seen."""

    segments: Segments | None = None
    """None: they could not be listed."""
    backups: list[BaseBackup] | None = None
    """None: whether there are any could not be seen."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    where: str = ""
    direct: bool = True
    """Whether what the server has archived is in the archive at once."""
    keeps_histories: bool = True
    """Whether the list would show a timeline's history file."""


def from_epoch(value: Any) -> datetime | None:
    """The moment of so many seconds since 1970, given as a number or its text."""
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def from_iso(value: Any) -> datetime | None:
    """The moment of a text such as "2026-11-23T02:00:00Z"; Go's zero time, which says that nobody knows, is None."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    if moment.year < 1970:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def number(value: Any) -> int | None:
    """A whole number of a JSON document; None for anything else, and for 0, which stands for an unknown size."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def text(value: Any) -> str | None:
    """A text of a JSON document; None for anything else."""
    return value if isinstance(value, str) else None


def part(document: Any, name: str) -> Mapping[str, Any]:
    """The object of that name in a JSON object; an empty one where there is none."""
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def parts(document: Any) -> list[dict[str, Any]]:
    """The objects of a JSON list."""
    return [item for item in document if isinstance(item, dict)] if isinstance(document, list) else []
