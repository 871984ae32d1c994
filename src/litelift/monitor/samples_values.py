"""What is read of the samples: points of a series, findings that stand, who watched, and when nobody did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from litelift.monitor.finding import Finding

MISSED = 3
"""Looks that may be late or left out before it is said that nobody watched."""


class Point(NamedTuple):
    """What a series was within one step of time."""

    at: datetime
    """Its beginning."""
    low: float
    mean: float
    high: float
    n: int
    """Samples."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding that holds now."""

    finding: Finding
    at: datetime
    """When it was last looked."""
    since: datetime
    """Since when it is in this state."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last that is known of a watch."""

    at: datetime
    """When it looked last."""
    every: float
    """Seconds between two of its looks."""
    who: str
    """Its process and machine."""
    stopped: bool
    """Whether it has ended itself, and was not killed."""

    def alive(self, now: datetime) -> bool:
        """Whether somebody watches now: it has not ended, and its next look is not overdue."""
        return not self.stopped and abs((now - self.at).total_seconds()) <= overdue_after(self.every)


class Gap(NamedTuple):
    """A time in which nobody watched: what happened in it is not known, and is not to be taken as well."""

    began: datetime
    ended: datetime
    stopped: bool
    """Whether the watch had been ended; else it was killed, or the machine slept."""


def overdue_after(every: float) -> float:
    """Seconds after a look of a watch in which the next must come, or nobody watches."""
    return MISSED * every + 5
