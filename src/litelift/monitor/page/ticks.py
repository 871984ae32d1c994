"""Where the lines of a chart's axes are: numbers that a person counts in, and hours of the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from litelift.monitor.finding import Unit

_BYTES = ("bytes", "kB", "MB", "GB", "TB", "PB")


@dataclass(frozen=True, slots=True)
class Axis:
    """From where to where a chart goes, in the units of its measure, and how its numbers are written."""

    low: float
    high: float
    ticks: tuple[float, ...]
    factor: float
    """What a measure's number is divided by to be written."""
    digits: int
    """After the point, of the ticks."""
    fine: int
    """After the point, of a value between them: a tenth of what is between two, and no less is seen."""
    unit: str
    """The written unit: "GB", "ms", "%", or nothing."""

    def share(self, value: float) -> float:
        """Where a value stands, from 0 at the bottom to 1 at the top; a little beyond where it is outside."""
        return min(max((value - self.low) / (self.high - self.low), -0.02), 1.02)


def nice_step(span: float, count: int) -> float:
    """The least of 1, 2, 5, 10, 20, 25, 50 and so on by which a span is in at most ``count`` parts."""
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    steps = (1, 2, 2.5, 5, 10, 20) if power >= 10 else (1, 2, 5, 10, 20)
    # A hair beyond is the same number, written in binary.
    return next(step * power for step in steps if step * power >= rough * (1 - 1e-9))


def axis(low: float, high: float, unit: Unit, *, zero: bool, least: float = 0.0, count: int = 4) -> Axis:
    """An axis on which all from ``low`` to ``high`` is seen, and which ends with nice numbers.

    Args:
        low: the lowest value.
        high: the highest value.
        unit: of both.
        zero: whether it begins at 0.
        least: what it spans at least, so that what hardly changes looks as if it hardly changed.
        count: parts, at most.
    """
    top = 100.0 if unit == "percent" else math.inf
    if zero:
        low = min(low, 0.0)
    if high - low < least:
        middle = (high + low) / 2
        low, high = (low, low + least) if zero else (middle - least / 2, middle + least / 2)
        if high > top >= middle:
            low, high = top - least, top
        if low < 0 <= middle:
            low, high = 0.0, max(high, least)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        high = low + (abs(low) or 1.0)
    factor, written = _scale(max(abs(low), abs(high)), unit)
    step = nice_step((high - low) / factor, count)
    first, last = math.floor(low / factor / step + 1e-9), math.ceil(high / factor / step - 1e-9)
    ticks = tuple(number * step * factor for number in range(first, last + 1))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    fine = max(0, 1 - math.floor(math.log10(step) + 1e-9))
    return Axis(ticks[0], ticks[-1], ticks, factor, digits, fine, written)


def _scale(largest: float, unit: Unit) -> tuple[float, str]:
    """What numbers of that size are divided by, and the unit that is written then."""
    if unit == "bytes":
        power = min(max(int(math.log10(largest) // 3), 0), len(_BYTES) - 1) if largest >= 1 else 0
        return 1000.0**power, _BYTES[power]
    if unit == "seconds":
        return (0.001, "ms") if largest < 2 else (1.0, "s") if largest < 7200 else (3600.0, "h")
    return 1.0, "%" if unit == "percent" else ""


def hours(since: datetime, until: datetime, every: int = 3) -> list[datetime]:
    """The full hours between two moments that ``every`` divides, in UTC."""
    at = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found = []
    while at <= until:
        if at >= since and at.hour % every == 0:
            found.append(at)
        at += timedelta(hours=1)
    return found
