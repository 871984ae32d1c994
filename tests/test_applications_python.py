"""What Python's frameworks and applications write, moved into the schemas that they make on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from litelift import migrate, verify
from litelift.plan.spans import span_numbers
from litelift.postgres.bookkeeping import bookkeeping_tool
from litelift.prove.times import DAY, SECOND, span
from litelift.sqlite.census import ColumnCensus
from litelift.wire.times import IntervalCodec

MakeSqlite = Callable[..., Path]


def _query(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def _target(database: str, script: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(script)


def test_pony_s_intervals_are_days_even_where_they_are_whole(database: str, make_sqlite: MakeSqlite) -> None:
    # INTERVAL has INTEGER affinity, so two whole days are stored as the integer 2.
    source = make_sqlite(
        'CREATE TABLE lesson (id INTEGER PRIMARY KEY AUTOINCREMENT, "lasts" INTERVAL)',
        [("INSERT INTO lesson VALUES (?, ?)", [(1, 2.0), (2, 1.5), (3, -0.25), (4, 1.0000000000578704), (5, None)])],
    )
    _target(database, "create table lesson (id serial primary key, lasts interval(6))")

    result = migrate(source, database, data_only=True)

    assert result.exit_code == 0
    stored = _query(database, "select extract(epoch from lasts)::float8 from lesson order by id")
    assert stored == [(172_800.0,), (129_600.0,), (-21_600.0,), (86_400.000005,), (None,)]
    proof = verify(source, database)
    assert proof.ok


def test_piccolo_s_intervals_are_seconds(database: str, make_sqlite: MakeSqlite) -> None:
    source = make_sqlite(
        "CREATE TABLE lesson (id INTEGER PRIMARY KEY AUTOINCREMENT, lasts SECONDS)",
        [("INSERT INTO lesson VALUES (?, ?)", [(1, 90), (2, -1.5), (3, 86400.000005)])],
    )
    _target(database, "create table lesson (id serial primary key, lasts interval)")

    assert migrate(source, database, data_only=True).exit_code == 0
    stored = _query(database, "select extract(epoch from lasts)::float8 from lesson order by id")
    assert stored == [(90.0,), (-1.5,), (86_400.000005,)]


def test_django_s_intervals_are_microseconds_still(database: str, make_sqlite: MakeSqlite) -> None:
    source = make_sqlite(
        "CREATE TABLE lesson (id integer PRIMARY KEY, lasts bigint); INSERT INTO lesson VALUES (1, 90)"
    )
    _target(database, "create table lesson (id bigint primary key, lasts interval)")

    assert migrate(source, database, data_only=True).exit_code == 0
    assert _query(database, "select extract(epoch from lasts)::float8 from lesson") == [(0.00009,)]


def test_whole_numbers_too_great_for_days_are_microseconds() -> None:
    assert span_numbers("INTERVAL", ColumnCensus(integers=1, least=2, greatest=2)) == "days"
    assert span_numbers("interval", ColumnCensus(integers=1, least=5, greatest=3_600_000_000)) == "epoch"
    assert span_numbers("INTERVAL", ColumnCensus(integers=1, reals=1, least=5, greatest=3_600_000_000)) == "days"
    assert span_numbers("bigint", ColumnCensus(reals=1)) == "epoch"


@pytest.mark.parametrize(("numbers", "unit"), [("seconds", SECOND), ("days", DAY)])
@pytest.mark.parametrize("value", [0, 3, -2, 1.5, -0.1, 1 / 3, 5.7870370370370374e-11, 12345.678901234567])
def test_the_codec_and_the_proof_read_a_span_alike(value: float, numbers: Any, unit: int) -> None:
    assert IntervalCodec(numbers).text(value) == f"{span(value, numbers)} microseconds"
    assert abs(span(value, numbers) - value * unit) <= 1


WAGTAIL = """
CREATE TABLE page (id integer PRIMARY KEY AUTOINCREMENT, title varchar(255) NOT NULL);
CREATE TABLE indexentry (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT, page_id integer NOT NULL REFERENCES page (id),
    autocomplete text, title text NOT NULL);
