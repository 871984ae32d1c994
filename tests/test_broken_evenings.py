"""What breaks in the middle: Ctrl-C, kill, a lost server. The error is clear, and nothing half done stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import hooked
from broken import alive, children, has, objects, one_clear_error, seen, wait_for
from command import Ran, litelift

SCRIPT = """
    create table pupils(id integer primary key, name text not null, status text, active boolean);
    create index by_name on pupils(name);
    create table marks(id integer primary key, pupil integer references pupils(id), at text default (unixepoch()));
"""
ROWS = [
    (
        "insert into pupils values (?, ?, ?, ?)",
        [(n, f"pupil {n}", "new" if n % 2 else "old", n % 2) for n in range(50_000)],
    ),
    ("insert into marks(id, pupil) values (?, ?)", [(n, n) for n in range(50_000)]),
]
PLAN = '[defaults]\nschema = "school"\n[tables.pupils.columns.status]\nenum = "pupil_status"\n'
JOBS = pytest.mark.parametrize("jobs", ["1", "2"])


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    path = make_sqlite(SCRIPT, ROWS)
    path.with_name("plan.toml").write_text(PLAN)
    return path


@contextlib.contextmanager
def hooking(phase: str, action: str, argument: str, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A litelift to which something happens in a phase; it has a process group of its own."""
    command = [sys.executable, hooked.__file__, phase, action, argument, *map(str, words)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def run_hooked(phase: str, action: str, argument: str, *words: str | Path) -> Ran:
    """Run it to its end."""
    with hooking(phase, action, argument, *words) as process:
        out, err = process.communicate(timeout=120)
        # A zombie worker, or one that works on for nobody, would be in the group still.
        wait_for(lambda: not group_members(process.pid), 10)
        return Ran(process.returncode, out, err)


def group_members(group: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rsplit(")", 1)[1].split()[2]) == group and alive(int(path.parent.name)):
                found.append(int(path.parent.name))
    return found


def nothing_stays(source: Path, url: str, action: Callable[[], Ran]) -> Ran:
    """Do it; the source, what lies beside it, and the target are as they were."""
    before, held = seen(source), objects(url)
    ran = action()
    assert seen(source) == before
    assert objects(url) == held
    return ran


def sessions(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where application_name = 'litelift' and datname = current_database()"
        ).fetchone()
        return int(row[0]) if row else 0


# --------------------------------------------------------------------- signals


@JOBS
@pytest.mark.parametrize("phase", ["open", "server", "census", "plan", "create", "load", "build", "prove"])
def test_ctrl_c_takes_everything_back(source: Path, database: str, phase: str, jobs: str) -> None:
    plan = source.with_name("plan.toml")
    ran = nothing_stays(
        source,
        database,
        lambda: run_hooked(phase, "group", "SIGINT", "migrate", source, database, "--plan", plan, "--jobs", jobs),
    )
    assert ran.status == 130, ran
    assert "stopped" in ran.err
    assert ("taken back" in ran.err) == (phase in ("load", "build", "prove"))
    assert ("Nothing had been written" in ran.err) == (phase not in ("load", "build", "prove"))
    assert "Traceback" not in ran.err
    wait_for(lambda: sessions(database) == 0, 10)


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_request_to_end_is_met_like_ctrl_c(source: Path, database: str, name: str, status: int) -> None:
    ran = nothing_stays(
        source, database, lambda: run_hooked("load", "self", name, "migrate", source, database, "--jobs", "2")
    )
    assert ran.status == status, ran
    assert "taken back" in ran.err
    assert "Traceback" not in ran.err


def test_a_second_ctrl_c_leaves_the_rest_to_the_next_run_at_worst(source: Path, database: str) -> None:
    ran = run_hooked("load", "twice", "", "migrate", source, database)
    assert ran.status == 130, ran
    assert "Traceback" not in ran.err
    assert ("taken back" in ran.err) or ("next litelift migrate removes it" in ran.err)
    assert litelift("migrate", source, database).status == 0


def test_ctrl_c_with_json_is_one_document(source: Path, database: str) -> None:
    ran = run_hooked("load", "group", "SIGINT", "migrate", source, database, "--json")
    assert ran.json["exit_code"] == 130
    assert ran.json["error"]["kind"] == "Interrupted"


def test_ctrl_c_in_a_move_without_a_target_takes_the_server_along(source: Path) -> None:
    before = seen(source)
    ran = run_hooked("load", "group", "SIGINT", "migrate", source)
    assert ran.status == 130, ran
    assert seen(source) == before


def test_ctrl_c_gives_the_terminal_back(source: Path, database: str) -> None:
    pty = pytest.importorskip("pty")
    mine, theirs = pty.openpty()
    command = [sys.executable, hooked.__file__, "load", "group", "SIGINT", "migrate", str(source), database]
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, start_new_session=True, env=environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(mine, 65536):
            shown += part
    os.close(mine)
    assert process.wait(60) == 130
    hidden, back = shown.rfind(b"\x1b[?25l"), shown.rfind(b"\x1b[?25h")
    assert hidden >= 0
    assert back > hidden, "the cursor is still hidden"
    assert b"taken back" in shown


@JOBS
@pytest.mark.parametrize("phase", ["load", "build", "prove"])
def test_what_a_killed_move_left_is_removed_by_the_next_and_told(
    source: Path, database: str, phase: str, jobs: str
) -> None:
    plan = source.with_name("plan.toml")
    words: list[str | Path] = ["migrate", source, database, "--plan", plan, "--jobs", jobs]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table public.mine(id int)")
    ran = run_hooked(phase, "self", "SIGKILL", *words)
    assert ran.status == -signal.SIGKILL, ran
    again = litelift(*words)
    assert again.status == 0, again
    assert "removed the remains of a move" in again.err
    assert "removed the remains of a move" in again.out
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from school.pupils").fetchone() == (50_000,)
        assert connection.execute("select count(*) from litelift.run").fetchone() == (1,)
        assert connection.execute("select to_regclass('public.mine') is not null").fetchone() == (True,)


def test_workers_end_when_their_parent_is_killed(source: Path, database: str, tmp_path: Path) -> None:
    flag = tmp_path / "holds"
    with hooking("load", "hold", str(flag), "migrate", source, database, "--jobs", "2") as process:
        wait_for(flag.exists)
        workers = children(process.pid)
        assert len(workers) >= 2
        process.kill()
        process.wait()
        wait_for(lambda: not any(alive(worker) for worker in workers), 15)
    wait_for(lambda: sessions(database) == 0, 15)


def test_a_table_made_since_by_the_application_is_never_taken_for_remains(source: Path, database: str) -> None:
    assert run_hooked("load", "self", "SIGKILL", "migrate", source, database).status == -signal.SIGKILL
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop table public.pupils cascade")
        connection.execute("create table public.pupils(id int); insert into public.pupils values (1)")
    ran = litelift("migrate", source, database)
    one_clear_error(ran, 1, "the schema public is not empty; it holds pupils", "--data-only")
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from public.pupils").fetchone() == (1,)


def test_remains_are_no_tables_of_the_application_to_fill(source: Path, database: str) -> None:
    assert run_hooked("load", "self", "SIGKILL", "migrate", source, database).status == -signal.SIGKILL
    ran = litelift("migrate", source, database, "--data-only")
    one_clear_error(ran, 1, "the target has no place for", "pupils")
    assert objects(database) == []


# --------------------------------------------------------------------- the server


@JOBS
@pytest.mark.parametrize("phase", ["load", "build", "prove"])
def test_ended_sessions_are_a_clear_error_and_everything_is_taken_back(
    source: Path, database: str, phase: str, jobs: str
) -> None:
    ran = nothing_stays(
        source,
        database,
        lambda: run_hooked(phase, "sessions", database, "migrate", source, database, "--jobs", jobs),
    )
    one_clear_error(ran, 1, "the connection to PostgreSQL was lost", "taken back", "server's log")


def test_sessions_that_end_in_the_census_are_a_clear_error(source: Path, database: str) -> None:
    ran = nothing_stays(
        source, database, lambda: run_hooked("census", "sessions", database, "migrate", source, database)
    )
    one_clear_error(ran, 1, "the connection to PostgreSQL was lost")


def test_ended_sessions_leave_the_applications_rows_as_they_were(source: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "create table pupils(id bigint primary key, name text not null, status text, active boolean);"
            "create table marks(id bigint primary key, pupil bigint references pupils(id), at text);"
            "insert into pupils values (7, 'seeded', null, null)"
        )
    ran = nothing_stays(
        source, database, lambda: run_hooked("load", "sessions", database, "migrate", source, database, "--data-only")
    )
    one_clear_error(ran, 1, "the connection to PostgreSQL was lost", "taken back")
    with psycopg.connect(database) as connection:
        assert connection.execute("select id, name from pupils").fetchall() == [(7, "seeded")]


def test_ctrl_c_leaves_the_applications_rows_as_they_were(source: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "create table pupils(id bigint primary key, name text not null, status text, active boolean);"
            "create table marks(id bigint primary key, pupil bigint references pupils(id), at text);"
            "insert into pupils values (7, 'seeded', null, null)"
        )
    ran = nothing_stays(
        source, database, lambda: run_hooked("load", "group", "SIGINT", "migrate", source, database, "--data-only")
    )
    assert ran.status == 130
    assert "taken back" in ran.err
    with psycopg.connect(database) as connection:
        assert connection.execute("select id, name from pupils").fetchall() == [(7, "seeded")]


def test_a_worker_that_is_killed_is_told_and_everything_is_taken_back(source: Path, database: str) -> None:
    ran = nothing_stays(
        source, database, lambda: run_hooked("load", "worker", "", "migrate", source, database, "--jobs", "2")
    )
    one_clear_error(ran, 1, "a worker process ended", "taken back", "--jobs")


def test_two_moves_at_once_into_one_target_do_not_mix(source: Path, database: str, tmp_path: Path) -> None:
    flag = tmp_path / "holds"
    with hooking("load", "hold", str(flag), "migrate", source, database) as process:
        wait_for(flag.exists)
        ran = litelift("migrate", source, database)
        one_clear_error(ran, 1, "another litelift is working on", "pg_terminate_backend(", "since")
        flag.unlink()
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "Moved and proved" in out
    assert has(database)
