"""Generated columns: the server computes them as SQLite does, before the move and after it."""

# ruff: noqa: E501  (each source is SQL as one would type it)

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from contract import Cases, ask, command, hold
from plain_role import plain_url

HOW = """
    select a.attname, a.attgenerated::text from pg_attribute a
    where a.attrelid = '{}'::regclass and a.attnum > 0 and a.attgenerated <> '' order by a.attnum
"""


@dataclass(frozen=True)
class Same:
    """A table ``t`` that both sides compute alike: its source, rows inserted and updates made after the move."""

    name: str
    source: str
    inserts: tuple[str, ...]
    generated: str
    exits: tuple[int, ...] = (0,)


def _compute_alike(case: Same, database: str, folder: Path) -> None:
    source = folder / "app.sqlite"
    with sqlite3.connect(source) as connection:
        connection.executescript(case.source)
    connection.close()
    status, said = command("migrate", str(source), database)
    assert status in case.exits, said
    how = ask(database, HOW.format("t"))
    assert " ".join(name for name, _ in how) == case.generated, said
    application = sqlite3.connect(source)
    with psycopg.connect(database, autocommit=True) as target:
        for statement in case.inserts:
            application.execute(statement)
            target.execute(sql.SQL(statement))
            query = "select * from t order by 1"
            expected = application.execute(query).fetchall()
            got = [tuple(_plain(value) for value in row) for row in target.execute(query).fetchall()]
            assert got == expected, statement
    application.close()


def _plain(value: Any) -> Any:
    """A value of PostgreSQL's as SQLite holds it."""
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value)
    if type(value).__name__ == "Decimal":
        return int(value) if value == int(value) else float(value)
    return str(value)


