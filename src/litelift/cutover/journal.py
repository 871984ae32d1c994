"""The runbook's journal on disk: one JSON object a line, appended and synchronised before what it announces begins.

After a kill -9 the last line may be torn; it is then as if it had not been written.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from litelift.atomic import sync_folder
from litelift.cutover.step import Facts

NAME = "journal.jsonl"
RESERVE = "reserve"
RESERVE_BYTES = 256 << 10
"""Given up when the disk is full, so that the way back can still be written down."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Line:
    """A line: when, what happened, and what belongs to it."""

    at: datetime
    event: str
    """begun, started, noted, done, failed, undoing, undone, issue, paused, finished, rolled-back, ..."""
    values: dict[str, Any]
    """The whole object: "step", "facts" and whatever else the event has."""


@dataclass
class Journal:
    """The journal of one run, in the run's ``folder``."""

    folder: Path
    lines: list[Line] = field(default_factory=list)
    end: int | None = None
    """Bytes of the whole lines that were read; what a kill left behind them is cut off by the next line."""

    patient: bool = False
    """Whether a line that finds no room waits for the next, rather than being an error: on the way back."""
    unsaved: bytes = b""
    """Lines that wait."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / NAME

    def write(self, event: str, **facts: Any) -> Line:
        """Append a line; it is on the disk when this returns, or among those that wait. Raises OSError."""
        line = Line(datetime.now(UTC), event, facts)
        text = json.dumps({"at": line.at.isoformat(), "event": event, **facts}, ensure_ascii=False, default=str)
        try:
            data = text.encode() + b"\n"
        except UnicodeEncodeError:
            # A name whose bytes are not UTF-8: Python reads them as lone surrogates.
            text = json.dumps(json.loads(text))
            data = text.encode() + b"\n"
        try:
            self._append_or_give_up_the_reserve(self.unsaved + data)
            self.unsaved = b""
        except OSError:
            if not self.patient:
                raise
            self.unsaved += data
        self.lines.append(Line(line.at, event, json.loads(text)))
        return line

    def _append_or_give_up_the_reserve(self, data: bytes) -> None:
        try:
            self._append(data)
        except OSError as error:
            reserve = self.folder / RESERVE
            if error.errno not in _FULL or not reserve.exists():
                raise
            reserve.unlink()
            self._append(data)

    def _append(self, data: bytes) -> None:
        """All of it, or nothing."""
        new = not self.path.exists()
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            before = os.fstat(handle).st_size if self.end is None else self.end
            os.ftruncate(handle, before)
            self.end = None
            try:
                while data:
                    data = data[os.write(handle, data) :]
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)
        if new:
            sync_folder(self.folder)

    def events(self, event: str, step: str | None = None) -> Iterator[Line]:
        """The lines of an event, and of a step."""
        for line in self.lines:
            if line.event == event and (step is None or line.values.get("step") == step):
                yield line

    def last(self, step: str) -> str | None:
        """The last thing that a step did: started, done, undoing, undone. None where it has not started."""
        for line in reversed(self.lines):
            if line.values.get("step") == step and line.event in ("started", "done", "undoing", "undone"):
                return line.event
        return None

    def stands(self, step: str) -> bool:
        """Whether the step is done, and not undone."""
        return self.last(step) == "done"

    def facts(self, step: str) -> Facts:
        """What is known of the step since it was last started: decided, noted and found."""
        facts: Facts = {}
        for line in self.lines:
            if line.values.get("step") != step:
                continue
            if line.event == "started":
                facts = {}
            if line.event in ("started", "noted", "done"):
                facts.update(line.values.get("facts") or {})
        return facts


def read_journal(folder: Path) -> Journal:
    """The journal in ``folder``; without lines where there is none. Writes nothing: somebody may be appending."""
    journal = Journal(folder)
    try:
        data = journal.path.read_bytes()
    except FileNotFoundError:
        return journal
    whole = data[: data.rfind(b"\n") + 1]
    journal.end = len(whole)
    for text in whole.splitlines():
        values = json.loads(text)
        journal.lines.append(Line(datetime.fromisoformat(values["at"]), values["event"], values))
    return journal
