"""What is normal: taken by the command, and by the cutover, which takes it back with everything else."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from command import litelift
from cutover_project import ROWS, Project, a_project
from litelift.cutover.run import cutover, roll_back
from litelift.errors import TargetError
from litelift.monitor.baseline import FILE, Baseline, read_baseline, write_baseline
from litelift.monitor.baseline_take import measures_of, take
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.run import Looked
from monitored import database_at

Url = Callable[[str], str]
LONG_AGO = Baseline(at=datetime(2020, 1, 1, tzinfo=UTC), rows={"public.old": 7})


@pytest.fixture
def project(server: Url, tmp_path: Path) -> Iterator[Project]:
    with a_project(tmp_path / "project", server("postgres")) as one:
        yield one


def test_the_command_records_what_is_normal_and_does_not_replace_it_unasked(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("create table pupils (id int)")
        owner.execute("create table grades (year int) partition by list (year)")
        owner.execute("create table grades_2026 partition of grades for values in (2026)")
        owner.execute("insert into pupils select generate_series(1, 12)")
        owner.execute("insert into grades select 2026 from generate_series(1, 5)")
    at_once = {"litelift.monitor.baseline_take:PAUSE": 0.01}
    ran = litelift("monitor", "baseline", tmp_path / "litelift.toml", "--json", settings=at_once)
    assert (ran.status, ran.json["exit_code"]) == (0, 0), ran.err
    file = of.folder / FILE
    assert ran.json["file"] == str(file)
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(of.folder.stat().st_mode)) == (0o600, 0o700)
    found = read_baseline(of.folder)
    assert found is not None and not found.at_cutover
    assert found.rows == {"public.grades": 5, "public.pupils": 12}
    assert "connections.used" in found.measures
    again = litelift("monitor", "baseline", tmp_path / "litelift.toml")
    assert again.status == 2 and "--force" in again.err
    write_baseline(of.folder, LONG_AGO)
    again = litelift("monitor", "baseline", tmp_path / "litelift.toml", "--force", settings=at_once)
    assert again.status == 0 and "17 rows of 2 tables" in again.out
    assert "Connections" in again.out
    found = read_baseline(of.folder)
    assert found is not None and found.at > LONG_AGO.at


def test_a_server_that_does_not_answer_gives_no_baseline(database: str, tmp_path: Path) -> None:
    of = database_at(database.replace("/t", "/no_such_database_t"), tmp_path)
    with pytest.raises(TargetError):
        take(of)
    assert not of.folder.exists()


def test_a_measure_is_the_median_of_the_looks_and_a_counter_its_growth_in_a_second() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    made = [
        Looked(
            began + timedelta(seconds=place),
            0.0,
            (
                Finding("a", "ok", "found", measures=[Measure("is", value), Measure("set_back", -value, counter=True)]),
                Finding("b", "ok", "found", about="x", measures=[Measure("done", 10 * place, counter=True)]),
            ),
        )
        for place, value in enumerate((3.0, 90.0, 4.0))
    ]
    assert measures_of(made) == {"a.is": 4.0, "b[x].done": 10.0}
    assert measures_of(made[:1]) == {"a.is": 3.0}


def test_the_cutover_takes_the_baseline_of_the_switch_and_its_way_back_removes_it(project: Project) -> None:
    assert cutover(project.file) is not None
    folder = project.folder / "litelift-monitor"
    found = read_baseline(folder)
    assert found is not None and found.at_cutover
    assert sum(found.rows.values()) == ROWS + 30
    assert "connections.used" in found.measures
    assert "PostgreSQL" in dict(json.loads((project.journal.folder / "report.json").read_text())["baseline"])
    assert roll_back(project.file) is not None
    assert not folder.exists()


def test_a_baseline_that_was_there_before_comes_back_with_the_way_back(project: Project) -> None:
    folder = project.folder / "litelift-monitor"
    write_baseline(folder, LONG_AGO)
    (folder / "samples.sqlite").write_bytes(b"")
    assert cutover(project.file) is not None
    found = read_baseline(folder)
    assert found is not None and found.at_cutover
    assert roll_back(project.file) is not None
    assert read_baseline(folder) == LONG_AGO
    assert (folder / "samples.sqlite").exists()


def test_a_rehearsal_takes_no_baseline_of_the_watch(project: Project) -> None:
    assert cutover(project.file, rehearse=True) is not None
    assert not (project.folder / "litelift-monitor").exists()
    assert json.loads((project.journal.folder / "report.json").read_text())["baseline"]


def test_a_baseline_that_cannot_be_taken_is_told_and_ends_no_cutover(project: Project) -> None:
    (project.folder / "litelift-monitor").write_text("in the way")
    done = cutover(project.file)
    assert done is not None and done.exit_code == 3
    assert [issue.resolved for issue in done.issues] == ["take it with: litelift monitor baseline --force"]
    assert roll_back(project.file) is not None
    assert (project.folder / "litelift-monitor").read_text() == "in the way"