SAME = [
    Same(
        "the_battery",
        "create table t(id integer primary key, a int, b int generated always as (a*2) stored,"
        " c text as (a || '-' || b) virtual); insert into t(id, a) values (1, 4), (2, null), (3, -7);",
        ("insert into t(id, a) values (10, 21)", "update t set a = 5 where id = 1", "update t set a = null"),
        "b c",
    ),
    Same(
        "arithmetic_of_integers_and_reals",
        "create table t(id integer primary key, a int, r real, s int as (a + 3 * id), q int as (a / 2),"
        " m int as (a % 3), d real as (a / 2.0), x real as (r * a), n int as (-a), z real as (a / r), k int as (a / (a - a)));"
        " insert into t(id, a, r) values (1, 7, 0.1), (2, -7, 1.5), (3, 0, 0.0), (4, null, 2.5);",
        (
            "insert into t(id, a, r) values (9, -9, 0.7)",
            "insert into t(id, a, r) values (10, 1000000007, 3.3)",
            "update t set r = 0 where id = 9",
        ),
        "s q m d x n z k",
    ),
    Same(
        "text_and_its_functions",
        "create table t(id integer primary key, name text, mail text, up text as (upper(name)),"
        " initial text as (substr(name, 1, 1)), domain text as (substr(mail, instr(mail, '@') + 1)),"
        " n int as (length(name)), full text as (trim(name) || ' <' || mail || '>'),"
        " safe text as (coalesce(name, 'nobody')), swapped text as (replace(mail, '@', ' at ')));"
        " insert into t(id, name, mail) values (1, 'Ada', 'ada@x.az'), (2, null, 'x'), (3, ' Ülkər ', 'u@y.org');",
        (
            "insert into t(id, name, mail) values (5, 'it''s %s {} \\ ok', 'a@b@c')",
            "update t set name = 'ÇAĞ' where id = 1",
        ),
        "up initial domain n full safe swapped",
    ),
    Same(
        "columns_that_refer_to_each_other_in_any_order",
        "create table t(id integer primary key, e int as (d + c), d int as (c * 2) stored, c int as (a + 1), a int,"
        " f text as (e || '/' || d || '/' || c)); insert into t(id, a) values (1, 1), (2, 5), (3, null);",
        ("insert into t(id, a) values (7, 100)", "update t set a = a + 1"),
        "e d c f",
    ),
    Same(
        "case_and_comparisons",
        "create table t(id integer primary key, score int, grade text as (case when score >= 90 then 'A'"
        " when score >= 50 then 'B' else 'C' end), passed boolean as (score >= 50), kind text as"
        " (iif(score is null, 'none', 'some')), low int as (score between 0 and 10), one int as (score in (1, 2, 3)));"
        " insert into t(id, score) values (1, 95), (2, 50), (3, 2), (4, null);",
        ("insert into t(id, score) values (9, 49)", "update t set score = 90 where id = 9"),
        "grade passed kind low one",
    ),
    Same(
        "an_integer_column_of_a_text",
        "create table t(id integer primary key, a text, c integer as (a || ''), r real as (a || ''), x numeric as (a));"
        " insert into t(id, a) values (1, '12'), (2, ' 7 '), (3, '3.0'), (4, null), (5, '1e3');",
        ("insert into t(id, a) values (9, '-40')", "update t set a = '+8' where id = 9"),
        "c r x",
    ),
    Same(
        "a_text_column_of_numbers",
        "create table t(id integer primary key, a int, r real, n numeric, c text as (a), x text as (r), y text as (n),"
        " w text as ('#' || r || '/' || n));"
        " insert into t(id, a, r, n) values (1, 3, 2.0, 2.0), (2, null, 0.1, 12.5), (3, -1, 1e20, 7), (4, 0, 1e-7, 0);",
        ("insert into t(id, a, r, n) values (8, 5, 123456.789, -2.25)", "update t set r = -0.5, n = 4 where id = 8"),
        "c x y w",
    ),
    Same(
        "no_declared_type",
        "create table t(id integer primary key, a int, b text, c as (a + 1), d as (b || '!') stored);"
        " insert into t(id, a, b) values (1, 1, 'x'), (2, 2, 'y');",
        ("insert into t(id, a, b) values (9, 41, 'z')",),
        "c d",
    ),
    Same(
        "parts_of_json",
        "create table t(id integer primary key, doc text, name text as (json_extract(doc, '$.name')) virtual,"
        " age int as (json_extract(doc, '$.age')) stored, ratio real as (json_extract(doc, '$.r')),"
        " ok int as (json_extract(doc, '$.ok')), city text as (doc ->> '$.a.city'),"
        " shown text as (json_extract(doc, '$.r')));"
        """ insert into t(id, doc) values (1, '{"name":"Ada","age":36,"r":0.50,"ok":true,"a":{"city":"Bakı"}}'),
            (2, '{}'), (3, null), (4, '{"name":"x''y","age":null,"r":2.0,"ok":false}');""",
        (
            """insert into t(id, doc) values (9, '{"name":"Bob","age":7,"ok":true,"r":1.25,"a":{"city":null}}')""",
            """update t set doc = '{"name":"New"}' where id = 1""",
        ),
        "name age ratio ok city shown",
    ),
    Same(
        "parts_of_dates_in_text",
        "create table t(id integer primary key, at text, y int as (strftime('%Y', at)),"
        " ym text as (strftime('%Y-%m', at)), d text as (date(at)), next text as (date(at, '+1 month')), s int as (strftime('%s', at)));"
        " insert into t(id, at) values (1, '2024-01-31 10:20:30'), (2, '2023-12-05'), (3, null), (4, 'never');",
        ("insert into t(id, at) values (9, '2020-02-29T23:59:59')", "update t set at = '1999-12-31' where id = 1"),
        "y ym d next s",
    ),
    Same(
        "date_columns",
        "create table t(id integer primary key, at text, d date as (date(at)), s datetime as (datetime(at)) stored);"
        " insert into t(id, at) values (1, '2024-01-31 10:20:30'), (2, '2023-12-05 01:00:00'), (3, null);",
        ("insert into t(id, at) values (9, '2020-02-29T23:59:59')",),
        "d s",
    ),
    Same(
        "booleans",
        "create table t(id integer primary key, a boolean, n int, b boolean as (not a), c boolean as (n),"
        " i int as (a + n), x text as (a || '')); insert into t(id, a, n) values (1, 1, 0), (2, 0, 1),"
        " (3, null, null);",
        ("insert into t(id, a, n) values (9, true, 1)", "update t set a = false where id = 9"),
        "b c i x",
    ),
    Same(
        "decimals",
        "create table t(id integer primary key, price decimal(10,2), n int, total decimal(12,2) as (price * n),"
        " d real as (price * n), label text as (price || ' AZN'));"
        " insert into t(id, price, n) values (1, 0.25, 3), (2, 19.75, 7), (3, 5, 2), (4, null, 1);",
        ("insert into t(id, price, n) values (9, 12.5, 4)", "update t set n = 10 where id = 2"),
        "total d label",
    ),
    Same(
        "not_null_unique_and_checks",
        "create table t(id integer primary key, a int not null, b int not null as (a * 10) unique,"
        " c int as (a + 1) check (c < 100), check (b >= 0)); create index i on t(c desc) where b > 10;"
        " create index e on t(b + c); insert into t(id, a) values (1, 1), (2, 2), (3, 50);",
        ("insert into t(id, a) values (9, 60)", "update t set a = 61 where id = 9"),
        "b c",
    ),
    Same(
        "blobs",
        "create table t(id integer primary key, raw blob, head blob as (substr(raw, 1, 2)), h text as (hex(raw)),"
        " n int as (length(raw)));"
        " insert into t(id, raw) values (1, x'00ff5c'), (2, null), (3, x'0a0b0c0d');",
        ("insert into t(id, raw) values (9, null)",),
        "head h n",
    ),
    Same(
        "strict_and_without_rowid",
        "create table t(k text primary key, a integer, r real, b integer as (a * 3) stored, c text as (k || ':' || a),"
        " d any as (a)) strict, without rowid; insert into t(k, a, r) values ('x', 1, 1), ('y', 2, 0.5);",
        ("insert into t(k, a, r) values ('z', 5, 1)", "update t set a = 0 where k = 'x'"),
        "b c d",
    ),
    Same(
        "added_by_alter_table",
        "create table t(id integer primary key, a int); insert into t values (1, 4), (2, 8);"
        " alter table t add column b int generated always as (a * 2) virtual;"
        " alter table t add column c text as (a || b);"
        " alter table t add column z int default 5;",
        ("insert into t(id, a) values (9, 3)",),
        "b c",
    ),
    Same(
        "hostile_names",
        """create table t(id integer primary key, "a""b; drop table t --" int, 'c''%s' int
            as ("a""b; drop table t --" + 1), [select] text as ("c'%s" || '%' || [a"b; drop table t --]), "çĞ ü{}" int as (([c'%s]) * 2));
            insert into t(id, "a""b; drop table t --") values (1, 5);""",
        ("""insert into t(id, "a""b; drop table t --") values (2, 9)""",),
        "c'%s select çĞ ü{}",
    ),
    Same(
        "json_columns_and_values_without_a_declared_type",
        "create table t(id integer primary key, doc json, a as (json_extract(doc, '$.a')), b as (json_extract(doc, '$.b')),"
        " c json as (json_extract(doc, '$.c')), r as (json_extract(doc, '$.r')));"
        """ insert into t(id, doc) values (1, '{"a": 1, "b": "x", "c": 5, "r": 0.5}'), (2, '{"b": "y", "c": 2}'), (3, null);""",
        ("""insert into t(id, doc) values (9, '{"a": 7, "b": "q", "r": -1.25}')""",),
        "a b c r",
    ),
    Same(
        "an_empty_table",
        "create table t(id integer primary key, a int, b int as (a + 1), c text as (upper('x' || a)) stored);",
        ("insert into t(id, a) values (1, 9)",),
        "b c",
    ),
    Same(
        "collations",
        "create table t(id integer primary key, a text collate nocase, b text, same int as (a = b),"
        " low int as (b < 'b'), c text collate nocase as (a || b), part int as (substr(a, 1, 1) = 'x'));"
        " insert into t(id, a, b) values (1, 'X', 'x'), (2, 'x', 'Y'), (3, null, 'a'), (4, 'Y', 'y');",
        ("insert into t(id, a, b) values (9, 'Xyz', 'XYZ')",),
        "same low c part",
        exits=(0, 3),
    ),
]


