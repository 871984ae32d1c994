"""Chooses between the two, shows what would change, and changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from litelift.backup.schedule.cron import Cron
from litelift.backup.schedule.daily import Daily
from litelift.backup.schedule.scheduler import Kind, Piece, Scheduler
from litelift.backup.schedule.systemd import Systemd
from litelift.backup.status import next_due, read_status, run_held, write_status
from litelift.backup.store import Store
from litelift.errors import SchedulerMissing

_ALL: tuple[type[Scheduler], ...] = (Systemd, Cron)


@dataclass(frozen=True, slots=True)
class Change:
    """What would be different afterwards."""

    kind: Kind | None
    """Of what is installed then; None where nothing is."""
    new: list[Piece]
    """What is there then."""
    gone: list[Piece]
    """What is there now, and not then."""
    needed: bool
    """Whether anything would be different at all."""


def installed(daily: Daily) -> dict[Kind, list[Piece]]:
    """What is installed of this one now. Raises ScheduleFailed and OSError."""
    found = {scheduler.kind: scheduler.installed(daily) for scheduler in _schedulers()}
    return {kind: pieces for kind, pieces in found.items() if pieces}


def choose(asked: Kind | None) -> Kind:
    """systemd where it runs, else cron; or the one that was asked for. Raises SchedulerMissing."""
    for scheduler in _schedulers():
        if asked in (None, scheduler.kind) and scheduler.there():
            return scheduler.kind
    if asked is None:
        raise SchedulerMissing(what="running systemd and no crontab program")
    raise SchedulerMissing(what="running systemd" if asked == "systemd" else "crontab program")


def installation(daily: Daily, kind: Kind) -> Change:
    """What `install` would change. Raises ScheduleRefused, ScheduleFailed and OSError."""
    new = _scheduler(kind).proposed(daily)
    old = installed(daily)
    return Change(kind, new, _gone(old, new), needed=old != {kind: new})


def removal(daily: Daily) -> Change:
    """What `remove` would change. Raises ScheduleFailed and OSError."""
    old = installed(daily)
    return Change(None, [], _gone(old, []), needed=bool(old))


def install(daily: Daily, kind: Kind, store: Store) -> list[str]:
    """Install it, in place of an older one of either kind; what a person has to see to.

    The status file says from now on when the next run is due, so that one that never begins is missed. Raises
    BackupBusy while a run is under way, ScheduleRefused, ScheduleFailed, SchedulerMissing and OSError.
    """
    store.make()
    with run_held(store.path):
        notes = _scheduler(kind).install(daily)
        for scheduler in _schedulers():
            if scheduler.kind != kind and scheduler.installed(daily):
                scheduler.remove(daily)
        due = next_due(daily.at, datetime.now(UTC))
        write_status(store.path, read_status(store.path).model_copy(update={"project": daily.project, "next_due": due}))
    return notes


def remove(daily: Daily, store: Store) -> None:
    """Take it out, of either kind. Raises BackupBusy while a run is under way, ScheduleFailed and OSError."""
    if not store.path.is_dir():
        _remove(daily)
        return
    with run_held(store.path):
        _remove(daily)
        status = read_status(store.path)
        if status.next_due is not None:
            write_status(store.path, status.model_copy(update={"next_due": None}))


def _remove(daily: Daily) -> None:
    for scheduler in _schedulers():
        if scheduler.installed(daily):
            scheduler.remove(daily)


def _schedulers() -> list[Scheduler]:
    return [scheduler() for scheduler in _ALL]


def _scheduler(kind: Kind) -> Scheduler:
    return next(scheduler for scheduler in _schedulers() if scheduler.kind == kind)


def _gone(old: dict[Kind, list[Piece]], new: list[Piece]) -> list[Piece]:
    return [piece for pieces in old.values() for piece in pieces if piece not in new]
