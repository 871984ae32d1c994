"""The first 24 hours on PostgreSQL: summed up of the watch's samples, and a section of the cutover's report."""

from __future__ import annotations

import contextlib
import json
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broken import wait_for
from command import litelift
from cutover_project import Project, a_project
from dashboard import serving
from litelift.cutover.journal import read_journal
from litelift.cutover.run import cutover, roll_back
from litelift.errors import CutoverHeld
from litelift.monitor import watch
from litelift.monitor.baseline import Baseline, read_baseline
from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.first_day import DAY, FILE, FirstDay, summed_up
from litelift.monitor.first_day_report import first_day
from litelift.monitor.incident import Incident
from litelift.monitor.samples import Samples, opened
from litelift.monitor.watched import Watched, watched
from test_monitor_watch import watching as watches_by_hand

Url = Callable[[str], str]
EVERY = 900
HOUR = timedelta(hours=1)


@pytest.fixture
def project(server: Url, tmp_path: Path) -> Iterator[Project]:
    with a_project(tmp_path / "project", server("postgres")) as one:
        yield one


def found(hours: float) -> list[Finding]:
    """What one look finds so many hours after the switch: more from hour to hour, and no page in the fifth."""
    up = not 4 <= hours < 5
    return [
        Finding("server", "ok", "up", {"version": "16", "up": 1.0}, measures=[Measure("uptime", 1.0, "seconds")]),
        Finding("connections", "ok", "used", measures=[Measure("used", 10 + hours)]),
        Finding("transactions", "ok", "rate", measures=[Measure("commits", 3600 * 20 * hours, counter=True)]),
        Finding("database-size", "ok", "size", measures=[Measure("bytes", 1e6 * (500 + hours), "bytes")]),
        Finding(
            "health",
            "ok",
            "up",
            about="the [page]",
            measures=[Measure("up", up), *([Measure("latency", 0.2, "seconds")] if up else [])],
        ),
    ]


def down(number: int, opened_at: datetime, minutes: float | None) -> Incident:
    """The server did not answer."""
    facts = {"message": "it is gone (password=hunter2)"}
    told = Finding("server", "critical", "unreachable", facts, "unreachable")
    closed = None if minutes is None else opened_at + timedelta(minutes=minutes)
    return Incident(number, told, opened_at, closed, "critical", "ok" if closed else "critical")


def watch_from(samples: Samples, switch: datetime, hours: float) -> None:
    """Keep a day in which nobody looked in the tenth hour, and which begins an hour before the switch."""
    at = switch - HOUR
    while at < switch + hours * HOUR:
        since = (at - switch) / HOUR
        if not 9 <= since < 10:
            samples.add(at, found(since), every=EVERY / 3)
        at += timedelta(seconds=EVERY)


def test_a_day_is_summed_up_from_the_switch_on(tmp_path: Path) -> None:
    switch = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=26)
    baseline = Baseline(at=switch, measures={"connections.used": 4.0})
    with opened(tmp_path, write=True) as samples:
        assert summed_up(samples, baseline, switch, switch + DAY) is None
        watch_from(samples, switch, 25)
        incidents = [down(1, switch - 2 * HOUR, 60), down(2, switch + HOUR, 69), down(3, switch + DAY + HOUR, None)]
        samples.add(switch + 25 * HOUR, found(25), incidents=incidents, every=EVERY / 3)
        day = summed_up(samples, baseline, switch, switch + 2 * DAY)
    assert day is not None and day.complete and day.until == switch + DAY
    assert day.watched_seconds == pytest.approx(22.75 * 3600, abs=EVERY)
    answered = {one.name: one.percent for one in day.answered}
    assert answered["PostgreSQL"] == pytest.approx(100 * (1 - 1.15 / (day.watched_seconds / 3600)))
    assert answered["the [page]"] == pytest.approx(100 * 22 / 23, abs=0.1)
    courses = {one.check: one for one in day.courses}
    connections = courses["connections"]
    assert (connections.first, connections.low, connections.high, connections.normal) == (10, 10, 33.75, 4)
    assert courses["transactions"].mean == pytest.approx(20)
    assert (courses["database-size"].first, courses["database-size"].last) == (500e6, 523.75e6)
    assert courses["health"].about == "the [page]"
    assert [(one.seconds, one.worst, one.lasts) for one in day.troubles] == [(69 * 60, "critical", False)]


def test_what_another_version_found_is_told_by_its_name(tmp_path: Path) -> None:
    switch = datetime.now(UTC) - 2 * HOUR
    with opened(tmp_path, write=True) as samples:
        watch_from(samples, switch, 2)
        ages = [Incident(7, Finding(check, "warning", "odd"), switch) for check in ("server", "from-the-future")]
        samples.add(switch + HOUR, found(1), incidents=[ages[0], replace(ages[1], id=8)], every=EVERY)
        day = summed_up(samples, None, switch, switch + 2 * HOUR)
    assert day is not None
    assert {(one.title, one.said, one.lasts) for one in day.troubles} == {
        ("Server", "odd", True),
        ("from-the-future", "odd", True),
    }


