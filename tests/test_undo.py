"""litelift undo: the target is exactly as it was before the move, whatever the names, the role and the interruption."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

import litelift as library
from broken import has, one_clear_error, started, wait_for
from command import litelift
from conftest import Url
from hooking import killed, no_session
from litelift import errors
from litelift.move import removal
from litelift.postgres import embedded
from litelift.postgres.programs import programs
from whole_catalogue import whole_catalogue

HOSTILE = """
    create table "pupils; drop table ""x"" --"(id integer primary key autoincrement, "na""me" text not null,
        status text, email text collate nocase unique, born date default current_date,
        checked text check(checked <> ''));
    create table "Ə %s 'mark'"(id integer primary key, pupil integer references "pupils; drop table ""x"" --"(id),
        at text default (unixepoch()), parent integer references "Ə %s 'mark'"(id), n integer, body json);
    create index "in""dex %I" on "Ə %s 'mark'"(pupil) where pupil > 1;
    create view "vi""ew; --" as select "na""me" as "a b", status from "pupils; drop table ""x"" --" where id > 1;
    create view above as select "a b" from "vi""ew; --";
    create table log(what text);
    create trigger "trig""ger" after insert on "Ə %s 'mark'" begin insert into log values ('in'); end;
    create virtual table notes using fts5(body, tokenize = 'porter');
    create virtual table places using rtree(id, x0, x1, y0, y1);
"""
ROWS = [
    (
        'insert into "pupils; drop table ""x"" --"(id, "na""me", status, email) values (?, ?, ?, ?)',
        [(n, f"pupil {n}", "new" if n % 2 else "old", f"p{n}@x") for n in range(1, 301)],
    ),
    (
        """insert into "Ə %s 'mark'"(id, pupil, n) values (?, ?, ?)""",
        [(n, n, "" if n == 7 else n) for n in range(1, 301)],
    ),
    ("insert into notes values (?)", [("running fast",), ("walks",)]),
    ("insert into places values (?, ?, ?, ?, ?)", [(1, 0.5, 1.5, 2.5, 3.5)]),
]
PLAN = """
[defaults]
schema = "sch\\"ool; --"
[tables."pupils; drop table \\"x\\" --".columns.status]
enum = "sta\\"tus"
"""
SMALL = "create table pupils(id integer primary key, name text); insert into pupils values (1, 'a'), (2, 'b');"


@pytest.fixture
def hostile(make_sqlite: Callable[..., Path]) -> Path:
    path = make_sqlite(HOSTILE, ROWS)
    path.with_name("plan.toml").write_text(PLAN, encoding="utf-8")
    return path


@pytest.fixture
def moved(make_sqlite: Callable[..., Path], database: str) -> str:
    assert litelift("migrate", make_sqlite(SMALL, name="small.sqlite"), database).status == 0
    return database


def do(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def exactly_undone(source: Path, url: str, *words: str | Path, admin: str | None = None) -> None:
    admin = admin or url
    before = whole_catalogue(admin)
    ran = litelift("migrate", source, url, *words)
    assert ran.status in (0, 3), ran.err
    assert whole_catalogue(admin) != before
    ran = litelift("undo", url, "--yes")
    assert ran.status == 0, ran.err
    assert whole_catalogue(admin) == before


# --------------------------------------------------------------------- exactly as it was


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_whole_catalogue_is_as_it_was_before_the_move(hostile: Path, database: str, jobs: str) -> None:
    exactly_undone(hostile, database, "--plan", hostile.with_name("plan.toml"), "--jobs", jobs)


@pytest.mark.postgres(18)
def test_the_whole_catalogue_is_as_it_was_on_the_newest_server(hostile: Path, database: str) -> None:
    exactly_undone(hostile, database, "--plan", hostile.with_name("plan.toml"))


def test_the_whole_catalogue_is_as_it_was_where_the_server_has_icu(hostile: Path, icu_database: str) -> None:
    exactly_undone(hostile, icu_database)


def test_what_was_there_before_stays_with_its_rows(hostile: Path, database: str) -> None:
    do(
        database,
        "create schema mine; create type mine.pair as (a int, b int); create table mine.kept(id int, p mine.pair);"
        "insert into mine.kept values (1, row(1, 2)); create view mine.seen as select id from mine.kept;"
        "create function mine.f() returns int language sql as 'select 1'",
    )
    exactly_undone(hostile, database)
    assert ask(database, "select id, p::text from mine.kept") == [(1, "(1,2)")]


@pytest.mark.parametrize("order", ["first", "last"])
def test_two_runs_into_two_schemas_go_one_without_the_other(
    hostile: Path, make_sqlite: Callable[..., Path], database: str, order: str
) -> None:
    before = whole_catalogue(database)
    plan = hostile.with_name("plan.toml")
    assert litelift("migrate", hostile, database, "--plan", plan).status == 3
    assert litelift("migrate", make_sqlite(SMALL, name="b.sqlite"), database).status == 0
    runs = [str(run) for (run,) in ask(database, "select run_id::text from litelift.run order by started_at")]
    if order == "last":
        runs.reverse()
    assert litelift("undo", database, "--yes", "--run", runs[0][:8]).status == 0
    assert ask(database, "select run_id::text from litelift.run") == [(runs[1],)]
    assert has(database, '"sch""ool; --"') == (order == "last")
    assert ask(database, "select to_regclass('public.pupils') is not null") == [(order == "first",)]
    assert litelift("undo", database, "--yes").status == 0
    assert whole_catalogue(database) == before


def test_a_schema_that_two_runs_used_goes_with_the_last_of_them(hostile: Path, database: str) -> None:
    before = whole_catalogue(database)
    plan = hostile.with_name("plan.toml")
    assert litelift("migrate", hostile, database, "--plan", plan).status == 3
    # The first's tables go by hand, and the schema is filled once more.
    names = ask(database, "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname ~ 'ool'")
    do(database, *(f"drop table {name} cascade" for (name,) in names), 'drop type "sch""ool; --"."sta""tus"')
    do(database, *(f"drop function {name}" for (name,) in ask(database, FUNCTIONS_LEFT)))
    assert litelift("migrate", hostile, database, "--plan", plan).status == 3
    first, last = (str(run) for (run,) in ask(database, "select run_id from litelift.run order by started_at"))
    ran = litelift("undo", database, "--yes", "--run", first)
    assert ran.status == 0, ran.err
    assert "which stays: it holds" in ran.err
    assert litelift("undo", database, "--yes", "--run", last).status == 0
    assert whole_catalogue(database) == before


FUNCTIONS_LEFT = """
    select oid::regprocedure::text from pg_proc
    where pronamespace = (select oid from pg_namespace where nspname ~ 'ool')
