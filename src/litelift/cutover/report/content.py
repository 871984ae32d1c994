"""Everything that the report of a cutover says, in the order in which it says it, before any markup."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from litelift.cutover.overview import IssueView, Overview
from litelift.monitor.first_day import FirstDay
from litelift.report.nextsteps import Code, NextStep
from litelift.report.verdict import Verdict
from litelift.report.view import Report, Size

Rows = list[tuple[str, str]]
"""What, and what it is."""


@dataclass(frozen=True)
class Tile:
    """A number that stands out; ``status`` is "attention" or "failed" where it is no good news."""

    label: str
    value: str
    status: str = ""


@dataclass(frozen=True)
class Bar:
    """A step, or a whole phase, in time. ``left`` and ``width`` are percent of what is drawn."""

    title: str
    state: str
    at: str
    seconds: float | None
    left: float
    width: float
    message: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhaseBars:
    """A phase and its steps."""

    number: int
    whole: Bar
    steps: list[Bar]


@dataclass(frozen=True)
class Closed:
    """The time in which nobody could use the application; ``left`` and ``width`` as in `Bar`."""

    seconds: float
    since: datetime
    until: datetime
    left: float
    width: float


@dataclass(frozen=True)
class Timeline:
    """A way, forward or back, in time."""

    began: datetime
    ended: datetime
    seconds: float
    phases: list[PhaseBars]
    closed: Closed | None = None


@dataclass(frozen=True)
class Finding:
    """What a check before the move found."""

    level: str
    about: str
    message: str


@dataclass(frozen=True)
class HealthCell:
    """One health check at one time."""

    ok: bool
    slow: bool
    found: str
    milliseconds: float | None
    samples: int = 1
    attempts: int = 1


@dataclass(frozen=True)
class HealthRow:
    """One health check: before, after, and on SQLite again."""

    name: str
    kind: str
    asked: str
    limit: float | None
    before: HealthCell | None = None
    after: HealthCell | None = None
    again: HealthCell | None = None


@dataclass(frozen=True)
class Kept:
    """A file of the archive."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ArchiveView:
    """The archive."""

    path: str
    bytes: int
    source_bytes: int
    sha256: str
    keep_until: str
    read_back: bool
    files: list[Kept]

    @property
    def ratio(self) -> float:
        """How many times smaller it is than what it holds."""
        return self.source_bytes / self.bytes if self.bytes else 0.0


@dataclass(frozen=True)
class DiffLine:
    """A line of a diff: taken out, put in, around it, or about it."""

    kind: Literal["out", "in", "around", "about"]
    text: str


@dataclass(frozen=True)
class FileChange:
    """A file that was modified."""

    file: str
    kept: str
    why: str
    diff: list[DiffLine]
    put_back: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BackStep:
    """A step of the way back; ``seconds`` are those of the last time that it was done, ``when`` says where."""

    name: str
    title: str
    seconds: float | None = None
    when: str = ""


@dataclass(frozen=True)
class WayBack:
    """How to go back: the command, its steps in their order, and how long they took when they were tried."""

    command: str
    steps: list[BackStep]
    tried: str
    done: bool
    """Whether this run was taken back."""


@dataclass(frozen=True)
class WrittenTable:
    """What was written to a table after the switch."""

    name: str
    inserted: int
    updated: int
    deleted: int
    notes: list[str]


@dataclass(frozen=True)
class Written:
    """What was written to PostgreSQL after the switch, as it was found on the way back."""

    path: str
    sha256: str
    inserted: int
    updated: int
    deleted: int
    tables: list[WrittenTable]


@dataclass(frozen=True)
class FirstDayView:
    """The first 24 hours on PostgreSQL, as the watch has seen them."""

    day: FirstDay
    summary: Rows
    courses: list[tuple[str, ...]]
    """What, its normal, and what it was at first, at least, on average, at most and at last."""
    troubles: list[tuple[str, ...]]
    """What, what was found, how bad, when, and how long."""


@dataclass(frozen=True)
class CutoverReport:
    """The whole report. A part that is None, or empty, was not configured, or never came about."""

    name: str
    overview: Overview
    verdict: Verdict
    exit_code: int
    version: str
    tiles: list[Tile]
    pointers: list[tuple[str, str]]
    forward: Timeline
    back: Timeline | None
    still_closed: bool
    sizes: list[Size]
    size_words: str
    technical: list[tuple[str, Rows]]
    method: list[tuple[str, str]]
    findings: list[Finding]
    verified: Rows
    move: Report | None
    health: list[HealthRow]
    archive: ArchiveView | None
    backups: Rows
    files: list[FileChange]
    credentials: Rows
    made: Rows
    issues: list[IssueView]
    way_back: WayBack
    written: Written | None
    baseline: Rows
    first_day: FirstDayView | None
    next_steps: list[NextStep]
    commands: list[tuple[str, Code]]