def a_day_ago(project: Project, hours: float = 25) -> datetime:
    """Have the cutover be so many hours older; when its switch was."""
    journal = project.journal.path
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in lines:
        line["at"] = (datetime.fromisoformat(line["at"]) - hours * HOUR).isoformat()
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return next(read_journal(journal.parent).events("done", "switch")).at


def test_the_day_joins_the_report_once_it_is_over(project: Project) -> None:
    assert cutover(project.file) is not None
    run = project.journal.folder
    assert json.loads((run / "report.json").read_text())["first_day"] is None
    switch = a_day_ago(project)
    of = watched(str(project.file))
    with opened(of.folder, write=True) as samples:
        assert first_day(of, samples) is None, "nobody has watched"
        watch_from(samples, switch, 24)
        samples.add(switch + DAY, found(24), incidents=[down(1, switch + HOUR, 5)], every=EVERY / 3)
        assert first_day(of, samples, now=switch + 23 * HOUR) is None
        assert first_day(of, samples) == run / "report.md"
        assert first_day(of, samples) is None, "once is enough"
    assert stat.S_IMODE((run / FILE).stat().st_mode) == 0o600
    told = json.loads((run / "report.json").read_text())
    assert told["first_day"]["complete"] and told["first_day"]["troubles_total"] == 1
    baseline = read_baseline(of.folder)
    assert baseline is not None
    assert told["first_day"]["courses"][0]["normal"] == baseline.measures["connections.used"]
    for form in ("report.md", "report.html"):
        text = (run / form).read_text()
        assert "The first 24 hours" in text and "it is gone" in text and "523.8 MB" not in text
        assert "hunter2" not in text
    # It stays as it was, whatever becomes of the samples, and of the database.
    (of.folder / "samples.sqlite").unlink()
    made = litelift("report", project.file)
    assert made.out == (run / "report.md").read_text()
    assert roll_back(project.file) is not None
    assert json.loads((run / "report.json").read_text())["first_day"] == told["first_day"]


def test_before_that_the_report_says_what_is_known_so_far(project: Project) -> None:
    assert cutover(project.file) is not None
    switch = a_day_ago(project, 3)
    of = watched(str(project.file))
    with opened(of.folder, write=True) as samples:
        watch_from(samples, switch, 3)
        assert first_day(of, samples) is None
    made = litelift("report", project.file, "--json")
    assert made.status == 0, made.err
    day = made.json["first_day"]
    assert not day["complete"]
    assert FirstDay.model_validate(day).seconds == pytest.approx(3 * 3600, abs=600)
    assert "as far as it is known" in litelift("report", project.file).out
    assert not (project.journal.folder / FILE).exists()


_HOLDS = """
import pathlib, sys
from litelift.cutover.runs import held
with held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def at_work(project: Project) -> Iterator[None]:
    """Another process that holds the runbook."""
    words = [sys.executable, "-c", _HOLDS, str(project.folder / "litelift-cutover")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        other.stdin.close()


def test_a_command_that_is_at_work_on_the_runbook_is_not_disturbed(project: Project) -> None:
    assert cutover(project.file) is not None
    switch = a_day_ago(project)
    of = watched(str(project.file))
    with opened(of.folder, write=True) as samples:
        watch_from(samples, switch, 24)
        with at_work(project), pytest.raises(CutoverHeld):
            first_day(of, samples)
        assert first_day(of, samples) is not None


@contextlib.contextmanager
def watching(of: Watched, now: datetime) -> Iterator[Callable[[], list[str]]]:
    """A watch that looks at ``now``, without waiting; each call is one look, and gives what a person should see."""
    nothing = of.settings.model_copy(update={"ignore": [check.name for check in CHECKS]})
    with watches_by_hand(replace(of, settings=nothing)) as looks:
        looks.clock.now = now
        yield lambda: list(looks.look().notes)


def joined(project: Project) -> bool:
    """Whether the report has the whole day."""
    day = json.loads((project.journal.folder / "report.json").read_text())["first_day"]
    return day is not None and day["complete"]


def test_a_watch_and_the_dashboards_own_have_the_day_join_the_report_once_nothing_is_in_the_way(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cutover(project.file) is not None
    switch = a_day_ago(project)
    of = watched(str(project.file))
    with opened(of.folder, write=True) as samples:
        watch_from(samples, switch, 24)
    with watching(of, switch + 23.8 * HOUR) as look:
        assert look() == [] and not joined(project)
    folder = project.journal.folder
    with watching(of, datetime.now(UTC)) as look:
        with at_work(project):
            (note,) = look()
            assert "cannot join" in note and "process " in note and not joined(project)
        assert look() == [] and not joined(project), "an hour has to pass"
        monkeypatch.setattr(watch, "UPKEEP_SECONDS", 0.0)
        (folder / "report.html").unlink()
        (folder / "report.html").mkdir()
        (note,) = look()
        assert "Is a directory" in note and not (folder / FILE).exists()
        (folder / "report.html").rmdir()
    with serving(project.file, cwd=Path.cwd()) as running:
        wait_for(lambda: running.told(f"the first 24 hours have joined the cutover's report: {folder / 'report.md'}"))
    assert joined(project)
    with watching(of, datetime.now(UTC)) as look:
        assert look() == [], "once is enough"
