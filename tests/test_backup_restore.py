"""A backup comes back to a new database, in the place of the live one, or as the rows of chosen tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from backup_case import backup, fill, history, made

_ALL = """
    select (select count(*) from school), (select sum(points) from grade), (select count(*) from part),
           (select nextval('own')), (select count(*) from pg_indexes where indexname = 'grade_at')
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def name_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def other(url: str, name: str) -> str:
    return url.replace(f"@/{name_of(url)}?", f"@/{name}?")


def ask(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchone()


@contextmanager
def dropping(url: str, *names: str) -> Iterator[None]:
    """What a test makes beside its database goes with it."""
    try:
        yield
    finally:
        with psycopg.connect(other(url, "postgres"), autocommit=True) as connection:
            for name in names:
                drop = sql.SQL("drop database if exists {} with (force)")
                connection.execute(drop.format(sql.Identifier(name)))


def beside(url: str) -> set[str]:
    """The databases of the server that have to do with this one."""
    names = ask(url, "select array_agg(datname::text) from pg_database")[0]
    return {name for name in names if name.startswith((name_of(url), "litelift_"))}


def test_to_a_new_database_and_the_live_one_stays(database: str, folder: Path) -> None:
    fill(database)
    made(database, folder)
    ask(database, "with gone as (delete from grade returning 1) select count(*) from gone")
    name = f"{name_of(database)}_again; --"
    with dropping(database, name):
        ran = backup("restore", database, "--to", name, "--json", folder=folder)
        assert ran.status == 0, ran.err
        assert ran.json["database"] == name
        with psycopg.connect(database) as connection:
            there = connection.info.dsn
        with psycopg.connect(there, dbname=name, autocommit=True) as connection:
            row = connection.execute(_ALL).fetchone()
        assert row is not None and (row[0], row[2:]) == (500, (51, 20, 1))
        assert ask(database, "select count(*) from grade") == (0,)
        again = backup("restore", database, "--to", name, "--json", folder=folder)
        assert (again.status, again.json["error"]["kind"]) == (1, "DatabaseExists")
    assert beside(database) == {name_of(database)}


def test_in_the_place_of_the_live_one_and_back_again(database: str, folder: Path) -> None:
    fill(database)
    first = made(database, folder)
    ask(database, "with gone as (delete from grade returning 1) select count(*) from gone")
    live = name_of(database)
    ran = backup("restore", database, "-b", first["name"], "--over", "--confirm", live, "--json", folder=folder)
    assert ran.status == 0, ran.err
    kept = ran.json["switched"]["kept_name"]
    aside = ""
    try:
        assert ask(database, "select count(*) from grade") == (3000,)
        assert ask(other(database, kept), "select count(*) from grade") == (0,)
        listed = backup("list", "--json", folder=folder).json["backups"]
        assert [(one["kind"], one["rows"]) for one in listed][1] == ("safety", first_rows(first) - 3000)
        back = backup("revert", database, "--confirm", live, "--json", folder=folder)
        assert back.status == 0, back.err
        aside = back.json["kept_name"]
        assert ask(database, "select count(*) from grade") == (0,)
        assert ask(other(database, aside), "select count(*) from grade") == (3000,)
    finally:
        with dropping(database, kept, aside or kept):
            pass
    assert [event["what"] for event in history(folder)] == ["create", "create", "restore"]


def first_rows(manifest: dict[str, Any]) -> int:
    return sum(table["rows"] for table in manifest["tables"])


@pytest.mark.parametrize("confirm", [(), ("--confirm", "another")])
def test_nothing_takes_the_live_ones_place_unless_its_name_is_typed(
    database: str, folder: Path, confirm: tuple[str, ...]
) -> None:
    fill(database)
    made(database, folder)
    ran = backup("restore", database, "--over", *confirm, folder=folder)
    assert ran.status == 2
    assert name_of(database) in ran.err
    assert beside(database) == {name_of(database)}


def test_a_restore_that_fails_leaves_the_live_one_serving(database: str, folder: Path) -> None:
    fill(database)
    manifest = made(database, folder)
    path = Path(manifest["folder"]) / "manifest.json"
    document = json.loads(path.read_text())
    document["tables"][0]["digest"] = "f" * 32
    path.write_text(json.dumps(document))
    ran = backup("restore", database, "--over", "--confirm", name_of(database), "--json", folder=folder)
    assert (ran.status, ran.json["error"]["kind"]) == (1, "RestoreFailed")
    assert ask(database, "select count(*) from grade") == (3000,)
    assert beside(database) == {name_of(database)}
    assert [event["ok"] for event in history(folder) if event["what"] == "restore"] == [False]


def test_chosen_tables_come_into_a_new_database_with_the_structure_of_all(database: str, folder: Path) -> None:
    fill(database)
    made(database, folder)
    name = f"{name_of(database)}_some"
    with dropping(database, name):
        words = ["--to", name, "-t", "school", "-t", "part", "-t", '"Sçhema.x"."ta""ble; --"']
        ran = backup("restore", database, *words, "--json", folder=folder)
        assert ran.status == 0, ran.err
        counts = ask(
            other(database, name),
            "select (select count(*) from school), (select count(*) from grade), (select count(*) from part)",
        )
        assert counts == (500, 0, 51)


def test_chosen_tables_of_the_live_one_get_the_rows_of_the_backup(database: str, folder: Path) -> None:
    fill(database)
    made(database, folder)
    ask(database, "with gone as (delete from grade where id % 2 = 0 returning 1) select count(*) from gone")
    ask(database, "with new as (update part set n = -1 returning 1) select count(*) from new")
    ask(database, "with new as (insert into school(name) values ('new') returning 1) select count(*) from new")
    words = ["-t", "grade", "-t", "part", "--over", "--confirm", name_of(database)]
    ran = backup("restore", database, *words, "--json", folder=folder)
    assert ran.status in (0, 3), ran.err
    assert ask(database, "select count(*), min(id), max(id) from grade") == (3000, 1, 3000)
    assert ask(database, "select min(n), count(*) from part") == (0, 51)
    # What was not asked for stays.
    assert ask(database, "select count(*) from school") == (501,)
    assert beside(database) == {name_of(database)}


def test_a_table_that_is_not_there_is_refused_before_anything_is_done(database: str, folder: Path) -> None:
    fill(database)
    made(database, folder)
    ran = backup("restore", database, "-t", "grades", folder=folder)
    assert ran.status == 2
    assert "the table grades is not in the backup" in ran.err
    assert beside(database) == {name_of(database)}


def test_a_backup_comes_back_out_of_an_archive(database: str, folder: Path, tmp_path: Path) -> None:
    fill(database)
    made(database, folder)
    newest = made(database, folder)
    tar = tmp_path / "old.tar.gz"
    words = ["--older-than", "0", "-b", newest["name"], "--output", str(tar)]
    packed = backup("archive", database, *words, folder=folder)
    assert packed.status in (0, 3), packed.err
    name = f"{name_of(database)}_archived"
    for elsewhere in (tmp_path / "elsewhere", folder):
        with dropping(database, name):
            ran = backup("restore", database, "--archive", tar, "--to", name, "--json", folder=elsewhere)
            assert ran.status == 0, ran.err
            assert ran.json["backup"] == newest["name"]
            assert ask(other(database, name), "select count(*) from grade") == (3000,)


@pytest.mark.postgres(18)
def test_a_backup_of_another_version_is_restored_by_a_later_one(
    database: str, server: Any, folder: Path, tmp_path: Path
) -> None:
    """Of 16, to 18."""
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute("create database older_one")
    older = server("older_one")
    name = f"{name_of(database)}_newer"
    with dropping(older, "older_one"), dropping(database, name):
        fill(older)
        made(older, folder)
        ran = backup("restore", database, "--to", name, "--json", folder=folder)
        assert ran.status in (0, 3), ran.err
        assert ask(other(database, name), "select count(*) from grade") == (3000,)
