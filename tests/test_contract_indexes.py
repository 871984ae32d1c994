# ruff: noqa: E501 - tables of SQL, a case to a line where it can be
"""The contract, "Indexes": unique, partial, expression, DESC, COLLATE; what cannot be built is told."""

from __future__ import annotations

from pathlib import Path

from contract import Case, Cases, filled, hold

CASES = Cases()
case = CASES.add


@CASES.each
def test_index(case: Case, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


def defined(name: str, words: str) -> tuple[str]:
    """That an index is there, and its definition has these words."""
    return (
        f"select indexdef ~ $x${words}$x$ from pg_indexes where schemaname = 'public' and indexname = $x${name}$x$",
    )


def gone(name: str) -> tuple[str]:
    """That there is no such index."""
    return (f"select count(*) = 0 from pg_indexes where schemaname = 'public' and indexname = $x${name}$x$",)


T = "create table t(id integer primary key, a int, b text, active boolean, made datetime, doc json, amount decimal(8,2));"
ROW = "insert into t values(1,1,'x',1,'2025-01-01 10:00:00','{\"k\": 1}',2.5);"

case(
    "descending_parts", T + "create index i on t(a desc, b asc, made desc);" + ROW, defined("i", "a DESC, b, made DESC")
)
case(
    "unique_descending",
    T + "create unique index i on t(a desc, b);" + ROW,
    ("insert into t(id, a, b) values(2,1,'x')", "error"),
    defined("i", "CREATE UNIQUE INDEX.*a DESC"),
)
case(
    "unique_lets_nulls_in_twice",
    T + "create unique index i on t(a, b); insert into t(id, a, b) values(1,1,null),(2,1,null);",
    ("select count(*) = 2 from t",),
    ("insert into t(id, a) values(3, 1) returning id::int", [3]),
)
for number, (where, fits, leaves) in enumerate(
    [
        ("active = 1", "(true)", "(false)"),
        ("active", "(true)", "(false)"),
        ("not active", "(false)", "(true)"),
        ("active = 0 or active is null", "(false)", "(true)"),
        ("active is not 0", "(null)", "(false)"),
    ]
):
    case(
        f"unique_where_boolean_{number}",
        f"create table t(id integer primary key, a int, active boolean); create unique index i on t(a) where {where}; insert into t values(1,5,1),(2,6,0);",
        (f"insert into t(id, a, active) values(11, 77, {fits}), (12, 77, {fits})", "error"),
        (f"insert into t(id, a, active) values(13, 78, {leaves}), (14, 78, {leaves})", []),
        defined("i", "WHERE"),
    )
for number, (where, fits, leaves) in enumerate(
    [
        ("b is null", "null", "'x'"),
        ("b is not null", "'x'", "null"),
        ("b in ('x', 'it''s', '100%')", "'100%'", "'y'"),
        ("b = 'x' and a > 5", "'x'", "'y'"),
        ("b <> ''", "'x'", "''"),
        ("b like 'x%'", "'Xx'", "'yx'"),
        ("b > 'a'", "'b'", "'B'"),
        ("length(b) > 1", "'xx'", "'x'"),
        ("coalesce(b, '') = ''", "null", "'x'"),
        ('b = "x"', "'x'", "'y'"),
    ]
):
    case(
        f"unique_where_text_{number}",
        f"create table t(id integer primary key, a int, b text); create unique index i on t(a) where {where}; insert into t values(1,5,'x');",
        (f"insert into t values(11, 77, {fits}), (12, 77, {fits})", "error"),
        (f"insert into t values(13, 78, {leaves}), (14, 78, {leaves})", []),
    )
case(
    "unique_where_deleted",
    "create table t(id integer primary key, b text, gone_at datetime, kind varchar(9) check(kind in ('a','b'))); create unique index i on t(b, kind) where gone_at is null and kind in ('a');"
    "insert into t values(1,'x',null,'a'),(2,'x','2025-01-01 00:00:00','a'),(3,'x',null,'b'),(4,'x',null,'b');",
    ("insert into t values(5,'x',null,'a')", "error"),
)
case(
    "where_on_a_date",
    "create table t(id integer primary key, a int, d date, at datetime); create unique index i on t(a) where d >= '2025-01-01' and at < '2026-01-01 00:00:00';"
    "insert into t values(1,1,'2025-01-01','2025-06-01 00:00:00'),(2,1,'2024-12-31','2025-06-01 00:00:00');",
    ("insert into t values(3,1,'2025-02-01','2025-06-02 00:00:00')", "error"),
)
case(
    "where_on_a_mapped_value",
    "create table t(id integer primary key, a int, s text); create unique index i on t(a) where s = 'aktiv'; insert into t values(1,1,'aktiv'),(2,1,'bağlı'),(3,1,'bağlı');",
    ("insert into t values(4,1,'active')", "error"),
    ("insert into t values(5,1,'closed')", []),
    plan='[tables.t.columns.s]\nvalues = { "aktiv" = "active", "bağlı" = "closed" }\n',
)
case(
    "where_on_an_enum",
    "create table t(id integer primary key, a int, s text); create unique index i on t(a) where s in ('aktiv', 'yeni'); insert into t values(1,1,'aktiv'),(2,1,'bağlı');",
    ("insert into t values(4,1,'active')", "error"),
    plan='[tables.t.columns.s]\nvalues = { "aktiv" = "active", "bağlı" = "closed", "yeni" = "new" }\nenum = "state"\n',
)
for number, (expression, first, same, other) in enumerate(
    [
        ("lower(b)", "'Abc'", "'aBC'", "'abd'"),
        ("substr(b, 1, 3)", "'abcd'", "'abcx'", "'abd'"),
        ("coalesce(b, 'none')", "null", "'none'", "'x'"),
        ("b || '-' || a", "'x'", "'x'", "'y'"),
        ("trim(b)", "' x '", "'x'", "'y'"),
        ("length(b)", "'abc'", "'xyz'", "'wxyz'"),
        ("abs(a - 7), upper(b)", "'x'", "'X'", "'y'"),
        ("a + 1, b", "'x'", "'x'", "'y'"),
        ("replace(b, '%', '')", "'a%'", "'%a'", "'b'"),
        ("ifnull(nullif(b, ''), '-')", "''", "'-'", "'x'"),
        ("case when b = 'x' then 1 end", "'x'", "'x'", "'y'"),
        ("b = 'x'", "'x'", "'x'", "'y'"),
    ]
):
    case(
        f"unique_expression_{number}",
        f"create table t(id integer primary key, a int, b text); create unique index i on t({expression}); insert into t values(1,5,{first});",
        (f"insert into t values(2, 5, {same})", "error"),
        (f"insert into t values(3, 5, {other})", []),
    )
for number, (declared, expression, first, same, other) in enumerate(
    [
        ("json", "json_extract(v, '$.k')", "'{\"k\": 1}'", '\'{"k": 1, "x": 2}\'', "'{\"k\": 2}'"),
        ("json", "v ->> '$.k'", '\'{"k": "a"}\'', '\'{"k": "a", "x": 2}\'', '\'{"k": "b"}\''),
        ("text", "json_extract(v, '$.k')", '\'{"k": "a"}\'', '\'{"k": "a", "x": 2}\'', '\'{"k": "b"}\''),
        ("datetime", "date(v)", "'2025-01-01 10:00:00'", "'2025-01-01 11:00:00'", "'2025-01-02 10:00:00'"),
        ("datetime", "strftime('%Y-%m', v)", "'2025-01-01 10:00:00'", "'2025-01-31 11:00:00'", "'2025-02-02 10:00:00'"),
        ("date", "strftime('%Y', v)", "'2025-01-01'", "'2025-12-31'", "'2026-01-01'"),
        ("date", "substr(v, 1, 7)", "'2025-01-01'", "'2025-01-31'", "'2026-01-01'"),
        ("text", "date(v)", "'2025-01-01 10:00:00'", "'2025-01-01'", "'2025-01-02'"),
        ("decimal(8,2)", "abs(v)", "1.5", "-1.5", "2"),
        ("integer", "v % 10", "11", "21", "12"),
        ("boolean", "coalesce(v, 0)", "0", "null", "1"),
    ]
):
    booleans = {"0": "false", "1": "true"} if declared == "boolean" else {}
    case(
        f"unique_expression_of_{declared}_{number}",
        f"create table t(id integer primary key, v {declared}); create unique index i on t({expression}); insert into t values(1,{first});",
        (f"insert into t values(2, {booleans.get(same, same)})", "error"),
        (f"insert into t values(3, {booleans.get(other, other)})", []),
    )
case(
    "an_expression_that_is_a_literal",
    T + "create unique index only_one on t((1));" + ROW,
    ("insert into t(id) values(2)", "error"),
)
case(
    "an_untranslatable_expression_is_told",
    T + "create index i on t(quote(b)); create index j on t(a) where quote(b) = 'x';" + ROW,
    gone("i"),
    gone("j"),
    (
        "select array_agg(name order by name) = '{i,j}' from litelift.untranslated where kind = 'index' and sql ~ 'quote'",
    ),
    exits=3,
)
case(
    "an_index_under_a_collation_is_on_the_folded_value",
    T + "create index i on t(b collate nocase); create index j on t(b collate rtrim);" + ROW,
    ("select count(*) = 1 from pg_indexes where indexname = 'i' and indexdef like '%lower((b COLLATE \"C\"))%'",),
    ("select count(*) = 1 from pg_indexes where indexname = 'j' and indexdef like '%rtrim((b COLLATE \"C\"), %'",),
)
case(
    "collate_binary_is_the_ordinary_order",
    T + "create index i on t(b collate binary desc);" + ROW,
    defined("i", "DESC"),
)
case(
    "one_name_in_two_places",
    "create table t(id integer primary key, a int unique, constraint t_a_key unique(id, a)); create index t_pkey on t(a); create table u(id integer primary key, t_id int unique); create index u_t_id_key on u(t_id);"
    "insert into t values(1,1); insert into u values(1,1);",
    ("insert into t values(2,1)", "error"),
    ("select count(*) = 7 from pg_indexes where schemaname = 'public'",),
    ("select count(*) >= 2 from pg_indexes where indexname in ('t_pkey', 'u_t_id_key') and indexdef !~ 'UNIQUE'",),
)
case(
    "an_index_with_the_name_that_a_key_of_another_table_would_get",
    "create table b(id integer primary key, v int); create table a(id integer primary key, v int); create index b_pkey on a(v); create unique index a_pkey on b(v);",
    ("select indexdef ~ 'a USING btree \\(v\\)' from pg_indexes where indexname = 'b_pkey'",),
    ("select indexdef ~ 'b USING btree \\(v\\)' from pg_indexes where indexname = 'a_pkey'",),
    ("select count(*) = 2 from pg_constraint where contype = 'p' and connamespace = 'public'::regnamespace",),
)
case(
    "an_index_with_the_name_of_an_identity's_sequence",
    "create table t(id integer primary key, v int); create index t_id_seq on t(v); create table u(id integer primary key); create table u_id_seq(id integer primary key); insert into t values(4,1); insert into u values(5);",
    defined("t_id_seq", "\\(v\\)"),
    ("select pg_get_serial_sequence('t', 'id') <> 'public.t_id_seq'",),
    ("insert into t(v) values(1) returning id::int", [5]),
    ("insert into u default values returning id::int", [6]),
    ("select count(*) = 0 from u_id_seq",),
)
case(
    "a_table_with_the_name_that_a_key_would_get",
    "create table t(id integer primary key, v int unique); create table t_pkey(id integer primary key); create table t_v_key(id integer primary key); insert into t values(1,1); insert into t_pkey values(7);",
    ("select id::int from t_pkey", [7]),
    ("insert into t values(1,5)", "error"),
    ("insert into t values(5,1)", "error"),
)
case(
    "an_index_on_a_generated_column",
    "create table t(id integer primary key, a int, g int generated always as (a * 2) stored); create unique index i on t(g); insert into t(id, a) values(1,2);",
    defined("i", "UNIQUE.*\\(g\\)"),
    exits=(0, 3),
)
case(
    "an_index_on_bytes",
    filled(
        T + "create table f(id integer primary key, hash blob unique, big blob); create index f_big on f(big);",
        ("insert into f values(?,?,?)", [(1, b"\x00\x01", b"x" * 100)]),
    ),
    ("insert into f(id, hash) values(2, '\\x0001')", "error"),
    defined("f_big", "big"),
)
case(
    "values_too_long_for_an_index_are_told_and_not_fatal",
    filled(
        "create table f(id integer primary key, v text, b blob); create index f_v on f(v); create unique index f_b on f(b);",
        (
            "insert into f values(?,?,?)",
            [
                (
                    1,
                    "".join(chr(33 + i * i % 90) + str(i) for i in range(4000)),
                    bytes(i * i % 251 for i in range(50_000)),
                )
            ],
        ),
    ),
    ("select length(v) > 10000 from f",),
    ("select count(*) >= 1 from litelift.untranslated where kind = 'index' and name in ('f_v', 'f_b')",),
    exits=3,
    says=["f_v"],
)
case(
    "a_unique_constraint_on_values_too_long_is_told_and_not_fatal",
    filled(
        "create table f(id integer primary key, v text unique);",
        ("insert into f values(?,?)", [(1, "".join(chr(0x4E00 + i * 7919 % 20000) for i in range(30_000)))]),
    ),
    ("select length(v) = 30000 from f",),
    ("select count(*) = 1 from litelift.untranslated where kind = 'unique'",),
    exits=3,
)
case(
    "a_text_primary_key_too_long_is_told_and_not_fatal",
    filled(
        "create table f(v text primary key, n int);",
        ("insert into f values(?,?)", [("".join(chr(0x4E00 + i * 7919 % 20000) for i in range(30_000)), 1)]),
    ),
    ("select length(v) = 30000 and n = 1 from f",),
    ("select count(*) = 1 from litelift.untranslated where kind = 'primary key'",),
    exits=3,
)
case(
    "two_identical_indexes",
    T + "create index i on t(a); create index j on t(a);" + ROW,
    defined("i", "\\(a\\)"),
    defined("j", "\\(a\\)"),
)
case(
    "an_index_that_repeats_a_column",
    T + "create index i on t(a, a, b);" + ROW,
    defined("i", "a, "),
)
case(
    "names_that_need_quotes",
    T
    + """create index "my index; drop table t" on t(a); create index "İndeks %s {x}" on t(b); create index "q""uote" on t(a, b); create index "select" on t(a);"""
    + ROW,
    defined("my index; drop table t", "\\(a\\)"),
    defined("İndeks %s {x}", "\\(b\\)"),
    defined('q"uote', "a, b"),
    defined("select", "a"),
)
case(
    "names_beyond_63_bytes_stay_apart",
    T + f"create index {'ə' * 40}1 on t(a); create index {'ə' * 40}2 on t(b);" + ROW,
    ("select count(*) = 2 from pg_indexes where indexname like 'əəə%'",),
    ("select count(*) >= 2 from litelift.notice where kind = 'renamed'",),
)
case(
    "an_index_of_a_rowid_alias",
    T + "create index i on t(id, a); create unique index j on t(id desc);" + ROW,
    defined("i", "id, a"),
)
case(
    "an_index_of_a_renamed_column_and_table",
    T + "create index i on t(a, lower(b)) where b is not null;" + ROW,
    ("select tablename = 'things' and indexdef ~ 'n' from pg_indexes where indexname = 'i'",),
    plan='[tables.t]\nname = "things"\n[tables.t.columns.b]\nname = "n"\n',
)
case(
    "an_index_of_an_excluded_column_is_told",
    T
    + "create index i on t(a, b); create index j on t(lower(b)); create index k on t(a) where b = 'x'; create index l on t(a);"
    + ROW,
    defined("l", "\\(a\\)"),
    ("select count(*) = 3 from litelift.untranslated where kind = 'index'",),
    exits=3,
    plan="[tables.t.columns.b]\nexclude = true\n",
)
case(
    "an_index_of_an_excluded_table_goes_with_it",
    T + "create table u(id integer primary key, v int); create index i on u(v);",
    gone("i"),
    ("select to_regclass('u') is null",),
    plan="[tables.u]\nexclude = true\n",
)
case(
    "automatic_indexes_are_not_carried_twice",
    "create table t(a text primary key, b int unique, c int, unique(c, b)); insert into t values('x',1,1);",
    ("select count(*) = 3 from pg_indexes where schemaname = 'public'",),
)
case(
    "a_unique_index_on_a_column_that_widened",
    "create table t(id integer primary key, n integer); create unique index i on t(n); insert into t values(1,1),(2,'x'),(3,'y');",
    ("insert into t values(4,'1')", "error"),
    exits=3,
)
case(
    "an_index_on_a_json_column_is_built_or_told",
    "create table t(id integer primary key, doc json); create index i on t(doc); insert into t values(1,'{}');",
    (
        "select (select count(*) from pg_indexes where indexname = 'i') + (select count(*) from litelift.untranslated where name = 'i') = 1",
    ),
    exits=(0, 3),
)
case(
    "unique_where_glob",
    "create table t(id integer primary key, a text); create unique index i on t(a) where a glob 'x*'; insert into t values(1,'x'),(2,'y'),(3,'y');",
    ("insert into t values(4,'x')", "error"),
)
case(
    "made_up_names_that_meet_stay_apart",
    "create table a_b(id integer primary key, c int unique); create table a(id integer primary key, b_c int unique); insert into a_b values(1,1); insert into a values(1,1);",
    ("insert into a_b values(2,1)", "error"),
    ("insert into a values(2,1)", "error"),
)
case(
    "made_up_names_beyond_63_bytes",
    "create table " + "t" * 60 + "(id integer primary key, " + "a" * 60 + " int unique, " + "b" * 60 + " int unique);",
    ("select count(*) = 3 from pg_constraint where contype in ('p', 'u') and connamespace = 'public'::regnamespace",),
)
