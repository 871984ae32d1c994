"""The copies of the backups in other places: whether the newest backups have come there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime

from litelift.backup.status import read_status
from litelift.monitor.bounded import bounded
from litelift.monitor.checks.backups_kept import SECONDS, Kept, kept, words_of
from litelift.monitor.finding import Finding, Limit, worst
from litelift.monitor.look import Look

LIMITS = {"waiting": Limit(12 * 3600, 72 * 3600)}
"""A slow line takes a night for a large one; what is not elsewhere after three days may be lost with this machine."""


def look_at(look: Look) -> Iterator[Finding]:
    """A finding for each place of ``[[backup.copy]]``. Raises TimeoutError, OSError."""
    of = look.watched.backups
    if not of.settings.copy_to:
        yield look.ok("none")
        return
    good = [one for one in kept(of) if one.good]
    last = bounded(f"status in {of.store.path}", SECONDS, lambda: read_status(of.store.path)).last
    for place in of.settings.copy_to:
        if not look.shown(place.name):
            continue
        failure = next((one for one in last.failures if one.startswith(f"copy to {place.name}: ")), "") if last else ""
        yield _place(look, place.name, good, failure.partition(": ")[2])


def _place(look: Look, name: str, good: list[Kept], failure: str) -> Finding:
    there = [one for one in good if name in one.copies]
    lacking = good[good.index(there[-1]) + 1 :] if there else good
    waiting = (look.now - lacking[0].made).total_seconds() if lacking else 0.0
    state = look.limit("waiting").state(waiting)
    copied = max((_utc(one.copies[name]) for one in there), default=None)
    if failure and lacking:
        state = worst([state, "warning"])
        said = "copy-failed"
    elif state != "ok":
        said = "behind" if there else "never"
    else:
        said = "there" if there else "none-yet"
    return look.finding(
        state,
        said,
        "copy",
        about=name,
        measures=[look.measure("waiting", waiting, "seconds"), look.measure("copies", len(there))],
        place=name,
        quoted=shlex.quote(name),
        n=len(lacking),
        all=len(there),
        waiting=waiting,
        newest=(look.now - copied).total_seconds() if copied is not None else None,
        message=failure,
        words=words_of(look),
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
