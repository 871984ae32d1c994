"""The samples file: what is kept, for how long, and what is said of times in which nobody looked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from litelift.monitor.finding import Finding, Measure, State
from litelift.monitor.incident import Incident
from litelift.monitor.samples import Gap, Samples, opened

T = datetime(2026, 11, 24, 2, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def found(value: float = 1.0, *, check: str = "connections", state: State = "ok", about: str = "") -> Finding:
    return Finding(check, state, "used", {"used": value}, about=about, measures=(Measure("used", value),))


@pytest.fixture
def samples(tmp_path: Path) -> Iterator[Samples]:
    with opened(tmp_path, write=True) as made:
        yield made


# --------------------------------------------------------------------- incidents


def test_an_incident_is_read_as_it_was_kept_and_kept_again_when_it_changes(samples: Samples) -> None:
    lasting = Incident(1, found(state="warning"), T)
    other = Incident(2, found(check="disk", about="/data"), after(5), after(60), "critical", "ok", "critical", T, T)
    samples.add(T, [], incidents=[lasting, other])
    assert samples.incidents() == [other, lasting]
    assert [one.key for one in samples.incidents()] == ["disk[/data]", "connections"]
    ended = Incident(1, found(state="critical"), T, after(90), "critical", "ok")
    samples.add(after(90), [], incidents=[ended])
    assert samples.incidents() == [other, ended]
    assert ended.seconds(after(1000)) == 90 and lasting.seconds(after(20)) == 20


def test_incidents_since_a_moment_are_those_that_lasted_then_or_later(samples: Samples) -> None:
    kept = [
        Incident(1, found(), T, after(10)),
        Incident(2, found(), T, after(100)),
        Incident(3, found(), after(-1e6)),
    ]
    samples.add(T, [], incidents=kept)
    assert {one.id for one in samples.incidents(after(50))} == {2, 3}


# --------------------------------------------------------------------- who watches


def test_the_heartbeat_says_when_it_was_looked_last_and_whether_somebody_watches(samples: Samples) -> None:
    assert samples.heartbeat() is None
    samples.add(T, [], every=15, who="process 1 on school")
    beat = samples.heartbeat()
    assert beat is not None
    assert (beat.at, beat.every, beat.who) == (T, 15, "process 1 on school")
    assert beat.alive(after(40)) and not beat.alive(after(60))
    samples.stop()
    beat = samples.heartbeat()
    assert beat is not None and beat.stopped and not beat.alive(after(1))


def test_a_time_in_which_nobody_watched_is_a_gap(samples: Samples) -> None:
    for seconds in (0, 15, 30, 3600, 3615):
        samples.add(after(seconds), [found()], every=15, who="one")
    samples.stop()
    for seconds in (7200, 7215):
        samples.add(after(seconds), [found()], every=15, who="two")
    assert samples.gaps(after(-3600), after(7220)) == [
        Gap(after(30), after(3600), False),
        Gap(after(3615), after(7200), True),
    ]
    # Now, while nobody looks; and only what was asked for.
    assert samples.gaps(after(7210), after(9000)) == [Gap(after(7215), after(9000), False)]
    assert samples.gaps(after(100), after(200)) == [Gap(after(100), after(200), False)]


def test_a_watch_that_is_started_again_at_once_leaves_no_gap(samples: Samples) -> None:
    samples.add(T, [], every=15, who="one")
    samples.stop()
    samples.add(after(10), [], every=15, who="two")
    assert samples.gaps(after(-100), after(20)) == []


def test_a_clock_that_went_back_makes_no_gap_where_somebody_watched(samples: Samples) -> None:
    for seconds in (*range(0, 3600, 15), *range(1800, 5400, 15)):
        samples.add(after(seconds), [found()], every=15, who="one")
    assert samples.gaps(T, after(5400)) == []
    beat = samples.heartbeat()
    assert beat is not None and beat.at == after(5385)
    samples.add(after(100), [], every=15, who="one")
    beat = samples.heartbeat()
    assert beat is not None and beat.at == after(100)
