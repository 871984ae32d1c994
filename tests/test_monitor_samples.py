"""The samples file: what is kept, for how long, and what is said of times in which nobody looked."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broken import NOBODY, nobodys_python
from litelift.monitor.finding import Finding, Measure, State
from litelift.monitor.incident import Incident
from litelift.monitor.samples import Gap, Samples, opened
from litelift.monitor.samples_file import is_damaged

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


# --------------------------------------------------------------------- how much is kept, and how well


def rows(samples: Samples, table: str) -> int:
    return int(samples.connection.execute(f"select count(*) from {table}").fetchone()[0])


def test_each_resolution_is_kept_for_its_time_and_the_file_gives_the_room_back(samples: Samples) -> None:
    many = [Finding(f"check-{n}", "ok", "used", {}, measures=(Measure("used", float(n)),)) for n in range(100)]
    for seconds in range(0, 3 * 3600, 120):
        samples.add(after(seconds), many)
    pages = samples.connection.execute("pragma page_count").fetchone()[0]
    samples.prune(after(3 * 3600))
    assert rows(samples, "raw") == 60 * 100 and rows(samples, "minute") == 90 * 100
    samples.prune(after(3 * 86400))
    assert (rows(samples, "raw"), rows(samples, "minute"), rows(samples, "hour")) == (0, 0, 300)
    assert samples.connection.execute("pragma page_count").fetchone()[0] < pages / 4
    samples.prune(after(300 * 86400))
    assert (rows(samples, "hour"), rows(samples, "day"), rows(samples, "series")) == (0, 100, 100)
    # What is not measured any more goes in the end.
    samples.add(after(401 * 86400), many[:1])
    samples.prune(after(401 * 86400))
    assert (list(samples.series()), rows(samples, "day")) == (["check-0.used"], 2)


def test_what_a_clock_that_was_ahead_has_written_goes_when_it_is_right_again(samples: Samples) -> None:
    samples.add(after(365 * 86400), [found(99)])
    samples.add(T, [found(1)])
    samples.prune(T)
    assert rows(samples, "day") == 1
    assert samples.value("connections.used", after(366 * 86400)) == (T, 1.0)
    beat = samples.heartbeat()
    assert beat is not None and beat.at == T


def test_several_series_are_read_as_each_by_itself(samples: Samples) -> None:
    for n in range(8):
        samples.add(after(15 * n), [found(n), found(10 * n, check="disk")])
    names = ["connections.used", "disk.used", "none.such"]
    points = samples.points_of(names, T, after(3600), 60)
    assert points == {name: samples.points(name, T, after(3600), 60) for name in names}
    assert [(point.low, point.mean, point.high, point.n) for point in points["disk.used"]] == [
        (0, 15, 30, 4),
        (40, 55, 70, 4),
    ]


def test_a_kill_in_the_midst_of_writing_costs_at_most_the_look_that_was_being_written(tmp_path: Path) -> None:
    script = f"""
from datetime import UTC, datetime, timedelta
from pathlib import Path
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.samples import opened
at = datetime(2026, 11, 24, 2, tzinfo=UTC)
with opened(Path({str(tmp_path)!r}), write=True) as samples:
    for n in range(100000):
        measures = (Measure("m", n),)
        found = [Finding(f"c{{k}}", "ok", "u", {{}}, measures=measures) for k in range(20)]
        samples.add(at + timedelta(seconds=n), found)
        print(n, flush=True)
"""
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        written = [int(process.stdout.readline()) for _ in range(50)][-1]
        process.send_signal(signal.SIGKILL)
        written = max([written, *map(int, process.stdout.read().splitlines())])
        process.wait()
        process.stdout.close()
        with opened(tmp_path, write=True) as samples:
            assert samples.connection.execute("pragma integrity_check").fetchone() == ("ok",)
            standing = samples.findings()
            assert {one.at for one in standing} <= {after(written), after(written + 1)} and len(standing) == 20


def test_who_may_only_read_can_read_it_beside_the_watch_and_without_one() -> None:
    python = nobodys_python()
    if python is None:
        pytest.skip("no python that an ordinary user can run")
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        _read_only(Path(place) / "m", python)


def _read_only(folder: Path, python: tuple[str, ...]) -> None:
    look = "import sys; from pathlib import Path; from litelift.monitor.samples import opened\n"
    look += "with opened(Path(sys.argv[1])) as samples: print(len(samples.findings()))"

    def read() -> str:
        user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run([*python, "-c", look, folder], capture_output=True, text=True, cwd="/", **user)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    with opened(folder, write=True) as samples:
        samples.add(T, [found()])
        folder.chmod(0o555)
        for file in folder.iterdir():
            file.chmod(0o444)
        assert read() == "1\n"
    assert read() == "1\n"
    folder.chmod(0o755)


def test_what_was_before_the_first_sample_is_not_known_in_its_minute_hour_and_day(samples: Samples) -> None:
    samples.add(after(1830), [found(7.0)], every=15)
    assert samples.value("connections.used", after(1829)) is None
    assert samples.value("connections.used", after(1830)) == (after(1830), 7.0)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_keeps_nothing_else_from_being_kept(tmp_path: Path, number: float) -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    with opened(tmp_path, write=True) as samples:
        found = Finding("disk", "ok", "free", measures=(Measure("none", number), Measure("some", 2.0)))
        samples.add(at, [found])
        assert samples.value("disk.none", at) is None
        assert samples.value("disk.some", at) == (at, 2.0)


@pytest.mark.parametrize(
    "nonsense", ["document = '{'", "document = '[]'", "document = null", "since = 1e300", "at = 'x'"]
)
@pytest.mark.parametrize("table", ["finding", "incident"])
def test_values_that_make_no_sense_are_damage(tmp_path: Path, nonsense: str, table: str) -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    finding = Finding("disk", "warning", "full")
    if table == "incident":
        nonsense = nonsense.replace("since", "opened").replace("at =", "opened =")
    with opened(tmp_path, write=True) as samples:
        samples.add(at, [finding], incidents=[Incident(1, finding, at, None, "warning", "warning", None, None, None)])
        samples.connection.execute("pragma writable_schema = on")
        samples.connection.execute(
            "update sqlite_master set sql = replace(sql, 'document text not null', 'document text')"
        )
        samples.connection.execute("pragma writable_schema = reset")
        samples.connection.execute(f"update {table} set {nonsense}")
        with pytest.raises(sqlite3.DatabaseError) as raised:
            samples.findings() if table == "finding" else samples.incidents()
        assert is_damaged(raised.value)


def test_nothing_is_written_into_another_programs_file(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "samples.sqlite") as other:
        other.execute("create table lesson (id integer primary key)")
    other.close()
    before = (tmp_path / "samples.sqlite").read_bytes()
    with pytest.raises(sqlite3.DatabaseError) as raised, opened(tmp_path, write=True):
        pass
    assert is_damaged(raised.value)
    assert (tmp_path / "samples.sqlite").read_bytes() == before


def test_what_is_measured_is_for_its_owner_alone_also_in_a_folder_that_others_may_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with opened(tmp_path, write=True) as samples:
        samples.add(T, [found()])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == dict.fromkeys(["samples.sqlite", "samples.sqlite-wal", "samples.sqlite-shm"], 0o600)
