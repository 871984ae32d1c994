"""The preflight's look at the source: who writes to it, what its program left, and whether it is whole."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from application import Application
from broken import nobodys_python, seen
from litelift import CheckResult, Finding, check, errors
from litelift.move import progress
from litelift.preflight import writers

SCRIPT = """
    create table pupils(id integer primary key, name text not null);
    insert into pupils values (1, 'a'), (2, 'b');
"""

Applications = Callable[..., Application]
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who has a file open, and which locks are held")


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    return make_sqlite(SCRIPT)


def found(result: CheckResult, kind: str) -> Finding:
    """The one finding of a kind."""
    (finding,) = [finding for finding in result.findings if finding.kind == kind]
    return finding


def kinds(result: CheckResult) -> set[str]:
    return {finding.kind for finding in result.findings}


# --------------------------------------------------------------------- whole


def test_a_source_that_nobody_uses_is_ready(source: Path) -> None:
    result = check(source)
    assert result.exit_code == 0, result.findings
    assert found(result, "integrity").level == "ok"
    assert (result.source.tables, result.source.rows) == (1, 2)
    assert (result.source.journal_mode, result.source.encoding) == ("delete", "UTF-8")
    assert "written-to" not in kinds(result)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_corrupt_file_is_a_blocker_that_names_the_table(make_sqlite: Callable[..., Path], jobs: int) -> None:
    path = make_sqlite(
        "create table big(id integer primary key, content text); create index by_content on big(content)",
        [("insert into big values (?, ?)", [(n, f"{n}" * 40) for n in range(5000)])],
    )
    data = bytearray(path.read_bytes())
    data[40 * 4096 : 41 * 4096] = os.urandom(4096)
    path.write_bytes(data)
    before = seen(path)
    result = check(path, jobs=jobs)
    finding = found(result, "source-corrupt")
    assert (result.exit_code, finding.level, finding.about) == (1, "blocker", "source")
    assert "big" in finding.message
    assert "recover" in (finding.way_out or "")
    assert "integrity" not in kinds(result)
    # The rest is told all the same.
    assert found(result, "embedded").level == "ok"
    assert seen(path) == before


def test_a_file_that_is_no_database_is_a_blocker(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_text("BEGIN TRANSACTION; CREATE TABLE a(b);")
    assert found(check(path), "not-a-database").way_out


def test_a_missing_file_is_wrong_words(tmp_path: Path) -> None:
    with pytest.raises(errors.SourceNotFound):
        check(tmp_path / "no.sqlite")


def test_free_pages_are_told(make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite("create table big(content)", [("insert into big values (?)", [(bytes(4000),)] * 1000)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("delete from big")
    result = check(path)
    assert "VACUUM would save" in found(result, "free-pages").message
    assert result.source.free_bytes > 3_000_000
    assert result.exit_code == 0


# --------------------------------------------------------------------- writers


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another program holds it holds for the whole test: nothing comes free for whoever waits."""
    monkeypatch.setattr("litelift.sqlite.open.BUSY_SECONDS", 0.2)


@linux
@pytest.mark.usefixtures("impatient")
def test_a_writer_that_holds_the_lock_is_told_by_its_number(source: Path, applications: Applications) -> None:
    program = applications(source, "c.execute('begin immediate'); c.execute(\"insert into pupils values (3, 'c')\")")
    result = check(source)
    assert result.exit_code == 3
    assert f"process {program.pid}" in found(result, "write-lock").message
    finding = found(result, "open-elsewhere")
    assert finding.level == "attention"
    assert f"(process {program.pid})" in finding.message
    # What it has not committed is not there.
    assert result.source.rows == 2


@linux
@pytest.mark.usefixtures("impatient")
def test_a_writer_in_a_write_ahead_log_is_told_too(source: Path, applications: Applications) -> None:
    program = applications(source, "c.execute('pragma journal_mode = wal'); c.execute('begin immediate')")
    result = check(source)
    assert f"process {program.pid}" in found(result, "write-lock").message


@pytest.mark.usefixtures("impatient")
def test_a_file_that_is_locked_against_readers_is_a_blocker(source: Path, applications: Applications) -> None:
    applications(source, "c.execute('begin exclusive')")
    result = check(source)
    assert found(result, "source-locked").level == "blocker"
    assert result.exit_code == 1


@linux
def test_a_program_that_only_reads_is_a_note(source: Path, applications: Applications) -> None:
    applications(
        source,
        "c.close(); c = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True);"
        "r = c.execute('select * from pupils'); r.fetchone()",
    )
    result = check(source)
    assert found(result, "read-elsewhere").level == "note"
    assert "open-elsewhere" not in kinds(result)
    assert result.exit_code == 0


@linux
def test_the_checks_own_workers_are_not_taken_for_others(source: Path) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("pragma journal_mode = wal")
    result = check(source, jobs=3)
    assert result.exit_code == 0, result.findings


