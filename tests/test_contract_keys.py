"""The contract, "Keys and constraints": primary keys, unique keys, sequences, and tables without any key."""

# ruff: noqa: E501  (each source is SQL as one would type it)

from __future__ import annotations

from pathlib import Path

from contract import Case, Cases, filled, type_of
from contract_columns import proved

CASES = Cases()
case = CASES.add

KEY_COLUMNS = (
    "select conname, array_agg(attname::text order by array_position(conkey, attnum)) from pg_constraint"
    " join pg_attribute on attrelid = conrelid and attnum = any(conkey) where contype = '{}' and conrelid = 't'::regclass group by conname"
)
NEXT = "insert into t(v) values('next') returning id"
IDENTITY = ("select attidentity::text from pg_attribute where attrelid = 't'::regclass and attname = 'id'", ["d"])
NO_IDENTITY = ("select attidentity::text from pg_attribute where attrelid = 't'::regclass and attname = 'id'", [""])


@CASES.each
def test_key(case: Case, database: str, tmp_path: Path) -> None:
    proved(case, database, tmp_path)


# ------------------------------------------------------------------------------------------- the next value
COUNTED = "create table t(id integer primary key autoincrement, v text); insert into t values(50,'a');"
LAST = 2**63 - 1
for name, edit, following in [
    ("as_sqlite_left_it", "", 51),
    ("above_the_largest", "update sqlite_sequence set seq = 500;", 501),
    ("below_the_largest", "update sqlite_sequence set seq = 5;", 51),
    ("null", "update sqlite_sequence set seq = null;", 51),
    ("a_word", "update sqlite_sequence set seq = 'abc';", 51),
    ("a_number_as_text", "update sqlite_sequence set seq = '77';", 78),
    ("a_real", "update sqlite_sequence set seq = 77.9;", 78),
    ("negative", "update sqlite_sequence set seq = -9;", 51),
    ("gone", "delete from sqlite_sequence;", 51),
    ("there_twice", "insert into sqlite_sequence values('t', 900), ('gone', 7), (null, 3);", 901),
    ("of_a_table_whose_last_rows_are_deleted", "insert into t values(99,'b'); delete from t where id = 99;", 100),
    ("of_a_table_that_was_emptied", "delete from t;", 51),
]:
    case(f"sqlite_sequence_{name}", COUNTED + edit, IDENTITY, (NEXT, [following]))
case(
    "a_used_up_rowid",
    f"create table t(id integer primary key, v text); insert into t values({LAST},'a'),(1,'b');",
    ("select id from t order by id", [1, LAST]),
    (NEXT, "error"),
    exits=3,
    says="t.id",
)
case(
    "a_used_up_autoincrement",
    f"create table t(id integer primary key autoincrement, v text); insert into t values({LAST},'a');",
    (NEXT, "error"),
    exits=3,
    says="t.id",
)
case(
    "the_last_but_one",
    f"create table t(id integer primary key, v text); insert into t values({LAST - 1},'a');",
    (NEXT, [LAST]),
)
case(
    "the_smallest_rowid",
    f"create table t(id integer primary key, v text); insert into t values({-(2**63)},'a');",
    (NEXT, [1]),
)
case(
    "negative_and_zero",
    "create table t(id integer primary key, v text); insert into t values(-5,'a'),(0,'b');",
    (NEXT, [1]),
)
case("an_empty_table_without_autoincrement", "create table t(id integer primary key, v text);", (NEXT, [1]))
case(
    "a_rowid_that_moved_on_without_autoincrement",
    "create table t(id integer primary key, v text); insert into t values(9,'a'),(3,'b'); delete from t where id = 9;",
    (NEXT, [4]),
)

