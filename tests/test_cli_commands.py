"""inspect, plan, report and server, as a user runs them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from command import litelift
from litelift import LiteliftError, PlanFile, migrate, read_plan
from litelift.cli.output import called
from litelift.plan.file import ColumnPlan
from litelift.postgres import embedded

SCHEMA = """
create table schools(id integer primary key, name varchar(40) not null);
create table pupils(id integer primary key, school_id integer references schools(id), status text not null,
  profile text, seen integer, age integer, born date);
create view grown as select * from pupils where age > 17;
create virtual table notes using fts5(body);
"""
ROWS = [
    ("insert into schools values (?,?)", [(n, f"Məktəb {n}") for n in range(1, 6)]),
    (
        "insert into pupils values (?,?,?,?,?,?,?)",
        [
            (n, n % 5 + 1, "aktiv" if n % 3 else "bağlı", '{"dil": "az"}', 1765655714 + n, n % 30, "2009-05-01")
            for n in range(1, 301)
        ],
    ),
    ("update pupils set age = ? where id = ?", [("", 7)]),
    ("update pupils set school_id = ? where id = ?", [(99, 8)]),
]


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    return make_sqlite(SCHEMA, ROWS)


def test_inspect_tells_everything_that_needs_a_decision_and_writes_nothing(source: Path) -> None:
    before = sorted(source.parent.iterdir())
    ran = litelift("inspect", source)
    assert ran.status == 3
    for words in (
        "pupils.status: aktiv (200), bağlı (100)",
        "pupils.seen: time kept as seconds since 1970",
        "pupils.profile: JSON kept as text",
        "pupils.school_id -> schools: 1; id=8: 99",
        "pupils.age: not bigint, and kept in quarantine (1; NULL stands in its place): id=7: ''",
        "virtual table notes",
        "Estimate:",
    ):
        assert words in ran.out, words
    assert sorted(source.parent.iterdir()) == before


def test_inspect_has_all_of_it_as_json(source: Path) -> None:
    document = litelift("inspect", source, "--json").json
    assert {table["name"]: table["rows"] for table in document["tables"]} == {"schools": 5, "pupils": 300, "notes": 0}
    assert document["enums"][0]["values"] == {"aktiv": 200, "bağlı": 100}
    assert document["orphans"][0]["examples"] == ["id=8: 99"]
    assert len(document["estimate_seconds"]) == 2


def test_the_proposed_plan_changes_nothing_as_it_stands(source: Path, tmp_path: Path, database: str) -> None:
    plan = tmp_path / "plan.toml"
    assert litelift("plan", source, "-o", plan).status == 0
    assert '# values = { aktiv = "aktiv"' in plan.read_text() or '"aktiv" = "aktiv"' in plan.read_text()
    assert all(c == ColumnPlan() for section in read_plan(plan).tables.values() for c in section.columns.values())
    assert litelift("migrate", source, database, "--plan", plan).status == 3
    assert litelift("verify", source, database).status == 3


def test_a_plan_for_a_pipe_goes_to_stdout(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = litelift("plan", source, "-o", "-")
    assert ran.status == 0
    assert "[defaults]" in ran.out
    assert not (tmp_path / "-").exists()


def test_what_an_output_goes_to_is_written_to_where_it_is_no_file(source: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert litelift("plan", source, "-o", pipe, "--force").status == 0
        assert pipe.is_fifo()
        assert b"[defaults]" in os.read(reader, 1 << 16)
    finally:
        os.close(reader)


def test_a_plan_file_that_is_there_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("# mine")
    ran = litelift("plan", source, "-o", plan)
    assert (ran.status, plan.read_text()) == (2, "# mine")
    assert "--force" in ran.err


def test_the_report_is_written_and_can_be_made_again_from_the_target(
    source: Path, tmp_path: Path, database: str
) -> None:
    folder = tmp_path / "report"
    assert litelift("migrate", source, database, "--report", folder).status == 3
    assert {path.name for path in folder.iterdir()} == {"report.md", "report.html", "report.json"}
    from_files = litelift("report", folder / "report.json", "-f", "md").out
    from_target = litelift("report", database, "-f", "md").out
    assert "# Completion report" in from_files
    assert from_files == from_target
    assert "<!doctype html>" in litelift("report", database, "-f", "html").out.lower()
    assert litelift("report", database, "--json").json["run_id"]


def test_a_target_without_a_run_has_no_report(database: str) -> None:
    ran = litelift("report", database)
    assert (ran.status, "no report" in ran.err) == (2, True)


def test_with_json_stdout_is_one_document(source: Path, database: str) -> None:
    ran = litelift("migrate", source, database, "--json")
    assert ran.status == ran.json["exit_code"] == 3
    assert {table["source"]: table["loaded"] for table in ran.json["tables"]} == {
        "schools": 5,
        "pupils": 300,
        "notes": 0,
    }
    assert ran.json["quarantined"][0]["original"] == ""


def test_quiet_says_one_line(source: Path, database: str) -> None:
    ran = litelift("migrate", source, database, "--quiet")
    assert len(ran.out.splitlines()) == 1
    assert ran.err == ""


def test_the_embedded_server_starts_beside_the_source_stops_and_is_found_again(source: Path) -> None:
    folder = embedded.folder_for(source)
    try:
        ran = litelift("migrate", source)
        assert ran.status == 3
        assert f"litelift server stop {source}" in ran.out
        status = litelift("server", "status", source, "--json").json
        assert status["running"]
        with psycopg.connect(status["url"]) as connection:
            assert connection.execute("select count(*) from pupils").fetchone() == (300,)
        assert not litelift("server", "stop", source, "--json").json["running"]
        again = litelift("server", "start", source, "--json").json
        assert again["running"]
        with psycopg.connect(again["url"]) as connection:
            assert connection.execute("select count(*) from pupils").fetchone() == (300,)
        for place in (folder, folder.parent):
            assert litelift("server", "status", place, "--json").json["url"] == again["url"]
        second = litelift("migrate", source)
        assert (second.status, "not empty" in second.err) == (1, True)
    finally:
        embedded.stop(folder)


def test_the_embedded_server_of_a_source_is_found_by_its_sqlite_url_too(tmp_path: Path) -> None:
    ran = litelift("server", "status", f"sqlite:///{tmp_path}/my%20app.sqlite")
    assert ran.status == 1
    assert f"{tmp_path}/my app.sqlite.litelift/pg" in ran.err


def test_the_library_call_returns_a_typed_result(source: Path, database: str) -> None:
    seen: list[str] = []
    result = migrate(source, database, plan=PlanFile(), on_progress=lambda sign: seen.append(sign.phase))
    assert result.exit_code == 3
    assert [table.loaded for table in result.tables] == [5, 300, 0]
    assert [step.name for step in result.steps] == list(dict.fromkeys(seen))
    with pytest.raises(LiteliftError, match="not empty") as caught:
        migrate(source, database)
    assert caught.value.exit_code == 1
    assert "pupils" in caught.value.message


def test_a_hint_names_the_command_as_it_can_be_called_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = tmp_path / "my venv" / "litelift", tmp_path / "elsewhere"
    own.parent.mkdir()
    own.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other))
    monkeypatch.setattr("sys.argv", [str(own)])
    assert called() == f"'{own}'"
    monkeypatch.setenv("PATH", str(own.parent))
    assert called() == "litelift"
    monkeypatch.setattr("sys.argv", [str(other / "__main__.py")])
    assert called() == "litelift"
