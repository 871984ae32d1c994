"""litelift check: a verdict that a person can act on, the same in words, as a document, and in Python."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from broken import failed_as_document, one_clear_error
from command import Ran, litelift
from litelift import CheckResult, check

SCRIPT = """
    create table pupils(id integer primary key, name text not null);
    create table marks(id integer primary key, pupil integer references pupils(id));
    insert into pupils values (1, 'a'), (2, 'b');
    insert into marks values (1, 1), (2, 2);
"""


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    return make_sqlite(SCRIPT)


def told(ran: Ran, status: int) -> list[str]:
    """The lines of a check with this exit status: no wider than a terminal, and nothing of Python's in them."""
    assert ran.status == status, ran
    lines = ran.out.splitlines()
    # The first names the source and the target, whose paths may be long.
    assert max(map(len, lines[1:])) <= 80, ran.out
    assert "Traceback" not in ran.err
    assert "error" not in ran.err
    return lines


def test_a_ready_move_ends_with_the_word_and_status_0(source: Path, database: str) -> None:
    lines = told(litelift("check", source, database), 0)
    assert lines[-1] == "Ready"
    assert str(source) in lines[0]
    assert any(line.startswith("Time: about") for line in lines)
    assert sum(line.startswith("ok ") for line in lines) >= 8


def test_blockers_come_first_with_their_way_out_and_status_1(source: Path, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table pupils(id int)")
    lines = told(litelift("check", source, database), 1)
    assert lines[-1] == "Not ready: 1 thing stands in the way"
    findings = lines[2:]
    assert findings[0].startswith("blocker")
    assert "→" in "".join(findings[:5])


def test_what_needs_a_person_is_counted_and_status_3(source: Path, database: str) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("insert into marks values (3, 99), (4, 98)")
        connection.commit()
    lines = told(litelift("check", source, database), 3)
    assert lines[-1] == "Ready, and something needs a person: 1 thing needs a person"
    assert "99" in "".join(lines)


def test_quiet_says_the_verdict_alone(source: Path) -> None:
    ran = litelift("check", source, "--quiet")
    assert (ran.out, ran.err) == ("Ready\n", "")


def test_the_document_is_the_librarys_result(source: Path, database: str) -> None:
    ran = litelift("check", source, database, "--json")
    assert ran.status == 0
    document = ran.json
    assert (document["verdict"], document["exit_code"]) == ("ready", 0)
    read = CheckResult.model_validate(document)
    here = check(source, database)
    assert [(f.about, f.kind, f.level) for f in read.findings] == [(f.about, f.kind, f.level) for f in here.findings]
    assert read.need == here.need
    assert read.source == here.source
    assert document["need"]["tables"] > 0


def test_many_findings_of_one_kind_are_counted_unless_all_are_asked_for(make_sqlite: Callable[..., Path]) -> None:
    views = "".join(f"create view v{n} as select strange(a) as b from t;" for n in range(30))
    path = make_sqlite("create table t(a);" + views)
    few = told(litelift("check", path), 3)
    assert "and 18 more of this kind (--verbose)" in " ".join(" ".join(few).split())
    everything = litelift("check", path, "--verbose").out
    assert all(f"the view v{n} " in everything for n in range(30))


def test_hostile_names_do_not_reach_the_terminal(make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite('create table t(a); create view "v\x1b[31m\n[red]" as select strange(a) as b from t;')
    ran = litelift("check", path)
    assert ran.status == 3
    assert "\x1b" not in ran.out
    assert "[red]" in ran.out


def test_wrong_words_are_told_as_every_command_does(source: Path, tmp_path: Path) -> None:
    one_clear_error(litelift("check", tmp_path / "no.sqlite"), 2, "there is no file")
    one_clear_error(litelift("check", source, "--data-only"), 2, "none is named", "DST")
    failed_as_document(litelift("check", source, "--data-only", "--json"), 2, "UsageError")
    plan = tmp_path / "plan.toml"
    plan.write_text("[tables.teachers]\nexclude = true\n")
    one_clear_error(litelift("check", source, "--plan", plan), 2, "plan.toml:1", "teachers")


def test_no_password_is_told(source: Path) -> None:
    ran = litelift("check", source, "postgresql://app:s3cret-Word@127.0.0.1:1/app", "--verbose")
    assert ran.status == 1
    assert "s3cret-Word" not in ran.out + ran.err
    document = litelift("check", source, "postgresql://app:s3cret-Word@127.0.0.1:1/app", "--json")
    assert "s3cret-Word" not in document.out + document.err
    assert document.json["verdict"] == "not ready"


def test_a_check_finds_the_embedded_server_of_an_earlier_move(source: Path) -> None:
    try:
        assert litelift("migrate", source, "--quiet").status == 0
        running = litelift("check", source, "--json")
        assert running.status == 1
        assert "target-not-empty" in [finding["kind"] for finding in running.json["findings"]]
        assert litelift("server", "stop", source).status == 0
        before = sorted((path, path.stat().st_mtime_ns) for path in Path(f"{source}.litelift").rglob("*"))
        stopped = litelift("check", source, "--json")
        assert "embedded-stopped" in [finding["kind"] for finding in stopped.json["findings"]]
        assert sorted((path, path.stat().st_mtime_ns) for path in Path(f"{source}.litelift").rglob("*")) == before
    finally:
        litelift("server", "stop", source)
