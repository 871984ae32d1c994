"""Statistics that cannot be gathered are told, and fail no restore."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from backup_case import backup, made
from litelift.backup.analyze import analyze

SCRIPT = """
create extension file_fdw;
create server files foreign data wrapper file_fdw;
create table grade (n int) partition by list (n);
create table grade_1 partition of grade for values in (1);
create foreign table grade_9 partition of grade for values in (9) server files options (filename '/nonexistent/9');
insert into grade values (1);
create table plain as select g as n from generate_series(1, 10) g;
"""


@pytest.fixture
def dropped(icu_database: str) -> Iterator[str]:
    """The name of a database that goes with the test."""
    with psycopg.connect(icu_database, autocommit=True) as connection:
        name = f"{connection.info.dbname}_again"
        yield name
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def test_the_foreign_tables_below_a_restored_one_are_left_alone(
    icu_database: str, dropped: str, tmp_path: Path
) -> None:
    """Their rows are elsewhere: perhaps nobody answers there, perhaps it is the live server."""
    with psycopg.connect(icu_database, autocommit=True) as connection:
        connection.execute(SCRIPT)
    made(icu_database, tmp_path / "backups")
    ran = backup("restore", icu_database, "--to", dropped, "--json", folder=tmp_path / "backups")
    assert (ran.status, ran.json["notes"]) == (0, []), ran.err
    with psycopg.connect(icu_database, dbname=dropped) as connection:
        gathered = "select array_agg(distinct tablename::text order by tablename::text) from pg_stats "
        assert connection.execute(gathered + "where schemaname = 'public'").fetchone() == (["grade_1", "plain"],)


def test_a_table_whose_statistics_cannot_be_gathered_is_told(database: str) -> None:
    """Before PostgreSQL 17 the function of an index may hang on settings that a restore has not."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table plain as select g as n from generate_series(1, 10) g")
        connection.execute("create function moody(n int) returns int language sql immutable as 'select n'")
        connection.execute("create table moody_one as select * from plain")
        connection.execute("create index on moody_one (moody(n))")
        connection.execute(
            "create or replace function moody(n int) returns int language plpgsql immutable as "
            "'begin raise ''not today''; end'"
        )
        told = [note.message for note in analyze(connection)]
        assert told == ["the table public.moody_one has no statistics for the planner: not today"]
        gathered = connection.execute("select count(*) from pg_stats where tablename = 'plain'").fetchone()
        assert gathered == (1,)