@pytest.mark.parametrize("case", SAME, ids=lambda case: case.name)
def test_the_server_computes_what_sqlite_computes(case: Same, database: str, tmp_path: Path) -> None:
    _compute_alike(case, database, tmp_path)


@pytest.mark.postgres(18)
@pytest.mark.parametrize("case", SAME, ids=lambda case: case.name)
def test_postgresql_18_computes_what_sqlite_computes(case: Same, database: str, tmp_path: Path) -> None:
    _compute_alike(case, database, tmp_path)


OLDER = ("the_battery", "a_text_column_of_numbers", "parts_of_json", "date_columns", "decimals", "collations")


@pytest.mark.parametrize("case", [case for case in SAME if case.name in OLDER], ids=lambda case: case.name)
def test_an_older_server_with_icu_computes_what_sqlite_computes(case: Same, icu_database: str, tmp_path: Path) -> None:
    _compute_alike(case, icu_database, tmp_path)


CASES = Cases()

CASES.add(
    "text_in_a_blob_column",
    "create table t(id integer primary key, a text, b blob as (a)); insert into t(id, a) values (1, 'a\\b'), (2, 'ü');",
    ("insert into t(id, a) values (3, '\\x41'); select b from t order by id", [b"a\\b", "ü".encode(), b"\\x41"]),
)