"""


_roles = itertools.count()


@pytest.fixture
def role(database: str) -> Iterator[tuple[str, str]]:
    """A role that is no superuser and may make schemas in the database: its name, and the database's URL as it."""
    name = f'pla"in {os.getpid()} {next(_roles)}'
    with psycopg.connect(database, autocommit=True) as connection:
        words = sql.Identifier(name)
        connection.execute(sql.SQL("create role {} login").format(words))
        connection.execute(
            sql.SQL("grant create on database {} to {}").format(sql.Identifier(connection.info.dbname), words)
        )
    yield name, database.replace("postgres@", name.replace('"', "%22").replace(" ", "%20") + "@")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("drop owned by {} cascade; drop role {}").format(words, words))


def test_a_role_that_is_no_superuser_undoes_its_own_move(hostile: Path, database: str, role: tuple[str, str]) -> None:
    exactly_undone(hostile, role[1], "--plan", hostile.with_name("plan.toml"), admin=database)


def test_what_another_role_owns_by_now_is_refused_before_anything_goes(
    hostile: Path, database: str, role: tuple[str, str]
) -> None:
    name, url = role
    assert litelift("migrate", hostile, url, "--plan", hostile.with_name("plan.toml")).status == 3
    do(database, 'alter table "sch""ool; --".log owner to postgres')
    before = whole_catalogue(database)
    ran = litelift("undo", url, "--yes")
    one_clear_error(ran, 1, f"the role {name} may not drop", "log", "another role owns")
    assert whole_catalogue(database) == before


