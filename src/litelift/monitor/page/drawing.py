"""A chart as the shapes of an SVG: percent across, pixels down, so that it is as wide as there is room and its words
stay as large as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from litelift.monitor.finding import State
from litelift.monitor.page.charts import STEP, Chart
from litelift.monitor.page.ticks import Axis, axis, hours
from litelift.monitor.samples import Point

HEIGHT = 132
"""Pixels of the part in which the line is."""
FAR = 2.5
"""A limit is drawn where it is at most so many times what was measured; beyond, the line would be flat below it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across: a limit, or what is normal."""

    kind: str
    """ "warning", "critical" or "normal"."""
    value: float
    y: float


@dataclass(frozen=True, slots=True)
class Stripe:
    """A part of the time: ``x`` and ``width`` are percent."""

    x: float
    width: float
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """The shapes. Those of the line are in a box of ``width`` by HEIGHT that is stretched across."""

    chart: Chart
    axis: Axis
    width: int
    band: str
    """A path: from the lowest to the highest."""
    line: str
    """A path: the mean."""
    dots: tuple[tuple[float, float], ...]
    """Points with nothing beside them, in percent and pixels."""
    ticks: tuple[tuple[float, float], ...]
    """Values, and where they are, in pixels."""
    hours: tuple[tuple[float, datetime], ...]
    """Where, in percent, which hour begins."""
    rules: tuple[Rule, ...]
    beyond: tuple[Rule, ...]
    """Limits that are above what is drawn."""
    gaps: tuple[Stripe, ...]
    marks: tuple[Stripe, ...]
    data: str
    """Of each point which step it is, and its lowest, mean and highest as they are written: "17,5,6.2,9 18,..."."""


def drawn(chart: Chart) -> Drawing:
    """Draw a chart that has points."""
    low, high = min(one.low for one in chart.points), max(one.high for one in chart.points)
    lines = [("warning", chart.limit.warning), ("critical", chart.limit.critical), ("normal", chart.normal)]
    known = [(kind, value) for kind, value in lines if value is not None]
    near = [(kind, value) for kind, value in known if _is_near(value, low, high, chart)]
    values = [low, high, *(value for _, value in near)]
    least = chart.kind.least if chart.kind.least >= 1 or chart.kind.zero else chart.kind.least * max(abs(high), 1)
    scale = axis(min(values), max(values), chart.unit, zero=chart.kind.zero, least=least)
    runs = list(_runs(chart))
    return Drawing(
        chart,
        scale,
        int((chart.until - chart.since).total_seconds()) // STEP,
        " ".join(_band(run, chart, scale) for run in runs if len(run) > 1),
        " ".join(_line(run, chart, scale) for run in runs if len(run) > 1),
        tuple((_percent(run[0].at, chart, 0.5), _down(run[0].mean, scale)) for run in runs if len(run) == 1),
        tuple((value, _down(value, scale)) for value in scale.ticks),
        tuple((_percent(at, chart), at) for at in hours(chart.since, chart.until) if 3 < _percent(at, chart) < 97),
        tuple(Rule(kind, value, _down(value, scale)) for kind, value in near),
        tuple(Rule(kind, value, 0.0) for kind, value in known if (kind, value) not in near and value > high),
        tuple(_stripe(gap.began, gap.ended, chart) for gap in chart.gaps),
        tuple(_stripe(mark.began, mark.ended, chart, mark.incident.worst) for mark in chart.marks),
        " ".join(
            f"{_number(one, chart)},{','.join(_written(part, scale) for part in one[1:4])}" for one in chart.points
        ),
    )


def _is_near(value: float, low: float, high: float, chart: Chart) -> bool:
    if chart.unit == "percent" or not chart.kind.zero:
        span = max(high - low, chart.kind.least if chart.kind.least >= 1 else chart.kind.least * abs(high))
        return chart.kind.zero or low - span <= value <= high + span
    return value <= max(high, chart.kind.least) * FAR


def _runs(chart: Chart) -> Iterator[list[Point]]:
    """The points that have no gap between them."""
    run: list[Point] = []
    for point in chart.points:
        if run and (point.at - run[-1].at).total_seconds() > chart.apart:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _number(point: Point, chart: Chart) -> int:
    return round((point.at - chart.since).total_seconds() / STEP)


def _line(run: Sequence[Point], chart: Chart, scale: Axis) -> str:
    return "M" + "L".join(f"{_number(one, chart) + 0.5:g} {_down(one.mean, scale):g}" for one in run)


def _band(run: Sequence[Point], chart: Chart, scale: Axis) -> str:
    there = [f"{_number(one, chart) + 0.5:g} {_down(one.high, scale):g}" for one in run]
    back = [f"{_number(one, chart) + 0.5:g} {_down(one.low, scale):g}" for one in reversed(run)]
    return "M" + "L".join([*there, *back]) + "Z"


def _down(value: float, scale: Axis) -> float:
    return round(HEIGHT * (1 - scale.share(value)), 1)


def _percent(at: datetime, chart: Chart, steps: float = 0.0) -> float:
    whole = (chart.until - chart.since).total_seconds()
    return round(100 * ((at - chart.since).total_seconds() + steps * STEP) / whole, 3)


def _stripe(began: datetime, ended: datetime, chart: Chart, state: State | None = None) -> Stripe:
    left = _percent(max(began, chart.since), chart)
    return Stripe(left, round(max(_percent(ended, chart) - left, 0.4), 3), state)


def _written(value: float, scale: Axis) -> str:
    shown = f"{value / scale.factor:.{scale.fine}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
