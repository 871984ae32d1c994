"""What has no limit of its own and is far above what the baseline calls normal, and not for a moment only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from litelift.monitor.baseline import FILE, Baseline
from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.finding import Finding, Limit, State, Unit, worst
from litelift.monitor.look import Look

SPAN = timedelta(minutes=10)
MOMENTS = 10
"""In the span at which the samples are looked up."""
ENOUGH = 5
"""Samples: fewer may be one burst."""
_COMPARED: tuple[tuple[str, str, str, Unit], ...] = (
    ("connections", "used", "connections", ""),
    ("transactions", "commits", "commits", ""),
    ("transactions", "rollbacks", "rollbacks", ""),
    ("health", "latency", "latency", "seconds"),
    ("redis", "latency", "redis", "seconds"),
    ("temp-files", "a_day", "temp_files", "bytes"),
    ("wal", "written", "wal", "bytes"),
)
"""Checks, their measures, the limit from which on it is worth telling, and the unit.

Only too much is told: at night, at weekends and in holidays every application does less than when the baseline was
taken. What grows with every day (size, disks, rows) has checks of its own, which compare it with the day before.
"""


@dataclass(frozen=True, slots=True)
class _Compared:
    series: str
    unit: Unit
    normal: float
    now: float
    times: float
    state: State


def _normal(look: Look) -> Iterator[Finding]:
    baseline = look.baseline
    if baseline is None and (file := look.watched.folder / FILE).is_file():
        yield look.finding("warning", "damaged", "again", file=str(file))
        return
    if baseline is None:
        yield look.ok("no-baseline")
        return
    found = sorted(_compared(look, baseline), key=lambda one: -one.times)
    at = baseline.at.timestamp()
    if not found:
        yield look.ok("no-samples", at=at)
        return
    far = [one for one in found if one.state != "ok"]
    measures = [look.measure("times", max((one.times for one in far), default=1.0)), look.measure("far", len(far))]
    if not far:
        yield look.ok("idle" if baseline.at_cutover else "normal", n=len(found), at=at, measures=measures)
        return
    first = far[0]
    yield look.finding(
        worst([one.state for one in far]),
        {"": "far", "bytes": "far-bytes", "seconds": "far-seconds", "percent": "far"}[first.unit],
        "retake" if baseline.at_cutover else "see",
        series=first.series,
        now=first.now,
        normal=first.normal,
        # As "ms" has it.
        now_ms=first.now * 1000,
        normal_ms=first.normal * 1000,
        n=len(far),
        at=at,
        measures=measures,
        items=[
            {"series": one.series, "normal": one.normal, "now": one.now, "times": round(one.times, 1)} for one in far
        ],
    )


def _compared(look: Look, baseline: Baseline) -> Iterator[_Compared]:
    for check, measure, limit, unit in _COMPARED:
        least = look.limit(limit)
        for series, taken in baseline.measures.items():
            of = series == f"{check}.{measure}" or (series.startswith(f"{check}[") and series.endswith(f"].{measure}"))
            now = _lately(look, series) if of and look.shown(series) else None
            if now is None:
                continue
            floor = least.warning or 0.0
            # Nobody used the application at the cutover: what was less than what is worth telling says nothing.
            normal = max(taken, floor) if baseline.at_cutover else max(taken, floor / 10)
            times = now / normal if normal else 1.0
            state = "ok" if least.state(now) == "ok" else look.limit("times").state(times)
            yield _Compared(series, unit, taken, now, times, state)


def _lately(look: Look, series: str) -> float | None:
    """The median of what it was of late; None where there are too few samples."""
    span = max(SPAN, timedelta(seconds=ENOUGH * look.watched.settings.every))
    began = look.now - span
    found: dict[datetime, float] = {}
    for number in range(MOMENTS):
        sample = look.past.value(series, look.now - span * number / MOMENTS)
        if sample is None or sample[0] <= began:
            break
        found[sample[0]] = sample[1]
    return median(found.values()) if len(found) >= ENOUGH else None


CHECKS = (
    Check(
        "baseline",
        "server",
        _normal,
        "outside",
        SOMETIMES,
        {
            "times": Limit(3),
            "connections": Limit(20),
            "commits": Limit(50),
            "rollbacks": Limit(5),
            "latency": Limit(0.25),
            "redis": Limit(0.02),
            "temp_files": Limit(1e9),
            "wal": Limit(5e6),
        },
    ),
)
