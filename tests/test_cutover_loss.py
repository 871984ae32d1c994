"""The runbook loses no row, in whatever order things go wrong: interrupted, gone on with, half taken back, again."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from cutover_project import Project, a_project
from cutover_walk import apart, killed_when
from litelift import errors
from litelift.cutover.journal import Journal
from litelift.cutover.run import cutover, roll_back

Url = Callable[[str], str]


@pytest.fixture
def project(server: Url, tmp_path: Path) -> Iterator[Project]:
    with a_project(tmp_path / "project", server("postgres")) as one:
        yield one


def written_to_sqlite(project: Project, number: int) -> None:
    with closing(sqlite3.connect(project.source)) as connection, connection:
        connection.execute("insert into pupils values (?, 'yeni')", (number,))


def written_to_postgresql(project: Project, number: int) -> None:
    with psycopg.connect(project.target) as connection:
        connection.execute("insert into pupils values (%s, 'yeni')", (number,))


def in_sqlite(project: Project) -> list[int]:
    with closing(sqlite3.connect(project.source)) as connection:
        return [row[0] for row in connection.execute("select id from pupils where id >= 900 order by id")]


def in_postgresql(project: Project) -> list[int]:
    with psycopg.connect(project.target) as connection:
        return [row[0] for row in connection.execute("select id from pupils where id >= 900 order by id").fetchall()]


def exported(project: Project) -> list[int]:
    path = project.journal.folder / "written-since-cutover.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(line["key"]["id"] for line in lines if line.get("table") == "pupils")


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


def test_a_way_back_that_left_the_application_on_postgresql_exports_anew(project: Project) -> None:
    before = project.before()
    cutover(project.file)
    written_to_postgresql(project, 900)
    environment = project.folder / ".env"
    switched = environment.read_text()
    environment.unlink()
    environment.mkdir()
    with pytest.raises(errors.RollbackIncomplete):
        roll_back(project.file)
    environment.rmdir()
    environment.write_text(switched)
    environment.chmod(0o600)
    # It was started again, with the configuration of PostgreSQL.
    written_to_postgresql(project, 901)
    trace = len(project.trace)
    done = roll_back(project.file)
    assert done is not None
    assert exported(project) == [900, 901]
    assert project.before() == before
    assert project.trace[trace:] == ["closed", "stopped", "started on sqlite", "open"]


def test_a_refused_way_back_that_is_gone_on_from_keeps_the_moment_of_the_switch(project: Project) -> None:
    cutover(project.file)
    written_to_postgresql(project, 900)
    with psycopg.connect(project.target, autocommit=True) as connection:
        connection.execute("alter table grades owner to current_user")
        connection.execute("revoke all on grades from public")
    with pytest.raises(errors.RollbackRefused):
        roll_back(project.file)
    with psycopg.connect(project.target, autocommit=True) as connection:
        connection.execute(f"alter table grades owner to {project.name}")
    cutover(project.file, resume=True)
    written_to_postgresql(project, 901)
    roll_back(project.file)
    assert exported(project) == [900, 901]


def test_an_application_without_services_and_maintenance_is_not_taken_back_without_its_rows(project: Project) -> None:
    text = project.file.read_text()
    start, end = text.index("[maintenance]"), text.index("[code]")
    project.file.write_text(text[:start] + text[end:])
    cutover(project.file)
    written_to_postgresql(project, 900)
    with psycopg.connect(project.target, autocommit=True) as connection:
        connection.execute("alter table grades owner to current_user")
        connection.execute("revoke all on grades from public")
    with pytest.raises(errors.RollbackRefused):
        roll_back(project.file)
    assert in_postgresql(project) == [900]
    assert "postgresql://" in (project.folder / ".env").read_text()


def test_rows_written_after_the_export_are_in_the_file_before_the_database_goes(project: Project) -> None:
    cutover(project.file)
    late = project.folder / "late.py"
    late.write_text(
        f"import psycopg\nwith psycopg.connect({project.target!r}) as c:\n"
        "    c.execute(\"insert into pupils values (900, 'gec')\")\n"
    )
    # A worker that was not stopped writes on.
    project.configured(start=f"['''{sys.executable} late.py''']")
    roll_back(project.file)
    assert exported(project) == [900]


def test_rows_left_out_of_a_way_back_that_did_not_end_are_exported_by_the_next(project: Project) -> None:
    cutover(project.file)
    written_to_postgresql(project, 900)
    project.configured(start='["test -e mended"]')
    with pytest.raises(errors.RollbackIncomplete):
        roll_back(project.file, export=False)
    (project.folder / "mended").touch()
    roll_back(project.file)
    assert exported(project) == [900]


def test_a_journal_without_room_keeps_no_application_closed_and_loses_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Journal._append
    full = False

    def filled(self: Journal, data: bytes) -> None:
        nonlocal full
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        append(self, data)
        full = b'"event": "started", "step": "services-start"' in data

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_append", filled)
        with pytest.raises(errors.StepFailed, match="No space left"):
            cutover(project.file)
    assert project.trace[-2:] == ["started on sqlite", "open"]
    # It serves on SQLite, and the journal does not know.
    written_to_sqlite(project, 900)
    with pytest.raises(errors.NothingToResume):
        cutover(project.file, resume=True)
    roll_back(project.file)
    assert in_sqlite(project) == [900]
    assert project.in_postgresql() == []
