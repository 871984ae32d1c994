"""litelift undo asks first, and leaves alone what is others': what depends on a moved table is a refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from broken import failed_as_document, one_clear_error, started, wait_for
from command import litelift
from hooking import at_terminal, hooking, killed
from whole_catalogue import whole_catalogue

SOURCE = """
    create table pupils(id integer primary key autoincrement, name text, status text);
    create table marks(id integer primary key, pupil integer references pupils(id));
    create trigger marked after insert on marks begin update pupils set name = 'x' where id = new.pupil; end;
    create view named as select name from pupils;
    insert into pupils values (1, 'a', 'new'), (2, 'b', 'old'), (3, 'c', 'old');
    insert into marks values (1, 1), (2, 2);
"""
PLAN = '[defaults]\nschema = "school"\n[tables.pupils.columns.status]\nenum = "state"\n'

# What somebody makes, and how the refusal names it.
OTHERS = {
    "a view": ('create view mine."v;\'" as select id from school.pupils', 'view mine."v;\'"'),
    "a view on a view": ("create view mine.v as select name from school.named", "view mine.v"),
    "a materialized view": (
        "create materialized view mine.m as select * from school.marks",
        "materialized view mine.m",
    ),
    "a view beside ours": ("create view school.other as select 1 from school.marks", "view school.other"),
    "a foreign key": (
        'create table mine."t ""1"(id bigint constraint "f k" references school.pupils)',
        'constraint f k on table mine."t ""1"',
    ),
    "a column of our type": ("create table mine.t(s school.state)", "column s of table mine.t"),
    "a column of arrays of our type": ("create table mine.t(s school.state[])", "column s of table mine.t"),
    "a function of our type": (
        "create function mine.f(s school.state) returns int language sql as 'select 1'",
        "function mine.f(school.state)",
    ),
    "a function of a row": (
        "create function mine.f(p school.pupils) returns int language sql as 'select 1'",
        "function mine.f(school.pupils)",
    ),
    "a domain": ("create domain mine.d as school.state", "type mine.d"),
    "a default from our sequence": (
        "create table mine.t(id bigint default nextval('school.pupils_id_seq'))",
        "default value for column id of table mine.t",
    ),
    "a table that inherits": ("create table mine.t() inherits (school.marks)", "table mine.t"),
    "a policy": (
        "create table mine.t(id int);"
        "create policy p on mine.t using (exists (select from school.pupils u where u.id = t.id))",
        "policy p on table mine.t",
    ),
    "a rule": (
        "create table mine.t(id int); create rule r as on insert to mine.t do also delete from school.marks",
        "rule r on table mine.t",
    ),
    "a trigger with our function": (
        "create table mine.t(id bigint); do $$ begin execute (select format('create trigger tr after insert on mine.t"
        " for each row execute function %s()', oid::regproc) from pg_proc"
        " where pronamespace = 'school'::regnamespace limit 1); end $$",
        "trigger tr on table mine.t",
    ),
}


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    path = make_sqlite(SOURCE)
    path.with_name("plan.toml").write_text(PLAN)
    return path


@pytest.fixture
def moved(source: Path, database: str) -> str:
    ran = litelift("migrate", source, database, "--plan", source.with_name("plan.toml"))
    assert ran.status == 0, ran.out
    do(database, "create schema mine")
    return database


def do(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def count(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        return (connection.execute(query).fetchone() or (None,))[0]


# --------------------------------------------------------------------- what is others'


@pytest.mark.parametrize(("statement", "named"), OTHERS.values(), ids=OTHERS.keys())
def test_what_depends_on_what_would_go_is_a_refusal_that_names_it(moved: str, statement: str, named: str) -> None:
    do(moved, statement)
    before = whole_catalogue(moved)
    ran = litelift("undo", moved, "--yes")
    one_clear_error(ran, 1, f"something else depends on what would be removed: {named}")
    assert whole_catalogue(moved) == before
    assert count(moved, "select count(*) from school.pupils") == 3
    assert count(moved, "select state from litelift.run") == "proved"


def test_all_that_depends_is_listed_together(moved: str) -> None:
    do(moved, "create view mine.a as select 1 from school.pupils; create view mine.b as select * from school.marks")
    one_clear_error(litelift("undo", moved, "--yes"), 1, "view mine.a, view mine.b")


def test_no_later_move_takes_what_somebody_built_on_the_remains_of_one(source: Path, database: str) -> None:
    words: list[str | Path] = ["migrate", source, database, "--plan", source.with_name("plan.toml")]
    killed(database, "prove", *words)
    do(database, "create view public.theirs as select id from school.pupils")
    before = whole_catalogue(database)
    assert litelift(*words).status == 1
    one_clear_error(litelift("undo", database, "--yes"), 1, "view public.theirs")
    assert whole_catalogue(database) == before


def test_what_somebody_put_into_the_schema_stays_and_the_schema_with_it(moved: str) -> None:
    do(moved, "create table school.theirs(id int); insert into school.theirs values (7)")
    ran = litelift("undo", moved, "--yes", "--json")
    assert (ran.status, ran.json["schema_goes"], ran.json["schema_holds"]) == (0, False, ["table school.theirs"])
    assert "which stays: it holds table school.theirs" in ran.err
    assert count(moved, "select id from school.theirs") == 7
    assert count(moved, "select count(*) from pg_class where relnamespace = 'school'::regnamespace") == 1
    assert count(moved, "select to_regnamespace('litelift') is null") is True


def test_what_somebody_put_into_the_schema_litelift_stays(moved: str) -> None:
    do(moved, "create function litelift.mine() returns int language sql as 'select 7'")
    assert litelift("undo", moved, "--yes").status == 0
    assert count(moved, "select litelift.mine()") == 7
    assert count(moved, "select count(*) from litelift.run") == 0


# --------------------------------------------------------------------- asking


def test_without_a_terminal_and_without_yes_nothing_is_done(moved: str) -> None:
    before = whole_catalogue(moved)
    one_clear_error(litelift("undo", moved), 2, "no terminal to ask at", "--yes")
    failed_as_document(litelift("undo", moved, "--json"), 2, "NotConfirmed")
    assert whole_catalogue(moved) == before


@pytest.mark.parametrize("answer", ["\n", "y\n", "yes\n", "\x04"])
def test_a_finished_run_goes_only_where_the_databases_name_is_typed(moved: str, answer: str) -> None:
    before = whole_catalogue(moved)
    ran = at_terminal(answer, "undo", moved)
    assert (ran.status, ran.out) == (1, "nothing was removed\n"), ran
    assert whole_catalogue(moved) == before


def test_it_says_what_will_go_and_which_rows_are_new_or_missing(moved: str) -> None:
    do(moved, "insert into school.pupils(name) values ('d'), ('e'); delete from school.marks where id = 1")
    name = str(count(moved, "select current_database()"))
    run = str(count(moved, "select run_id::text from litelift.run"))
    ran = at_terminal(f"{name}\n", "undo", moved)
    assert ran.status == 0, ran
    for words in (
        f"The run {run} of litelift",
        "proved",
        "app.sqlite",
        f"database  {name}",
        "school, which goes too",
        "2 tables, 5 moved rows",
        "school.marks, school.pupils",
        "school.pupils: 3 moved, 5 there: 2 new",
        "school.marks: 2 moved, 1 there: 1 missing",
        f"Type the database's name ({name})",
    ):
        assert words in ran.err, ran.err
    assert ran.out == f"Removed the run {run[:8]}: 2 tables, 5 moved rows, and the schema school\n"
    assert count(moved, "select to_regnamespace('school') is null") is True


@pytest.mark.parametrize(("answer", "status"), [("\n", 1), ("n\n", 1), ("y\n", 0)])
def test_an_unfinished_run_asks_yes_or_no(source: Path, database: str, answer: str, status: int) -> None:
    before = whole_catalogue(database)
    killed(database, "load", "migrate", source, database)
    left = whole_catalogue(database)
    ran = at_terminal(answer, "undo", database, "--json")
    assert (ran.status, ran.json["removed"], ran.json["exit_code"]) == (status, status == 0, status), ran
    assert "unfinished" in ran.err
    assert "[y/N]" in ran.err
    assert whole_catalogue(database) == (before if status == 0 else left)


def test_names_cannot_write_to_the_terminal(make_sqlite: Callable[..., Path], database: str) -> None:
    source = make_sqlite('create table "e\x1b[2J\u202evil"(id integer primary key)')
    assert litelift("migrate", source, database).status == 0
    do(database, 'create view public."v\x1b[2J" as select 1 from "e\x1b[2J\u202evil"')
    refused = litelift("undo", database, "--yes")
    do(database, 'drop view public."v\x1b[2J"')
    ran = litelift("undo", database, "--yes")
    assert (refused.status, ran.status) == (1, 0)
    assert "public.e\\x1b[2J\\u202evil" in ran.err
    assert not {"\x1b", "\u202e"} & {*refused.err, *ran.err, *ran.out}


def test_quiet_says_its_last_line_alone(moved: str) -> None:
    ran = litelift("undo", moved, "--yes", "--quiet")
    assert (ran.status, ran.err, ran.out.count("\n")) == (0, "", 1)


# --------------------------------------------------------------------- which run


def test_a_run_is_named_by_a_beginning_of_its_id_that_only_it_has(moved: str) -> None:
    run = str(count(moved, "select run_id::text from litelift.run"))
    for wrong in ("", "zz", f"{run}0"):
        ran = litelift("undo", moved, "--yes", "--run", wrong)
        one_clear_error(ran, 2, "is the beginning of no run's id", run[:8], "app.sqlite")
    assert litelift("undo", moved, "--yes", "--run", run[:6].upper()).status == 0


def test_two_runs_that_are_meant_are_both_named(moved: str) -> None:
    do(
        moved,
        "insert into litelift.run (run_id, version, mode, schema_name, source) values"
        " ('00000000-0000-4000-8000-000000000001', '0', 'whole', 'a', '{\"path\": \"one\"}'),"
        " ('00000000-0000-4000-8000-000000000002', '0', 'whole', 'b', '{\"path\": \"two\"}')",
    )
    one_clear_error(litelift("undo", moved, "--yes"), 2, "more than one run is unfinished", "(one, ", "(two, ")
    one_clear_error(litelift("undo", moved, "--yes", "--run", "0000"), 2, "beginning of more than one", "(two, ")


def test_a_filled_application_cannot_be_undone(make_sqlite: Callable[..., Path], database: str) -> None:
    source = make_sqlite("create table t(id integer primary key, name text); insert into t values (1, 'a')")
    do(database, "create table t(id bigint primary key, name text); insert into t values (9, 'seed')")
    assert litelift("migrate", source, database, "--data-only").status == 0
    before = whole_catalogue(database)
    ran = litelift("undo", database, "--yes")
    one_clear_error(ran, 1, "it replaced the rows of tables that the application made (--data-only)", "backup")
    assert whole_catalogue(database) == before
    assert count(database, "select id from t") == 1


def test_a_database_without_a_run_has_nothing_to_undo(database: str) -> None:
    one_clear_error(litelift("undo", database, "--yes"), 2, "holds no run of litelift that could be undone")


def test_a_litelift_at_work_is_a_refusal(source: Path, database: str, tmp_path: Path) -> None:
    flag = tmp_path / "holds"
    with hooking("load", "hold", str(flag), "migrate", source, database) as moving:
        wait_for(flag.exists)
        with started("undo", database, "--yes") as undoing:
            one_clear_error(undoing.end(), 1, "another litelift is working on")
        flag.unlink()
        _, err = moving.communicate(timeout=300)
        assert moving.returncode == 0, err
