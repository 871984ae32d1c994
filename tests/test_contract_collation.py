"""The contract, "Collation": BINARY orders as in SQLite; NOCASE and RTRIM keep what is unique, with ICU and without."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from contract import ask, command
from litelift.plan.file import PlanFile
from litelift.plan.plan import MovePlan
from litelift.plan.request import whole_requests
from litelift.plan.whole import plan_whole
from litelift.postgres.support import make_support
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.count import take_census

SERVERS = ("16", "18", "with ICU")
Url = Callable[[str], str]
_numbers = itertools.count()


@dataclass
class Target:
    """A database, and how to move a SQLite file there."""

    database: str
    icu: bool
    version: int
    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / "app.sqlite"

    def move(
        self, script: str, *rows: tuple[str, list[tuple[object, ...]]], exits: int = 0, plan: str | None = None
    ) -> str:
        """Make the file, move it, and return what was said."""
        connection = sqlite3.connect(self.source)
        connection.create_collation("alphabet", lambda a, b: (a > b) - (a < b))
        connection.executescript(script)
        for statement, values in rows:
            connection.executemany(statement, values)
        connection.commit()
        connection.close()
        words = ["migrate", str(self.source), self.database]
        if plan is not None:
            (self.folder / "plan.toml").write_text(plan, encoding="utf-8")
            words += ["--plan", str(self.folder / "plan.toml")]
        status, said = command(*words)
        assert status == exits, said
        return said

    def ask(self, query: str) -> list[Any]:
        """The rows, single values as they are."""
        return [row[0] if len(row) == 1 else row for row in ask(self.database, query)]

    def refuses(self, statement: str, error: type[psycopg.Error] = psycopg.errors.UniqueViolation) -> None:
        with pytest.raises(error):
            ask(self.database, statement)


@pytest.fixture(params=SERVERS)
def target(request: pytest.FixtureRequest, servers: Callable[[int], Url], tmp_path: Path) -> Iterator[Target]:
    """Each server in turn."""
    icu = request.param.endswith("ICU")
    url: Url = request.getfixturevalue("icu_server") if icu else servers(int(request.param))
    name = f"c{os.getpid()}_{next(_numbers)}"
    # One that orders text as in Azerbaijan where nothing else is said.
    words = "create database {} template template0 locale_provider icu icu_locale 'az'" if icu else "create database {}"
    with psycopg.connect(url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL(words).format(sql.Identifier(name)))
        version = admin.info.server_version // 10000
    yield Target(url(name), icu, version, tmp_path)
    with psycopg.connect(url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


only_with_icu = pytest.mark.parametrize("target", ["with ICU"], indirect=True)
only_without_icu = pytest.mark.parametrize("target", ["16", "18"], indirect=True)

NAMED = "create table t(id integer primary key, name text collate nocase unique, n int);"


# ------------------------------------------------------------------------------ what is unique


def test_a_unique_name_is_unique_without_ascii_case(target: Target) -> None:
    target.move(NAMED + "insert into t values (1, 'Admin', 0), (2, 'Ə', 0), (3, 'ə', 0);")
    target.refuses("insert into t values (4, 'ADMIN', 0)")
    target.refuses("update t set name = 'aDMIN' where id = 2")
    target.ask("insert into t values (5, 'Ş', 0), (6, 'ş', 0), (7, null, 0), (8, null, 0)")
    assert target.ask("select count(*) from t") == [7]


def test_an_index_that_names_nocase_is_unique_without_ascii_case(target: Target) -> None:
    target.move(
        "create table t(id integer primary key, name text); create unique index t_n on t(name collate nocase desc);"
        "insert into t values (1, 'Admin'), (2, 'Ə'), (3, 'ə');"
    )
    target.refuses("insert into t values (4, 'ADMIN')")
    target.ask("insert into t values (5, 'Ş'), (6, 'ş')")
    assert target.ask("select count(*) from pg_indexes where tablename = 't'") == [2]
    assert target.ask("select indexdef like '% DESC)' from pg_indexes where indexname = 't_n'") == [True]


def test_a_primary_key_of_text_is_unique_without_ascii_case(target: Target) -> None:
    target.move("create table t(name text collate nocase primary key) without rowid; insert into t values ('Admin');")
    target.refuses("insert into t values ('ADMIN')")
    assert target.ask("select contype::text from pg_constraint where conname = 't_pkey'") == ["p"]


def test_a_primary_key_may_name_a_collation_of_its_own(target: Target) -> None:
    target.move("create table t(name text, primary key(name collate nocase)); insert into t values ('Admin');")
    target.refuses("insert into t values ('ADMIN')")
    assert target.ask("select contype::text from pg_constraint where conname = 't_pkey'") == ["p"]


def test_each_column_of_a_key_has_its_own_collation(target: Target) -> None:
    target.move(
        "create table t(id integer primary key, site int, name text collate nocase, code text collate rtrim, x text,"
        " constraint one unique(site, name, code, x)); insert into t values (1, 1, 'Admin', 'k', 'X');"
    )
    target.refuses("insert into t values (2, 1, 'ADMIN', 'k  ', 'X')")
    target.ask("insert into t values (3, 1, 'ADMIN', 'k', 'x'), (4, 2, 'ADMIN', 'k', 'X'), (5, 1, 'ADMIN', 'K', 'X')")


def test_a_partial_index_is_unique_without_ascii_case_where_it_holds(target: Target) -> None:
    target.move(
        NAMED.replace(" unique", "") + "create unique index u on t(name) where name <> 'GUEST' and n > 0;"
        "insert into t values (1, 'Admin', 1), (2, 'guest', 1), (3, 'Guest', 1), (4, 'ADMIN', 0);"
    )
    target.refuses("insert into t values (5, 'aDMIN', 1)")
    target.ask("insert into t values (6, 'gUEST', 1), (7, 'aDMIN', 0)")


def test_rtrim_is_unique_without_spaces_at_the_end(target: Target) -> None:
    said = target.move(
        "create table t(id integer primary key, code text collate rtrim unique); insert into t values (1, 'a');"
    )
    target.refuses("insert into t values (2, 'a  ')")
    target.ask("insert into t values (3, ' a'), (4, 'A'), (5, 'a\t')")
    assert "RTRIM" in said
    assert target.ask("select contype::text from pg_constraint where conname = 't_code_key'") == ["u"]


def test_a_unique_index_on_an_expression_has_its_collation(target: Target) -> None:
    target.move(
        "create table t(id integer primary key, a text collate nocase, b text);"
        "create unique index u on t((a || b) collate nocase); insert into t values (1, 'a', 'B');"
    )
    target.refuses("insert into t values (2, 'A', 'b')")


@only_with_icu
def test_stored_keys_that_the_collation_would_make_one_stay_two(target: Target) -> None:
    said = target.move(
        "create table t(name text collate nocase primary key);"
        "insert into t values ('Ə'), ('ə'), ('caf\u00e9'), ('cafe\u0301'), ('Admin');"
    )
    assert target.ask("select count(*) from t where lower(name collate \"C\") = 'admin'") == [1]
    target.refuses("insert into t values ('ADMIN')")
    assert "takes for equal" in said
    assert target.ask("select contype::text from pg_constraint where conname = 't_pkey'") == ["p"]


# ------------------------------------------------------------------------------ order and comparison


def test_text_is_ordered_as_in_sqlite(target: Target) -> None:
    letters = list("aAbBçÇcdəƏefgğĞhxıIiİjkqloöÖsşŞuüÜzZ_1é")
    target.move(
        "create table t(name text, code varchar(5)); create view v as select name from t order by name;",
        ("insert into t values (?, ?)", [(letter, letter) for letter in letters]),
    )
    for column in ("name", "code"):
        assert target.ask(f"select {column} from t order by {column}") == sorted(letters)
    assert target.ask("select name from v") == sorted(letters)
    assert target.ask("select count(*) from t where name > 'Z' and name < 'a'") == [1]


@only_with_icu
def test_an_application_finds_a_name_in_any_case(target: Target) -> None:
    said = target.move(NAMED + "insert into t values (1, 'Admin', 0);")
    assert target.ask("select name from t where name = 'admin'") == ["Admin"]
    if target.version < 18:
        target.refuses("select 1 from t where name like 'adm%'", psycopg.errors.FeatureNotSupported)
    assert target.ask("select name from t where name collate \"C\" like 'Adm%'") == ["Admin"]
    assert 'LIKE, and ILIKE and regular expressions in any version, need COLLATE "C"' in " ".join(said.split())


@only_without_icu
def test_without_icu_the_folded_value_finds_a_name_by_an_index(target: Target) -> None:
    said = target.move(NAMED + "insert into t values (1, 'Admin', 0);")
    assert target.ask("select name from t where name = 'admin'") == []
    query = "select name from t where lower(name collate \"C\") = lower('ADMIN')"
    assert target.ask(query) == ["Admin"]
    found = target.ask(f"set enable_seqscan = off; explain (costs off) {query}")
    assert any("t_name_key_nocase" in line for line in found)
    assert "tells a from A" in said


def test_an_upsert_finds_its_key(target: Target) -> None:
    target.move(NAMED + "insert into t values (1, 'Admin', 0);")
    upsert = "insert into t values ({}, '{}', 9) on conflict (name) do update set n = excluded.n"
    target.ask(upsert.format(2, "Admin"))
    assert target.ask("select id, n from t") == [(1, 9)]
    if target.icu and target.version >= 16:
        target.ask(upsert.format(3, "ADMIN"))
    else:
        target.refuses(upsert.format(3, "ADMIN"))
    target.ask("insert into t values (4, 'ADMIN', 0) on conflict do nothing")
    assert target.ask("select count(*) from t") == [1]


def test_checks_views_and_triggers_compare_as_in_sqlite(target: Target) -> None:
    target.move(
        "create table t(id integer primary key, name text collate nocase, kind text"
        " check (kind collate nocase in ('user', 'ə')), check (name <> 'root' and name not like 'tmp%'));"
        "create table log(id integer primary key, said text);"
        "create view admins as select id, name || '!' as hail, name, length(name) as long from t where name = 'ADMIN';"
        "create view inner_ as select name, instr(name, 'm') as at from admins"
        " where hail like 'adm%' and name > 'ADMI';"
        "create view counted as select count(distinct name) as names from t;"
        "create view pairs as select a.id, b.id as other from t a join t b on a.name = b.name and a.id < b.id;"
        "create view ordered as select name from t order by name, id;"
        "create trigger noted after insert on t when new.name in ('ADMIN', 'x') begin"
        " insert into log(said) values (replace(new.name, 'a', '4') || instr(new.name, 'D')); end;"
        "insert into t values (1, 'b', 'user'), (2, 'Admin', 'USER'), (3, 'ADMIN', 'ə'), (4, 'a', 'uSER');"
    )
    assert target.ask("select id, hail, long from admins order by id") == [(2, "Admin!", 5), (3, "ADMIN!", 5)]
    assert target.ask("select * from inner_ order by at") == [("ADMIN", 0), ("Admin", 3)]
    assert target.ask("select names from counted") == [3]
    assert target.ask("select * from pairs") == [(2, 3)]
    assert target.ask("select name from ordered") == ["a", "Admin", "ADMIN", "b"]
    target.refuses("insert into t values (5, 'ROOT', 'user')", psycopg.errors.CheckViolation)
    target.refuses("insert into t values (6, 'TMP1', 'user')", psycopg.errors.CheckViolation)
    target.refuses("insert into t values (7, 'u', 'Ə')", psycopg.errors.CheckViolation)
    target.ask("insert into t values (8, 'aDmin', 'UsEr')")
    assert target.ask("select said from log order by id desc limit 1") == ["4Dmin2"]


@pytest.mark.parametrize("word", ["coalesce(nick, name)", "case when id > 1 then nick else name end"])
def test_columns_of_unlike_collation_meet_in_one_expression(target: Target, word: str) -> None:
    target.move(
        "create table t(id integer primary key, name text, nick text collate nocase);"
        f"create view v as select {word} as x from t where {word} = 'Bob' or nick = name;"
        "create view u as select name from t union all select nick from t;"
        f"create index i on t({word}); insert into t values (1, 'Ann', 'ANN'), (2, 'Bob', 'Bob');"
    )
    assert target.ask("select count(*) from v") == [2]
    assert target.ask("select count(*) from u where name = 'Bob'") == [2]
    assert target.ask("select count(*) from pg_indexes where indexname = 'i'") == [1]


def test_plain_indexes_fold_or_do_not_as_they_say(target: Target) -> None:
    target.move(
        NAMED.replace(" unique", "") + "create index a on t(name); create index b on t(name collate binary, n desc);"
        "create index c on t(n, name collate rtrim);"
    )
    found = dict(
        target.ask(
            "select indexname, substring(indexdef from 'btree (.*)') from pg_indexes"
            " where tablename = 't' and indexname in ('a', 'b', 'c')"
        )
    )
    folded = "(name)" if target.icu else '(lower((name COLLATE "C")))'
    exact = '(name COLLATE "C", n DESC)' if target.icu else "(name, n DESC)"
    assert found == {"a": folded, "b": exact, "c": "(n, rtrim((name COLLATE \"C\"), ' '::text))"}


# ------------------------------------------------------------------------------ foreign keys

FAMILY = (
    "create table p(name text collate nocase primary key, x text collate nocase unique);"
    "create table c(id integer primary key, p text references p, x text collate nocase references p(x));"
    "insert into p values ('Admin', 'X');"
)


@only_with_icu
def test_a_foreign_key_finds_its_parent_in_any_case(target: Target) -> None:
    target.move(FAMILY + "insert into c values (1, 'ADMIN', 'x');")
    target.ask("insert into c values (2, 'aDMIN', 'X')")
    target.refuses("insert into c values (3, 'other', 'X')", psycopg.errors.ForeignKeyViolation)
    target.refuses("insert into p values ('b', 'x')")
    assert target.ask("select bool_and(convalidated) from pg_constraint where conname like 'c\\_%fkey'") == [True]


@only_without_icu
def test_a_foreign_key_in_another_case_is_told_with_its_collation(target: Target) -> None:
    said = target.move(FAMILY + "insert into c values (1, 'ADMIN', 'X');", exits=3)
    assert "the parent's collation NOCASE" in " ".join(said.split())
    assert target.ask(
        "select conname, convalidated from pg_constraint where conname like 'c\\__\\_fkey' order by 1"
    ) == [
        ("c_p_fkey", False),
        ("c_x_fkey", True),
    ]
    target.ask("insert into c values (2, 'Admin', 'X')")


def test_a_foreign_key_of_nocase_to_a_plain_parent_compares_exactly(target: Target) -> None:
    target.move(
        "create table p(name text primary key); insert into p values ('a'), ('A');"
        "create table c(id integer primary key, p text collate nocase unique references p);"
        "insert into c values (1, 'A');"
    )
    target.refuses("insert into c values (2, 'a')")
    assert target.ask("select convalidated from pg_constraint where conname = 'c_p_fkey'") == [True]


# ------------------------------------------------------------------------------ what is told, and the plan file


def test_a_collation_of_the_application_is_told(target: Target) -> None:
    said = target.move(
        "create table t(id integer primary key, name text collate alphabet unique); insert into t values (1, 'a');",
        exits=3,
    )
    assert "only the application has this collation" in " ".join(said.split())
    assert target.ask("select kind, name, sql from litelift.untranslated") == [
        ("collation", "t.name", "COLLATE alphabet")
    ]
    target.refuses("insert into t values (2, 'a')")


def test_nothing_is_told_of_a_column_that_is_no_text(target: Target) -> None:
    target.move(
        "create table t(id uuid collate nocase unique, on_ boolean collate nocase, n int collate rtrim);"
        "insert into t values ('6f9619ff-8b86-d011-b42d-00c04fc964ff', 1, 2);"
    )
    assert target.ask("select count(*) from litelift.notice where kind = 'collation'") == [0]
    target.refuses("insert into t values ('6F9619FF-8B86-D011-B42D-00C04FC964FF', true, 1)")


def test_hostile_names_are_only_names(target: Target) -> None:
    name = 'n"; drop table x; -- % ə'.replace('"', '""')
    target.move(
        f'create table "T%s ""t"(id integer primary key, "{name}" text collate nocase unique);'
        f'create table c(id integer primary key, p text references "T%s ""t"("{name}"));'
        f'create index "i%" on "T%s ""t"("{name}" collate rtrim);'
        f'create view v as select "{name}" as x from "T%s ""t" where "{name}" = \'ADMIN\';'
        "insert into \"T%s \"\"t\" values (1, 'Admin'); insert into c values (1, 'Admin');"
    )
    target.refuses('insert into "T%s ""t" values (2, \'ADMIN\')')
    assert target.ask("select x from v") == ["Admin"]


def test_the_plan_can_do_without_the_collation(target: Target) -> None:
    target.move(NAMED + "insert into t values (1, 'Admin', 0);", plan='[defaults]\nnocase = "index"\n')
    assert target.ask("select name from t where name like 'Adm%'") == ["Admin"]
    assert target.ask("select name from t where name = 'admin'") == []
    target.refuses("insert into t values (2, 'ADMIN', 0)")


def test_the_plan_can_ask_for_the_collation(target: Target) -> None:
    plan = '[defaults]\nschema = "public"\nnocase = "collation"\n'
    said = target.move(NAMED, plan=plan, exits=0 if target.icu else 2)
    there = target.ask("select count(*) from pg_class where relname = 't'")
    assert there == [1 if target.icu else 0]
    assert target.icu or ("plan.toml" in said and "ICU" in said and "3" in said)


def test_the_move_is_equal_when_it_is_compared_later(target: Target) -> None:
    target.move(
        "create table t(name text collate nocase primary key, code text collate rtrim, x varchar(9)) without rowid;",
        ("insert into t values (?, ?, ?)", [("Admin", "a  ", "ə"), ("şəki", "a", "Ə"), ("Zz", None, "i")]),
    )
    status, said = command("verify", str(target.source), target.database)
    assert status == 0, said
    assert "Equal" in said
    target.ask("update t set x = 'other' where name = 'Admin'; insert into t values ('zZz', 'q', 'q')")
    status, said = command("verify", str(target.source), target.database)
    assert status == 1, said
    assert "name=Admin: 'ə' in SQLite, 'other' in PostgreSQL" in said
    assert "zZz" in said


# ------------------------------------------------------------------------------ ICU with rules of its own


def planned(script: str, version: int) -> MovePlan:
    connection = sqlite3.connect(":memory:")
    connection.executescript(script)
    schema = read_catalogue(connection)
    requests = whole_requests(schema, PlanFile())
    censuses = {
        request.table.name: take_census(
            connection,
            request.scan,
            request.key,
            {column: [candidate.probe() for candidate in tried] for column, tried in request.candidates.items()},
        )
        for request in requests
    }
    return plan_whole(connection, schema, requests, censuses, PlanFile(), server_version=version, icu=True)


def test_from_16_on_with_icu_the_constraint_itself_is_under_the_collation() -> None:
    plan = planned(NAMED + "insert into t values (1, 'Admin', 0), (2, 'Ş', 0), (3, 'ş', 0);", 160000)
    assert [(index.kind, index.parts) for index in plan.indexes if index.table == "t"] == [
        ("primary key", ('"id"',)),
        ("unique", ('"name"',)),
    ]
    assert plan.support == {"nocase"}


def test_texts_that_the_rules_take_for_equal_keep_indexes_of_their_own() -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    plan = planned(NAMED + f"insert into t values (1, '{composed}', 0), (2, '{apart}', 0);", 160000)
    assert [(index.kind, index.parts) for index in plan.indexes[1:]] == [
        ("index", ('"name" COLLATE "C"',)),
        ("index", ('lower("name" COLLATE "C")',)),
    ]


@only_with_icu
def test_the_collation_is_made_once(target: Target) -> None:
    with psycopg.connect(target.database, autocommit=True) as connection:
        connection.execute("create schema litelift")
        make_support(connection, {"nocase"})
        make_support(connection, {"nocase"})
        row = connection.execute("select 'aBc' = 'AbC' collate litelift.nocase, 'e' = 'é' collate litelift.nocase")
        assert row.fetchone() == (True, False)