INSERT INTO page VALUES (1, 'Səhifə'), (2, 'Dərs');
INSERT INTO indexentry VALUES (1, 1, 'sə', 'Səhifə'), (2, 2, NULL, 'Dərs');
"""


def test_a_search_index_of_another_shape_is_kept_aside_and_told(database: str, make_sqlite: MakeSqlite) -> None:
    # Wagtail's index has text on SQLite, and tsvectors with texts of their own beside them on PostgreSQL.
    source = make_sqlite(WAGTAIL)
    _target(
        database,
        "create table page (id serial primary key, title varchar(255) not null);"
        "create table indexentry (id serial primary key, page_id int not null references page,"
        " autocomplete tsvector not null, title tsvector not null, title_text text not null)",
    )

    result = migrate(source, database, data_only=True)

    assert result.exit_code == 3
    assert any("title_text" in notice.message and notice.level == "attention" for notice in result.notices)
    assert _query(database, "select count(*) from page") == [(2,)]
    aside = _query(
        database, "select table_name, column_name, row_key->>'id' from litelift.quarantine order by row_key->>'id'"
    )
    assert aside == [("indexentry", None, "1"), ("indexentry", None, "2")]
    assert verify(source, database).ok


def test_a_tsvector_that_only_the_target_has_does_not_hinder_the_rows(database: str, make_sqlite: MakeSqlite) -> None:
    source = make_sqlite(WAGTAIL)
    _target(
        database,
        "create table page (id serial primary key, title varchar(255) not null, search tsvector not null);"
        "create function fill_search() returns trigger language plpgsql as $$"
        " begin new.search := to_tsvector('simple', new.title); return new; end $$;"
        "create trigger fill before insert or update on page for each row execute function fill_search();"
        "create table indexentry (id serial primary key, page_id int not null references page,"
        " autocomplete text, title text not null)",
    )

    result = migrate(source, database, data_only=True)

    assert result.exit_code == 3
    assert _query(database, "select id, title, search from page order by id") == [(1, "Səhifə", ""), (2, "Dərs", "")]
    assert [n.table for n in result.notices if n.level == "attention"] == ["page"]
    assert verify(source, database).ok


def test_any_other_value_that_the_target_wants_stops_the_move(database: str, make_sqlite: MakeSqlite) -> None:
    source = make_sqlite("CREATE TABLE page (id integer PRIMARY KEY); INSERT INTO page VALUES (1)")
    _target(database, "create table page (id serial primary key, title text not null)")

    with pytest.raises(Exception, match=r"page\.title"):
        migrate(source, database, data_only=True)


def test_synapse_s_books_stay_the_target_s(database: str, make_sqlite: MakeSqlite) -> None:
    source = make_sqlite(
        "CREATE TABLE applied_schema_deltas(version INTEGER NOT NULL, file TEXT NOT NULL, UNIQUE(version, file));"
        "CREATE TABLE schema_version(Lock CHAR(1) NOT NULL DEFAULT 'X' UNIQUE, version INTEGER NOT NULL,"
        " upgraded BOOL NOT NULL, CHECK (Lock='X'));"
        "INSERT INTO applied_schema_deltas VALUES (73, '73/05old_push_actions.sql.sqlite');"
        "INSERT INTO schema_version VALUES ('X', 72, 1);"
    )
    _target(
        database,
        "create table applied_schema_deltas (version int not null, file text not null, unique (version, file));"
        "create table schema_version (lock char(1) default 'X' not null unique, version int not null,"
        " upgraded boolean not null, check (lock = 'X'));"
        "insert into applied_schema_deltas values (73, '73/05old_push_actions.sql.postgres');"
        "insert into schema_version values ('X', 73, false)",
    )

    assert migrate(source, database, data_only=True).exit_code == 0
    assert _query(database, "select file from applied_schema_deltas") == [("73/05old_push_actions.sql.postgres",)]
    assert _query(database, "select version from schema_version") == [(73,)]
    assert bookkeeping_tool("schema_compat_version", ["Lock", "compat_version"]) == "Synapse"
    assert bookkeeping_tool("schema_version", ["id", "version", "upgraded", "lock"]) is None


def test_uuids_in_sixteen_bytes_are_no_bad_text(database: str, make_sqlite: MakeSqlite) -> None:
    source = make_sqlite(
        "CREATE TABLE pupil (id INTEGER PRIMARY KEY, u UUID)",
        [("INSERT INTO pupil VALUES (?, ?)", [(1, bytes.fromhex("f97334c3092b4b378206b2879ccba86c"))])],
    )
    _target(database, "create table pupil (id int primary key, u uuid)")

    result = migrate(source, database, data_only=True)

    assert (result.exit_code, result.notices) == (0, [])
    assert _query(database, "select u::text from pupil") == [("f97334c3-092b-4b37-8206-b2879ccba86c",)]


def test_a_default_of_gen_random_uuid_is_carried(database: str, make_sqlite: MakeSqlite) -> None:
    # Prefect registers the function with its SQLite connections, under PostgreSQL's name.
    source = make_sqlite(
        "CREATE TABLE version (id CHAR(36) DEFAULT (GEN_RANDOM_UUID()) NOT NULL PRIMARY KEY, n INTEGER)"
    )

    assert migrate(source, database).exit_code == 0
    with psycopg.connect(database) as connection:
        made = connection.execute("insert into version (n) values (1) returning id").fetchone()
    assert made is not None and len(made[0].strip()) == 36


def test_times_without_an_offset_are_said_once_to_be_utc(database: str, make_sqlite: MakeSqlite) -> None:
    # Django with USE_TZ = False writes local time on SQLite, and has timestamptz columns on PostgreSQL all the same.
    source = make_sqlite(
        "CREATE TABLE post (id integer PRIMARY KEY, made datetime, seen datetime);"
        "INSERT INTO post VALUES (1, '2024-03-31 01:30:00', '2024-03-31 01:30:00'), (2, NULL, '2024-03-31 01:30:00');"
    )
    _target(database, "create table post (id int primary key, made timestamptz, seen timestamptz)")

    result = migrate(source, database, data_only=True)

    assert result.exit_code == 0
    told = [notice.message for notice in result.notices if notice.kind == "utc"]
    assert len(told) == 1
    assert "3 times" in told[0] and "post.made, post.seen" in told[0]
