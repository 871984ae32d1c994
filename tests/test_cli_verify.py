"""litelift verify names what differs: by table, key and column, with both values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from command import litelift

SCHEMA = """
create table users(id integer primary key, name text not null, age integer, active boolean);
insert into users values (1,'Əli',30,1),(2,'Leyla',41,0),(3,'Nərmin',28,1);
create table log(at datetime, what text);
insert into log values ('2025-12-13 19:55:14','in'),('2025-12-13 19:55:14','in'),('2025-12-13 20:10:00','out');
"""


@pytest.fixture
def moved(make_sqlite: Callable[..., Path], database: str) -> tuple[Path, str]:
    source = make_sqlite(SCHEMA)
    assert litelift("migrate", source, database).status == 0
    return source, database


def _run(database: str, *statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_an_untouched_target_agrees(moved: tuple[Path, str]) -> None:
    ran = litelift("verify", *moved)
    assert (ran.status, "Equal: 6 rows in 2 tables" in ran.out) == (0, True)


def test_a_changed_a_deleted_and_an_added_row_are_each_named(moved: tuple[Path, str]) -> None:
    _run(
        moved[1],
        "update users set name = 'Leila' where id = 2",
        "delete from users where id = 3",
        "insert into users values (4, 'Orxan', 19, true)",
    )
    ran = litelift("verify", *moved)
    assert ran.status == 1
    assert "users.name, key id=2: 'Leyla' in SQLite, 'Leila' in PostgreSQL" in ran.out
    assert "users, key id=3: the row is not in PostgreSQL" in ran.out
    assert "users, key id=4: the row is not in SQLite" in ran.out
    assert "3 differences" in ran.out


def test_the_differences_of_a_table_without_a_key_are_named_too(moved: tuple[Path, str]) -> None:
    _run(moved[1], "update log set what = 'OUT' where what = 'out'")
    document = litelift("verify", *moved, "--json").json
    [difference] = [d for table in document["tables"] for d in table["differences"]]
    assert (difference["table"], difference["column"]) == ("log", "what")
    assert (difference["source"], difference["target"]) == ("out", "OUT")
    assert document["exit_code"] == 1


def test_a_sequence_behind_the_data_is_a_difference(moved: tuple[Path, str]) -> None:
    _run(moved[1], "alter table users alter column id restart with 2")
    ran = litelift("verify", *moved)
    assert ran.status == 1
    assert "users_id_seq" in ran.out


def test_all_differences_are_in_the_json(make_sqlite: Callable[..., Path], database: str) -> None:
    rows = [("insert into t values (?,?)", [(n, f"row {n}") for n in range(60)])]
    source = make_sqlite("create table t(id integer primary key, v text);", rows)
    assert litelift("migrate", source, database).status == 0
    _run(database, "update t set v = 'changed'")
    shown = litelift("verify", source, database).out
    assert shown.count("in SQLite, 'changed' in PostgreSQL") == 20
    assert "(all of them with --json)" in shown
    [table] = litelift("verify", source, database, "--json").json["tables"]
    assert len(table["differences"]) == table["total_differences"] == 60


def test_a_database_that_another_tool_loaded_is_compared_by_its_own_names_and_types(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    source = make_sqlite(SCHEMA.replace("users", "Users"))
    _run(
        database,
        "create table users(id int primary key, name varchar(20), age smallint, active boolean)",
        "insert into users values (1,'Əli',30,true),(2,'Leyla',41,false),(3,'Nərmin',29,true)",
        "create table log(at timestamptz, what text)",
        "insert into log values ('2025-12-13 19:55:14+00','in'),('2025-12-13 23:55:14+04','in'),"
        "('2025-12-13 20:10:00+00','out')",
    )
    ran = litelift("verify", source, database)
    assert ran.status == 1
    assert "users.age, key id=3: '28' in SQLite, '29' in PostgreSQL" in ran.out
    assert "1 differences" in ran.out


def test_quarantined_values_are_held_against_the_source(make_sqlite: Callable[..., Path], database: str) -> None:
    rows = [("insert into t values (?,?)", [(n, n if n else "n/a") for n in range(300)])]
    source = make_sqlite("create table t(id integer primary key, age integer);", rows)
    assert litelift("migrate", source, database).status == 3
    assert litelift("verify", source, database).status == 3
    _run(database, "delete from litelift.quarantine")
    ran = litelift("verify", source, database)
    assert (ran.status, "t.age, key id=0: 'n/a' in SQLite, NULL in PostgreSQL" in ran.out) == (1, True)
