"""status.json beside the backups: the last scheduled run and the next one, for whoever looks whether all is well.

The begin is written before anything is done: a run that was killed is seen by its missing end, and one that never began
by the moment at which it was due.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError

from litelift import held
from litelift.atomic import PRIVATE, write_whole
from litelift.backup.manifest import Part
from litelift.errors import BackupBusy

STATUS = "status.json"
RUN_LOCK = "run.lock"
"""Held by the scheduled run that is under way, and by who changes the schedule; beside the store's own lock, which each
stage takes for itself."""
GRACE = timedelta(hours=1)
"""After the moment at which a run is due, until its absence means something: a machine may be starting just then."""

State = Literal["never", "running", "ok", "failed", "cut off", "overdue"]


class RunRecord(Part):
    """One scheduled run."""

    began: AwareDatetime
    process: int
    ended: AwareDatetime | None = None
    """None while it runs, and for ever where it was killed."""
    ok: bool | None = None
    """Whether every stage was done; None until then."""
    exit_status: int | None = None
    backup: str | None = None
    """The one that it made."""
    message: str = ""
    """In one line, without secrets."""
    failures: list[str] = Field(default_factory=list)
    """Each stage that failed, and why."""
    notes: list[str] = Field(default_factory=list)
    """What needs a person."""
    untold: list[str] = Field(default_factory=list)
    """Who could not be told, and why."""


class Status(Part):
    """What the file holds."""

    format: int = 1
    project: str = ""
    last: RunRecord | None = None
    last_success: RunRecord | None = None
    next_due: AwareDatetime | None = None
    """None where nothing is scheduled."""


def read_status(folder: Path) -> Status:
    """The status in a folder of backups; an empty one where there is none, or none that can be read. Raises OSError."""
    try:
        return Status.model_validate_json((folder / STATUS).read_bytes())
    except (FileNotFoundError, ValidationError):
        return Status()


def write_status(folder: Path, status: Status) -> None:
    """Write it, under the run's lock. Raises OSError."""
    write_whole(folder / STATUS, status.model_dump_json(indent=1) + "\n", mode=PRIVATE)


@contextmanager
def run_held(folder: Path) -> Iterator[None]:
    """Be the only scheduled run of a folder that is there. Raises BackupBusy and OSError."""
    with held.held(folder / RUN_LOCK, lambda who: BackupBusy(folder=folder, who=who)):
        yield


def state(folder: Path, now: datetime | None = None) -> State:
    """How the scheduled backups of a folder stand. Raises OSError."""
    now = now or datetime.now(UTC)
    status = read_status(folder)
    last = status.last
    if last is not None and last.ended is None:
        return "running" if held.holder(folder / RUN_LOCK) else "cut off"
    if status.next_due is not None and now > status.next_due + GRACE:
        return "overdue"
    if last is None:
        return "never"
    return "ok" if last.ok else "failed"


def last_due(at: str, now: datetime) -> datetime:
    """The last moment, now perhaps, at which it was ``at`` ("02:00") o'clock in UTC."""
    hour, minute = map(int, at.split(":"))
    today = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def next_due(at: str, now: datetime) -> datetime:
    """The next such moment."""
    return last_due(at, now) + timedelta(days=1)