# ------------------------------------------------------------------------------------------- what is the rowid
case(
    "a_table_constraint_is_the_rowid_too",
    "create table t(id integer, v text, constraint pk_t primary key(id asc)); insert into t values(7,'a');",
    IDENTITY,
    (KEY_COLUMNS.format("p"), [("pk_t", ["id"])]),
    (NEXT, [8]),
)
case(
    "a_descending_table_constraint_is_the_rowid_too",
    "create table t(id integer, v text, primary key(id desc)); insert into t values(7,'a');",
    IDENTITY,
    (NEXT, [8]),
)
case(
    "integer_primary_key_desc_is_no_rowid",
    "create table t(id integer primary key desc, v text); insert into t values(3,'a');",
    NO_IDENTITY,
    ("insert into t values(3,'b')", "error"),
    (NEXT, "error"),
)
case(
    "int_primary_key_is_no_rowid",
    "create table t(id int primary key, v text); insert into t values(3,'a');",
    NO_IDENTITY,
    (NEXT, "error"),
)
case(
    "an_integer_key_without_rowid_counts_nothing",
    "create table t(id integer primary key, v text) without rowid; insert into t values(5,'a');",
    NO_IDENTITY,
    (NEXT, "error"),
)
case(
    "a_key_in_any_case_and_quotes",
    "create table t('Id' INTEGER PRIMARY KEY, [v w] text); insert into t values(5,'a');",
    ('insert into t("v w") values(\'b\') returning "Id"', [6]),
)
case(
    "columns_that_hide_the_rowid",
    "create table t(rowid integer primary key, v text); create table w(oid integer primary key, rowid text); create table x(rowid text, v int); create table u(rowid text, _rowid_ text, oid text);"
    "insert into t values(4,'a'); insert into w values(9,'b'); insert into x values('s',1),('s',1); insert into u values(1,2,3),(1,2,3);",
    ("insert into t(v) values('b') returning rowid", [5]),
    ("insert into w(rowid) values('b') returning oid", [10]),
    ("select count(*)::int from x", [2]),
    ("select rowid, _rowid_, oid from u", [("1", "2", "3"), ("1", "2", "3")]),
)

# ------------------------------------------------------------------------------------------- primary keys
case(
    "a_composite_key_keeps_its_own_order",
    "create table t(a int, b text, v text, primary key(b desc, a)) without rowid; insert into t values(1,'x','v'),(2,'x','w');",
    (KEY_COLUMNS.format("p"), [("t_pkey", ["b", "a"])]),
    ("insert into t values(1,'x','z')", "error"),
    ("insert into t values(null,'x','z')", "error"),
)
case(
    "a_named_key_with_a_conflict_clause",
    "create table t(id integer constraint my_pk primary key on conflict replace autoincrement, v text constraint nn not null on conflict ignore constraint uq unique on conflict replace); insert into t values(7,'a');",
    (KEY_COLUMNS.format("p"), [("my_pk", ["id"])]),
    (KEY_COLUMNS.format("u"), [("uq", ["v"])]),
    ("insert into t(v) values('a')", "error"),
    ("insert into t(id) values(9)", "error"),
    ("select count(*)::int from litelift.untranslated where kind = 'conflict clause'", [3]),
    exits=3,
)
case(
    "nulls_in_a_key_that_sqlite_allows",
    "create table t(k text primary key, v int); insert into t values(null,1),(null,2),('a',3);",
    ("select count(*)::int from t where k is null", [2]),
    ("insert into t values('a',4)", "error"),
    exits=3,
    says=("primary key of t", "2 NULLs"),
)
case(
    "nulls_in_a_composite_key",
    "create table t(a int, b int, primary key(a,b)); insert into t values(null,1),(null,1),(1,null),(1,1);",
    ("select count(*)::int from t", [4]),
    ("insert into t values(1,1)", "error"),
    exits=3,
    says="primary key of t",
)
case(
    "a_key_without_nulls_is_not_null",
    "create table t(k text primary key, v int); insert into t values('a',3);",
    ("insert into t values(null,4)", "error"),
)
for declared, one, other, same in [
    ("real", "1.5", "2.5", "1.5"),
    ("blob", "x'00ff'", "x''", "'\\x00ff'"),
    ("date", "'2025-12-13'", "'2025-12-14'", "'2025-12-13'"),
    ("datetime", "'2025-12-13 10:00:00'", "'2025-12-13 10:00:01'", "'2025-12-13 10:00'"),
    ("numeric(5,2)", "1.5", "2", "1.50"),
    ("boolean", "1", "0", "true"),
    ("varchar(9)", "'a'", "'A'", "'a'"),
    ("", "'a'", "'b'", "'a'"),
    ("", "1", "2", "1"),
]:
    case(
        f"a_key_of_{declared or 'no type'}_{one}",
        f"create table t(k {declared} primary key, v int); insert into t values({one},1),({other},2);",
        ("select count(*)::int from t", [2]),
        (f"insert into t values({same},3)", "error"),
    )
case(
    "classes_that_text_makes_alike_are_told",
    "create table t(k primary key, v text); insert into t values(1,'a'),('1','b');",
    ("select v from t order by v", ["a", "b"]),
    exits=3,
    says="t_pkey",
)
case(
    "moments_that_a_timestamp_makes_alike_are_told",
    "create table t(k datetime unique, v text); insert into t values('2025-12-13 10:00','a'),('2025-12-13T10:00:00','b');",
    ("select v from t order by v", ["a", "b"]),
    exits=3,
    says="t_k_key",
)

