# ruff: noqa: E501 - tables of SQL, a case to a line where it can be
"""The contract of the command: what it refuses, what it prints, and its exit status."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import psycopg
import pytest

from contract import EMPTY, Case, Cases, ask, build, command, filled, hold

CASES = Cases()
case = CASES.add


@CASES.each
def test_command(case: Case, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


T = "create table t(id integer primary key, v text); insert into t values(1,'a');"

for kind, made, kept in [
    ("table", "create table x(id bigint); insert into x values(7)", "select count(*) = 1 from x"),
    ("table_of_the_same_name", "create table t(id bigint); insert into t values(7)", "select count(*) = 1 from t"),
    ("empty_table", "create table t(id bigint)", "select count(*) = 0 from t"),
    ("view", "create view x as select 1 as one", "select one = 1 from x"),
    ("sequence", "create sequence x", "select nextval('x') = 1"),
    ("partitioned_table", "create table x(id bigint) partition by list (id)", "select count(*) = 0 from x"),
]:
    case(
        f"a_target_with_a_{kind}_is_left_alone",
        T,
        (kept,),
        (
            "select count(*) = 1 from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'S', 'p')",
        ),
        exits=1,
        says=["--data-only", "t" if "t(" in made else "x"],
        target=made,
    )
case(
    "a_target_with_functions_and_types_only_is_filled",
    T,
    ("select count(*) = 1 from t",),
    target="create type mood as enum ('x'); create function f() returns int language sql as 'select 1';",
)
case(
    "a_target_whose_other_schema_is_full_is_filled",
    T,
    ("select count(*) = 1 from t",),
    target="create schema other; create table other.t(id bigint);",
)
case("a_file_of_no_bytes_is_refused", lambda path: path.touch(), EMPTY, exits=1, says=["empty"])
case("a_database_without_tables", "create table t(x); drop table t;", EMPTY, exits=0)
case(
    "a_database_with_views_only",
    "create view one as select 1 as n;",
    ("select count(*) = 0 from pg_tables where schemaname = 'public'",),
    exits=(0, 3),
)
case(
    "tables_without_rows",
    "create table t(id integer primary key); create table u(a text, b int);",
    ("select count(*) = 0 from t, u",),
    exits=0,
)
case(
    "a_table_without_any_null_free_column",
    "create table t(a, b); insert into t values(null,null),(null,null);",
    ("select count(*) = 2 from t",),
    exits=0,
)


def _no_database(path: Path) -> None:
    path.write_bytes(b"this is no SQLite file" * 99)


case(
    "something_that_is_no_database",
    _no_database,
    EMPTY,
    exits=1,
    says=["not a SQLite"],
)
case("a_bad_plan_writes_nothing", T, EMPTY, exits=2, plan="[tables.t]\nnonsense = 1\n", says=["plan.toml:2"])


def _truncated(path: Path) -> None:
    filled(
        "create table t(id integer primary key, v text);",
        ("insert into t(v) values(?)", [("x" * 500,) for _ in range(500)]),
    )(path)
    path.write_bytes(path.read_bytes()[:8192])


case("a_truncated_file_is_refused", _truncated, EMPTY, exits=1)


def _corrupt(path: Path) -> None:
    filled(
        "create table t(id integer primary key, v text); create index i on t(v);",
        ("insert into t(v) values(?)", [("x" * 500,) for _ in range(500)]),
    )(path)
    raw = bytearray(path.read_bytes())
    raw[4096 * 3 : 4096 * 4] = b"\xee" * 4096
    path.write_bytes(bytes(raw))


case("a_corrupt_file_is_refused", _corrupt, EMPTY, exits=1, says=["corrupt"])


def test_the_json_document_has_everything(database: str, tmp_path: Path) -> None:
    build(
        "create table p(id integer primary key, n integer); insert into p values(1,1),(2,'bad');"
        "create table c(id integer primary key, p_id integer references p, k text check(quote(k) <> 'x')); insert into c values(1,42,'a');",
        tmp_path / "app.sqlite",
    )
    from typer.testing import CliRunner

    from litelift.cli.main import app

    done = CliRunner().invoke(
        app, ["migrate", str(tmp_path / "app.sqlite"), database, "--json", "--on-misfit", "quarantine"]
    )
    assert done.exit_code == 3
    document = json.loads(done.stdout)
    assert document["exit_code"] == 3
    tables = {table["source"]: table for table in document["tables"]}
    assert tables["p"]["source_rows"] == tables["p"]["loaded"] == 2
    assert tables["p"]["quarantined_values"] == 1
    [kept] = document["quarantined"]
    assert (kept["table"], kept["column"], kept["key"], kept["original"]) == ("p", "n", {"id": 2}, "bad")
    orphans = [notice for notice in document["notices"] if notice["kind"] == "orphan"]
    assert [(orphan["table"], orphan["key"]) for orphan in orphans] == [("c", {"id": 1})]
    assert [entry["kind"] for entry in document["untranslated"]] == ["check"]
    assert document["source"]["rows"] == 3
    assert document["target"]["schema_name"] == "public"
    assert all(table["equal"] for table in document["proof"]["tables"])


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["migrate"], 2),
        (["migrate", "{none}", "{db}"], 2),
        (["migrate", "{folder}", "{db}"], 2),
        (["migrate", "{src}", "{db}", "--nonsense"], 2),
        (["migrate", "{src}", "{db}", "--on-misfit", "maybe"], 2),
        (["migrate", "{src}", "{db}", "--plan", "{none}"], 2),
        (["migrate", "{src}", "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"], 1),
        (["migrate", "{src}", "host=127.0.0.1 port=1 dbname=none connect_timeout=2", "--json"], 1),
        (["nonsense"], 2),
    ],
)
def test_wrong_words_exit_2_and_failures_exit_1(words: list[str], status: int, database: str, tmp_path: Path) -> None:
    build(T, tmp_path / "app.sqlite")
    facts = {"src": tmp_path / "app.sqlite", "db": database, "none": tmp_path / "none", "folder": tmp_path}
    found, said = command(*(word.format(**facts) for word in words))
    assert found == status, said
    assert "Traceback" not in said
    assert ask(database, "select count(*)::int from pg_class where relnamespace = 'public'::regnamespace") == [(0,)]


def test_an_error_is_one_json_document_too(database: str, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from litelift.cli.main import app

    build(T, tmp_path / "app.sqlite")
    ask(database, "create table full_already(x int)")
    done = CliRunner().invoke(app, ["migrate", str(tmp_path / "app.sqlite"), database, "--json"])
    document = json.loads(done.stdout)
    assert done.exit_code == document["exit_code"] == 1
    assert document["error"]["kind"] == "TargetNotEmpty"
    assert "full_already" in document["error"]["message"]


def test_the_source_is_as_it_was(database: str, tmp_path: Path) -> None:
    source = tmp_path / "app.sqlite"
    connection = sqlite3.connect(source)
    connection.execute("pragma journal_mode = wal")
    connection.executescript(T)
    connection.commit()
    before = source.read_bytes()
    status, said = command("migrate", str(source), database)
    assert status == 0, said
    connection.execute("insert into t values(2,'still mine')")
    connection.commit()
    assert source.read_bytes()[:4096] == before[:4096]
    assert connection.execute("select count(*) from t").fetchone() == (2,)
    connection.close()


def test_the_other_ways_to_name_both_ends(database: str, tmp_path: Path) -> None:
    build(T, tmp_path / "my app.sqlite")
    facts = psycopg.conninfo.conninfo_to_dict(database)
    words = " ".join(f"{key}='{value}'" for key, value in facts.items() if value)
    status, said = command("migrate", f"sqlite:///{tmp_path / 'my app.sqlite'}", words)
    assert status == 0, said
    assert ask(database, "select v from t") == [("a",)]


@pytest.mark.superuser
def test_a_second_move_is_refused_and_one_into_another_schema_is_not(database: str, tmp_path: Path) -> None:
    build(T, tmp_path / "app.sqlite")
    assert command("migrate", str(tmp_path / "app.sqlite"), database)[0] == 0
    assert command("migrate", str(tmp_path / "app.sqlite"), database)[0] == 1
    (tmp_path / "plan.toml").write_text('[defaults]\nschema = "again"\n')
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database, "--plan", str(tmp_path / "plan.toml"))
    assert status == 0, said
    assert ask(database, "select (select count(*) from public.t)::int, (select count(*) from again.t)::int") == [(1, 1)]
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database, "--data-only")
    assert status == 0, said


@pytest.fixture
def plain_role(database: str) -> object:
    name = "plain_" + str(abs(hash(database)) % 10**9)
    facts = psycopg.conninfo.conninfo_to_dict(database)
    ask(
        database,
        f'create role {name} login; grant create, connect on database "{facts["dbname"]}" to {name}; grant all on schema public to {name}',
    )
    yield psycopg.conninfo.make_conninfo(database, user=name), name
    ask(database, f"drop owned by {name} cascade; drop role {name}")


@pytest.mark.superuser
def test_a_plain_role_is_enough(plain_role: tuple[str, str], database: str, tmp_path: Path) -> None:
    target, name = plain_role
    build(
        T
        + "create table c(id integer primary key, t_id integer references t, at text default (strftime('%s','now')), j text check(json_valid(j))); insert into c values(1,1,'x','{}');",
        tmp_path / "app.sqlite",
    )
    status, said = command("migrate", str(tmp_path / "app.sqlite"), target)
    assert status == 0, said
    ask(target, "insert into c(t_id, j) values(1, '[]')")
    assert ask(database, "select tableowner::text from pg_tables where tablename = 't'") == [(name,)]


@pytest.mark.superuser
def test_a_role_without_rights_is_told_which_it_needs(
    plain_role: tuple[str, str], database: str, tmp_path: Path
) -> None:
    target, name = plain_role
    ask(database, f"revoke create on schema public from {name}, public")
    build(T, tmp_path / "app.sqlite")
    status, said = command("migrate", str(tmp_path / "app.sqlite"), target)
    assert status == 1
    assert "GRANT" in said
    assert ask(database, "select count(*)::int from pg_class where relnamespace = 'public'::regnamespace") == [(0,)]


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_several_workers_move_the_same(jobs: str, database: str, tmp_path: Path) -> None:
    build(
        "create table t(id integer primary key, v text unique, n integer);"
        "with recursive n(i) as (values(1) union all select i+1 from n where i < 5000) insert into t select i * 3, 'v' || i, case when i % 1000 = 7 then 'bad' else i end from n;",
        tmp_path / "app.sqlite",
    )
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database, "--jobs", jobs)
    assert status == 3, said
    assert ask(database, "select count(*)::int, count(n)::int, max(id)::int from t") == [(5000, 4995, 15000)]
    assert ask(database, "select count(*)::int from litelift.quarantine") == [(5,)]


def test_a_move_that_breaks_in_the_middle_leaves_nothing(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from litelift.move import build as building

    def broken(*_: object) -> None:
        raise psycopg.errors.UndefinedTable("what nobody expects")

    build(T + "create table c(id integer primary key, t_id integer references t);", tmp_path / "app.sqlite")
    monkeypatch.setattr(building.Builder, "build", broken)
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database)
    assert status == 1, said
    assert ask(database, "select count(*)::int from pg_class where relnamespace = 'public'::regnamespace") == [(0,)]
    monkeypatch.undo()
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database)
    assert status == 0, said
