"""The report of a real run: written at its end, however it ends, and made again by the command."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from command import litelift
from cutover_project import ROWS, Project, a_project
from litelift.cutover.credentials import kept_login
from litelift.cutover.run import cutover, roll_back
from litelift.errors import StepFailed

Url = Callable[[str], str]
FILES = ("report.md", "report.html", "report.json")


@pytest.fixture
def project(server: Url, tmp_path: Path) -> Iterator[Project]:
    with a_project(tmp_path / "project", server("postgres")) as one:
        yield one


def test_an_evening_and_its_way_back_are_reported_and_made_again_by_the_command(project: Project) -> None:
    (project.folder / "backups").mkdir()
    (project.folder / "backups" / "monday.sqlite").write_bytes(project.source.read_bytes())
    project.added(
        '\n[archive]\nfiles = ["backups/*.sqlite"]\n\n[[health]]\nname = "up"\nkind = "command"\ncommand = "true"\n'
    )
    assert cutover(project.file) is not None
    folder = project.journal.folder
    assert [stat.S_IMODE((folder / name).stat().st_mode) for name in FILES] == [0o600] * 3
    told = json.loads((folder / "report.json").read_text())
    login = kept_login(folder / "credentials.json")
    assert login is not None
    assert not any(login.password in (folder / name).read_text() for name in FILES)
    assert (told["status"], told["exit_code"], told["move"]["source"]["rows"]) == ("good", 0, ROWS + 30)
    assert [phase["whole"]["state"] for phase in told["forward"]["phases"]] == ["done"] * 7
    assert told["forward"]["closed"]["seconds"] > 0
    assert [file["file"] for file in told["files"]] == [str(project.folder / ".env")]
    assert any(line["kind"] == "in" and ":***@" in line["text"] for line in told["files"][0]["diff"])
    assert [row["after"]["ok"] for row in told["health"]] == [True]
    assert (told["archive"]["read_back"], len(told["archive"]["files"])) == (True, 2)
    assert ["PostgreSQL", told["move"]["target"]["server_version"]] in told["baseline"]
    for place in (folder, folder / "report.json", project.file, folder.parent):
        made = litelift("report", place)
        assert made.status == 0, made.err
        assert made.out == (folder / "report.md").read_text()
    output = project.folder / "out.html"
    made = litelift("report", folder, "--format", "html", "--output", output)
    assert made.out == ""
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert output.read_text() == (folder / "report.html").read_text()
    with psycopg.connect(project.target, autocommit=True) as connection:
        connection.execute("insert into pupils values (9001, 'Əli')")
        connection.execute("update grades set grade = 5 where id <= 4")
        connection.execute("delete from grades where id = 9")
    assert roll_back(project.file) is not None
    told = json.loads((folder / "report.json").read_text())
    assert told["overview"]["state"] == "rolled back"
    written = told["written"]
    assert (written["inserted"], written["updated"], written["deleted"]) == (1, 4, 1)
    lines = (folder / "written-since-cutover.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[-1])["summary"]["rows"] == len(lines) - 1 == 6
    assert not any(login.password in (folder / name).read_text() for name in FILES)


def test_an_evening_that_fails_has_a_report_of_how(project: Project) -> None:
    project.added(
        '\n[[health]]\nname = "down"\nkind = "command"\nwhen = ["after"]\nretries = 0\n'
        'command = "echo it is down; false"\n'
    )
    with pytest.raises(StepFailed):
        cutover(project.file)
    told = json.loads((project.journal.folder / "report.json").read_text())
    assert (told["status"], told["exit_code"]) == ("failed", 1)
    assert "application start and testing" in told["verdict"]
    assert told["back"]["closed"]["seconds"] > 0
    assert told["next_steps"][0]["title"].startswith("Mend what stopped the step")


def test_a_folder_without_a_run_has_no_report(tmp_path: Path, project: Project) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", project.file):
        refused = litelift("report", place)
        assert refused.status == 2
        assert "holds no report" in refused.err


@pytest.mark.parametrize("how", ["gone", "another"])
def test_a_way_back_without_the_kept_copy_takes_the_source_out_of_the_archive(project: Project, how: str) -> None:
    assert cutover(project.file) is not None
    copy = project.journal.folder / "kept" / "source.sqlite"
    kept = copy.read_bytes()
    if how == "gone":
        copy.unlink()
    else:
        copy.write_bytes(kept[:-1] + b"?")
    with closing(sqlite3.connect(project.source)) as source, source:
        source.execute("delete from grades")
    with psycopg.connect(project.target, autocommit=True) as connection:
        connection.execute("update grades set grade = 5 where id = 4")
    # What became of the run is not hidden by a report that cannot be written.
    (project.journal.folder / "report.html").unlink()
    (project.journal.folder / "report.html").mkdir()
    done = roll_back(project.file)
    assert done is not None
    assert (done.state, done.issues[-1].step) == ("rolled back", "report")
    assert "could not be made: Is a directory" in done.issues[-1].message
    with closing(sqlite3.connect(project.source)) as source:
        assert source.execute("select count(*) from grades").fetchall() == [(ROWS,)]
    assert copy.read_bytes() == kept
    assert any("taken out of" in line.values["resolved"] for line in project.journal.events("issue"))
    facts = next(project.journal.events("undone", "mark")).values["facts"]
    assert (facts["inserted"], facts["updated"], facts["deleted"]) == (0, 1, 0)