# --------------------------------------------------------------------- unfinished, and interrupted


@pytest.mark.parametrize("phase", ["load", "build", "prove"])
def test_what_a_killed_move_left_is_removed_whole(hostile: Path, database: str, phase: str) -> None:
    before = whole_catalogue(database)
    words: list[str | Path] = ["migrate", hostile, database, "--plan", hostile.with_name("plan.toml")]
    killed(database, phase, *words)
    ran = litelift("undo", database, "--yes", "--json")
    assert ran.status == 0, ran.err
    assert (ran.json["state"], ran.json["removed"]) == ("unfinished", True)
    assert whole_catalogue(database) == before


def test_an_unfinished_run_goes_before_a_finished_one(hostile: Path, moved: str) -> None:
    words: list[str | Path] = ["migrate", hostile, moved, "--plan", hostile.with_name("plan.toml")]
    killed(moved, "load", *words)
    do(moved, "update litelift.run set started_at = '2001-01-01' where state = 'running'")
    assert litelift("undo", moved, "--yes", "--json").json["state"] == "unfinished"
    assert ask(moved, "select count(*) from public.pupils") == [(2,)]
    assert litelift("undo", moved, "--yes", "--json").json["state"] == "proved"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_an_undo_that_is_stopped_halfway_goes_on_when_it_is_run_again(
    hostile: Path, database: str, number: signal.Signals, status: int
) -> None:
    before = whole_catalogue(database)
    assert litelift("migrate", hostile, database).status == 3
    assert len(ask(database, "select from pg_views where schemaname = 'public'")) == 2
    with psycopg.connect(database) as holder:
        # The views go, and the tables wait.
        holder.execute("lock table public.log in access share mode")
        with started("undo", database, "--yes") as undoing:
            wait_for(lambda: not ask(database, "select from pg_views where schemaname = 'public'"))
            wait_for(lambda: bool(ask(database, "select from pg_locks where not granted")))
            undoing.send(number)
            ran = undoing.end()
    assert (ran.status, "Traceback" in ran.err) == (status, False), ran
    assert ("goes when litelift undo is run again" in ran.err) == (number == signal.SIGINT)
    no_session(database)
    assert ask(database, "select state from litelift.run") == [("undoing",)]
    ran = litelift("undo", database, "--yes", "--json")
    assert (ran.status, ran.json["state"]) == (0, "half removed"), ran.err
    assert whole_catalogue(database) == before


