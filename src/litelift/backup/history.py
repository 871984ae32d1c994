"""What was done to the backups of a folder, failures too: a line of JSON for each, in history.jsonl."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from litelift.atomic import PRIVATE
from litelift.backup.manifest import Part

HISTORY = "history.jsonl"

What = Literal["create", "verify", "drill", "restore", "prune", "copy", "archive", "run"]


class Event(Part):
    """One thing that was done, or was tried."""

    at: AwareDatetime
    what: What
    ok: bool
    backup: str | None = None
    seconds: float | None = None
    message: str = ""
    """The error, without secrets."""
    facts: dict[str, Any] = Field(default_factory=dict)


def write_event(folder: Path, what: What, *, ok: bool, **known: Any) -> Event:
    """Add an event. Raises OSError.

    A torn last line, of a full disk perhaps, is ended first, so that it spoils no other.
    """
    event = Event(at=datetime.now(UTC), what=what, ok=ok, **known)
    handle = os.open(folder / HISTORY, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
    try:
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        line = b"\n" * torn + event.model_dump_json().encode() + b"\n"
        if os.write(handle, line) != len(line):
            raise OSError(28, os.strerror(28), str(folder / HISTORY))
        os.fsync(handle)
    finally:
        os.close(handle)
    return event


def events(folder: Path) -> list[Event]:
    """All events, the oldest first; a torn line is left out."""
    found = []
    try:
        lines = (folder / HISTORY).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            found.append(Event.model_validate(json.loads(line)))
        except (ValueError, ValidationError, RecursionError):
            continue
    return found
