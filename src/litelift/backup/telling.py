"""Tells of a scheduled run's begin, end and failure."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from litelift.backup.settings import Tell
from litelift.backup.status import RunRecord
from litelift.tell.message import Level, Message
from litelift.tell.ways import Ways
from litelift.tell.webhook import PAUSES

IDENT = "litelift-backup"


@dataclass(frozen=True, slots=True)
class Teller:
    """Who is told of the runs of ``project``; commands run in its ``folder``."""

    tell: Tell
    project: str
    folder: Path
    store: Path

    @property
    def ways(self) -> Ways:
        """How."""
        return Ways(self.tell, self.folder, IDENT)

    def clean(self, words: str) -> str:
        """Words in one line, without a secret."""
        return self.ways.clean(words)

    def begun(self, record: RunRecord) -> None:
        """Tell of the begin; the status file has it already."""
        self.log("info", f"begun: backup of {self.project} into {self.store}")

    def ended(self, record: RunRecord, *, hurry: bool = False) -> list[str]:
        """Tell of the end; who could not be told, and why.

        ``hurry``: the machine is shutting down, perhaps; what fails is not tried again.
        """
        about = f"backup of {self.project} into {self.store}"
        if record.ok:
            self.log("info", f"ended: {about}: {record.message}")
        for failure in record.failures:
            self.log("error", f"failed: {about}: {failure}")
        for note in record.notes:
            self.log("warning", f"needs a person: {about}: {note}")
        untold = self._tell_others(record, hurry) if self.tell.success or not record.ok else []
        for one in untold:
            self.log("error", f"could not be told: {about}: {one}")
        return untold

    def _tell_others(self, record: RunRecord, hurry: bool) -> list[str]:
        message, attempts = self._message(record), 1 if hurry else 1 + len(PAUSES)
        sent = [self.ways.send(way, message, attempts=attempts) for way in self.ways.names]
        return [untold.wrong for untold in sent if untold is not None]

    def _message(self, record: RunRecord) -> Message:
        event, host = "backup succeeded" if record.ok else "backup failed", socket.gethostname()
        facts = {
            "event": event,
            "project": self.project,
            "host": host,
            "folder": str(self.store),
            **record.model_dump(mode="json", exclude={"untold"}),
        }
        said = [record.message] if record.ok else record.failures
        lines = [*said, *(f"Needs a person: {note}" for note in record.notes), "", f"The backups: {self.store}"]
        level: Level = "info" if record.ok else "error"
        return Message(self.clean(f"{self.project}: {event} on {host}"), tuple(map(self.clean, lines)), level, facts)

    def log(self, level: Level, words: str) -> None:
        """Write a line into the system's log, where that is wanted."""
        self.ways.log(level, words)


def tell_unknown(what: str | None, error: Exception) -> None:
    """Tell the system's log of a run that cannot begin, for what it is about cannot be read."""
    words = f"failed: backup of {what or 'this folder'}: {getattr(error, 'message', error)}"
    Ways(Tell(), Path(), IDENT).log("error", words)
