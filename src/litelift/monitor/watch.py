"""Samples again and again, and keeps what it finds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from litelift.monitor.check import Check
from litelift.monitor.checks import CHECKS
from litelift.monitor.run import Looked, look_at
from litelift.monitor.samples import Samples
from litelift.monitor.watched import Watched


def watch(
    watched: Watched, samples: Samples, *, sleep: Callable[[float], None] = time.sleep, rounds: int | None = None
) -> Iterator[Looked]:
    """Look, keep what was found, give it, and wait, again and again.

    Args:
        watched: what is looked at.
        samples: open for writing.
        sleep: waits so many seconds.
        rounds: how many; None: without an end.
    """
    done: dict[str, datetime] = {}
    pruned = None
    number = 0
    while rounds is None or number < rounds:
        began = time.monotonic()
        now = datetime.now(UTC)
        due = [check for check in CHECKS if _due(check, done.get(check.name), now)]
        looked = look_at(watched, due, past=samples, now=now)
        samples.add(now, looked.findings)
        done.update({check.name: now for check in due})
        if pruned is None or now - pruned > timedelta(hours=1):
            samples.prune(now)
            pruned = now
        number += 1
        yield looked
        sleep(max(0.0, watched.settings.every - (time.monotonic() - began)))


def _due(check: Check, last: datetime | None, now: datetime) -> bool:
    return last is None or (now - last).total_seconds() >= check.every - 1
