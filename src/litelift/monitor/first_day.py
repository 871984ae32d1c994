"""The first 24 hours after the switch, summed up of what the watch has seen: they are when people worry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from litelift.monitor.baseline import Baseline
from litelift.monitor.incident import Incident
from litelift.monitor.samples import Point, Samples
from litelift.monitor.words.kept import said, title

DAY = timedelta(hours=24)
FILE = "first-day.json"
MOST = 50
"""Incidents that are told one by one."""
_SERIES = (
    ("connections", "used"),
    ("transactions", "commits"),
    ("health", "latency"),
    ("cache", "hit_percent"),
    ("database-size", "bytes"),
    ("disk", "used_percent"),
    ("deadlocks", "a_day"),
    ("long-transactions", "longest"),
)
"""What is worth a line: checks, and their measures."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Course(_Value):
    """What a series was over the day."""

    check: str
    about: str = ""
    title: str
    measure: str
    unit: str
    first: float
    last: float
    low: float
    mean: float
    high: float
    normal: float | None = None
    """At the baseline."""


class Answered(_Value):
    """How much of the time in which somebody looked something answered."""

    name: str
    percent: float


class Trouble(_Value):
    """An incident."""

    check: str
    about: str = ""
    title: str
    worst: str
    said: str
    began: AwareDatetime
    seconds: float
    lasts: bool
    """Whether it had not ended by then."""


class FirstDay(_Value):
    """The day."""

    format: int = 1
    since: AwareDatetime
    """The switch."""
    until: AwareDatetime
    complete: bool
    """Whether it is all of the 24 hours."""
    watched_seconds: float
    """In which somebody looked; nothing is known of the rest."""
    answered: tuple[Answered, ...]
    courses: tuple[Course, ...]
    troubles: tuple[Trouble, ...]
    """The newest first, at most MOST."""
    troubles_total: int

    @property
    def seconds(self) -> float:
        """How long it was."""
        return (self.until - self.since).total_seconds()


def summed_up(samples: Samples, baseline: Baseline | None, since: datetime, until: datetime) -> FirstDay | None:
    """What the watch has seen between ``since`` and ``until``, 24 hours of it at most; None where it has seen nothing.

    Args:
        samples: what was measured; of less than 100 days ago, or it is no longer known by the hour.
        baseline: what was normal.
        since: the switch.
        until: now, or when the application left PostgreSQL.

    Raises:
        sqlite3.Error.
    """
    end = min(until, since + DAY)
    watched = _watched(samples, since, end)
    # By the minute it is known for two days ("samples_file.RESOLUTIONS").
    recent = since > datetime.now(UTC) - timedelta(days=1, hours=23)
    step = 60 if recent else 3600
    units = samples.series()
    names = [name for check, measure in (*_SERIES, ("health", "up")) for name in _of(check, measure, units)]
    points = {name: found for name, found in samples.points_of(names, since, end, step).items() if found}
    if watched <= 0 or not points:
        return None
    troubles = [one for one in samples.incidents(since) if one.opened < end]
    return FirstDay(
        since=since,
        until=end,
        complete=end - since >= DAY,
        watched_seconds=watched,
        answered=tuple(_answered(points, troubles, since, end, watched)),
        courses=tuple(_courses(points, units, baseline)),
        troubles=tuple(_trouble(one, end) for one in troubles[:MOST]),
        troubles_total=len(troubles),
    )


def _watched(samples: Samples, since: datetime, until: datetime) -> float:
    """The seconds in which somebody looked."""
    (first,) = samples.connection.execute("select min(began) from stretch").fetchone()
    if first is None:
        return 0.0
    began = max(since, datetime.fromtimestamp(first, UTC))
    unwatched = sum((gap.ended - gap.began).total_seconds() for gap in samples.gaps(began, until))
    return (until - began).total_seconds() - unwatched


def _of(check: str, measure: str, names: Iterable[str]) -> list[str]:
    """The series of a check's measure: one for each thing that it looks at."""
    return [
        name
        for name in names
        if name == f"{check}.{measure}" or (name.startswith(f"{check}[") and name.endswith(f"].{measure}"))
    ]


def _courses(points: dict[str, list[Point]], units: dict[str, str], baseline: Baseline | None) -> Iterator[Course]:
    for check, measure in _SERIES:
        for name in _of(check, measure, points):
            of = points[name]
            about = name[len(check) + 1 : -len(measure) - 2] if "[" in name else ""
            yield Course(
                check=check,
                about=about,
                title=_title(check, about),
                measure=measure,
                unit=units[name],
                first=of[0].mean,
                last=of[-1].mean,
                low=min(one.low for one in of),
                mean=_mean(of),
                high=max(one.high for one in of),
                normal=baseline.measures.get(name) if baseline is not None else None,
            )


def _answered(
    points: dict[str, list[Point]], troubles: Sequence[Incident], since: datetime, until: datetime, watched: float
) -> Iterator[Answered]:
    down = sum(
        (min(one.closed or until, until) - max(one.opened, since)).total_seconds()
        for one in troubles
        if one.finding.check == "server" and one.worst == "critical"
    )
    yield Answered(name="PostgreSQL", percent=100 * (1 - min(1.0, down / watched)))
    for name in _of("health", "up", points):
        yield Answered(name=name[len("health[") : -len("].up")], percent=100 * _mean(points[name]))


def _mean(points: Sequence[Point]) -> float:
    return sum(one.mean * one.n for one in points) / sum(one.n for one in points)


def _trouble(one: Incident, until: datetime) -> Trouble:
    ended = min(one.closed or until, until)
    return Trouble(
        check=one.finding.check,
        about=one.finding.about,
        title=_title(one.finding.check, one.finding.about),
        worst=one.worst,
        said=said(one.finding),
        began=one.opened,
        seconds=(ended - one.opened).total_seconds(),
        lasts=one.closed is None or one.closed > until,
    )


def _title(check: str, about: str) -> str:
    """For people."""
    name = title(check)
    return f"{name}: {about}" if about else name