_VALUES = "select id, b from t order by id"
_ORDINARY = ("select count(*) = 0 from pg_attribute where attrelid = 't'::regclass and attgenerated <> ''",)

CASES.add(
    "an_overflow_makes_an_ordinary_column_and_the_others_stay_generated",
    "create table t(id integer primary key, a int, b int as (a * a), c int as (a + 1));"
    " insert into t(id, a) values (1, 3), (2, 4000000000), (3, 5);",
    (HOW.format("t"), [("c", "s")]),
    ("select id, b::float8 from t order by id", [(1, 9.0), (2, 1.6e19), (3, 25.0)]),
    exits=3,
    says=("t.b", "bigint out of range (id=2: '1.6e+19' in SQLite)", "an ordinary column"),
)
CASES.add(
    "a_column_of_values_that_postgresql_would_not_make_is_ordinary",
    "create table t(id integer primary key, a int, b int as (a * 2));"
    " with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)"
    " insert into t(id, a) select i, i from n;"
    " update t set a = 'abc' where id = 7;",
    _ORDINARY,
    ("select a is null, b from t where id = 7", [(True, 0)]),
    exits=3,
    says=("in 1 rows PostgreSQL would make another value than SQLite has: id=7: '0' in SQLite, NULL here",),
)
CASES.add(
    "a_row_without_a_key_is_named_by_its_rowid",
    "create table t(a int, b int as (a * a)); insert into t(a) values (1), (4000000000);",
    _ORDINARY,
    exits=3,
    says=("rowid=2",),
)
CASES.add(
    "a_function_that_is_not_known_makes_an_ordinary_column",
    "create table t(id integer primary key, a text, b text as (quote(a)), c text as (b || '!') stored);"
    " insert into t(id, a) values (1, 'x');",
    (HOW.format("t"), [("c", "s")]),
    ("select b, c from t", [("'x'", "'x'!")]),
    exits=3,
    says=("the function quote() is not known",),
)
CASES.add(
    "an_expression_of_a_column_that_the_plan_leaves_out",
    'create table t(id integer primary key, a int, b int as ("a" + 1)); insert into t(id, a) values (1, 4);',
    _ORDINARY,
    (_VALUES, [(1, 5)]),
    plan="[tables.t.columns.a]\nexclude = true",
    exits=3,
    says=("the plan leaves out the column a",),
)
CASES.add(
    "new_names_and_types_of_the_plan",
    "create table t(id integer primary key, a int, b int as (a + 1), c text as (b || '.') stored);"
    " insert into t(id, a) values (1, 4);",
    (HOW.format("things"), [("next", "s"), ("c", "s")]),
    (
        "insert into things(id, base) values (2, 9); select id, next, c from things order by id",
        [(1, "5", "5."), (2, "10", "10.")],
    ),
    plan="""
[tables.t]
name = "things"
[tables.t.columns.a]
name = "base"
[tables.t.columns.b]
name = "next"
type = "text"
""",
)
CASES.add(
    "a_value_map_on_the_generated_column",
    "create table t(id integer primary key, a int, b text as (case when a > 10 then 'big' else 'small' end));"
    " insert into t(id, a) values (1, 4), (2, 40);",
    (
        "insert into t(id, a) values (3, 50); select id, b from t order by id",
        [(1, "kiçik"), (2, "böyük"), (3, "böyük")],
    ),
    plan='[tables.t.columns.b]\nvalues = { "big" = "böyük", "small" = "kiçik" }',
)
CASES.add(
    "a_value_map_without_case_makes_an_ordinary_column",
    "create table t(id integer primary key, a text, b text as (a || '')); insert into t(id, a) values (1, 'YES');",
    _ORDINARY,
    (_VALUES, [(1, "ja")]),
    plan='[tables.t.columns.b]\nvalues = { "yes" = "ja" }\nmatch = "casefold"',
    exits=3,
    says=("the plan maps its values",),
)
CASES.add(
    "a_column_of_mapped_values_makes_an_ordinary_column",
    "create table t(id integer primary key, a text, b text as (a || '!')); insert into t(id, a) values (1, 'yes');",
    _ORDINARY,
    (_VALUES, [(1, "yes!")]),
    plan='[tables.t.columns.a]\nvalues = { "yes" = "ja" }',
    exits=3,
    says=("t.b",),
)
CASES.add(
    "an_enum_that_is_generated",
    "create table t(id integer primary key, a int, b text as (case when a > 10 then 'big' else 'small' end) stored);"
    " insert into t(id, a) values (1, 4), (2, 40);",
    (
        "insert into t(id, a) values (3, 50); select id, b::text, pg_typeof(b)::text from t order by id",
        [(1, "small", "size"), (2, "big", "size"), (3, "big", "size")],
    ),
    plan='[tables.t.columns.b]\nenum = "size"',
)
CASES.add(
    "a_foreign_key_of_a_stored_column",
    "create table p(id integer primary key); create table t(id integer primary key, a int,"
    " b int as (a / 10) stored references p(id) on delete cascade);"
    " insert into p values (1), (2); insert into t(id, a) values (1, 15), (2, 25);",
    (HOW.format("t"), [("b", "s")]),
    ("insert into t(id, a) values (3, 99)", "error"),
    ("delete from p where id = 2; select id from t", [1]),
)
CASES.add(
    "a_value_that_the_column_cannot_hold_is_an_error_and_never_another_value",
    "create table t(id integer primary key, a text, b int as (a || ''), c int as (a / 2.0));"
    " insert into t(id, a) values (1, '12'), (2, '4');",
    ("insert into t(id, a) values (3, 'abc')", "error"),
    ("insert into t(id, a) values (3, '1.5')", "error"),
    exits=(0, 3),
)
CASES.add(
    "rows_that_break_a_not_null_or_a_check_on_it",
    "create table t(id integer primary key, a int, b int as (a * 2) check (b < 10));"
    " pragma ignore_check_constraints = 1;"
    " insert into t(id, a) values (1, 1), (2, 50);",
    (HOW.format("t"), [("b", "s")]),
    ("insert into t(id, a) values (3, 99)", "error"),
    exits=3,
    says=("1 rows break the check",),
)
CASES.add(
    "a_view_and_a_trigger_that_read_it",
    "create table t(id integer primary key, a int, b int as (a * 2)); create table log(n int);"
    " create view v as select id, b from t where b > 2; create trigger g after insert on t begin"
    " insert into log values (new.b); end; insert into t(id, a) values (1, 1), (2, 2); delete from log;",
    ("insert into t(id, a) values (9, 21); select n from log", [42]),
    ("select id, b from v order by 1", [(2, 4), (9, 42)]),
)
CASES.add(
    "a_trigger_does_not_read_what_has_become_ordinary",
    "create table t(id integer primary key, a int, b int as (a * a)); create table log(n int);"
    " create trigger g after insert on t begin insert into log values (new.b); end;"
    " insert into t(id, a) values (1, 1), (2, 4000000000);",
    _ORDINARY,
    ("select count(*) = 0 from pg_trigger where tgname = 'g'",),
    exits=3,
    says=("generated column", "trigger"),
)
CASES.add(
    "a_table_that_is_made_beside_those_of_the_application",
    "create table here(id integer primary key, v text); insert into here values (1, 'x');"
    " create table t(id integer primary key, a int, b int as (a + 1), c int as (a * a));"
    " insert into t(id, a) values (1, 2), (2, 4000000000);",
    (HOW.format("t"), [("b", "s")]),
    ("select id, b from t order by id", [(1, 3), (2, 4000000001)]),
    target="create table here(id bigint primary key, v text);",
    args="--data-only",
    plan='[defaults]\nmissing_tables = "create"',
    exits=3,
    says=("t.c", "out of range"),
)


