"""Defaults: what SQLite would have stored, PostgreSQL stores, in the column's type."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql as pg

from litelift.errors import Untranslatable
from litelift.plan.valuemap import ValueMap
from litelift.postgres import types
from litelift.postgres.types import PgType
from litelift.translate import FUNCTIONS, ColumnContext, literal_default, translate_default

VERSION = 160014
STATUS = PgType("status", kind="enum", labels=("active", "draft"))


def stored_by_sqlite(default: str, declared: str) -> object:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"create table t(id integer primary key, x {declared} default ({default}))")
    connection.execute("insert into t(id) values (1)")
    (value,) = connection.execute("select x from t").fetchone()
    connection.close()
    return value


def stored_by_postgres(database: str, default: str, type_: PgType, version: int = VERSION) -> object:
    translated = translate_default(default, ColumnContext("x", type_), version)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create schema if not exists litelift")
        for name in translated.needs:
            connection.execute(FUNCTIONS[name])
        connection.execute("set time zone 'Asia/Baku'")
        connection.execute("drop table if exists t")
        connection.execute("drop type if exists status")
        connection.execute("create type status as enum ('active', 'draft')")
        connection.execute(
            pg.SQL("create table t(id bigint primary key, x {} default {})").format(
                type_.sql(),
                pg.SQL(translated.sql),
            )
        )
        row = connection.execute("insert into t values (1, default) returning x").fetchone()
        assert row is not None
        return row[0]


TEXTS = [
    "CURRENT_TIMESTAMP",
    "current_timestamp",
    "Current_Date",
    "current_time",
    "datetime('now')",
    "datetime('NOW')",
    "datetime()",
    "date('now')",
    "date('now', '+7 days')",
    "date('now', '-1 month')",
    "date('now', 'start of month')",
    "date('now', 'start of year', '+1 year')",
    "time('now')",
    "datetime('now', '+30 minutes')",
    "datetime('now', 'start of day')",
    "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')",
    "strftime('%Y-%m-%dT%H:%M:%fZ')",
    "strftime('%Y-%m-%d %H:%M:%fZ','now')",
    "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
    "strftime('%Y', 'now')",
    "strftime('%s', 'now')",
    "strftime('%Y''s \"%j\" 100%% \\ day %w', 'now')",
    "'at ' || datetime('now')",
    "coalesce(date('now'), 'never')",
    "unixepoch()",
    "1000 * unixepoch()",
]


@pytest.mark.parametrize("default", TEXTS)
def test_a_text_of_the_clock_has_sqlites_form_and_is_in_utc(database: str, default: str) -> None:
    before = stored_by_sqlite(default, "TEXT")
    got = stored_by_postgres(database, default, types.TEXT)
    after = stored_by_sqlite(default, "TEXT")
    assert isinstance(got, str)
    assert isinstance(before, str)
    assert isinstance(after, str)
    # Texts of this form order as times do, and the clock moved on between the two that SQLite made.
    assert re.sub(r"\d", "0", got) == re.sub(r"\d", "0", before)
    if ":" in default or "time" in default.lower() or "epoch" in default:
        assert got >= before[: len(before) - 3] or before > after
        assert got <= after + "~" or before > after
    else:
        assert got in (before, after)


NOW_TYPES: list[tuple[str, PgType]] = [
    ("CURRENT_TIMESTAMP", types.TIMESTAMP),
    ("CURRENT_TIMESTAMP", types.TIMESTAMPTZ),
    ("current_timestamp", PgType("timestamp", precision=0)),
    ("datetime('now')", types.TIMESTAMP),
    ("datetime('now', 'utc')", types.TIMESTAMPTZ),
    ("strftime('%Y-%m-%d %H:%M:%f', 'now')", types.TIMESTAMP),
    ("strftime('%Y-%m-%dT%H:%M:%fZ')", types.TIMESTAMPTZ),
    ("strftime('%s', 'now')", types.TIMESTAMPTZ),
    ("unixepoch()", types.TIMESTAMPTZ),
    ("unixepoch() * 1000", types.TIMESTAMPTZ),
    ("cast((julianday('now') - 2440587.5) * 86400000 as integer)", types.TIMESTAMPTZ),
    ("strftime('%s', 'now')", types.TIMESTAMP),
]


@pytest.mark.parametrize(("default", "type_"), NOW_TYPES)
def test_the_clock_in_a_timestamp_column_is_now_in_utc(database: str, default: str, type_: PgType) -> None:
    got = stored_by_postgres(database, default, type_)
    assert isinstance(got, datetime)
    moment = got if got.tzinfo else got.replace(tzinfo=UTC)
    assert (got.tzinfo is not None) == (type_.base == "timestamptz")
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)
    if "%f" in default:
        assert got.microsecond % 1000 == 0
    elif "julianday" not in default:
        assert got.microsecond == 0


def test_the_clock_in_date_and_time_columns_is_utcs(database: str) -> None:
    today = {datetime.now(UTC).date()}
    for default in ("current_date", "CURRENT_TIMESTAMP", "date('now')", "strftime('%Y-%m-%d', 'now')"):
        got = stored_by_postgres(database, default, types.DATE)
        assert got in today | {datetime.now(UTC).date()}
    for default in ("current_time", "time('now')", "current_timestamp"):
        clock = stored_by_postgres(database, default, types.TIME)
        assert isinstance(clock, time)
        assert clock.microsecond == 0
        there = datetime.combine(datetime.now(UTC).date(), clock, UTC)
        apart = abs(datetime.now(UTC) - there)
        assert min(apart, timedelta(days=1) - apart) < timedelta(minutes=5)
    got = stored_by_postgres(database, "current_date", types.TIMESTAMP)
    assert isinstance(got, datetime)
    assert got.time() == time(0)
    got = stored_by_postgres(database, "date('now')", types.TIMESTAMPTZ)
    assert isinstance(got, datetime)
    assert got.astimezone(UTC).time() == time(0)


NUMBERS: list[tuple[str, str, PgType, float]] = [
    ("unixepoch()", "INTEGER", types.BIGINT, 300),
    ("strftime('%s', 'now')", "INTEGER", types.BIGINT, 300),
    ("cast(strftime('%s', 'now') as int)", "INTEGER", types.BIGINT, 300),
    ("strftime('%s', 'now') * 1000", "INTEGER", types.BIGINT, 300_000),
    ("unixepoch() * 1000", "INTEGER", types.BIGINT, 300_000),
    ("cast((julianday('now') - 2440587.5) * 86400000 as integer)", "INTEGER", types.BIGINT, 300_000),
    ("julianday('now')", "REAL", types.DOUBLE, 0.01),
    ("julianday()", "REAL", types.DOUBLE, 0.01),
    ("unixepoch('now', '+1 day')", "INTEGER", types.INTEGER, 300),
    ("strftime('%Y', 'now') + 1", "INTEGER", types.BIGINT, 1),
    ("unixepoch() / 60", "INTEGER", types.NUMERIC, 5),
]


@pytest.mark.parametrize(("default", "declared", "type_", "tolerance"), NUMBERS)
def test_a_number_of_the_clock_is_near_sqlites(
    database: str, default: str, declared: str, type_: PgType, tolerance: float
) -> None:
    expected = stored_by_sqlite(default, declared)
    got = stored_by_postgres(database, default, type_)
    assert isinstance(expected, int | float)
    assert isinstance(got, int | float | Decimal)
    assert abs(float(got) - expected) <= tolerance


UUID4 = (
    "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || "
    "substr('89AB', 1 + (abs(random()) % 4), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"
)


@pytest.mark.parametrize("version", [VERSION, 120000])
@pytest.mark.parametrize(
    ("default", "pattern"),
    [
        ("lower(hex(randomblob(16)))", "[0-9a-f]{32}"),
        ("hex(randomblob(7))", "[0-9A-F]{14}"),
        ("'r'||lower(hex(randomblob(7)))", "r[0-9a-f]{14}"),
        ("lower(hex(randomblob(33)))", "[0-9a-f]{66}"),
        ("hex(randomblob(0))", "[0-9A-F]{2}"),
        ("hex(randomblob(1000))", "[0-9A-F]{2000}"),
        ("random()", "-?[0-9]{1,19}"),
        ("abs(random()) % 10", "[0-9]"),
        (UUID4, "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        (f"({UUID4})", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    ],
)
def test_chance_has_sqlites_form_and_differs_each_time(database: str, default: str, pattern: str, version: int) -> None:
    assert re.fullmatch(pattern, str(stored_by_sqlite(default, "TEXT")))
    got = {str(stored_by_postgres(database, default, types.TEXT, version)) for _ in range(8)}
    assert all(re.fullmatch(pattern, value) for value in got)
    assert len(got) > 1


def test_random_bits_are_all_random(database: str) -> None:
    translated = translate_default("randomblob(16)", ColumnContext("x", types.BYTEA), VERSION)
    with psycopg.connect(database) as connection:
        rows = connection.execute(f"select {translated.sql} from generate_series(1, 400)").fetchall()
    values = [int.from_bytes(raw) for (raw,) in rows]
    # Of 400 fair coins, fewer than 100 heads come once in 10**24 tries; a version 4 UUID's fixed bits would show here.
    for bit in range(128):
        assert 100 < sum(value >> bit & 1 for value in values) < 300


def test_defaults_take_the_columns_type(database: str) -> None:
    blob = stored_by_postgres(database, "randomblob(20)", types.BYTEA)
    assert isinstance(blob, bytes)
    assert len(blob) == 20
    assert str(stored_by_postgres(database, "lower(hex(randomblob(16)))", types.UUID)).count("-") == 4
    assert str(stored_by_postgres(database, "randomblob(16)", types.UUID)).count("-") == 4
    assert str(stored_by_postgres(database, UUID4, types.UUID))[14] == "4"
    assert stored_by_postgres(database, "abs(random()) < 0", types.BOOLEAN) is False
    assert stored_by_postgres(database, "abs(random()) < 0", types.BIGINT) == 0
    assert isinstance(stored_by_postgres(database, "abs(random()) % 2", types.BOOLEAN), bool)
    assert stored_by_postgres(database, "1 + 2", types.BIGINT) == 3
    assert stored_by_postgres(database, "1 + 2", types.TEXT) == "3"
    assert stored_by_postgres(database, "1", types.BOOLEAN) is True
    assert stored_by_postgres(database, "'active'", STATUS) == "active"
    assert stored_by_postgres(database, "iif(abs(random()) < 0, 'draft', 'active')", STATUS) == "active"
    assert stored_by_postgres(database, "iif(random() is null, '{}', '[1]')", types.JSONB) == [1]
    assert stored_by_postgres(database, "zeroblob(3)", types.BYTEA) == b"\0\0\0"
    assert stored_by_postgres(database, "date('2020-01-31', '+1 month')", types.DATE) == date(2020, 3, 2)


@pytest.mark.parametrize(
    ("default", "type_", "expected"),
    [
        ("CURRENT_TIMESTAMP", types.TIMESTAMP, "(date_trunc('second', now() AT TIME ZONE 'UTC'))"),
        ("CURRENT_TIMESTAMP", types.TIMESTAMPTZ, "(date_trunc('second', now()))"),
        ("datetime('now')", types.TEXT, "(to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'))"),
        ("'r'||lower(hex(randomblob(7)))", types.TEXT, "('r' || left(md5(gen_random_uuid()::text), 14))"),
    ],
)
def test_the_sql_of_a_default_reads_as_a_person_would_write_it(default: str, type_: PgType, expected: str) -> None:
    assert translate_default(default, ColumnContext("x", type_), VERSION).sql == expected


def test_a_value_map_maps_a_constant_default() -> None:
    column = ColumnContext("x", STATUS, values=ValueMap({"aktiv": "active"}))
    assert translate_default("'aktiv'", column, VERSION).sql == "'active'"


@pytest.mark.parametrize(
    ("default", "type_", "reason"),
    [
        ("datetime('now', 'localtime')", types.TEXT, "localtime"),
        ("nosuch()", types.TEXT, "nosuch()"),
        ("changes()", types.BIGINT, "changes()"),
        ("CURRENT_TIMESTAMP", types.BIGINT, "a text value in a bigint column"),
        ("randomblob(4)", types.TEXT, "a text column"),
        ("strftime('%W', 'now')", types.TEXT, "%W"),
        ("date('now', 'weekday 0')", types.TEXT, "weekday 0"),
        ("strftime('%H:%M', 'now')", types.DATE, "%H:%M"),
        ("abs(random()) % 5", types.TIMESTAMPTZ, "no time since 1970"),
        ("x + 1", types.BIGINT, "no column x"),
        ("(select 1)", types.BIGINT, "a subquery"),
        ("time('now')", types.TIMESTAMP, "%H:%M:%S"),
    ],
)
def test_a_default_that_cannot_be_carried_is_refused(default: str, type_: PgType, reason: str) -> None:
    with pytest.raises(Untranslatable) as error:
        translate_default(default, ColumnContext("x", type_), VERSION)
    assert reason in str(error.value.facts["reason"])


@pytest.mark.parametrize(
    ("default", "declared", "value"),
    [
        ("7", "INTEGER", 7),
        ("-1.5", "REAL", -1.5),
        ("- 3", "INT", -3),
        ("'1'", "INTEGER", 1),
        ("'1'", "TEXT", "1"),
        ("1", "TEXT", "1"),
        ("'1.0'", "NUMERIC", 1),
        ("1", "REAL", 1.0),
        ("(1+2)", "INTEGER", 3),
        ("1+2", "INTEGER", 3),
        ("'it''s'", "TEXT", "it's"),
        ('"draft"', "TEXT", "draft"),
        ('("draft")', "TEXT", "draft"),
        ('"a""b"', "TEXT", 'a"b'),
        ("draft", "TEXT", "draft"),
        ("[draft]", "TEXT", "draft"),
        ("`draft`", "TEXT", "draft"),
        ("true", "BOOLEAN", 1),
        ("FALSE", "BOOLEAN", 0),
        ("NULL", "TEXT", None),
        ("x'00ff'", "BLOB", b"\x00\xff"),
        ("'100%'", "TEXT", "100%"),
        ("'{}'", "JSON", "{}"),
        ('"[]"', "JSON", "[]"),
        ("0x10", "INTEGER", 16),
        ("1e3", "INTEGER", 1000),
        ("(lower('ABC') || char(33))", "TEXT", "abc!"),
        ("date('2020-01-31', '+1 month')", "TEXT", "2020-03-02"),
        ("zeroblob(2)", "BLOB", b"\0\0"),
        ("'Şəki'", "TEXT", "Şəki"),
        ("'\udcff'", "TEXT", "\udcff"),
        ("cast('5' as integer)", "", 5),
        ("'text'", "a type'); drop table t; --", "text"),
        ("iif(1, 2, 3)", "INT", 2),
    ],
)
def test_a_constant_default_is_what_sqlite_stores(default: str, declared: str, value: object) -> None:
    got = literal_default(default, declared)
    assert got == (True, value)
    assert type(got[1]) is type(value)


@pytest.mark.parametrize(
    "default",
    [
        "CURRENT_TIMESTAMP",
        "current_date",
        "(current_time)",
        "datetime('now')",
        "datetime('NOW')",
        "date()",
        "strftime('%s')",
        "strftime('%s', 'now')",
        "unixepoch()",
        "datetime(0, 'unixepoch', 'localtime')",
        "random()",
        "1 + random()",
        "randomblob(4)",
        "last_insert_rowid()",
        "sqlite_version()",
        "nosuch(1)",
        "(select 1)",
        "1 +",
        "'unterminated",
        "",
        "zeroblob(2000000000)",
        "a.b",
    ],
)
def test_a_default_that_is_not_constant_is_not_taken_for_one(default: str) -> None:
    assert literal_default(default, "TEXT") == (False, None)


@settings(max_examples=200)
@given(
    value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    declared=st.sampled_from(["TEXT", "BLOB"]),
)
def test_any_text_default_comes_back_as_it_is(value: str, declared: str) -> None:
    assert literal_default("'" + value.replace("'", "''") + "'", declared) == (True, value)
    assert literal_default('"' + value.replace('"', '""') + '"', declared) == (True, value)
