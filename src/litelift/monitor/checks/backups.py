"""The backups: how old the newest good one is, whether the schedule runs, what is damaged, and the last drill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from litelift.backup.status import State as Schedule
from litelift.backup.status import Status, read_status, state
from litelift.cutover.runs import runs
from litelift.monitor.bounded import bounded
from litelift.monitor.check import SELDOM, Check
from litelift.monitor.checks import backups_copies
from litelift.monitor.checks.backups_kept import SECONDS, Kept, kept, words_of
from litelift.monitor.finding import Finding, Item, Limit, Measure, worst
from litelift.monitor.finding import State as Grave
from litelift.monitor.look import Look

HOUR, DAY = 3600.0, 86400.0
GRACE = DAY
"""After the move, until the absence of backups is told: the first night's is still to come."""
UNDRILLED = 8 * DAY
"""Until a backup that nobody has ever restored is told of: the schedule drills its first, and then every seventh."""
_TROUBLE: dict[Schedule, str] = {"failed": "run-failed", "cut off": "cut-off", "overdue": "overdue"}

_LookAt = Callable[[Look], Iterator[Finding]]


def readable(check: _LookAt) -> _LookAt:
    """The check; where the folder cannot be read, that is what it finds."""

    @wraps(check)
    def made(look: Look) -> Iterator[Finding]:
        folder = look.watched.backups.store.path
        try:
            yield from check(look)
        except TimeoutError:
            yield look.finding("unknown", "no-answer", "no-answer", folder=str(folder), seconds=SECONDS)
        except OSError as error:
            yield look.finding("unknown", "unreadable", "unreadable", folder=str(folder), message=error.strerror)

    return made


@readable
def _backup(look: Look) -> Iterator[Finding]:
    of = look.watched.backups
    found = kept(of)
    good = [one for one in found if one.good]
    folder = of.store.path
    status = bounded(f"status in {folder}", SECONDS, lambda: read_status(folder))
    schedule = bounded(f"run in {folder}", SECONDS, lambda: state(folder, look.now))
    facts: dict[str, Any] = {
        "words": words_of(look),
        "folder": str(folder),
        "n": len(good),
        "scheduled": _is_scheduled(status),
    }
    trouble: Grave = "warning" if schedule in _TROUBLE else "ok"
    measures = [look.measure("kept", len(good)), look.measure("bytes", sum(one.bytes for one in found), "bytes")]
    if not good:
        yield _none(look, schedule, measures, facts)
        return
    newest = good[-1]
    age = (look.now - newest.made).total_seconds()
    old = look.limit("age").state(age)
    said, do = ("old", "make" if _is_scheduled(status) else "schedule") if old != "ok" else ("fresh", "make")
    if schedule in _TROUBLE:
        said, do = _TROUBLE[schedule], "run"
    elif schedule == "running" and old == "ok":
        said = "running"
    last = status.last
    yield look.finding(
        worst([old, trouble]),
        said,
        do,
        measures=[look.measure("age", age, "seconds"), *measures],
        age=age,
        newest=newest.name,
        bytes=newest.bytes,
        message=last.message if last is not None else None,
        due=status.next_due.timestamp() if status.next_due is not None else None,
        **facts,
    )


def _none(look: Look, schedule: Schedule, measures: list[Measure], facts: dict[str, Any]) -> Finding:
    moved = moved_at(look)
    young = moved is not None and (look.now - moved).total_seconds() < GRACE
    state: Grave = "warning"
    if schedule in _TROUBLE:
        said, do = "none-failed", "run"
    elif young:
        state, said, do = "ok", "not-yet", "begin"
    else:
        said, do = "none", "begin"
    return look.finding(state, said, do, measures=measures, **facts)


def _is_scheduled(status: Status) -> bool:
    return status.next_due is not None


def moved_at(look: Look) -> datetime | None:
    """When the application came onto PostgreSQL; None where that is not known."""
    runbook = look.watched.runbook
    done = [run for run in runs(runbook.state) if run.mode == "cutover" and not run.open] if runbook else []
    stand = [run for run in done if run.state == "finished"]
    if stand:
        return stand[-1].journal.lines[-1].at.astimezone(UTC)
    return look.baseline.at if look.baseline is not None else None


@readable
def _damaged(look: Look) -> Iterator[Finding]:
    found = kept(look.watched.backups)
    damaged = [one for one in found if not one.good]
    items: list[Item] = [
        {"backup": one.name, "made": f"{one.made:%Y-%m-%d %H:%M}", "what": one.damage} for one in reversed(damaged)
    ]
    yield look.finding(
        look.limit("damaged").state(len(damaged)),
        "damaged" if damaged else "none",
        "remove",
        measures=[look.measure("damaged", len(damaged))],
        items=items,
        n=len(damaged),
        all=len(found),
        name=damaged[-1].name if damaged else None,
        message=damaged[-1].damage if damaged else None,
        words=words_of(look),
    )


@readable
def _drill(look: Look) -> Iterator[Finding]:
    found = [one for one in kept(look.watched.backups) if one.project]
    facts: dict[str, Any] = {"words": words_of(look)}
    drilled = _last_drilled(found)
    if drilled is None or drilled.drilled is None:
        first = (look.now - found[0].made).total_seconds() if found else 0.0
        state: Grave = "warning" if first >= UNDRILLED else "ok"
        yield look.finding(state, "never" if found else "nothing", "drill", n=len(found), **facts)
        return
    last = drilled.drilled
    age = (look.now - last.at).total_seconds()
    old = look.limit("age").state(age)
    yield look.finding(
        old if last.ok else "critical",
        "differed" if not last.ok else "old" if old != "ok" else "good",
        "look" if not last.ok else "drill",
        measures=[
            look.measure("age", age, "seconds"),
            look.measure("ok", last.ok),
            look.measure("restore_seconds", last.seconds, "seconds"),
        ],
        age=age,
        name=drilled.name,
        seconds=last.seconds,
        message=last.message,
        **facts,
    )


def _last_drilled(found: list[Kept]) -> Kept | None:
    drilled = [one for one in found if one.drilled is not None]
    return max(drilled, key=lambda one: one.drilled.at if one.drilled else one.made, default=None)


CHECKS = (
    # A night's backup and what it may take; three nights without one, and a weekend's work would be lost.
    Check("backup", "backup", _backup, "outside", SELDOM, {"age": Limit(26 * HOUR, 72 * HOUR)}),
    Check("damaged-backups", "backup", _damaged, "outside", SELDOM, {"damaged": Limit(1)}),
    Check("backup-copies", "backup", readable(backups_copies.look_at), "outside", SELDOM, backups_copies.LIMITS),
    # The schedule drills every seventh: by then four have failed to happen.
    Check("drill", "backup", _drill, "outside", SELDOM, {"age": Limit(30 * DAY, 120 * DAY)}),
)
