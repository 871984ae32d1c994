"""What of the last day is drawn: which series, with which limits, and when nobody watched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from litelift.monitor.baseline import Baseline
from litelift.monitor.check import OFTEN
from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Limit, Measure, Unit
from litelift.monitor.incident import Incident
from litelift.monitor.samples import Gap, Point, Samples, Standing
from litelift.monitor.samples_values import overdue_after

DAY = timedelta(hours=24)
STEP = 300
"""Seconds of a point: 288 of them are what a chart is wide on a screen."""
MOST = 3
"""Charts of one kind, of disks or addresses: the rest is in their checks."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A chart that is made of a measure of a check: one for each thing that the check looks at."""

    name: str
    """Of its words: [page.charts.NAME]."""
    check: str
    measure: str
    zero: bool = True
    """Whether its axis begins at 0."""
    least: float = 0.0
    """What its axis spans at least: a part of the value where it is below 1, else so much."""


KINDS = (
    Kind("connections", "connections", "used", least=10),
    Kind("transactions", "transactions", "commits", least=1),
    Kind("latency", "health", "latency", least=0.1),
    Kind("size", "database-size", "bytes", zero=False, least=0.02),
    Kind("disk", "disk", "used_percent", least=100),
    Kind("cache", "cache", "hit_percent", zero=False, least=10),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """An incident, as far as it is of this day."""

    incident: Incident
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Chart:
    """One series over the last day."""

    kind: Kind
    about: str
    """Which one, where there are several: a disk, an address."""
    series: str
    unit: Unit
    since: datetime
    until: datetime
    points: tuple[Point, ...]
    """In steps of STEP seconds."""
    apart: float
    """Seconds between two points from which on nothing is known of the time between."""
    gaps: tuple[Gap, ...] = ()
    marks: tuple[Mark, ...] = ()
    measure: Measure | None = None
    """The last, with its limits; None where it is not found any more."""
    normal: float | None = None
    """What it was at the move."""

    @property
    def id(self) -> str:
        """By which the page knows it again."""
        which = hashlib.sha256(self.about.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        return f"chart-{self.kind.name}" + (f"-{which}" if self.about else "")

    @property
    def limit(self) -> Limit:
        """From which value on it is told."""
        return (self.measure.limit if self.measure is not None else None) or Limit()

    @property
    def mean(self) -> float:
        """Of all samples of the day."""
        return sum(one.mean * one.n for one in self.points) / sum(one.n for one in self.points)

    def by_hour(self) -> list[Point]:
        """The same by the hour, for a table."""
        hours: dict[datetime, list[Point]] = {}
        for point in self.points:
            hours.setdefault(point.at.replace(minute=0, second=0, microsecond=0), []).append(point)
        return [
            Point(
                at,
                min(one.low for one in of),
                sum(one.mean * one.n for one in of) / sum(one.n for one in of),
                max(one.high for one in of),
                sum(one.n for one in of),
            )
            for at, of in hours.items()
        ]


def charts(
    samples: Samples,
    standing: Sequence[Standing],
    incidents: Iterable[Incident],
    baseline: Baseline | None,
    now: datetime,
    every: float,
) -> tuple[Chart, ...]:
    """The charts of the 24 hours before ``now``, those of several things by their names.

    Args:
        samples: what was measured.
        standing: what the checks found last, of which the limits are.
        incidents: those of these hours.
        baseline: what was normal.
        now: the moment.
        every: seconds between two looks of the watch.

    Raises:
        sqlite3.Error.
    """
    until = datetime.fromtimestamp((now.timestamp() // STEP + 1) * STEP, UTC)
    since = until - DAY
    units = samples.series()
    wanted = [(kind, name) for kind in KINDS for name in _series(kind, units, standing)]
    # To the last full minute: what changes with every look would be sent to every page that is open.
    points = samples.points_of([name for _, name in wanted], since, now.replace(second=0, microsecond=0), STEP)
    gaps = tuple(samples.gaps(since, now))
    marks = tuple(_marks(incidents, since, now))
    often = {check.name: max(check.every, every) for check in CHECKS}
    measures = {f"{one.finding.key}.{each.name}": each for one in standing for each in one.finding.measures}
    return tuple(
        Chart(
            kind,
            _about(name),
            name,
            units[name],  # type: ignore[arg-type]
            since,
            until,
            tuple(points[name]),
            max(STEP * 1.5, overdue_after(often.get(kind.check, OFTEN))),
            gaps,
            marks,
            measures.get(name),
            baseline.measures.get(name) if baseline is not None else None,
        )
        for kind, name in wanted
        if points[name]
    )


def _series(kind: Kind, names: Iterable[str], standing: Sequence[Standing]) -> list[str]:
    """The series of a kind, those of what stands now; where nothing does, what there was."""
    found = [name for name in names if name.startswith(kind.check) and name.endswith("." + kind.measure)]
    of = [name for name in found if name.removeprefix(kind.check)[0] in ".["]
    now = {f"{one.finding.key}.{kind.measure}" for one in standing if one.finding.check == kind.check}
    return [name for name in of if name in now or not now][:MOST]


def _about(series: str) -> str:
    key = series.rpartition(".")[0]
    return key.partition("[")[2][:-1] if key.endswith("]") else ""


def _marks(incidents: Iterable[Incident], since: datetime, now: datetime) -> Iterable[Mark]:
    for one in incidents:
        began, ended = max(one.opened, since), min(one.closed or now, now)
        if ended >= since:
            yield Mark(one, began, max(began, ended))