def test_what_another_session_holds_is_a_clear_error_and_goes_later(
    hostile: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = whole_catalogue(database)
    assert litelift("migrate", hostile, database).status == 3
    with monkeypatch.context() as impatient, psycopg.connect(database, application_name="the school") as holder:
        impatient.setattr(removal, "LOCK_SECONDS", 1)
        holder.execute("lock table public.log in access share mode")
        with pytest.raises(errors.TargetInUse, match="the school") as caught:
            library.undo(database)
        assert "run again" in caught.value.__notes__[0]
    library.undo(database)
    assert whole_catalogue(database) == before


# --------------------------------------------------------------------- changed by hand since


def test_renamed_and_moved_tables_go_under_their_present_names_and_dropped_ones_are_skipped(
    hostile: Path, database: str
) -> None:
    before = whole_catalogue(database)
    assert litelift("migrate", hostile, database, "--plan", hostile.with_name("plan.toml")).status == 3
    do(
        database,
        'alter schema "sch""ool; --" rename to school',
        "alter table school.\"Ə %s 'mark'\" rename to grades",
        "alter table school.notes set schema public",
        'alter view school.above rename to "be""low"',
        "drop table school.places",
        # Another's, under a name that one of ours had.
        'create schema "sch""ool; --"; create table "sch""ool; --".log(id int); create table public.places(id int)',
    )
    ran = litelift("undo", database, "--yes", "--json")
    assert ran.status == 0, ran.err
    names = {(t["schema_name"], t["name"]): t["made_as"] for t in ran.json["tables"]}
    assert names["school", "grades"] == "Ə %s 'mark'"
    assert names["public", "notes"] == "notes"
    assert ran.json["dropped"] == ["places"]
    do(database, 'drop table "sch""ool; --".log; drop schema "sch""ool; --"; drop table public.places')
    assert whole_catalogue(database) == before


def test_a_view_is_known_by_its_oid_and_not_by_its_name(hostile: Path, database: str) -> None:
    before = whole_catalogue(database)
    assert litelift("migrate", hostile, database).status == 3
    do(database, 'alter view above rename to "be""low"', "create view above as select what from log")
    ran = litelift("undo", database, "--yes")
    one_clear_error(ran, 1, "something else depends on", "view public.above")
    assert "low" not in ran.err
    do(database, "drop view above")
    assert litelift("undo", database, "--yes").status == 0
    assert whole_catalogue(database) == before


def test_a_role_that_may_not_read_the_servers_identifier_undoes_too(
    hostile: Path, database: str, role: tuple[str, str]
) -> None:
    do(database, "revoke execute on function pg_control_system() from public")
    try:
        exactly_undone(hostile, role[1], "--plan", hostile.with_name("plan.toml"), admin=database)
        assert litelift("migrate", hostile, role[1], "--plan", hostile.with_name("plan.toml")).status == 3
        assert litelift("undo", database, "--yes").status == 0
    finally:
        do(database, "grant execute on function pg_control_system() to public")


def test_a_dump_that_was_restored_elsewhere_is_not_undone_by_its_oids(moved: str, server: Url) -> None:
    other = f"{conninfo_to_dict(moved)['dbname']}_restored"
    dumped = subprocess.run([programs(16).folder / "pg_dump", "--inserts", moved], capture_output=True, check=True)
    # Lines for psql alone.
    statements = [line for line in dumped.stdout.decode().splitlines() if not line.startswith("\\")]
    do(server("postgres"), f"create database {other}")
    try:
        do(server(other), "\n".join(statements))
        before = whole_catalogue(server(other))
        one_clear_error(litelift("undo", server(other), "--yes"), 1, "was not made in this database", "by hand")
        assert whole_catalogue(server(other)) == before
    finally:
        do(server("postgres"), f"drop database {other} with (force)")


# --------------------------------------------------------------------- the embedded server


def test_a_stopped_embedded_server_is_started_for_it_and_stopped_again(make_sqlite: Callable[..., Path]) -> None:
    source = make_sqlite(SMALL)
    folder = embedded.folder_for(source)
    try:
        assert litelift("migrate", source).status == 0
        embedded.stop(folder)
        ran = litelift("undo", source, "--yes", "--json")
        assert (ran.status, ran.json["removed"], ran.json["database"]) == (0, True, "app"), ran.err
        assert embedded.status(folder).url is None
        # The folder names the same database; it has nothing more to undo.
        one_clear_error(litelift("undo", folder, "--yes"), 2, "holds no run of litelift", "/app?")
        assert embedded.status(folder).url is None
        one_clear_error(litelift("undo", f"sqlite:///{source}x", "--yes"), 2, "holds no run", "Name the target's URL")
    finally:
        embedded.stop(folder)


def test_an_embedded_server_that_runs_goes_on_running(make_sqlite: Callable[..., Path]) -> None:
    source = make_sqlite(SMALL)
    folder = embedded.folder_for(source)
    try:
        assert litelift("migrate", source).status == 0
        assert litelift("undo", folder.parent, "--yes").status == 0
        assert embedded.status(folder).url is not None
    finally:
        embedded.stop(folder)


def test_the_library_undoes_with_a_typed_result(moved: str) -> None:
    told: list[library.UndoResult] = []

    def no(found: library.UndoResult) -> bool:
        told.append(found)
        return False

    kept = library.undo(moved, confirm=no)
    assert (kept.removed, kept.exit_code, told) == (False, 1, [kept])
    assert [(table.name, table.moved, table.present) for table in kept.tables] == [("pupils", 2, 2)]
    assert (kept.rows, kept.state, kept.schema_goes) == (2, "proved", False)
    assert library.undo(moved, run=kept.run_id).removed
    with pytest.raises(errors.NothingToUndo):
        library.undo(moved)
