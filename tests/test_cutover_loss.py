"""The runbook loses no row, in whatever order things go wrong: interrupted, gone on with, half taken back, again."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from cutover_project import Project, a_project
from cutover_walk import apart, killed_when
from litelift.cutover.run import cutover, roll_back

Url = Callable[[str], str]


@pytest.fixture
def project(server: Url, tmp_path: Path) -> Iterator[Project]:
    with a_project(tmp_path / "project", server("postgres")) as one:
        yield one


def written_to_sqlite(project: Project, number: int) -> None:
    with closing(sqlite3.connect(project.source)) as connection, connection:
        connection.execute("insert into pupils values (?, 'yeni')", (number,))


def in_sqlite(project: Project) -> list[int]:
    with closing(sqlite3.connect(project.source)) as connection:
        return [row[0] for row in connection.execute("select id from pupils where id >= 900 order by id")]


def in_postgresql(project: Project) -> list[int]:
    with psycopg.connect(project.target) as connection:
        return [row[0] for row in connection.execute("select id from pupils where id >= 900 order by id").fetchall()]


@pytest.mark.parametrize("step", ["move", "mark", "switch"])
def test_rows_written_between_a_kill_and_the_resume_are_moved_too(project: Project, step: str) -> None:
    def begin() -> None:
        killed_when("started", step)
        cutover(project.file)

    assert apart(begin) == -signal.SIGKILL
    # The machine was restarted, and its services came up with it.
    written_to_sqlite(project, 900)
    trace = len(project.trace)
    done = cutover(project.file, resume=True)
    assert done is not None
    assert done.state == "finished"
    assert in_postgresql(project) == [900]
    assert project.trace[trace:] == ["closed", "stopped", "started on postgresql", "open"]
    assert "it is kept and moved again" in [issue.resolved for issue in done.issues]


def test_rows_written_while_a_run_is_paused_are_moved_too(project: Project) -> None:
    cutover(project.file, until=4)
    written_to_sqlite(project, 900)
    cutover(project.file, resume=True)
    assert in_postgresql(project) == [900]


def test_rows_written_to_sqlite_before_the_switch_was_made_stay_there(project: Project) -> None:
    def begin() -> None:
        killed_when("started", "switch")
        cutover(project.file)

    assert apart(begin) == -signal.SIGKILL
    written_to_sqlite(project, 900)
    roll_back(project.file)
    assert in_sqlite(project) == [900]