# ------------------------------------------------------------------------------------------- unique keys
case(
    "unique_keys_take_any_number_of_nulls",
    "create table t(a int, b int, unique(a,b)); insert into t values(null,1),(null,1),(1,null),(1,2);",
    ("select count(*)::int from t", [4]),
    ("insert into t values(null,1) returning b::int", [1]),
    ("insert into t values(1,2)", "error"),
)
case(
    "unique_keys_that_repeat_each_other",
    "create table t(a int unique, b int, unique(a), unique(b,a), unique(a,b)); insert into t values(1,2);",
    ("select count(*)::int from pg_constraint where contype = 'u' and conrelid = 't'::regclass", [3]),
    ("insert into t values(1,3)", "error"),
)
case(
    "a_unique_key_over_the_rowid",
    "create table t(id integer primary key, v text, unique(v, id)); insert into t values(1,'a');",
    ("select count(*)::int from pg_constraint where contype = 'u' and conrelid = 't'::regclass", [1]),
    (NEXT, [2]),
)
case(
    "odd_names_of_keys",
    'create table "t.t"("a.b" integer primary key, "c""d" text constraint "u %s" unique); insert into "t.t" values(1,\'x\');',
    ("select conname::text from pg_constraint where contype = 'u' and conrelid = '\"t.t\"'::regclass", ["u %s"]),
    ('insert into "t.t"("c""d") values(\'z\') returning "a.b"', [2]),
)

# ------------------------------------------------------------------------------------------- no key, odd tables
case(
    "rows_alike_without_a_key",
    "create table t(a int, b text); insert into t values(1,'x'),(1,'x'),(1,'x'),(null,null),(null,null); delete from t where rowid = 2;",
    ("select count(*)::int from t where a = 1", [2]),
    ("select count(*)::int from t where a is null", [2]),
)
case(
    "tables_of_one_column",
    "create table t(id integer primary key); create table u(x); create table w(x text primary key) without rowid; insert into t values(1),(2); insert into w values('a');",
    ("select count(*)::int from t", [2]),
    ("insert into t default values returning id", [3]),
    ("insert into w values('a')", "error"),
)
case(
    "empty_tables_keep_their_keys",
    "create table t(a int, b text, primary key(a,b)); create table p(id integer primary key); create table c(p int references p);",
    (KEY_COLUMNS.format("p"), [("t_pkey", ["a", "b"])]),
    ("insert into c values(5)", "error"),
)
case(
    "columns_that_were_added_and_dropped",
    "create table t(id integer primary key, gone text, v text); insert into t values(1,'x','a'); alter table t add column n int not null default 7; alter table t add column s text default 'x''y';"
    "alter table t add column ok boolean default true; alter table t add column d datetime default '2020-01-01 00:00:00'; alter table t add column b blob default x'00ff'; insert into t values(2,'y','b',8,'z',0,null,null); alter table t drop column gone;",
    (
        "select id::int, v, n::int, s, ok, d::text, b from t order by id",
        [(1, "a", 7, "x'y", True, "2020-01-01 00:00:00", b"\x00\xff"), (2, "b", 8, "z", False, None, None)],
    ),
    (
        "select array_agg(attname::text order by attnum) from pg_attribute where attrelid = 't'::regclass and attnum > 0",
        [(["id", "v", "n", "s", "ok", "d", "b"],)],
    ),
    ("insert into t(v) values('c') returning id::int, n::int, s, ok, b", [(3, 7, "x'y", True, b"\x00\xff")]),
)
case(
    "a_renamed_column_and_table",
    "create table t0(id integer primary key, a text unique); insert into t0 values(1,'x'); alter table t0 rename column a to v; alter table t0 rename to t;",
    (NEXT, [2]),
    ("insert into t(v) values('x')", "error"),
)
case(
    "keys_beyond_two_to_the_53",
    filled(
        "create table t(id integer primary key, v text); create table c(t int references t(id));",
        ("insert into t values(?,?)", [(2**53 + 1, "a"), (2**53 + 2, "b")]),
        ("insert into c values(?)", [(2**53 + 1,), (2**53 + 2,)]),
    ),
    ("select t.id, v from c join t on c.t = t.id order by 1", [(2**53 + 1, "a"), (2**53 + 2, "b")]),
    type_of("c", "t", "bigint"),
)
