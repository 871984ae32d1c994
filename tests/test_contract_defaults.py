# ruff: noqa: E501 - tables of SQL, a case to a line where it can be
"""The contract, "Defaults and expressions": a new row in PostgreSQL gets what SQLite would have given it."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from contract import Case, Cases, ask, build, command, hold, type_of

CASES = Cases()
case = CASES.add


@CASES.each
def test_default(case: Case, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


# Declared type, a value that the column holds already, its DEFAULT, what a new row gets.
LITERALS: list[tuple[str, str, str, object]] = [
    ("boolean", "1", "1", True),
    ("boolean", "1", "0", False),
    ("boolean", "1", "'1'", True),
    ("boolean", "1", "'0'", False),
    ("boolean", "1", "TRUE", True),
    ("boolean", "1", "false", False),
    ("boolean", "1", "'true'", True),
    ("boolean", "1", "'f'", False),
    ("boolean", "1", "(1 = 2)", False),
    ("boolean", "1", "NULL", None),
    ("tinyint(1)", "0", "1", True),
    ("tinyint(1)", "0", "'1'", True),
    ("integer", "1", "7", 7),
    ("integer", "1", "-7", -7),
    ("integer", "1", "+7", 7),
    ("integer", "1", "'7'", 7),
    ("integer", "1", "(1 + 2 * 3)", 7),
    ("integer", "1", "0x1F", 31),
    ("integer", "1", "9223372036854775807", 9223372036854775807),
    ("integer", "1", "-9223372036854775808", -9223372036854775808),
    ("integer", "1", "1e3", 1000),
    ("integer", "1", "true", 1),
    ("integer", "1", "(1 << 4)", 16),
    ("smallint", "1", "3", 3),
    ("real", "1.5", "-1.5", -1.5),
    ("real", "1.5", "1", 1.0),
    ("real", "1.5", "9e999", float("inf")),
    ("real", "1.5", ".5", 0.5),
    ("real", "1.5", "'2.5'", 2.5),
    ("decimal(10,2)", "1.25", "0", Decimal("0.00")),
    ("decimal(10,2)", "1.25", "0.00", Decimal("0.00")),
    ("decimal(10,2)", "1.25", "19.99", Decimal("19.99")),
    ("decimal(10,2)", "1.25", "'19.99'", Decimal("19.99")),
    ("decimal(10,2)", "1.25", "-0.1", Decimal("-0.10")),
    ("numeric", "1.25", "0.1", Decimal("0.1")),
    ("text", "'a'", "'it''s'", "it's"),
    ("text", "'a'", "'100%'", "100%"),
    ("text", "'a'", "'%s {} {x} $1'", "%s {} {x} $1"),
    ("text", "'a'", "'a\\b\\n'", "a\\b\\n"),
    ("text", "'a'", "'Şəki 😀'", "Şəki 😀"),
    ("text", "'a'", "''", ""),
    ("text", "'a'", "'null'", "null"),
    ("text", "'a'", '"draft"', "draft"),
    ("text", "'a'", "draft", "draft"),
    ("text", "'a'", "7", "7"),
    ("text", "'a'", "1.50", "1.5"),
    ("text", "'a'", "true", "1"),
    ("text", "'a'", "'CURRENT_TIMESTAMP'", "CURRENT_TIMESTAMP"),
    ("text", "'a'", "('a' || '-' || 5)", "a-5"),
    ("text", "'a'", "(upper('x') || char(65, 66))", "XAB"),
    ("text", "'a'", "(printf('%05d', 42))", "00042"),
    ("text", "'a'", "'two\nlines\tand a tab'", "two\nlines\tand a tab"),
    ("text", "'a'", "';--'", ";--"),
    ("varchar(10)", "'a'", "'abc'", "abc"),
    ("varchar(2)", "'a'", "'ab'", "ab"),
    ("char(3)", "'abc'", "'x'", "x"),
    ("date", "'2025-01-31'", "'2000-01-01'", date(2000, 1, 1)),
    ("date", "'2025-01-31'", "(date('2000-01-31', '+1 day'))", date(2000, 2, 1)),
    ("datetime", "'2025-01-31 10:00:00'", "'2000-01-01 00:00:00'", datetime(2000, 1, 1)),
    ("datetime", "'2025-01-31 10:00:00'", "'2000-01-01T08:30'", datetime(2000, 1, 1, 8, 30)),
    ("datetime", "'2025-01-31 10:00:00'", "'2000-01-01'", datetime(2000, 1, 1)),
    ("time", "'10:00:00'", "'08:30'", time(8, 30)),
    ("json", "'{\"a\": 1}'", "'{}'", {}),
    ("json", "'{\"a\": 1}'", "'[]'", []),
    ("json", "'{\"a\": 1}'", "'{\"a\": \"it''s 100%\"}'", {"a": "it's 100%"}),
    ("json", "'{\"a\": 1}'", "'null'", None),
    ("json", "'{\"a\": 1}'", "0", 0),
    ("json", "'{\"a\": 1}'", "(json_object('a', 1))", {"a": 1}),
    ("blob", "x'01'", "x'00ff'", b"\x00\xff"),
    ("blob", "x'01'", "x''", b""),
    ("blob", "x'01'", "'text'", b"text"),
    ("blob", "x'01'", "(zeroblob(3))", b"\0\0\0"),
    ("uuid", "'6f9619ff-8b86-d011-b42d-00cf4fc964ff'", "'00000000-0000-0000-0000-000000000000'", uuid.UUID(int=0)),
    ("", "'a'", "'b'", "b"),
    ("", "5", "6", 6),
]


@pytest.mark.parametrize(("declared", "held", "default", "wanted"), LITERALS)
def test_a_literal_default_gives_new_rows_the_value_that_sqlite_gave(
    declared: str, held: str, default: str, wanted: object, database: str, tmp_path: Path
) -> None:
    source = tmp_path / "app.sqlite"
    build(
        f"create table t(id integer primary key, v {declared} default {default}); insert into t values(1, {held}); insert into t(id) values(2);",
        source,
    )
    status, said = command("migrate", str(source), database)
    assert status == 0, said
    [(old,), (new,)] = ask(database, "insert into t(id) values(3); select v from t where id > 1 order by id")
    assert old == wanted and type(old) is type(wanted)
    assert new == wanted and type(new) is type(wanted)


# Declared type, its DEFAULT, a condition on the value v that a new row gets. Times are UTC, as SQLite's are.
SECONDS = r"'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$'"
NEAR = "abs(extract(epoch from ({})) - extract(epoch from now())) < 600"
ABOUT_NOW = NEAR.format("v::timestamp at time zone 'utc'")
CLOCK = [
    ("text", "CURRENT_TIMESTAMP", f"v ~ {SECONDS} and {ABOUT_NOW}"),
    ("text", "current_timestamp", f"v ~ {SECONDS} and {ABOUT_NOW}"),
    ("text", "(Current_Timestamp)", f"v ~ {SECONDS} and {ABOUT_NOW}"),
    ("varchar(30)", "CURRENT_TIMESTAMP", f"v ~ {SECONDS} and {ABOUT_NOW}"),
    ("text", "CURRENT_DATE", "v = to_char(now() at time zone 'utc', 'YYYY-MM-DD')"),
    ("text", "current_time", r"v ~ '^\d\d:\d\d:\d\d$'"),
    ("datetime", "CURRENT_TIMESTAMP", ABOUT_NOW),
    ("timestamp", "current_TIMESTAMP", ABOUT_NOW),
    ("datetime", "(datetime('now'))", ABOUT_NOW),
    ("datetime", "(DATETIME('NOW'))", ABOUT_NOW),
    ("datetime", "(datetime())", ABOUT_NOW),
    ("datetime", "(datetime(CURRENT_TIMESTAMP))", ABOUT_NOW),
    ("datetime", "(datetime('now', 'utc'))", ABOUT_NOW),
    ("datetime", "(strftime('%Y-%m-%d %H:%M:%S', 'now'))", ABOUT_NOW),
    ("datetime", "(STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW'))", ABOUT_NOW),
    ("datetime", "(strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))", NEAR.format("v")),
    ("datetime", "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", NEAR.format("v")),
    ("datetime", "(datetime('now', '+1 day'))", NEAR.format("(v - interval '1 day') at time zone 'utc'")),
    ("datetime", "(datetime('now', '-3 hours'))", NEAR.format("(v + interval '3 hours') at time zone 'utc'")),
    ("text", "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", r"v ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$'"),
    ("text", "(strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))", r"v ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$'"),
    ("text", "(strftime('%Y/%m', 'now'))", "v = to_char(now() at time zone 'utc', 'YYYY/MM')"),
    ("text", "(strftime('%s', 'now'))", r"v ~ '^\d{10}$'"),
    ("text", "(strftime('100%% of %d', 'now'))", r"v ~ '^100% of \d\d$'"),
    ("text", "(datetime('now', '+1 day'))", f"v ~ {SECONDS}"),
    ("text", "(date('now', 'start of month'))", "v ~ '-01$'"),
    ("text", "(time('now'))", r"v ~ '^\d\d:\d\d:\d\d$'"),
    ("date", "CURRENT_DATE", "v = (now() at time zone 'utc')::date"),
    ("date", "(date('now'))", "v = (now() at time zone 'utc')::date"),
    ("date", "CURRENT_TIMESTAMP", "v::date = (now() at time zone 'utc')::date"),
    ("date", "(date('now', '+30 days'))", "v = (now() at time zone 'utc')::date + 30"),
    ("time", "CURRENT_TIME", "v is not null"),
    ("time", "(time('now'))", "v is not null"),
    ("integer", "(strftime('%s', 'now'))", "abs(v - extract(epoch from now())) < 600"),
    ("integer", "(strftime('%s','now') * 1000)", "abs(v / 1000 - extract(epoch from now())) < 600"),
    ("integer", "(unixepoch())", "abs(v - extract(epoch from now())) < 600"),
    ("integer", "(unixepoch('now'))", "abs(v - extract(epoch from now())) < 600"),
    ("integer", "(unixepoch() * 1000)", "abs(v / 1000 - extract(epoch from now())) < 600"),
    ("integer", "(cast(strftime('%s','now') as int))", "abs(v - extract(epoch from now())) < 600"),
    (
        "integer",
        "(cast((julianday('now') - 2440587.5) * 86400 as integer))",
        "abs(v - extract(epoch from now())) < 600",
    ),
    (
        "integer",
        "(cast((julianday('now') - 2440587.5) * 86400000 as integer))",
        "abs(v / 1000 - extract(epoch from now())) < 600",
    ),
    ("integer", "(strftime('%Y', 'now'))", "v = extract(year from now() at time zone 'utc')"),
    ("real", "(julianday('now'))", "abs(v - 2440587.5 - extract(epoch from now()) / 86400) < 0.01"),
    ("real", "(unixepoch() + 0.5)", "abs(v - extract(epoch from now())) < 600"),
    ("integer", "(abs(random() % 1000))", "v between 0 and 999"),
    ("integer", "(random())", "v is not null"),
    ("integer", "(abs(random()))", "v >= 0"),
    ("text", "(hex(randomblob(16)))", "v ~ '^[0-9A-F]{32}$'"),
    ("text", "(lower(hex(randomblob(8))))", "v ~ '^[0-9a-f]{16}$'"),
    ("text", "('id-' || lower(hex(randomblob(4))))", "v ~ '^id-[0-9a-f]{8}$'"),
    ("text", "('r' || lower(substr(hex(randomblob(16)), 1, 7)))", "v ~ '^r[0-9a-f]{7}$'"),
    ("blob", "(randomblob(16))", "length(v) = 16"),
    (
        "text",
        "(lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' || substr(lower(hex(randomblob(2))), 2) || '-'"
        " || substr('89ab', abs(random()) % 4 + 1, 1) || substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6))))",
        "v ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'",
    ),
    ("uuid", "(lower(hex(randomblob(16))))", "v is not null"),
    ("uuid", "(randomblob(16))", "v is not null"),
]


@pytest.mark.parametrize(("declared", "default", "condition"), CLOCK)
def test_a_default_of_the_clock_or_of_chance_is_translated_in_any_time_zone(
    declared: str, default: str, condition: str, database: str, tmp_path: Path
) -> None:
    source = tmp_path / "app.sqlite"
    build(
        f"create table t(id integer primary key, v {declared} not null default {default}); insert into t(id) values(1);",
        source,
    )
    status, said = command("migrate", str(source), database)
    assert status == 0, said
    held = ask(database, f"set timezone = 'Asia/Baku'; insert into t(id) values(2) returning {condition}")
    assert held == [(True,)], ask(
        database, "select v::text, pg_get_expr(adbin, adrelid) from t, pg_attrdef where adrelid = 't'::regclass"
    )


case(
    "a_time_default_with_a_zone",
    "create table t(id integer primary key, at timestamp default current_timestamp); insert into t values(1,'2025-01-01 00:00:00Z'),(2,'2025-01-01 04:00:00+04:00');",
    type_of("t", "at", "timestamp with time zone"),
    ("set timezone = 'Asia/Baku'; insert into t(id) values(3) returning abs(extract(epoch from at - now())) < 60",),
)
case(
    "a_literal_time_default_with_a_zone_is_utc",
    "create table t(id integer primary key, at timestamp default '2020-01-01 00:00:00'); insert into t values(1,'2025-01-01 00:00:00Z'),(2,'2025-01-01 04:00:00');",
    ("set timezone = 'Asia/Baku'; insert into t(id) values(3) returning at at time zone 'utc'", [datetime(2020, 1, 1)]),
)
case(
    "a_default_of_an_epoch_column",
    "create table t(id integer primary key, at datetime default (strftime('%s','now'))); insert into t values(1,1765655714);",
    ("insert into t(id) values(2) returning abs(extract(epoch from at - now())) < 60",),
)
case(
    "a_default_of_an_epoch_column_in_milliseconds",
    "create table t(id integer primary key, at datetime default (unixepoch() * 1000)); insert into t values(1,1765655714123);",
    ("insert into t(id) values(2) returning abs(extract(epoch from at - now())) < 60",),
)
case(
    "a_local_time_default_is_told",
    "create table t(id integer primary key, at text default (datetime('now', 'localtime'))); insert into t(id) values(1);",
    ("select kind = 'default' and sql ~ 'localtime' and reason <> '' from litelift.untranslated",),
    exits=3,
    says=["localtime"],
)
case(
    "a_default_that_the_type_cannot_hold_is_told",
    "create table t(id integer primary key, d date default '0000-00-00', n integer default ''); insert into t values(1,'2025-01-01',5);",
    ("select count(*) = 2 from litelift.untranslated where kind = 'default'",),
    ("insert into t(id) values(2) returning d is null and n is null",),
    exits=3,
)
case(
    "a_default_of_a_widened_column_follows_it",
    "create table t(id integer primary key, n integer default 5); insert into t values(1,'a'),(2,7);",
    type_of("t", "n", "text"),
    ("insert into t(id) values(3) returning n", ["5"]),
    exits=3,
)
case(
    "a_longer_default_than_the_length",
    "create table t(id integer primary key, v varchar(3) default 'abcdef'); insert into t values(1,'abc');",
    (
        "select (select count(*) from litelift.untranslated where kind = 'default') = 1 or (select column_default ~ 'abcdef' from information_schema.columns where table_name = 't' and column_name = 'v')",
    ),
    exits=(0, 3),
)
case(
    "the_default_of_the_key_gives_way_to_the_identity",
    "create table t(id integer primary key default 5, v text); insert into t values(7,'a');",
    ("insert into t(v) values('b') returning id::int", [8]),
)
case(
    "defaults_of_key_columns",
    "create table t(k text primary key default (lower(hex(randomblob(8)))), v int default 1); insert into t values('a',2);",
    ("insert into t(v) values(3) returning k ~ '^[0-9a-f]{16}$'",),
)
case(
    "an_enum_default_is_mapped",
    "create table t(id integer primary key, s text not null default 'aktiv'); insert into t values(1,'aktiv');",
    ("insert into t(id) values(2) returning s", ["active"]),
    plan='[tables.t.columns.s]\nvalues = { "aktiv" = "active" }\n',
)
case(
    "a_default_that_the_map_does_not_name_is_told",
    "create table t(id integer primary key, s text default 'qaralama'); insert into t values(1,'aktiv');",
    ("select name = 't.s' and reason ~ 'qaralama' from litelift.untranslated where kind = 'default'",),
    exits=3,
    plan='[tables.t.columns.s]\nvalues = { "aktiv" = "active" }\n',
)
case(
    "a_default_in_double_quotes_is_mapped",
    "create table t(id integer primary key, s text default \"aktiv\"); insert into t values(1,'aktiv');",
    ("insert into t(id) values(2) returning s::text", ["active"]),
    plan='[tables.t.columns.s]\nvalues = { "aktiv" = "active" }\nenum = "state"\n',
)
case(
    "a_default_of_an_array",
    "create table t(id integer primary key, tags text default '[]'); insert into t values(1,'[\"a\", \"b\"]');",
    ("select tags from t", [(["a", "b"],)]),
    ("insert into t(id) values(2) returning tags = '{}'",),
    plan='[tables.t.columns.tags]\ntype = "text[]"\n',
)
case(
    "a_json_text_default_of_a_column_made_jsonb",
    "create table t(id integer primary key, doc text default '{\"a\": [1]}'); insert into t values(1,'{}');",
    ("insert into t(id) values(2) returning (doc -> 'a' ->> 0)::int", [1]),
    plan='[tables.t.columns.doc]\ntype = "jsonb"\n',
)
