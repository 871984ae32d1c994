"""What breaks in the middle: Ctrl-C, kill, a lost server. The error is clear, and the move can be gone on with."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import hooked
from broken import alive, children, has, objects, one_clear_error, seen, wait_for
from command import Ran, litelift
from hooking import hooking, killed, no_session, on_terminal, run_hooked

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


def nothing_stays(source: Path, url: str, action: Callable[[], Ran]) -> Ran:
    """Do it; the source, what lies beside it, and the target are as they were."""
    before, held = seen(source), objects(url)
    ran = action()
    assert seen(source) == before
    assert objects(url) == held
    return ran


def whole_after(ran: Ran, url: str, schema: str = "school") -> bool:
    """Whether a move ended well, with each row once and all that stands on them."""
    assert ran.status == 0, ran
    with psycopg.connect(url) as connection:
        query = sql.SQL("select count(*), count(distinct id), sum(id) from {}")
        for table in ("pupils", "marks"):
            found = connection.execute(query.format(sql.Identifier(schema, table))).fetchone()
            assert found == (50_000, 50_000, 49_999 * 25_000), (table, found)
        built = connection.execute(
            "select count(*) filter (where contype = 'p'), count(*) filter (where contype = 'f' and convalidated)"
            " from pg_constraint k join pg_namespace n on n.oid = connamespace where nspname = %s",
            (schema,),
        ).fetchone()
        assert built == (2, 1)
        assert connection.execute("select 1 from pg_indexes where indexname = 'by_name'").fetchone()
    return True


# --------------------------------------------------------------------- signals


@JOBS
@pytest.mark.parametrize("phase", ["open", "server", "census", "plan", "create"])
def test_ctrl_c_before_a_row_is_loaded_leaves_nothing(source: Path, database: str, phase: str, jobs: str) -> None:
    plan = source.with_name("plan.toml")
    ran = nothing_stays(
        source,
        database,
        lambda: run_hooked(phase, "group", "SIGINT", "migrate", source, database, "--plan", plan, "--jobs", jobs),
    )
    assert ran.status == 130, ran
    assert "stopped" in ran.err
    assert "Nothing had been written" in ran.err
    assert "Traceback" not in ran.err
    no_session(database)


@JOBS
@pytest.mark.parametrize("phase", ["build", "prove"])
def test_ctrl_c_keeps_what_is_loaded_and_says_how_to_go_on_or_back(
    source: Path, database: str, phase: str, jobs: str
) -> None:
    plan = source.with_name("plan.toml")
    words: list[str | Path] = ["migrate", source, database, "--plan", plan, "--jobs", jobs]
    ran = run_hooked(phase, "group", "SIGINT", *words)
    assert ran.status == 130, ran
    said = " ".join(ran.err.split())
    assert "stopped" in said
    assert "of 2 tables are loaded whole" in said
    assert "100,000 rows in all" in said or jobs == "2"
    assert "--resume" in said
    assert "litelift undo" in said
    assert "Traceback" not in said
    no_session(database)
    assert whole_after(litelift(*words, "--resume"), database)


def test_ctrl_c_lets_the_units_under_way_end_and_keeps_them(source: Path, database: str) -> None:
    ran = run_hooked("load", "group", "SIGINT", "migrate", source, database, "--jobs", "2")
    assert ran.status == 130, ran
    assert "What is done stays" in ran.err
    with psycopg.connect(database) as connection:
        done = connection.execute("select coalesce(sum(rows), 0) from litelift.unit").fetchone()
        assert done is not None
        assert f"{done[0]:,} rows in all" in " ".join(ran.err.split())
        assert done[0] > 0
    assert whole_after(litelift("migrate", source, database, "--resume"), database, "public")


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_request_to_end_is_met_like_ctrl_c(source: Path, database: str, name: str, status: int) -> None:
    ran = run_hooked("build", "self", name, "migrate", source, database, "--jobs", "2")
    assert ran.status == status, ran
    assert "--resume" in ran.err
    assert "Traceback" not in ran.err
    assert whole_after(litelift("migrate", source, database, "--resume"), database, "public")


def test_a_second_ctrl_c_ends_at_once_and_the_move_can_be_gone_on_with(source: Path, database: str) -> None:
    ran = run_hooked("build", "twice", "", "migrate", source, database)
    assert ran.status == 130, ran
    assert "Traceback" not in ran.err
    assert whole_after(litelift("migrate", source, database, "--resume"), database, "public")


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
    command = [sys.executable, hooked.__file__, "load", "group", "SIGINT", "migrate", str(source), database]
    status, shown = on_terminal(command, os.environ)
    assert status == 130
    hidden, back = shown.rfind(b"\x1b[?25l"), shown.rfind(b"\x1b[?25h")
    assert hidden >= 0
    assert back > hidden, "the cursor is still hidden"
    assert b"Nothing had been written" in shown or b"taken back" in shown or b"What is done stays" in shown


@JOBS
@pytest.mark.parametrize("phase", ["load", "build", "prove"])
def test_a_killed_move_is_gone_on_with_and_only_when_asked_to(
    source: Path, database: str, phase: str, jobs: str
) -> None:
    plan = source.with_name("plan.toml")
    words: list[str | Path] = ["migrate", source, database, "--plan", plan, "--jobs", jobs]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table public.mine(id int)")
    killed(database, phase, *words)
    before = objects(database)
    one_clear_error(litelift(*words), 1, "did not end", "--resume", "litelift undo")
    assert objects(database) == before
    again = litelift(*words, "--resume")
    assert whole_after(again, database)
    assert "going on with the move" in again.err
    with psycopg.connect(database) as connection:
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
        wait_for(lambda: not any(alive(worker) for worker in workers))
    no_session(database)


def test_a_table_made_since_by_the_application_is_never_taken_for_the_moves_own(source: Path, database: str) -> None:
    killed(database, "build", "migrate", source, database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop table public.pupils cascade")
        connection.execute("create table public.pupils(id int); insert into public.pupils values (1)")
    ran = litelift("migrate", source, database, "--resume")
    one_clear_error(
        ran, 1, "1 of its tables were dropped", "pupils in the schema public is not its own", "litelift undo"
    )
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from public.pupils").fetchone() == (1,)


def test_an_unfinished_move_is_no_table_of_the_application_to_fill(source: Path, database: str) -> None:
    killed(database, "build", "migrate", source, database)
    ran = litelift("migrate", source, database, "--data-only")
    one_clear_error(ran, 1, "did not end", "litelift undo")


# --------------------------------------------------------------------- the server


@JOBS
@pytest.mark.parametrize("phase", ["census", "load", "build", "prove"])
def test_ended_sessions_are_taken_up_again_and_told(source: Path, database: str, phase: str, jobs: str) -> None:
    ran = run_hooked(phase, "sessions", database, "migrate", source, database, "--jobs", jobs)
    assert whole_after(ran, database, "public")
    assert "trying again (1 of" in ran.err
    assert "the connection to PostgreSQL was lost" in ran.out


def test_without_patience_ended_sessions_are_a_clear_error_with_both_ways(source: Path, database: str) -> None:
    words: list[str | Path] = ["migrate", source, database, "--jobs", "2"]
    ran = run_hooked("build", "sessions", database, *words, "--patience", "0")
    one_clear_error(ran, 1, "the connection to PostgreSQL was lost", "What is done stays", "--resume", "litelift undo")
    assert whole_after(litelift(*words, "--resume"), database, "public")


SEEDED = """
    create table pupils(id bigint primary key, name text not null, status text, active boolean);
    create table marks(id bigint primary key, pupil bigint references pupils(id), at text);
    insert into pupils values (7, 'seeded', null, null)
