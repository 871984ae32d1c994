"""Whether somebody watches, and whether those can be told who are to be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from litelift.errors import SamplesTooNew
from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.finding import Finding
from litelift.monitor.look import Look
from litelift.monitor.samples import opened

NAME = "watch"


def _watch(look: Look) -> Iterator[Finding]:
    """As who does not watch sees it: a watch says it of itself."""
    try:
        with opened(look.watched.folder) as samples:
            beat, waiting = samples.heartbeat(), samples.waiting()
    except FileNotFoundError:
        yield look.ok("none")
        return
    except (SamplesTooNew, sqlite3.Error, OSError) as error:
        message = error.message if isinstance(error, SamplesTooNew) else str(error)
        yield look.finding("unknown", "unread", "read", message=message)
        return
    failed = [
        letter for letter in waiting if any(one.wrong and one.state == "waits" for one in letter.deliveries.values())
    ]
    if beat is None:
        yield look.ok("none")
    elif beat.stopped:
        yield look.ok("stopped", at=beat.at.timestamp())
    elif not beat.alive(look.now):
        yield look.finding("warning", "dead", "start", at=beat.at.timestamp())
    elif failed:
        wrong = next(one.wrong for one in failed[0].deliveries.values() if one.wrong)
        at = failed[0].at.timestamp()
        yield look.finding("warning", "untold", "tell", n=len(waiting), at=at, message=wrong)
    else:
        yield look.ok("alive", ago=(look.now - beat.at).total_seconds(), every=beat.every)


CHECKS = (Check(NAME, "services", _watch, needs="outside", every=SOMETIMES),)
