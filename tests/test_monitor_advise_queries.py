"""Indexes for slow queries: found by their words, and asked of the planner where hypopg is; no query is ever run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from conftest import Url, fresh_database
from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.advise import Advised, advise
from litelift.monitor.advise.planning import NotPlanned, Planner
from litelift.monitor.advise.statements import Statement, Statements
from monitored import database_at
from plain_role import plain_url
from system_server import SystemServer, programs

SCHOOL = """
    create table students (id bigint primary key, name text, email text, active boolean, note json);
    create table grades (id bigint primary key, student_id bigint, year int, mark int, at timestamptz, essay text);
    insert into students select n, 'n' || n, 'e' || n || '@x.az', n % 2 = 0 from generate_series(1, 20000) n;
    insert into grades select n, 1 + n % 5000, 2000 + n % 20, n % 10, now() - n * interval '1 minute', repeat('x', 100)
    from generate_series(1, 50000) n;
"""


@pytest.fixture(scope="module")
def counting() -> Iterator[Url]:
    """A server with pg_stat_statements and hypopg."""
    tools = programs()
    if tools is None or not list(tools.parent.glob("lib/hypopg.so")):
        pytest.skip("hypopg.so: no PostgreSQL of the machine's own with it (apt-get install postgresql-15-hypopg)")
    with tempfile.TemporaryDirectory(prefix="litelift-advise-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = SystemServer(Path(folder) / "server")
        server.make()
        server.run("shared_preload_libraries=pg_stat_statements")
        yield server.url
        server.stop()


@pytest.fixture
def school(counting: Url) -> Iterator[str]:
    with fresh_database(counting) as url:
        _run(url, "create extension hypopg", "create extension pg_stat_statements", *SCHOOL.split(";"), "analyze")
        yield url


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            if statement.strip():
                connection.execute(statement.encode())


def _slow(url: str, *queries: str) -> None:
    """Have them counted, and nothing else."""
    _run(url, "select pg_stat_statements_reset()", *[query for query in queries for _ in range(3)])


def _queries(found: Advised) -> dict[str, Advice]:
    return {one.object: one for one in found.advice if one.kind == "query-index"}


@pytest.fixture(autouse=True)
def _all_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast the machine is."""
    monkeypatch.setattr("litelift.monitor.advise.statements.MEAN_MS", 0.0)


def test_the_planner_confirms_an_index_for_each_way_of_searching_and_it_can_be_made(
    school: str, tmp_path: Path
) -> None:
    _slow(
        school,
        "select * from grades where student_id = 17 and year = 2003",
        "select * from grades order by at desc limit 10",
        "select * from students where lower(email) = 'e5@x.az'",
        "update students set active = true where name = 'n77'",
    )
    found = advise(database_at(school, tmp_path))
    advice = _queries(found)
    assert set(advice) == {
        "public.grades (student_id)",
        "public.grades (at)",
        "public.students (lower(email))",
        "public.students (name)",
    }
    assert all(one.sure for one in advice.values())
    assert "The planner's cost falls from" in advice["public.grades (at)"].why
    for one in advice.values():
        _run(school, one.sql[0])
    assert _queries(advise(database_at(school, tmp_path))) == {}


def test_what_an_index_would_not_make_faster_gets_none(school: str, tmp_path: Path) -> None:
    _run(school, "create index on students (name)", "create view seen as select * from grades where mark = 3")
    _slow(
        school,
        "select count(*) from grades where mark >= 0",
        "select * from students where active",
        "select * from students where name = 'n1'",
        "select * from students where id = 5",
        "select avg(mark) from grades",
        "select * from students where name || email = 'x'",
        "select * from grades where essay = 'y'",
        "select * from students where note::text = '{}'",
        "select * from grades where year <> 2003 or mark <> 5",
    )
    assert _queries(advise(database_at(school, tmp_path))) == {}


def test_a_statement_is_judged_with_the_names_that_its_role_sees(school: str, tmp_path: Path) -> None:
    _run(
        school,
        "create schema app",
        "create table app.grades (id int, teacher int)",
        "insert into app.grades select n, n from generate_series(1, 20000) n",
        "analyze",
        "drop role if exists advised_app",
        "create role advised_app",
        "grant usage on schema app to advised_app",
        "grant select on app.grades to advised_app",
        "alter role advised_app set search_path = app",
    )
    query = "select * from grades where teacher = 5"
    _slow(school, "set session authorization advised_app", "set search_path = app", query)
    found = _queries(advise(database_at(school, tmp_path)))
    _run(school, "drop owned by advised_app", "drop role advised_app")
    assert list(found) == ["app.grades (teacher)"]