@linux
def test_other_users_processes_are_said_to_be_unseen(source: Path) -> None:
    python = nobodys_python()
    if os.geteuid() != 0 or python is None:
        pytest.skip("only root can work as another user")
    script = (
        "import sys; from pathlib import Path; from litelift.preflight.writers import openers;"
        "print(openers(Path(sys.argv[1])).unseen)"
    )
    said = subprocess.run(
        [*python, "-c", script, "/etc/hostname"],
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
    )
    assert said.stdout == "True\n", said.stderr


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_source_that_grows_during_the_check_is_told(source: Path, mode: str) -> None:
    with closing(sqlite3.connect(source, isolation_level=None)) as connection:
        connection.execute(f"pragma journal_mode = {mode}")
    written: list[int] = []

    def write(sign: progress.Progress) -> None:
        # Its pulse has been taken by then, and it is not open yet.
        if sign.phase == "open" and not written:
            written.append(1)
            script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])"
            insert = "insert into pupils values (9, 'i')"
            subprocess.run([sys.executable, "-c", script, str(source), insert], check=True)

    result = check(source, on_progress=write)
    assert written
    assert found(result, "written-to").level == "attention"
    assert result.exit_code == 3


# --------------------------------------------------------------------- what a program left


def test_a_log_with_frames_is_told_and_left_as_it_is(source: Path, applications: Applications) -> None:
    program = applications(
        source,
        "c.execute('pragma journal_mode = wal'); c.execute('pragma wal_autocheckpoint = 0');"
        "c.execute(\"insert into pupils values (3, 'c')\")",
    )
    program.kill()
    before = seen(source)
    assert Path(f"{source}-wal").stat().st_size
    result = check(source)
    assert f"{source.name}-wal" in (found(result, "write-ahead-log").way_out or "")
    assert result.source.rows == 3
    assert result.source.log_bytes == Path(f"{source}-wal").stat().st_size
    assert result.exit_code == 0, result.findings
    assert seen(source) == before


def test_a_hot_journal_is_a_blocker_and_left_alone(source: Path, applications: Applications) -> None:
    program = applications(
        source,
        "c.execute('pragma cache_size = 1'); c.execute('begin');"
        "c.executemany('insert into pupils(name) values (?)', [('x' * 2000,)] * 200)",
    )
    program.kill()
    before = seen(source)
    assert Path(f"{source}-journal").exists()
    result = check(source)
    finding = found(result, "hot-journal")
    assert (finding.level, result.exit_code) == ("blocker", 1)
    assert f"{source.name}-journal" in finding.message
    assert finding.way_out
    assert seen(source) == before


def test_a_system_without_proc_says_that_it_does_not_know(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "PROC", tmp_path / "none")
    assert found(check(source), "open-elsewhere").level == "note"


# --------------------------------------------------------------------- the embedded server


def test_a_folder_that_holds_something_else_stops_an_embedded_server(source: Path) -> None:
    folder = Path(f"{source}.litelift") / "pg"
    folder.mkdir(parents=True)
    (folder / "mine").touch()
    result = check(source)
    assert found(result, "embedded-impossible").level == "blocker"
    assert "Move" in (found(result, "embedded-impossible").way_out or "")


# --------------------------------------------------------------------- the plan


def test_orphans_misfits_and_what_is_not_carried_need_a_person(make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite(
        """
        create table pupils(id integer primary key, born date);
        create table marks(id integer primary key, pupil integer references pupils(id));
        create view odd as select id, julianday(born) * strange(id) as j from pupils;
        insert into pupils select value, '2001-02-03' from generate_series(1, 300);
        insert into pupils values (1000, 'soon');
        insert into marks values (1, 7), (2, 4711);
        """.replace(
            "generate_series(1, 300)",
            "(with recursive n(value) as (select 1 union all select value + 1 from n"
            " where value < 300) select value from n)",
        )
    )
    result = check(path)
    assert result.exit_code == 3
    assert "4711" in found(result, "orphans").message
    assert found(result, "untranslated-view").way_out
    assert any("id=1000" in finding.message for finding in result.at("attention"))


def test_a_value_that_the_plan_does_not_map_is_a_blocker(make_sqlite: Callable[..., Path], tmp_path: Path) -> None:
    path = make_sqlite("create table t(id integer primary key, s text); insert into t values (1, 'a'), (2, 'zz')")
    plan = tmp_path / "plan.toml"
    plan.write_text('[tables.t.columns.s]\nvalues = { "a" = "b" }\nunmapped = "fail"\n')
    result = check(path, plan=plan)
    finding = found(result, "unmapped-values")
    assert (finding.level, finding.about) == ("blocker", "plan")
    assert "zz" in finding.message


def test_a_plan_for_another_source_is_wrong_words(source: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[tables.teachers]\nexclude = true\n")
    with pytest.raises(errors.PlanFileError, match="teachers"):
        check(source, plan=plan)
