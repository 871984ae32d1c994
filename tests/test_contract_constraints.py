# ruff: noqa: E501 - tables of SQL, a case to a line where it can be
"""The contract, "Keys and constraints": NOT NULL, UNIQUE and CHECK arrive, or it is told why they do not."""

from __future__ import annotations

import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from contract import Case, Cases, ask, build, command, filled, hold, type_of

CASES = Cases()
case = CASES.add


@CASES.each
def test_constraint(case: Case, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


# Declared type, CHECK, a value that it lets in, one that it does not: as SQLite judges them, and so must PostgreSQL.
PREDICATES = [
    ("text", "length(v) > 2", "'abc'", "'ab'"),
    ("text", "length(v) > 2", "'əəə'", "'əə'"),
    ("text", "lower(v) = v", "'abc'", "'aBc'"),
    ("text", "upper(v) = v", "'ABC'", "'AbC'"),
    ("text", "v like 'a%'", "'Abc'", "'bc'"),
    ("text", "v like 'a\\_%' escape '\\'", "'a_b'", "'ab'"),
    ("text", "v not like '%x%'", "'abc'", "'aXc'"),
    ("text", "v like '100%%'", "'100% and'", "'10'"),
    ("text", "v glob 'a*[0-9]'", "'abc7'", "'Abc7'"),
    ("text", "v not glob '*[^a-z0-9]*'", "'abc0'", "'a-b'"),
    ("text", "trim(v) <> ''", "'x'", "'  '"),
    ("text", "trim(v, '-') = v", "'x'", "'-x'"),
    ("text", "ltrim(v) = v and rtrim(v) = v", "'x'", "' x'"),
    ("text", "instr(v, '@') > 1", "'a@b'", "'@b'"),
    ("text", "substr(v, 1, 1) = 'X'", "'Xy'", "'yX'"),
    ("text", "substr(v, -2) = 'az'", "'b.az'", "'az.b'"),
    ("text", "replace(v, ' ', '') = v", "'ab'", "'a b'"),
    ("text", "coalesce(v, '') <> ''", "'a'", "null"),
    ("text", "ifnull(v, 'x') <> 'x'", "'a'", "null"),
    ("text", "nullif(v, 'x') is not null", "'a'", "'x'"),
    ("text", "iif(v = 'a', 1, 0)", "'a'", "'b'"),
    ("text", "case when v = 'a' then 1 else 0 end = 1", "'a'", "'b'"),
    ("text", "case v when 'a' then 1 when 'b' then 1 else 0 end", "'b'", "'c'"),
    ("text", "json_valid(v)", "'[1, 2]'", "'{bad'"),
    ("text", "typeof(v) = 'text'", "'a'", "null"),
    ("text", "typeof(v) in ('text', 'null')", "null", None),
    ("text", "v in ('it''s', '50%', '{}', 'a\\b', 'bağlı')", "'it''s'", "'its'"),
    ("text", "v in ('it''s', '50%', '{}', 'a\\b', 'bağlı')", "'{}'", "'{'"),
    ("text", "v in ('it''s', '50%', '{}', 'a\\b', 'bağlı')", "'bağlı'", "'bagli'"),
    ("text", "v in ('it''s', '50%', '{}', 'a\\b', 'bağlı')", "'a\\b'", "'ab'"),
    ("text", "v not in ('x', 'y')", "'z'", "'x'"),
    ("text", 'v in ("draft", "done")', "'draft'", "'x'"),
    ("text", "v = /* one, ' quoted */ 'a' -- and more )\n", "'a'", "'b'"),
    ("text", "v is not null", "'a'", "null"),
    ("text", "v notnull", "'a'", "null"),
    ("text", "v is not 'x'", "null", "'x'"),
    ("text", "v || '!' <> 'a!'", "'b'", "'a'"),
    ("text", "v between 'a' and 'c'", "'b'", "'B'"),
    ("text", "v >= 'a'", "'b'", "'B'"),
    ("text", "unicode(v) = 65", "'A'", "'B'"),
    ("text", "hex(v) = '41'", "'A'", "'B'"),
    ("text", "cast(v as integer) > 5", "'7'", "'3'"),
    ("text", "cast(v as integer) > 5", "' 12 o''clock'", "'twelve'"),
    ("text", "cast(v as int) = 9223372036854775807", "'99999999999999999999'", "'+9'"),
    ("text", "cast(v as integer) is null", "null", "'-'"),
    ("text", "length(hex(v)) = 4", "'ab'", "'a'"),
    ("integer", "v > 0", "1", "0"),
    ("integer", "v > 0", "null", None),
    ("integer", "v between 0 and 100", "100", "101"),
    ("integer", "v not between 0 and 9", "10", "9"),
    ("integer", "v in (1, 2, 3)", "2", "4"),
    ("integer", "v in ('1', '2')", "2", "3"),
    ("integer", "abs(v) < 5", "-4", "-5"),
    ("integer", "v % 2 = 0", "4", "5"),
    ("integer", "v / 2 = 1", "3", "4"),
    ("integer", "v & 1", "3", "2"),
    ("integer", "v | 1 = 3", "2", "4"),
    ("integer", "v << 1 = 6", "3", "2"),
    ("integer", "~v = -2", "1", "2"),
    ("integer", "not v", "0", "1"),
    ("integer", "v", "5", "0"),
    ("integer", "-v < 0", "1", "-1"),
    ("integer", "v <> 3 and (v < 5 or v = 10)", "10", "7"),
    ("integer", "v == 3 or v != 3 and v <= 0", "3", "4"),
    ("integer", "typeof(v) = 'integer'", "1", "null"),
    ("integer", "max(v, 3) = 3", "2", "4"),
    ("integer", "min(v, 3) = 3", "5", "2"),
    ("integer", "coalesce(v, 0) <> 0", "1", "null"),
    ("integer", "round(v) = v", "3", None),
    ("integer", "v is 1 or v is null", "null", "2"),
    ("integer", "v < 9223372036854775807", "5", "9223372036854775807"),
    ("integer", "v = 0x10", "16", "10"),
    ("integer", "v > 1e3", "1001", "999"),
    ("real", "v >= 0.5", "0.5", "0.25"),
    ("real", "round(v, 1) = v", "0.5", "0.25"),
    ("real", "v * 2 < 3", "1.25", "1.5"),
    ("real", "typeof(v) = 'real'", "1.5", "null"),
    ("decimal(10,2)", "v >= 0", "1.25", "-0.01"),
    ("decimal(10,2)", "v between 0 and 99.99", "99.99", "100"),
    ("decimal(10,2)", "v = 19.99 or v = 5", "19.99", "19.98"),
    ("boolean", "v in (0, 1)", "true", None),
    ("boolean", "v = 1", "true", "false"),
    ("boolean", "v", "true", "false"),
    ("boolean", "not v", "false", "true"),
    ("boolean", "v is not 1", "false", "true"),
    ("boolean", "v <> 0", "true", "false"),
    ("boolean", "v between 0 and 1", "false", None),
    ("boolean", "v in ('0', '1')", "true", None),
    ("boolean", "v is true", "true", "false"),
    ("date", "v >= '2020-01-01'", "'2020-01-01'", "'2019-12-31'"),
    ("date", "v between '2020-01-01' and '2020-12-31'", "'2020-06-01'", "'2021-01-01'"),
    ("date", "v > ''", "'2020-06-01'", None),
    ("date", "v like '20%'", "'2020-06-01'", "'1999-06-01'"),
    ("date", "v glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'", "'2020-06-01'", None),
    ("date", "substr(v, 6, 2) <> '02'", "'2020-06-01'", "'2020-02-01'"),
    ("date", "cast(v as integer) > 2000", "'2020-06-01'", "'1999-02-01'"),
    ("date", "length(v) = 10", "'2020-06-01'", None),
    ("date", "v is date(v)", "'2020-06-01'", None),
    ("datetime", "v >= '2020-01-01 00:00:00'", "'2020-01-01 00:00:00'", "'2019-12-31 23:59:59'"),
    ("datetime", "strftime('%Y', v) = '2020'", "'2020-01-01 00:00:00'", "'2019-12-31 23:59:59'"),
    ("datetime", "date(v) <> '2020-01-01'", "'2020-01-02 00:00:00'", "'2020-01-01 23:59:59'"),
    ("time", "v < '12:00'", "'11:59:59'", "'12:00:01'"),
    ("json", "json_valid(v)", "'{}'", None),
    ("json", "json_type(v) = 'array'", "'[]'", "'{}'"),
    ("json", "json_extract(v, '$.a') > 1", "'{\"a\": 2}'", "'{\"a\": 1}'"),
    ("json", "json_array_length(v) > 0", "'[1]'", "'[]'"),
    ("json", "v ->> 'a' = 'x'", '\'{"a": "x"}\'', '\'{"a": "y"}\''),
    ("blob", "length(v) = 2", "x'0001'", "x'00'"),
    ("blob", "v <> x'00'", "x'01'", "x'00'"),
]


@pytest.mark.parametrize(("declared", "check", "good", "bad"), PREDICATES)
def test_a_check_lets_in_what_sqlite_lets_in_and_no_more(
    declared: str, check: str, good: str, bad: str | None, database: str, tmp_path: Path
) -> None:
    source = tmp_path / "app.sqlite"
    build(
        f"create table t(id integer primary key, v {declared} check({check})); insert into t values(1, {good});", source
    )
    with sqlite3.connect(source) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (1,)
        if bad is not None:
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(f"insert into t values(2, {bad})")
    status, said = command("migrate", str(source), database)
    assert status == 0, said
    assert ask(database, "select convalidated from pg_constraint where contype = 'c' and conrelid = 't'::regclass") == [
        (True,)
    ]
    ask(database, f"insert into t values(3, {_words(good)})")
    if bad is not None:
        with pytest.raises(Exception, match="check constraint"):
            ask(database, f"insert into t values(4, {_words(bad)})")


def _words(value: str) -> str:
    return f"'\\x{value[2:]}" if value.startswith("x'") else value


case(
    "several_checks_of_one_column_and_table",
    "create table t(id integer primary key, a int check(a > 0) constraint small check(a < 10) not null, b int check(b > 0), check(a + b < 12), constraint differ check(a <> b));"
    "insert into t values(1,2,3);",
    (
        "select count(*) = 5 and bool_and(convalidated) from pg_constraint where contype = 'c' and conrelid = 't'::regclass",
    ),
    ("select count(*) = 2 from pg_constraint where conname in ('small', 'differ')",),
    ("insert into t values(2,0,3)", "error"),
    ("insert into t values(2,10,1)", "error"),
    ("insert into t values(2,9,4)", "error"),
    ("insert into t values(2,3,3)", "error"),
)
case(
    "a_check_with_quoted_columns",
    'create table t(id integer primary key, "my ""col" int, [b c] int, `d%s{}` int, check("my ""col" > 0 and [b c] > 0 and `d%s{}` > 0)); insert into t values(1,1,1,1);',
    ("insert into t values(2,1,1,0)", "error"),
    ("insert into t values(2,1,1,2)", []),
)
case(
    "a_named_check_with_a_hostile_name",
    'create table t(id integer primary key, a int constraint "a\'b; drop %s {x} "" -- " check(a > 0)); insert into t values(1,1);',
    (
        "select conname = 'a''b; drop %s {x} \" -- ' from pg_constraint where contype = 'c' and conrelid = 't'::regclass",
    ),
)
case(
    "the_same_check_name_in_two_tables",
    "create table t(id integer primary key, a int constraint positive check(a > 0)); create table u(id integer primary key, a int constraint positive check(a > 0));",
    ("select count(*) = 2 from pg_constraint where conname = 'positive'",),
)
case(
    "the_same_check_name_twice",
    "create table t(id integer primary key, a int constraint positive check(a > 0), b int constraint positive check(b > 0));",
    ("select count(*) = 2 from pg_constraint where contype = 'c' and conrelid = 't'::regclass",),
)
case(
    "a_check_named_like_the_primary_key",
    "create table t(id integer primary key, a text unique, b int constraint t_pkey check(b > 0), constraint t_a_key check(b < 9)); insert into t values(1,'x',1);",
    ("insert into t values(1,'y',1)", "error"),
    ("insert into t values(2,'x',1)", "error"),
    ("insert into t values(2,'y',0)", "error"),
    ("insert into t values(2,'y',9)", "error"),
)
case(
    "a_check_of_a_renamed_column",
    "create table t(id integer primary key, a int check(a > 0)); insert into t values(1,1);",
    ("insert into t(id, amount) values(2, 0)", "error"),
    plan='[tables.t.columns.a]\nname = "amount"\n',
)
case(
    "a_check_of_an_excluded_column_is_told",
    "create table t(id integer primary key, a int, b int, check(a < b)); insert into t values(1,1,2);",
    ("select count(*) = 1 from litelift.untranslated where kind = 'check'",),
    exits=3,
    plan="[tables.t.columns.b]\nexclude = true\n",
)
case(
    "a_check_that_old_rows_break_is_not_valid_and_told",
    filled(
        "create table t(id integer primary key, a int constraint positive check(a > 0)); pragma ignore_check_constraints = on;",
        ("insert into t values(?,?)", [(1, 1), (2, -5), (3, None), (4, -6)]),
    ),
    ("select not convalidated from pg_constraint where conname = 'positive'",),
    ("insert into t values(9,-1)", "error"),
    ("select count(*) = 4 from t",),
    ("select count(*) = 1 from litelift.notice where level = 'attention' and message ~ 'positive' and message ~ '2'",),
    exits=3,
    says=["positive"],
)
case(
    "an_untranslatable_check_is_kept_with_its_sql",
    "create table t(id integer primary key, a text check(quote(a) <> 'x')); insert into t values(1,'q');",
    ("select sql ~ 'quote' and reason <> '' from litelift.untranslated where kind = 'check'",),
    ("select a from t", ["q"]),
    exits=3,
)


def _function(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.create_function("is_fine", 1, lambda _: 1, deterministic=True)
    connection.execute("create table t(id integer primary key, a int check(is_fine(a)))")
    connection.execute("insert into t values(1, 1)")
    connection.commit()
    connection.close()


case(
    "a_check_with_the_application's_own_function_is_told",
    _function,
    ("select sql ~ 'is_fine' from litelift.untranslated where kind = 'check'",),
    ("select count(*) = 1 from t",),
    exits=3,
)


def _late_not_null(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(
        "create table t(id integer primary key, a text, b int); insert into t values(1,null,1),(2,'x',2);"
    )
    connection.execute("pragma writable_schema = on")
    connection.execute(
        "update sqlite_schema set sql = 'create table t(id integer primary key, a text not null, b int not null)' where name = 't'"
    )
    connection.commit()
    connection.close()


case(
    "a_not_null_that_old_rows_break_is_a_check_that_is_not_valid",
    _late_not_null,
    ("select count(*) = 2 from t",),
    ("insert into t values(5, null, 1)", "error"),
    ("insert into t values(5, 'x', null)", "error"),
    ("select count(*) = 1 from pg_constraint where contype = 'c' and not convalidated and conrelid = 't'::regclass",),
    exits=3,
    says=["t.a"],
)


def _late_not_null_twice(path: Path) -> None:
    first, second = "x" * 55 + "1", "x" * 55 + "2"
    connection = sqlite3.connect(path)
    connection.executescript(
        f'create table t(id integer primary key, "{first}" text, "{second}" text); insert into t values(1,null,null);'
    )
    connection.execute("pragma writable_schema = on")
    connection.execute(
        f"update sqlite_schema set sql = 'create table t(id integer primary key, \"{first}\" text not null, \"{second}\" text not null)' where name = 't'"
    )
    connection.commit()
    connection.close()


case(
    "two_such_not_nulls_with_long_names",
    _late_not_null_twice,
    ("select count(*) = 2 from pg_constraint where contype = 'c' and not convalidated and conrelid = 't'::regclass",),
    exits=3,
)
case(
    "nulls_in_a_primary_key_make_it_unique_and_are_told",
    "create table t(k text primary key, v int); insert into t values('a',1),(null,2),(null,3);",
    ("select count(*) = 3 from t",),
    ("insert into t values('a',9)", "error"),
    exits=3,
)
case(
    "unique_lets_nulls_in",
    "create table t(id integer primary key, a int, b int, constraint one_each unique(a, b)); insert into t values(1,1,null),(2,1,null),(3,null,null);",
    ("select contype::text from pg_constraint where conname = 'one_each'", ["u"]),
    ("select count(*) = 3 from t",),
)
case(
    "conflict_clauses_become_plain_refusals_and_are_told",
    "create table t(id integer primary key on conflict replace autoincrement, a text not null on conflict ignore unique on conflict rollback, b int check(b > 0), unique(a, b) on conflict fail);"
    "insert into t values(1,'a',1);",
    ("insert into t values(2,'a',2)", "error"),
    ("insert into t values(2,null,2)", "error"),
    ("insert into t values(2,'b',0)", "error"),
    ("select count(*)::int from litelift.untranslated where kind = 'conflict clause'", [3]),
    exits=3,
)
case(
    "constraints_of_added_columns",
    "create table t(id integer primary key); insert into t values(1); alter table t add column a int not null default 5 check(a > 0);"
    "alter table t add column b text references t(id);",
    ("select a::int from t", [5]),
    ("insert into t(id, a) values(2, 0)", "error"),
    ("insert into t(id) values(3) returning a::int", [5]),
)
case(
    "a_check_of_a_widened_column_is_not_turned_around",
    "create table t(id integer primary key, a integer check(a > 0)); insert into t values(1,5),(2,'n/a'),(3,10);",
    type_of("t", "a", "text"),
    ("select a from t order by id", ["5", "n/a", "10"]),
    (
        "select (select count(*) from litelift.untranslated where kind = 'check') + (select count(*) from pg_constraint where contype = 'c' and conrelid = 't'::regclass) = 1",
    ),
    exits=3,
)
case(
    "the_same_moment_written_in_two_ways_cannot_be_unique_and_is_told",
    "create table t(id integer primary key, at datetime unique); insert into t values(1,'2025-01-01 00:00:00'),(2,'2025-01-01'),(3,'2025-01-02');",
    ("select count(*) = 3 from t",),
    ("select count(*) = 1 from litelift.untranslated where kind = 'unique'",),
    exits=3,
)
case(
    "a_primary_key_of_values_that_become_equal_loses_no_row",
    "create table t(id uuid primary key, v int); insert into t values('6f9619ff-8b86-d011-b42d-00cf4fc964ff',1),('6F9619FF-8B86-D011-B42D-00CF4FC964FF',2);",
    ("select count(*) = 2 from t",),
    exits=3,
)
case(
    "strict_tables_and_typeof",
    "create table t(id integer primary key, a any check(typeof(a) = 'integer'), b int check(typeof(b) = 'integer' or b is null)) strict; insert into t values(1,1,null);",
    ("insert into t values(2,null,1)", "error"),
)
case(
    "two_columns_are_compared",
    "create table t(id integer primary key, starts date, ends date, low decimal(8,2), high decimal(8,2), check(ends is null or ends >= starts), check(low <= high));"
    "insert into t values(1,'2025-01-01','2025-01-02',1,2.5),(2,'2025-01-01',null,null,null);",
    ("insert into t values(3,'2025-01-02','2025-01-01',1,2)", "error"),
    ("insert into t values(3,'2025-01-02','2025-01-03',3,2)", "error"),
    ("select starts, high from t where id = 1", [(date(2025, 1, 1), Decimal("2.50"))]),
)
case(
    "unique_names_are_made_unique_in_the_schema",
    "create table t(id integer primary key, a int, constraint uq unique(a)); create table u(id integer primary key, a int, constraint uq unique(a));"
    "insert into t values(1,1); insert into u values(1,1);",
    ("insert into t values(2,1)", "error"),
    ("insert into u values(2,1)", "error"),
)
case(
    "a_check_with_an_unbalanced_comment_and_semicolon",
    "create table t(id integer primary key, a text check(a <> ');' /* ) ; ' */ and a <> '--' -- ) '\n));insert into t values(1,'x');",
    ("insert into t values(2,');')", "error"),
    ("insert into t values(2,'--')", "error"),
)
case(
    "integer_primary_key_desc_may_hold_nulls_and_is_told",
    "create table t(id integer primary key desc, v text); insert into t values(3,'a'),(null,'b');",
    ("select count(*)=2 from t",),
    exits=3,
)
case(
    "integer_primary_key_desc_is_a_primary_key",
    "create table t(id integer primary key desc, v text); insert into t values(3,'a'),(5,'b');",
    ("insert into t values(3,'x')", "error"),
    exits=(0, 3),
)
case(
    "a_primary_key_of_the_table_that_is_the_rowid_counts_on",
    "create table t(v text, id integer, primary key(id asc)); insert into t values('a',5);",
    ("insert into t(v) values('b') returning id::int", [6]),
)
case(
    "the_same_primary_key_name_in_two_tables",
    "create table t(id integer constraint my_pk primary key, v text); create table u(a int, b int, constraint my_pk primary key(a,b)); insert into t values(1,'x');",
    ("select count(*)>=1 from pg_constraint where conname like 'my\\_pk%' and contype='p'",),
)
case(
    "a_unique_constraint_with_desc",
    "create table t(id integer primary key, a int, b int, unique(a desc, b)); insert into t values(1,1,1);",
    ("insert into t values(2,1,1)", "error"),
)
case(
    "a_check_with_an_empty_list",
    "create table t(id integer primary key, a int check(a not in ())); insert into t values(1,5);",
    ("select count(*)=1 from t",),
    exits=(0, 3),
)
case(
    "an_int_primary_key_with_nulls",
    "create table t(id int primary key, v text); insert into t values(1,'a'),(null,'b');",
    ("select count(*)=2 from t",),
    exits=3,
)
case(
    "autoincrement_remembers_what_was_deleted",
    "create table t(id integer primary key autoincrement, a text); insert into t values(50,'x'); delete from t; insert into t values(3,'y');",
    ("insert into t(a) values('z') returning id::int", [51]),
)
case(
    "the_last_possible_id_is_told",
    "create table t(id integer primary key, a text); insert into t values(9223372036854775807,'x');",
    ("select count(*)=1 from t",),
    exits=3,
)
case(
    "a_check_with_brackets_in_glob",
    "create table t(id integer primary key, a text check(a glob '[]a-c]*' and a not glob '*[^]a-z]*')); insert into t values(1,']a'),(2,'b');",
    ("insert into t values(3,'d')", "error"),
    ("insert into t values(4,'aA')", "error"),
    exits=(0, 3),
)
case(
    "a_conflict_clause_is_told",
    "create table t(id integer primary key, a text unique on conflict replace, b int, unique(b) on conflict rollback);"
    " insert into t values(1,'x',1);",
    ("select array_agg(sql::text) from litelift.untranslated", [(["a unique on conflict replace"],)]),
    ("insert into t values(2,'x',2)", "error"),
    exits=3,
)
