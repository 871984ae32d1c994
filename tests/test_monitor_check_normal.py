"""What is far above the baseline: told where it lasts and is worth telling, by the samples of a watch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from litelift.monitor.baseline import Baseline, write_baseline
from litelift.monitor.baseline_take import take
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.samples import Samples, opened
from litelift.monitor.watched import Watched
from monitored import database_at, found_by, only

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
NORMAL = {
    "connections.used": 8.0,
    "transactions.commits": 4.0,
    "transactions.rollbacks": 0.0,
    "health[front page].latency": 0.05,
    "redis[sessions].latency": 0.001,
    "temp-files.a_day": 0.0,
    "wal.written": 1e5,
    "machine.load": 0.1,
}
COUNTERS = ("transactions.commits", "transactions.rollbacks", "wal.written")


@contextmanager
def kept(of: Watched) -> Iterator[Samples]:
    with opened(of.folder, write=True) as samples:
        yield samples


def watch(samples: Samples, values: Mapping[str, float], minutes: float = 12, until: datetime = NOW) -> None:
    """Keep samples in which the series were these all the time, each quarter of a minute."""
    for number in range(int(minutes * 4) + 1):
        at = until - timedelta(seconds=15 * (int(minutes * 4) - number))
        findings: dict[str, list[Measure]] = {}
        for series, value in values.items():
            key, _, name = series.rpartition(".")
            counter = series in COUNTERS
            # Of a counter it is how fast it grows.
            done = value * 15 * number if counter else value
            findings.setdefault(key, []).append(Measure(name, done, counter=counter))
        samples.add(
            at,
            [
                Finding(key.partition("[")[0], "ok", "x", about=key.partition("[")[2][:-1], measures=measures)
                for key, measures in findings.items()
            ],
        )


def project(folder: Path, settings: str = "", *, normal: Mapping[str, float] = NORMAL, idle: bool = False) -> Watched:
    of = database_at(NOWHERE, folder, settings)
    write_baseline(of.folder, Baseline(at=NOW - timedelta(days=3), measures=dict(normal), at_cutover=idle))
    return of


def found(of: Watched) -> Finding:
    """What the check finds; it needs no server."""
    with opened(of.folder) as past:
        return only(found_by("baseline", of, past=past, now=NOW))


def test_what_is_as_it_was_and_what_is_less_is_well(tmp_path: Path) -> None:
    of = project(tmp_path)
    with kept(of) as samples:
        watch(samples, {**NORMAL, "connections.used": 0.0, "transactions.commits": 0.0})
    well = found(of)
    assert (well.state, well.found, well.facts["n"]) == ("ok", "normal", 7)


@pytest.mark.parametrize(
    ("series", "far", "near"),
    [
        ("connections.used", 24.0, 23.0),
        ("transactions.commits", 50.0, 49.0),
        ("transactions.rollbacks", 5.0, 4.9),
        ("health[front page].latency", 0.25, 0.24),
        ("redis[sessions].latency", 0.02, 0.019),
        ("temp-files.a_day", 1e9, 9e8),
        ("wal.written", 5e6, 4.9e6),
    ],
)
def test_what_is_far_above_normal_for_ten_minutes_is_told_and_what_is_little_is_not(
    tmp_path: Path, series: str, far: float, near: float
) -> None:
    of = project(tmp_path)
    with kept(of) as samples:
        watch(samples, {series: near})
    assert found(of).state == "ok"
    (of.folder / "samples.sqlite").unlink()
    with kept(of) as samples:
        watch(samples, {series: far})
    told = found(of)
    assert (told.state, told.do) == ("warning", "see")
    (item,) = told.items
    assert (item["series"], item["normal"]) == (series, NORMAL[series])
    assert item["now"] == pytest.approx(far)


def test_a_burst_is_no_trouble(tmp_path: Path) -> None:
    of = project(tmp_path)
    with kept(of) as samples:
        watch(samples, NORMAL, 8, NOW - timedelta(minutes=4))
        watch(samples, {"connections.used": 90.0}, 3.75)
    assert found(of).found == "normal"
    with kept(of) as samples:
        watch(samples, {"connections.used": 90.0}, 7)
    told = found(of)
    assert told.found == "far" and [one["series"] for one in told.items] == ["connections.used"]


def test_the_baseline_of_an_idle_application_says_little_and_that_it_is_one(tmp_path: Path) -> None:
    of = project(tmp_path, idle=True)
    with kept(of) as samples:
        watch(samples, {"connections.used": 59.0, "transactions.rollbacks": 14.0})
    well = found(of)
    assert (well.state, well.found) == ("ok", "idle")
    (of.folder / "samples.sqlite").unlink()
    with kept(of) as samples:
        watch(samples, {"connections.used": 60.0, "transactions.rollbacks": 20.0})
    told = found(of)
    assert (told.state, told.do, told.facts["n"]) == ("warning", "retake", 2)
    assert [one["series"] for one in told.items] == ["transactions.rollbacks", "connections.used"]


def test_what_is_compared_is_what_a_baseline_holds(database: str, tmp_path: Path) -> None:
    taken = take(database_at(database, tmp_path), looks=2, pause=0.01).baseline.measures
    assert {series for series in NORMAL if "[" not in series} <= taken.keys()


def test_without_samples_or_a_baseline_all_is_well_and_how_to_get_them_is_said(tmp_path: Path) -> None:
    of = database_at(NOWHERE, tmp_path)
    assert only(found_by("baseline", of, now=NOW)).found == "no-baseline"
    of = project(tmp_path)
    assert only(found_by("baseline", of, now=NOW)).found == "no-samples"
    with kept(of) as samples:
        watch(samples, {"connections.used": 90.0}, 30, NOW - timedelta(minutes=11))
        watch(samples, {"connections.used": 90.0}, 0.75)
    assert found(of).found == "no-samples", "what was ten minutes ago is not now, and a minute is not enough"


def test_a_watch_that_looks_rarely_is_compared_by_as_many_samples(tmp_path: Path) -> None:
    of = project(tmp_path, "[monitor]\nevery = 600.0\n")
    with kept(of) as samples:
        for number in range(5):
            watch(samples, {"connections.used": 90.0}, 0, NOW - timedelta(minutes=10 * number))
    assert found(of).found == "far"


def test_its_limits_can_be_others_and_a_series_can_be_left_out(tmp_path: Path) -> None:
    limits = '[monitor.limits]\n"baseline.times" = { critical = 10 }\n"baseline.connections" = { warning = 200 }\n'
    of = project(tmp_path, f'[monitor]\nignore = ["baseline:wal.written"]\n{limits}')
    with kept(of) as samples:
        watch(samples, {"connections.used": 150.0, "wal.written": 1e9, "transactions.commits": 60.0})
    told = found(of)
    assert told.state == "critical"
    assert [one["series"] for one in told.items] == ["transactions.commits"]


def test_a_baseline_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    of = database_at("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    of.folder.mkdir()
    (of.folder / "baseline.json").write_text('{"x": 1}')
    finding = only(found_by("baseline", of, now=NOW))
    assert (finding.state, finding.facts["file"]) == ("warning", str(of.folder / "baseline.json"))
