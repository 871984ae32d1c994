"""The charts of the last day: axes in nice numbers, gaps as gaps, limits and incidents where they are."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from litelift.monitor.baseline import FILE, Baseline
from litelift.monitor.finding import Finding, Limit, Measure, Unit
from litelift.monitor.incident import Incident
from litelift.monitor.page.charts import Chart, Kind, charts
from litelift.monitor.page.drawing import HEIGHT, drawn
from litelift.monitor.page.ticks import axis, hours
from litelift.monitor.page.writing import on_axis
from litelift.monitor.samples import opened
from monitored_day import NOW, WHO, connections


@pytest.mark.parametrize(
    ("low", "high", "unit", "zero", "least", "ticks"),
    [
        (3, 7, "", True, 0, "0 2 4 6 8"),
        (0, 97, "", True, 0, "0 25 50 75 100"),
        (0, 0, "", True, 1, "0.0 0.5 1.0"),
        (0.02, 0.45, "seconds", True, 0.1, "0 ms 200 ms 400 ms 600 ms"),
        (1, 42, "seconds", True, 0, "0 s 20 s 40 s 60 s"),
        (611e6, 614e6, "bytes", False, 12e6, "605 MB 610 MB 615 MB 620 MB"),
        (99.1, 99.9, "percent", False, 10, "90 % 95 % 100 %"),
        (61, 62, "percent", True, 100, "0 % 25 % 50 % 75 % 100 %"),
    ],
)
def test_an_axis_has_numbers_that_a_person_counts_in(
    low: float, high: float, unit: Unit, zero: bool, least: float, ticks: str
) -> None:
    made = axis(low, high, unit, zero=zero, least=least)
    assert " ".join(on_axis(value, made, "en", tick=True) for value in made.ticks) == ticks
    assert made.low <= low and high <= made.high


@given(
    some.floats(0, 1e15),
    some.floats(0, 1e15),
    some.sampled_from(["", "bytes", "seconds", "percent"]),
    some.booleans(),
    some.floats(0, 100),
)
def test_whatever_was_measured_is_on_the_axis(one: float, other: float, unit: Unit, zero: bool, least: float) -> None:
    low, high = min(one, other), max(one, other)
    made = axis(low, high, unit, zero=zero, least=least)
    hair = 1e-6 * max(1.0, high)
    assert made.low <= low + hair and high <= made.high + hair
    assert 2 <= len(made.ticks) <= 7
    assert all(math.isfinite(value) for value in made.ticks)
    assert not zero or made.low == 0


def test_hours_are_those_of_the_clock() -> None:
    since = datetime(2026, 11, 23, 22, 17, tzinfo=UTC)
    assert [at.hour for at in hours(since, since + timedelta(hours=12))] == [0, 3, 6, 9]


def used_of(folder: Path, minutes: list[tuple[int, float]], incidents: list[Incident] | None = None) -> Chart:
    """The chart of connections of which so many were used so many minutes ago."""
    with opened(folder, write=True) as samples:
        for ago, value in minutes:
            at = NOW - timedelta(minutes=ago)
            samples.add(at, [connections(round(value))], every=60, who=WHO)
        baseline = Baseline(at=NOW, measures={"connections.used": 9}) if not (folder / FILE).exists() else None
        made = charts(samples, samples.findings(), incidents or [], baseline, NOW, 60)
        return next(chart for chart in made if chart.kind.name == "connections")


def test_a_time_without_samples_breaks_the_line_and_is_marked(tmp_path: Path) -> None:
    drawing = drawn(used_of(tmp_path, [(ago, 5) for ago in (*range(120, 90, -1), *range(30, 0, -1))]))
    assert drawing.line.count("M") == drawing.band.count("M") == 2
    assert len(drawing.gaps) == 1
    assert drawing.gaps[0].width == pytest.approx(100 * 61 / 1440, abs=0.2)


def test_what_is_measured_seldom_has_no_gaps_between(tmp_path: Path) -> None:
    with opened(tmp_path, write=True) as samples:
        for ago in range(180, 0, -1):
            size = Finding("backup", "ok", "good", measures=[Measure("age", 3600.0 + ago, "seconds")])
            samples.add(NOW - timedelta(minutes=ago), [connections(5), *([size] if ago % 15 == 0 else [])], every=60)
        points = samples.points("backup.age", NOW - timedelta(hours=4), NOW, 300)
    chart = Chart(Kind("size", "backup", "age"), "", "backup.age", "seconds", points[0].at, NOW, tuple(points), 2705)
    assert drawn(chart).line.count("M") == 1


def test_the_band_goes_from_the_lowest_to_the_highest(tmp_path: Path) -> None:
    chart = used_of(tmp_path, [(6, 2), (5, 9), (4, 4), (1, 4)])
    assert [(point.low, point.high) for point in chart.points] == [(2, 9), (4, 4)]
    drawing = drawn(chart)
    assert drawing.axis.high >= 9
    heights = [float(pair.split()[1]) for pair in drawing.band.strip("MZ").split("L")]
    assert min(heights) == pytest.approx(HEIGHT * (1 - 9 / drawing.axis.high), abs=0.1)


def test_one_point_alone_is_seen_too(tmp_path: Path) -> None:
    drawing = drawn(used_of(tmp_path, [(3, 6)]))
    assert not drawing.line and len(drawing.dots) == 1


def test_what_is_normal_is_a_line_and_a_limit_far_above_is_told_in_words(tmp_path: Path) -> None:
    chart = used_of(tmp_path, [(3, 6), (2, 7)])
    assert [(rule.kind, rule.value) for rule in drawn(chart).rules] == [("normal", 9)]
    measure = Measure("used", 6, limit=Limit(12, 80))
    limited = Chart(**{**{name: getattr(chart, name) for name in chart.__slots__}, "measure": measure})
    drawing = drawn(limited)
    assert [(rule.kind, rule.value) for rule in drawing.rules] == [("warning", 12), ("normal", 9)]
    assert [(rule.kind, rule.value) for rule in drawing.beyond] == [("critical", 80)]
    assert drawing.axis.high >= 12


def test_an_incident_is_marked_for_as_long_as_it_lasted(tmp_path: Path) -> None:
    began = NOW - timedelta(hours=6)
    incidents = [
        Incident(1, connections(95), began, began + timedelta(hours=3), "critical", "ok"),
        Incident(2, connections(80), NOW - timedelta(minutes=30)),
        Incident(3, connections(80), NOW - timedelta(days=3), NOW - timedelta(days=2)),
    ]
    marks = drawn(used_of(tmp_path, [(2, 5), (1, 5)], incidents)).marks
    assert [(mark.state, mark.width) for mark in marks] == [
        ("critical", 12.5),
        ("warning", pytest.approx(2.083, abs=0.01)),
    ]


def test_the_table_says_the_same_by_the_hour(tmp_path: Path) -> None:
    chart = used_of(tmp_path, [(ago, 10 if ago > 60 else 20) for ago in range(120, 0, -10)])
    table = chart.by_hour()
    assert [point.at.hour for point in table] == [8, 9, 10]
    assert (min(point.low for point in table), max(point.high for point in table)) == (10, 20)
    assert sum(point.n for point in table) == 12


def test_a_disk_that_is_looked_at_no_more_has_no_chart(tmp_path: Path) -> None:
    def disk(name: str) -> Finding:
        return Finding("disk", "ok", "room", about=name, measures=[Measure("used_percent", 50, "percent")])

    with opened(tmp_path, write=True) as samples:
        samples.add(NOW - timedelta(minutes=9), [disk("old"), disk("a"), disk("b"), disk("c"), disk("d")], every=60)
        samples.add(NOW - timedelta(minutes=2), [disk("a"), disk("b"), disk("c"), disk("d")], every=60)
        made = charts(samples, samples.findings(), [], None, NOW, 60)
    assert [chart.about for chart in made] == ["a", "b", "c"]
    assert len({chart.id for chart in made}) == 3
