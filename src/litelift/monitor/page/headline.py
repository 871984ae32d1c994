"""The one sentence: whether all is well, since when, and what is to be done first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from litelift.monitor.finding import State
from litelift.monitor.samples import Heartbeat, Standing

Tone = Literal["good", "attention", "failed"]
Key = Literal["well", "look", "wrong", "unwatched", "empty"]
_GRAVEST: tuple[State, ...] = ("critical", "warning", "unknown", "ok")


@dataclass(frozen=True, slots=True)
class Headline:
    """What stands on top."""

    key: Key
    """Of its words: [page.headline.KEY]."""
    tone: Tone
    since: datetime | None
    """Since when it is so; None where that is not known."""
    first: Standing | None
    """What is to be looked at first."""
    counts: dict[State, int]


def headline(standing: Sequence[Standing], heartbeat: Heartbeat | None, now: datetime) -> Headline:
    """The headline.

    Args:
        standing: what each check found last, in the order in which they are told.
        heartbeat: the last that is known of the watch.
        now: the moment.
    """
    counts: dict[State, int] = dict.fromkeys(_GRAVEST, 0)
    for one in standing:
        counts[one.finding.state] += 1
    wrong = gravest_first([one for one in standing if one.finding.state != "ok"])
    if not standing:
        return Headline("empty", "attention", None, None, counts)
    if heartbeat is None or not heartbeat.alive(now):
        return Headline("unwatched", "attention", max(one.at for one in standing), wrong[0] if wrong else None, counts)
    if not wrong:
        return Headline("well", "good", max(one.since for one in standing), None, counts)
    state = wrong[0].finding.state
    since = min(one.since for one in wrong if one.finding.state == state)
    if state == "critical":
        return Headline("wrong", "failed", since, wrong[0], counts)
    return Headline("look", "attention", since, wrong[0], counts)


def gravest_first(standing: Sequence[Standing]) -> list[Standing]:
    """The gravest first; of one state in the order in which they come."""
    return sorted(standing, key=lambda one: _GRAVEST.index(one.finding.state))
