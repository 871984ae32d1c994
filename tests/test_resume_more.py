"""A move that was interrupted tells in its end what an undisturbed one tells, and keeps what it keeps: once."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from broken import free_port, one_clear_error
from command import Ran, litelift
from conftest import Url, fresh_database
from litelift.postgres.sessions import Sessions

STRIKE = """
import importlib, os, signal, sys
module, name, action, url, *words = sys.argv[1:]
owner = importlib.import_module(module)
*outer, name = name.split(".")
for one in outer:
    owner = getattr(owner, one)
old, left = getattr(owner, name), [1]
def struck(*given, **named):
    done = old(*given, **named)
    if left:
        left.clear()
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if action == "interrupt":
            raise KeyboardInterrupt
        import psycopg
        with psycopg.connect(url) as connection:
            connection.execute(action)
    return done
setattr(owner, name, struck)
sys.argv = ["litelift", *words]
from litelift.cli.main import main
main()
"""
LOST = (
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'litelift'"
    " and datname = current_database()"
)

PLAN = """
[tables.filtered]
where = "a > 2"
[tables.left]
exclude = true
[tables.mapped.columns.state]
enum = "state"
values = { "o" = "open", "c" = "closed" }
[tables.odd.columns.n]
on_misfit = "quarantine"
"""


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    """A database of which much is to be told."""
    path = make_sqlite(
        """
        create table parents(id integer primary key autoincrement, name text unique collate nocase);
        create table children(id integer primary key, parent int references parents(id), age int check (age > 0),
            name text not null, twice int generated always as (age * 2) stored,
            bad text generated always as (printf('%5.3g', age)));
        create index by_name on children(name);
        create unique index names on parents(lower(name));
        create table uniq(a text, b int, unique (a));
        create unique index uniq_b on uniq(b);
        create table defaults(id integer primary key, a int default (abs(-1)), b text default (sqlite_version()),
            c int default 'seven', u uuid default 'nobody', e date default 'soon');
        create table odd(id integer primary key, n integer, d date);
        create table mapped(id integer primary key, state text default 'neither');
        create table zoo(a int, b int generated always as (a + 1));
        create trigger t_bad after insert on children begin update one set a = new.bad; end;
        create table filtered(a int, b text);
        create table left(a int);
        create table empty(a int primary key, b text);
        create table one(a text);
        create table negative(id integer primary key, a);
        create table "we""ird"" %s {x} "(" ""$$ '"" int", b);
        create table codes(code text primary key, n int) without rowid;
        create virtual table words using fts5(body);
        create view v_ok as select id, name from parents;
        create view v_not as select id, printf('%5.3g', age) as p from children;
        create view v_over as select * from v_not;
        create trigger t_ok after insert on parents begin update one set a = 'x'; end;
        create trigger t_abort before delete on uniq begin select raise(abort, 'kept'); end;
        create trigger t_not after insert on codes begin insert into one values (printf('%5.3g', new.n)); end;
        """,
        [
            ("insert into parents values (?, ?)", [(n, f"p{n}") for n in range(1, 50)]),
            ("insert into uniq values (?, ?)", [("a", 1), ("b", None), ("a\0x", 3), ("a\ufffdx", 4)]),
            ("insert into defaults(a) values (?)", [(1,), (2,)]),
            ("insert into odd(n, d) values (?, ?)", [(n if n % 5 else "x", f"2020-01-{n}") for n in range(10, 30)]),
            ("insert into mapped(state) values (?)", [("o",), ("c",), ("o",)]),
            ("insert into filtered values (?, ?)", [(n, "x") for n in range(9)]),
            ("insert into left values (?)", [(1,)]),
            ("insert into one values (?)", [("only",)]),
            ("insert into negative values (?, ?)", [(n, n) for n in (-(2**63), -5, 0, 7, 2**63 - 1)]),
            ("insert into codes values (?, ?)", [(f"c{n}", n) for n in range(50)]),
            ("insert into words values (?)", [("some words",), ("more words",)]),
        ],
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("pragma ignore_check_constraints = on")
        rows = [(n, n, n % 9, f"c{n}") for n in range(1, 70)]
        writer.executemany("insert into children(id, parent, age, name) values (?, ?, ?, ?)", rows)
        writer.execute("pragma writable_schema = on")
        writer.execute("update sqlite_master set sql = replace(sql, 'b int', 'b int not null') where name = 'uniq'")
    return path


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def told(document: dict[str, Any]) -> dict[str, Any]:
    """What a document says that must not depend on what struck: notices, untranslated, rows, quarantine, proof."""
    passing = ("resumed", "interrupted")
    return {
        "notices": Counter(
            json.dumps(one, sort_keys=True) for one in document["notices"] if one["kind"] not in passing
        ),
        "untranslated": Counter(json.dumps(one, sort_keys=True) for one in document["untranslated"]),
        "tables": document["tables"],
        "quarantined": document["quarantined"],
        "objects": document["proof"]["objects"],
        "sequences": document["proof"]["sequences"],
    }


STATE = {
    "units": "select table_name, first_row, last_row, rows, quarantined_rows, quarantined_values from litelift.unit",
    "notices": "select level, kind, table_name, column_name, row_key, message from litelift.notice"
    " where kind not in ('resumed', 'interrupted')",
    "untranslated": "select kind, name, sql, reason from litelift.untranslated",
    "quarantine": "select table_name, column_name, row_key, original, reason, stands_in from litelift.quarantine",
    "sequences": "select schemaname, sequencename, last_value from pg_sequences",
    "indexes": "select indexdef from pg_indexes where schemaname <> 'pg_catalog'",
    "constraints": "select conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated from pg_constraint"
    " where connamespace = 'public'::regnamespace",
    "triggers": "select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "functions": "select proname from pg_proc where pronamespace = 'public'::regnamespace",
    "views": "select viewname, definition from pg_views where schemaname = 'public'",
}


def state(url: str) -> dict[str, Any]:
    """What the target holds beside the rows, which are compared by the move itself."""
    with psycopg.connect(url) as connection:
        return {name: sorted(map(repr, connection.execute(query).fetchall())) for name, query in STATE.items()}


def struck(place: str, action: str, url: str, *words: str | Path) -> Ran:
    """Run litelift, and do something, once, when a function of it has ended: kill it, interrupt it, or a statement."""
    module, name = place.split(":")
    asked = [sys.executable, "-c", STRIKE, f"litelift.move.{module}", name, action, url, *map(str, words)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def value(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


# --------------------------------------------------------------------- data only


@pytest.fixture
def filled(make_sqlite: Callable[..., Path], database: str) -> Path:
    """A source, and a target with its tables, in which other rows are."""
    with psycopg.connect(database) as connection:
        connection.execute("create table t(id bigint primary key, a text); insert into t values (7, 'before')")
    return make_sqlite("create table t(id integer primary key, a text)", [("insert into t values (?, 'x')", [(1,)])])


def test_what_a_filling_that_is_done_again_tells_it_tells_once(filled: Path, database: str) -> None:
    ran = struck("data_only:_prove", LOST, database, "migrate", filled, database, "--data-only", "--json")
    assert ran.status == 0, ran.err
    kinds = Counter(notice["kind"] for notice in ran.json["notices"])
    assert kinds["replaced"] == 1
    assert value(database, "select count(*) from litelift.notice where kind = 'replaced'") == 1


def test_a_filling_that_was_committed_is_never_said_to_be_taken_back(filled: Path, database: str) -> None:
    ran = struck("data_only:_Filling.fill", "interrupt", database, "migrate", filled, database, "--data-only")
    assert value(database, "select a from t") == "x"
    assert "taken back" not in ran.err
    assert "had come to its end" in ran.err


def test_a_filling_whose_commit_never_came_is_taken_back(filled: Path, database: str) -> None:
    ran = struck("data_only:_prove", "interrupt", database, "migrate", filled, database, "--data-only")
    assert "taken back" in ran.err
    assert value(database, "select a from t") == "before"


# --------------------------------------------------------------------- which move it is


@pytest.fixture
def small(make_sqlite: Callable[..., Path]) -> Path:
    return make_sqlite(
        "create table t(id integer primary key, a int)", [("insert into t values (?, 'x')", [(1,), (2,)])]
    )


def test_a_move_that_came_to_its_end_before_a_ctrl_c_stays_and_that_is_said(small: Path, database: str) -> None:
    ran = struck("outcome:_write_down", "interrupt", database, "migrate", small, database)
    assert "had come to its end" in ran.err
    assert "--resume" not in ran.err
    assert litelift("verify", small, database).status == 0


def test_an_error_takes_nothing_back_that_another_litelift_has_gone_on_with(small: Path, database: str) -> None:
    taken = "update litelift.run set attempt = 2; alter table t add column b int not null default 0"
    ran = struck(
        "carry:_load", f"{taken}; drop table t cascade; create table t(z int)", database, "migrate", small, database
    )
    assert ran.status == 1, ran
    assert "Another litelift has gone on" in ran.err
    assert value(database, "select count(*) from litelift.run") == 1
    assert value(database, "select to_regclass('t') is not null") is True


def test_what_another_litelift_has_made_meanwhile_is_not_made_anew(small: Path, database: str) -> None:
    ran = struck("whole:_prove_objects", "update litelift.run set attempt = 2", database, "migrate", small, database)
    one_clear_error(ran, 1, "another litelift has gone on with this move")


def test_a_source_is_known_by_another_path_too(small: Path, database: str, tmp_path: Path) -> None:
    assert struck("carry:_load", "kill", database, "migrate", small, database).status < 0
    link = tmp_path / "link.db"
    link.symlink_to(small)
    ran = litelift("migrate", link, database, "--resume")
    assert ran.status == 3, ran.err
    assert not Path(f"{small}.litelift/unfinished.json").exists()


def test_the_rule_of_the_first_attempt_is_kept_and_so_is_its_plan(small: Path, database: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[defaults]\nschema = "school"\n')
    words = ("migrate", small, database, "--plan", plan, "--on-misfit", "quarantine")
    assert struck("carry:_load", "kill", database, *words).status < 0
    one_clear_error(
        litelift("migrate", small, database, "--resume", "--on-misfit", "widen"), 1, "t was decided otherwise"
    )
    ran = litelift("migrate", small, database, "--resume", "--on-misfit", "quarantine")
    assert ran.status == 3, ran.err
    assert value(database, "select count(*) from school.t") == 2


def test_of_two_moves_into_two_schemas_the_plan_says_which(small: Path, database: str, tmp_path: Path) -> None:
    plans = [tmp_path / "one.toml", tmp_path / "two.toml"]
    for plan in plans:
        plan.write_text(f'[defaults]\nschema = "{plan.stem}"\n')
        assert struck("carry:_load", "kill", database, "migrate", small, database, "--plan", plan).status < 0
    one_clear_error(litelift("migrate", small, database, "--resume"), 1, "into the schema one", "into the schema two")
    for plan in plans:
        assert litelift("migrate", small, database, "--resume", "--plan", plan).status == 3
        assert value(database, f"select count(*) from {plan.stem}.t") == 2


# --------------------------------------------------------------------- a server that is away


def test_nobody_waits_for_a_server_when_the_move_is_given_up() -> None:
    asked: list[bool] = []

    def stopped() -> bool:
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(psycopg.errors.QueryCanceled):
        Sessions(f"host=127.0.0.1 port={free_port()} dbname=x user=x", patience=3600).open(stopped)
    assert len(asked) == 3


# --------------------------------------------------------------------- the same is told


LOSING = ["trial:_verdicts", "whole:make_tables", "objects:Objects.not_nulls", "whole:make_views"]


def same(source: Path, plan: Path, server: Url, moved: Callable[[str], Ran]) -> None:
    """What ``moved`` leads to and tells is what an undisturbed move does."""
    with fresh_database(server) as url:
        undisturbed = litelift("migrate", source, url, "--plan", plan, "--json")
        assert undisturbed.status == 3, undisturbed.err
        wanted = told(undisturbed.json), state(url)
    with fresh_database(server) as url:
        ran = moved(url)
        assert ran.status == 3, ran.err
        assert (told(ran.json), state(url)) == wanted


@pytest.mark.parametrize("place", ["whole:make_tables", "objects:Objects.not_nulls", "triggers:_make"])
def test_a_move_that_was_killed_and_gone_on_with_tells_the_same(
    source: Path, plan: Path, server: Url, place: str
) -> None:
    def moved(url: str) -> Ran:
        assert struck(place, "kill", url, "migrate", source, url, "--plan", plan).status < 0
        return litelift("migrate", source, url, "--resume", "--json")

    same(source, plan, server, moved)


@pytest.mark.parametrize("place", LOSING)
def test_a_move_that_lost_its_connections_tells_the_same(source: Path, plan: Path, server: Url, place: str) -> None:
    same(source, plan, server, lambda url: struck(place, LOST, url, "migrate", source, url, "--plan", plan, "--json"))