@CASES.each
def test_contract(case: Any, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


NEW = Cases()
NEW.add(
    "virtual_columns_stay_virtual",
    "create table t(id integer primary key, a int, b int as (a + 1), c text as ('#' || b), d int as (a * 2) stored,"
    " e int not null as (coalesce(a, 0)) check (e >= 0)); insert into t(id, a) values (1, 5);",
    (HOW.format("t"), [("b", "v"), ("c", "v"), ("d", "s"), ("e", "v")]),
    ("insert into t(id, a) values (2, -1)", "error"),
)
NEW.add(
    "one_that_an_index_a_key_or_a_foreign_key_needs_is_stored",
    "create table p(id integer primary key); insert into p values (6); create table t(id integer primary key, a int,"
    " b int as (a + 1) unique, c int as (a + 2), d int as (a + 3), e int as (a + 4), f int as (a + 1) references p(id),"
    " g int as (a + 5)); create unique index i on t(c desc); create index j on t(d * 2);"
    " create index k on t(a) where e > 1;"
    " insert into t(id, a) values (1, 5);",
    (HOW.format("t"), [("b", "s"), ("c", "s"), ("d", "s"), ("e", "s"), ("f", "s"), ("g", "v")]),
    ("insert into t(id, a) values (2, 5)", "error"),
    says="no index, key or foreign key on a virtual column",
)
NEW.add(
    "one_that_needs_our_functions_or_an_enum_is_stored",
    "create table t(id integer primary key, r real, b text as (r || ''),"
    " c text as (case when r > 1 then 'x' else 'y' end));"
    " insert into t(id, r) values (1, 5);",
    (HOW.format("t"), [("b", "s"), ("c", "s")]),
    plan='[tables.t.columns.c]\nenum = "letter"',
)
NEW.add(
    "one_that_a_trigger_reads_is_stored",
    "create table t(id integer primary key, a int, b int as (a * 2)); create table log(n int);"
    " create trigger g after update on t begin insert into log values (new.b - old.b); end;"
    " insert into t(id, a) values (1, 1), (2, 2);",
    (HOW.format("t"), [("b", "s")]),
    ("update t set a = 4 where id = 1; select n from log", [6]),
)


@pytest.mark.postgres(18)
@NEW.each
def test_postgresql_18(case: Any, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


def _example(make_sqlite: Any) -> Path:
    path: Path = make_sqlite(
        "create table t(id integer primary key, a int, b int as (a * 2), c text as (a || '-' || b) stored);"
        " insert into t(id, a) values (1, 4), (2, 8);"
    )
    return path


def test_the_proof_counts_them_and_compares_their_values(make_sqlite: Any, database: str) -> None:
    source = _example(make_sqlite)
    status, said = command("migrate", str(source), database, "--json")
    assert status == 0, said
    document = json.loads(said[said.index("{") : said.rindex("}") + 1])
    counted = {proof["kind"]: proof for proof in document["proof"]["objects"]}
    assert (counted["generated columns"]["expected"], counted["generated columns"]["present"]) == (2, 2)
    assert command("verify", str(source), database)[0] == 0
    ask(database, "update t set a = 5 where id = 2 returning 1")
    status, said = command("verify", str(source), database)
    assert status == 1
    assert "t.b" in said or "b" in said.split()
    assert command("report", database)[0] in (0, 2)


def test_inspect_and_plan_know_them(make_sqlite: Any, tmp_path: Path) -> None:
    source = _example(make_sqlite)
    status, said = command("inspect", str(source))
    assert status == 0, said
    assert "not carried" not in said
    assert command("plan", str(source), "-o", str(tmp_path / "plan.toml"))[0] == 0


@pytest.mark.superuser
def test_a_role_without_temporary_tables_gets_them_too_and_nothing_of_the_trial_stays(
    make_sqlite: Any, database: str
) -> None:
    role = plain_url(database, "schema")
    status, said = command("migrate", str(_example(make_sqlite)), role)
    assert status == 0, said
    made = "select attname::text from pg_attribute where attrelid = 't'::regclass and attgenerated <> '' order by 1"
    assert ask(database, made) == [("b",), ("c",)]
    assert ask(database, "select to_regclass('litelift.litelift_trial') is null") == [(True,)]


@pytest.mark.postgres(18)
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("v varchar(3) as (a) virtual", "'abcd'"),
        ("v int as (a || '') virtual", "'x'"),
        ("v real as (a) virtual", "'x'"),
    ],
)
def test_a_value_that_a_generated_column_cannot_hold_is_refused_with_its_row(
    column: str, value: str, database: str, tmp_path: Path
) -> None:
    source = tmp_path / "app.sqlite"
    with sqlite3.connect(source) as connection:
        connection.executescript(
            f"create table t(id integer primary key, a text, {column}); insert into t(a) values('1');"
        )
    connection.close()
    assert command("migrate", str(source), database)[0] == 0
    with pytest.raises(psycopg.Error):
        ask(database, f"insert into t(a) values({value})")
    assert ask(database, "select count(*)::int from t where v is not null") == [(1,)]


def test_a_strict_table_whose_generated_column_breaks_its_type_is_moved(database: str, tmp_path: Path) -> None:
    source = tmp_path / "app.sqlite"
    with sqlite3.connect(source) as connection:
        connection.executescript(
            "create table t(id integer primary key, a int, v int as (a + 0.5) virtual) strict; insert into t(a) values(1);"
        )
    connection.close()
    assert command("migrate", str(source), database)[0] in (0, 3)
    assert ask(database, "select v::float8 from t") == [(1.5,)]


def test_a_real_that_becomes_a_numeric_keeps_its_digits(database: str, tmp_path: Path) -> None:
    source = tmp_path / "app.sqlite"
    with sqlite3.connect(source) as connection:
        connection.executescript(
            "create table t(id integer primary key, r real, n numeric as (r)); insert into t(r) values(1.5);"
        )
    connection.close()
    assert command("migrate", str(source), database)[0] == 0
    ask(database, "insert into t(r) values(123456789.12345679)")
    assert ask(database, "select n::text from t order by 1") == [("1.5",), ("123456789.12345679",)]