def test_a_query_is_never_run_and_no_function_of_the_application_either(school: str, tmp_path: Path) -> None:
    _run(
        school,
        "create table ran (n int)",
        "create function caught() returns int language plpgsql immutable as "
        "$$ begin raise exception 'it was run'; end $$",
    )
    _run(
        school,
        "select pg_stat_statements_reset()",
        *["insert into ran select 1 where exists (select from grades where student_id = 4)"] * 3,
    )
    planner_saw = advise(database_at(school, tmp_path))
    with psycopg.connect(school) as connection:
        assert connection.execute("select count(*) from ran").fetchone() == (3,)
        assert connection.execute("select calls from pg_stat_statements where query like 'insert%'").fetchall() == [
            (3,)
        ]
    assert planner_saw.database


def test_words_of_a_statement_cannot_become_two(school: str) -> None:
    with psycopg.connect(school, autocommit=True) as connection:
        planner = Planner(connection)
        with planner.as_seen_with("public"):
            with pytest.raises(NotPlanned):
                planner.plan("select 1; drop table students")
            with pytest.raises(NotPlanned):
                planner.plan("select interval from where")
            # The session goes on after those.
            assert planner.plan("select * from students where id = $1").cost > 0
        assert connection.execute("select count(*) from students").fetchone() == (20000,)
        assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
        assert connection.execute("select count(*) from hypopg_list_indexes").fetchone() == (0,)


def test_functions_that_planning_could_work_out_are_not_planned(school: str, tmp_path: Path) -> None:
    _run(
        school,
        "create function mine(int) returns int language sql stable as 'select $1'",
        "create view seen as select * from grades where mark = 3",
    )
    _slow(
        school,
        "select * from grades where mark = mine(7) and student_id = 9",
        "select * from grades where year = public.mine(7) and student_id = 9",
        "select * from seen where student_id = 9",
    )
    found = advise(database_at(school, tmp_path))
    assert _queries(found) == {}
    # On a slow machine what made the tables may be among the slow ones, too.
    (note,) = [note for note in found.notes if "could not be judged" in note]
    assert int(note.split()[0]) >= 3


@pytest.mark.parametrize("version", [16, 18])
def test_without_hypopg_an_index_is_a_guess_and_says_so(
    servers: Callable[[int], Url], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    counted = [
        Statement("select * from grades where student_id = $1 and year = $2", "postgres", 9, 900.0, 100.0, 120.0),
        Statement("select * from grades where mark > $1", "postgres", 9, 900.0, 100.0, 120.0),
        Statement("select * from grades where at > now() - interval $1", "postgres", 9, 900.0, 100.0, 120.0),
    ]
    # The embedded server has no pg_stat_statements.
    monkeypatch.setattr(
        "litelift.monitor.advise.advise.read_statements", lambda *_, **__: Statements(counted, total=2700.0)
    )
    with fresh_database(servers(version)) as url:
        _run(url, *SCHOOL.split(";"), "analyze")
        found = advise(database_at(url, tmp_path))
    (advice,) = _queries(found).values()
    assert set(advice.object.removeprefix("public.grades (").rstrip(")").split(", ")) == {"student_id", "year"}
    assert not advice.sure
    assert any("hypopg" in note for note in found.notes)


def test_a_server_that_does_not_count_is_told_how_to(database: str, tmp_path: Path) -> None:
    found = advise(database_at(database, tmp_path))
    assert any("pg_stat_statements is not in shared_preload_libraries" in note for note in found.notes)
    # It is not installed there, and a server does not start with a library that it has not.
    assert not any(one.object == "shared_preload_libraries" for one in found.advice)


def test_a_database_that_does_not_show_what_is_counted_is_advised_to(counting: Url, tmp_path: Path) -> None:
    with fresh_database(counting) as url:
        found = advise(database_at(url, tmp_path))
        (advice,) = (one for one in found.advice if one.object == "pg_stat_statements")
        _run(url, *advice.sql)
        found = advise(database_at(url, tmp_path))
    assert not any(one.object == "pg_stat_statements" for one in found.advice)


def test_a_login_that_sees_little_is_told_so_and_judged_by_what_it_sees(school: str, tmp_path: Path) -> None:
    _slow(school, "select * from grades where student_id = 17")
    mine = plain_url(school, "owner")
    found = advise(database_at(mine, tmp_path))
    assert _queries(found) == {}
    assert any("words that the login may not read" in note for note in found.notes), found.notes
    # What is loaded a plain role may not know: nothing is said of it that may be wrong.
    assert not any(one.object == "shared_preload_libraries" for one in found.advice)
    _run(school, "grant pg_read_all_stats to plain_owner", "grant select on all tables in schema public to plain_owner")
    try:
        advice = _queries(advise(database_at(mine, tmp_path)))["public.grades (student_id)"]
    finally:
        _run(school, "revoke pg_read_all_stats from plain_owner")
    assert advice.blocked is not None and "owner" in advice.blocked
