"""Indexes that are missing, unused, repeated or not valid, and triggers that are off: each made for real."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from broken import wait_for
from command import litelift
from litelift.monitor.watched import Watched
from monitored import database_at, found_by, only

LOW = """
[monitor.limits]
"missing-foreign-key-indexes.searched_rows" = { warning = 10 }
"missing-foreign-key-indexes.rows" = { warning = 100 }
"duplicate-indexes.bytes" = { warning = 1 }
"unused-indexes.bytes" = { warning = 1 }
"""
NEXT_YEAR = datetime.now(UTC) + timedelta(days=400)
CHECKS = (
    "missing-foreign-key-indexes",
    "unused-indexes",
    "duplicate-indexes",
    "invalid-indexes",
    "disabled-triggers",
)


def run(database: str, *statements: str) -> None:
    """Execute them, each in a transaction of its own."""
    with psycopg.connect(database, autocommit=True) as person:
        for statement in statements:
            person.execute(statement)


def found_of(name: str, of: Watched, key: str = "index") -> list[object]:
    """The objects that a check names."""
    return [item[key] for item in only(found_by(name, of, now=NEXT_YEAR)).items]


def test_a_schema_in_which_nothing_is_amiss_is_silent(
    database: str, tmp_path: Path, make_sqlite: Callable[..., Path]
) -> None:
    source = make_sqlite("""
        create table schools (id integer primary key, name text unique);
        create table pupils (id integer primary key, school integer references schools (id), name text);
        create index pupils_school on pupils (school);
        create index pupils_name on pupils (name);
    """)
    assert litelift("migrate", source, database, "--quiet").status == 0
    of = database_at(database, tmp_path, LOW)
    assert [only(found_by(name, of)).state for name in CHECKS] == ["ok"] * len(CHECKS)


@pytest.mark.superuser
def test_a_foreign_key_of_a_large_table_wants_an_index(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, LOW)
    run(
        database,
        'create schema "a b"',
        'create table "a b".schools (id int primary key, part int, unique (part, id))',
        'create table "a b"."pu\'pils" (school int references "a b".schools,'
        ' "last school" int references "a b".schools, a int, b int,'
        ' foreign key (b, a) references "a b".schools (part, id), c int references "a b".schools)',
        'create index on "a b"."pu\'pils" (school) where school is not null',
        'create index on "a b"."pu\'pils" (a, b, school)',
        'create index on "a b"."pu\'pils" (c) where school is not null',
        'create index on "a b"."pu\'pils" (c) where c is null',
        'create index on "a b"."pu\'pils" using brin ("last school")',
        'insert into "a b".schools select n, n from generate_series(1, 100) as n',
        'insert into "a b"."pu\'pils" select n, n, n, n, n from generate_series(1, 50) as n',
        'analyze "a b"."pu\'pils"',
    )
    missing = only(found_by("missing-foreign-key-indexes", of))
    assert (missing.state, missing.facts["small"]) == ("ok", 2)
    run(database, 'delete from "a b".schools where id = 99')
    wait_for(lambda: len(found_of("missing-foreign-key-indexes", of, "columns")) == 2)
    missing = only(found_by("missing-foreign-key-indexes", of))
    assert missing.state == "warning"
    assert {item["columns"] for item in missing.items} == {"last school", "c"}
    run(database, *(str(item["create"]) for item in missing.items))
    assert only(found_by("missing-foreign-key-indexes", of)).found == "none"


def test_an_index_that_nobody_uses_is_told_once_the_server_has_counted_for_long(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, LOW)
    run(
        database,
        "create table schools (id int primary key, town text, name text unique, number int, area int)",
        "create table pupils (id int primary key, school int references schools, grade int)",
        "insert into schools select n, n, n, n, n from generate_series(1, 1000) as n",
        "create index town on schools (town)",
        "create index used on schools (number)",
        "create index low on schools (lower(town))",
        "create index marks on schools (area)",
        "alter table schools cluster on marks",
        "create index pupils_school on pupils (school)",
        "analyze schools",
        "set enable_seqscan = off; select count(*) from schools where number = 7",
    )
    assert only(found_by("unused-indexes", of)).found == "young"
    wait_for(lambda: found_of("unused-indexes", of) == ["public.town"])
    finding = only(found_by("unused-indexes", of, now=NEXT_YEAR))
    assert (finding.state, finding.do) == ("warning", "drop")
    ignoring = database_at(database, tmp_path, f'[monitor]\nignore = ["unused-indexes:public.town"]\n{LOW}')
    assert only(found_by("unused-indexes", ignoring, now=NEXT_YEAR)).state == "ok"
    run(database, str(finding.facts["drop"]))
    assert only(found_by("unused-indexes", of, now=NEXT_YEAR)).state == "ok"


def test_of_indexes_that_do_the_same_the_one_that_stands_for_less_is_to_go(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, LOW)
    run(
        database,
        "create table t (id int primary key, a int, b int, c text, unique (a, b))",
        "insert into t select n, n, n, n from generate_series(1, 100) as n",
        "create index once on t (c)",
        "create index other_order on t (b, a)",
        'create index other_collation on t (c collate "C")',
        "create index going_down on t (c desc)",
        "create index other_class on t (c text_pattern_ops)",
        "create index partly on t (c) where a > 1",
        "create index covering on t (c) include (b)",
        "create unique index again_unique on t (id, a) where b > 0",
        "create index hashed on t using hash (a)",
        "create index in_its_order on t (b)",
        "alter table t cluster on in_its_order",
        "create unique index only_one on t (b)",
    )
    assert only(found_by("duplicate-indexes", of)).items == ()
    run(
        database,
        "create index id_again on t (id)",
        "create unique index id_unique on t (id)",
        "create index begins on t (a)",
        "create index low_1 on t (lower(c))",
        "create index   low_2   on   t (   lower(  c))",
        "create index partly_again on t (c) where a > 1",
    )
    finding = only(found_by("duplicate-indexes", of))
    assert (finding.state, finding.found) == ("warning", "same")
    assert {(item["index"], item["by"], item["same"]) for item in finding.items} == {
        ("public.id_again", "public.t_pkey", True),
        ("public.id_unique", "public.t_pkey", True),
        ("public.low_2", "public.low_1", True),
        ("public.partly_again", "public.partly", True),
        ("public.begins", "public.t_a_b_key", False),
    }
    run(database, *(str(item["drop"]) for item in finding.items))
    assert only(found_by("duplicate-indexes", of)).found == "none"


def test_an_index_whose_making_failed_is_told_but_not_one_that_is_being_made(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    run(database, "create table t (a int, b int)", "insert into t values (1, 1), (1, 1)")
    assert only(found_by("invalid-indexes", of)).state == "ok"
    with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as maker:
        holder.execute("insert into t values (2, 2)")
        thread = threading.Thread(target=lambda: maker.execute("create index concurrently slow on t (b)"))
        thread.start()
        wait_for(lambda: _is_there(database, "slow"))
        assert only(found_by("invalid-indexes", of)).state == "ok"
        holder.rollback()
        thread.join()
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(database, 'create unique index concurrently "t\'s key" on t (a)')
    finding = only(found_by("invalid-indexes", of))
    assert (finding.state, found_of("invalid-indexes", of)) == ("warning", ["public.t's key"])
    run(database, "delete from t where ctid = '(0,1)'", str(finding.facts["mend"]))
    assert only(found_by("invalid-indexes", of)).state == "ok"


def _is_there(database: str, index: str) -> bool:
    with psycopg.connect(database) as someone:
        return someone.execute("select to_regclass(%s) is not null", [index]).fetchone() == (True,)


def test_triggers_that_are_off_are_told(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    run(
        database,
        "create table schools (id int primary key)",
        'create table "pu\'pils" (school int references schools)',
        "create function f() returns trigger language plpgsql as 'begin return new; end'",
        'create trigger "to ""log""" before insert on "pu\'pils" for each row execute function f()',
        'create trigger other before insert on "pu\'pils" for each row execute function f()',
    )
    assert only(found_by("disabled-triggers", of)).state == "ok"
    run(database, 'alter table "pu\'pils" disable trigger user')
    finding = only(found_by("disabled-triggers", of))
    assert (finding.state, finding.facts["triggers"]) == ("warning", 'other, to "log"')
    run(database, str(finding.facts["enable"]))
    assert only(found_by("disabled-triggers", of)).state == "ok"


@pytest.mark.superuser
def test_foreign_keys_that_nobody_watches_are_critical(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    run(database, "create table schools (id int primary key)", "create table pupils (school int references schools)")
    with psycopg.connect(database) as someone:
        name = someone.info.dbname
    for statement, thing in (
        ("alter table pupils disable trigger all", "public.pupils"),
        (f"alter database {name} set session_replication_role = replica", name),
    ):
        run(database, statement)
        finding = only(found_by("disabled-triggers", of))
        assert (finding.state, finding.found, finding.facts["object"]) == ("critical", "keys", thing)
        run(database, str(finding.facts["enable"]))
        assert only(found_by("disabled-triggers", of)).state == "ok"
