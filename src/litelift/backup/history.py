"""What was done to the backups of a folder, failures too: a line of JSON for each, in history.jsonl."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from litelift.atomic import PRIVATE
from litelift.backup.manifest import Part
from litelift.errors import BackupNotRecorded, LiteliftError
from litelift.redact import text as redact

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


@contextmanager
def recording(folder: Path, done: str) -> Iterator[None]:
    """Say what was ``done`` all the same where it cannot be written down. Raises BackupNotRecorded."""
    try:
        yield
    except OSError as error:
        raise BackupNotRecorded(done=done, folder=folder, message=error.strerror or error) from error


def told(error: BaseException) -> str:
    """An error in words, without secrets."""
    return redact(error.message if isinstance(error, LiteliftError) else f"{type(error).__name__}: {error}")


@contextmanager
def failing(folder: Path, what: What, backup: str | None = None) -> Iterator[None]:
    """Keep in the history that it was tried, where the block raises; the error itself comes out."""
    began = time.monotonic()
    try:
        yield
    except BaseException as error:
        seconds = round(time.monotonic() - began, 3)
        try:
            write_event(folder, what, ok=False, backup=backup, seconds=seconds, message=told(error))
        except OSError as unwritten:
            error.add_note(f"the history could not be written: {unwritten.strerror}")
        raise


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