"""


def test_a_filling_whose_sessions_end_begins_again(source: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SEEDED)
    ran = run_hooked("load", "sessions", database, "migrate", source, database, "--data-only")
    assert ran.status == 0, ran
    assert "trying again (1 of" in ran.err
    assert litelift("verify", source, database).status == 0


def test_without_patience_ended_sessions_leave_the_applications_rows_as_they_were(source: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SEEDED)
    words: list[str | Path] = ["migrate", source, database, "--data-only", "--patience", "0"]
    ran = nothing_stays(source, database, lambda: run_hooked("load", "sessions", database, *words))
    one_clear_error(ran, 1, "the connection to PostgreSQL was lost", "taken back")
    with psycopg.connect(database) as connection:
        assert connection.execute("select id, name from pupils").fetchall() == [(7, "seeded")]


def test_ctrl_c_leaves_the_applications_rows_as_they_were(source: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SEEDED)
    ran = nothing_stays(
        source, database, lambda: run_hooked("load", "group", "SIGINT", "migrate", source, database, "--data-only")
    )
    assert ran.status == 130
    assert "taken back" in ran.err
    with psycopg.connect(database) as connection:
        assert connection.execute("select id, name from pupils").fetchall() == [(7, "seeded")]


def test_a_worker_that_is_killed_is_told_and_what_is_loaded_stays(source: Path, database: str) -> None:
    ran = run_hooked("load", "worker", "", "migrate", source, database, "--jobs", "2")
    one_clear_error(ran, 1, "a worker process ended", "What is done stays", "--jobs")
    assert whole_after(litelift("migrate", source, database, "--resume"), database, "public")


def test_two_moves_at_once_into_one_target_do_not_mix(source: Path, database: str, tmp_path: Path) -> None:
    flag = tmp_path / "holds"
    with hooking("load", "hold", str(flag), "migrate", source, database) as process:
        wait_for(flag.exists)
        ran = litelift("migrate", source, database)
        one_clear_error(ran, 1, "another litelift is working on", "pg_terminate_backend(", "since")
        flag.unlink()
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert "Moved and proved" in out
    assert has(database)
