"""What a preflight finds: findings with a stable kind, a level, a sentence and the way out, and the verdict on all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, computed_field

from litelift.errors import LiteliftError, SourceError, UsageError
from litelift.preflight.estimate import Need
from litelift.redact import text as redact
from litelift.result import Notice

Level = Literal["ok", "note", "attention", "blocker"]
About = Literal["source", "target", "room", "clock", "plan"]
Verdict = Literal["ready", "ready, and something needs a person", "not ready"]
SUBJECTS: tuple[About, ...] = ("source", "target", "plan", "room", "clock")
LEVELS: tuple[Level, ...] = ("blocker", "attention", "note", "ok")


class Finding(BaseModel):
    """One thing that was looked at.

    ``kind`` is stable. ``ok`` and ``note`` are only said, ``attention`` needs a person, a ``blocker`` stops a move.
    """

    about: About
    kind: str
    level: Level
    message: str
    way_out: str | None = None


class SourceLook(BaseModel):
    """The source: sizes in bytes; ``free_bytes`` are pages that hold nothing. ``tables`` is None if it was not read."""

    path: str
    bytes: int
    log_bytes: int = 0
    free_bytes: int = 0
    journal_mode: str | None = None
    encoding: str | None = None
    tables: int | None = None
    rows: int | None = None


class TargetLook(BaseModel):
    """The target. Never holds a password. ``connections`` may still be opened; None where nothing bounds them."""

    display: str
    database: str
    user: str
    server_version: str
    superuser: bool
    icu: bool
    time_zone: str
    connections: int | None = None
    clock_seconds: float = 0.0


class DiskLook(BaseModel):
    """The disk that the target's data goes to, as this machine sees it: free bytes for the server's user."""

    folder: str
    free: int


class CheckResult(BaseModel):
    """Everything that a preflight found. ``estimate_seconds`` is the least and the longest that a move may take."""

    litelift_version: str
    checked: datetime
    source: SourceLook
    target: TargetLook | None = None
    findings: list[Finding] = Field(default_factory=list)
    need: Need | None = None
    disk: DiskLook | None = None
    estimate_seconds: tuple[float, float] | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> Verdict:
        """Whether a move can begin."""
        levels = {finding.level for finding in self.findings}
        if "blocker" in levels:
            return "not ready"
        return "ready, and something needs a person" if "attention" in levels else "ready"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def exit_code(self) -> int:
        """0 ready; 3 ready, and something needs a person; 1 not ready."""
        return {"ready": 0, "not ready": 1}.get(self.verdict, 3)

    def at(self, level: Level) -> list[Finding]:
        """The findings of a level."""
        return [finding for finding in self.findings if finding.level == level]


class Findings:
    """Gathers findings of one subject after the other."""

    def __init__(self) -> None:
        """Nothing is found yet."""
        self.found: list[Finding] = []

    def add(self, about: About, level: Level, kind: str, message: str, way_out: str | None = None) -> None:
        """Add one."""
        self.found.append(Finding(about=about, kind=kind, level=level, message=message, way_out=way_out))

    @contextmanager
    def blocked(self, about: About, kind: str | None = None) -> Iterator[None]:
        """Take an error as a blocker, of the error's own kind unless one is given. Wrong words are raised on."""
        try:
            yield
        except UsageError:
            raise
        except LiteliftError as error:
            about = "source" if isinstance(error, SourceError) else about
            self.add(about, "blocker", kind or kind_of(error), redact(error.message), redact(error.hint) or None)

    def has(self, kind: str) -> bool:
        """Whether there is a finding of a kind."""
        return any(finding.kind == kind for finding in self.found)


def kind_of(error: LiteliftError) -> str:
    """The kind of a finding that an error makes: TargetRights is target-rights."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


def slug(words: str) -> str:
    """A notice's kind as a finding's: in lower case, with hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def notices(findings: Findings) -> list[Notice]:
    """The findings that need a person, as a move tells them."""
    return [
        Notice(
            level="attention", kind=one.kind, message=f"{one.message}. {one.way_out}" if one.way_out else one.message
        )
        for one in findings.found
        if one.level == "attention"
    ]
