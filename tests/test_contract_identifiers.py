# ruff: noqa: E501 - tables of SQL, a case to a line where it can be
"""The contract, "Names": they are kept as they are, quoted wherever needed, and made unique where PostgreSQL asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract import EMPTY, Case, Cases, ask, build, command, hold

CASES = Cases()
case = CASES.add


@CASES.each
def test_identifier(case: Case, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


NAMES = [
    "order",
    "user",
    "select",
    "table",
    "all",
    "end",
    "litelift",
    "pg_class",
    "pg_toast",
    "information_schema",
    "sqlite",
    "public",
    " ",
    "  lead and trail  ",
    "a b",
    "a.b",
    "1st",
    "0",
    "%s",
    "%",
    "%(name)s",
    "{}",
    "{0}",
    "{x}",
    "$1",
    ":name",
    "?",
    "it's",
    'say "hi"',
    '"',
    "''",
    "`",
    "[x",
    "a\tb",
    "a\nb",
    "a\\b",
    "\\",
    "x; drop table y; --",
    "/* x */",
    "a'); drop schema public cascade; --",
    "İstanbul",
    "ısı",
    "ŞƏKİ",
    "表",
    "😀",
    "e\u0301",
    "MixedCase",
    "UPPER",
    "null",
    "true",
    "default",
    "-",
    ".",
    "a" * 63,
    "ə" * 31,
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_table_column_index_and_constraint_is_kept(name: str, database: str, tmp_path: Path) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    child = '"' + ("c" + name[:50]).replace('"', '""') + '"'
    index = '"' + ("i" + name[:50]).replace('"', '""') + '"'
    key = '"' + ("k" + name[:50]).replace('"', '""') + '"'
    query = "set search_path = public, pg_catalog; "
    build(
        f"create table {quoted}({quoted} integer primary key, v text default 'x', n int constraint {quoted} check(n > 0));"
        f"create table {child}(id integer primary key, {quoted} integer constraint {key} references {quoted}({quoted}));"
        f"create index {index} on {child}({quoted} desc) where {quoted} > 0;"
        f"insert into {quoted}(n) values(1),(2); insert into {child} values(1,2);",
        tmp_path / "app.sqlite",
    )
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database)
    assert status == 0, said
    rows = ask(
        database, query + f"select p.{quoted}::int, p.n::int from {quoted} p join {child} c on c.{quoted} = p.{quoted}"
    )
    assert rows == [(2, 2)]
    text = "'" + name.replace("'", "''") + "'"
    assert ask(database, f"select count(*)::int from pg_constraint where contype = 'c' and conname = {text}") == [(1,)]
    assert ask(database, query + f"insert into {quoted}(n) values(5) returning {quoted}::int") == [(3,)]
    status, said = command("verify", str(tmp_path / "app.sqlite"), database)
    assert status == 1 and "3" in said, said
    ask(database, query + f"delete from {quoted} where n = 5")
    status, said = command("verify", str(tmp_path / "app.sqlite"), database)
    assert status == 0, said


@pytest.mark.parametrize("name", ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid", "rowid"])
def test_a_column_named_like_a_system_column_is_carried(name: str, database: str, tmp_path: Path) -> None:
    build(
        f"create table t(id integer primary key, {name} text unique, check({name} <> '')); insert into t values(1,'x');",
        tmp_path / "app.sqlite",
    )
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database)
    assert status == 0, said
    [(column,)] = ask(database, "select attname::text from pg_attribute where attrelid = 't'::regclass and attnum = 2")
    assert column.startswith(name)
    assert ask(database, f'select "{column}" from t') == [("x",)]


case(
    "names_that_are_the_same_within_63_bytes",
    f"create table {'n' * 63}a(id integer primary key); create table {'n' * 63}b(id integer primary key, {'c' * 80}1 int, {'c' * 80}2 int); insert into {'n' * 63}b values(1,10,20);",
    ("select count(*) = 2 from pg_tables where schemaname = 'public'",),
    ("select count(*) >= 4 from litelift.notice where kind = 'renamed'",),
)
case(
    "a_name_that_another_one_shortened_would_get_stays_its_own",
    f"create table {'n' * 70}(id integer primary key); create table {'n' * 63}(id integer primary key); insert into {'n' * 63} values(7);",
    (f"select id::int from {'n' * 63}", [7]),
    ("select count(*) = 2 from pg_tables where schemaname = 'public'",),
)
case(
    "a_cut_does_not_split_a_character",
    f"create table {'ə' * 40}(id integer primary key, {'😀' * 20} int); insert into {'ə' * 40} values(1,2);",
    ("select count(*) = 1 from pg_tables where schemaname = 'public' and tablename like 'əəə%'",),
)
case(
    "lower_folds_names",
    'create table Album(AlbumId integer primary key, "Title X" text, ArtistId int references Artist(ArtistId), check(Title<>\'\')); create table Artist(ArtistId integer primary key); create index IX_Title on Album("Title X");'.replace(
        "check(Title<>'')", "constraint CK_Id check(AlbumId > 0)"
    ),
    ('select count(albumid) = 0 and count("title x") = 0 from album',),
    ("select count(*) = 1 from pg_indexes where indexname = 'ix_title'",),
    plan='[defaults]\nidentifiers = "lower"\n',
)
case(
    "lower_with_columns_that_collide_outside_ascii",
    "create table t(id integer primary key, \"Ə\" text, \"ə\" text); insert into t values(1,'big','small');",
    ("select count(*) = 3 from pg_attribute where attrelid = 't'::regclass and attnum > 0",),
    ("select count(*) >= 1 from litelift.notice where kind = 'renamed'",),
    plan='[defaults]\nidentifiers = "lower"\n',
)
case(
    "lower_of_a_dotted_capital_i",
    'create table "İL"(id integer primary key, "ADI" text); insert into "İL" values(1,\'x\');',
    ("select count(*) = 1 from pg_tables where schemaname = 'public'",),
    (
        "select attname = 'adi' from pg_attribute a join pg_class c on c.oid = attrelid where attnum = 2 and relkind = 'r' and relnamespace = 'public'::regnamespace",
    ),
    plan='[defaults]\nidentifiers = "lower"\n',
)
case(
    "a_new_schema_is_made",
    "create table t(id integer primary key, v int check(v > 0)); create index i on t(v); create table c(id integer primary key, t_id int references t); insert into t values(1,1); insert into c values(1,1);",
    ("select count(*) = 1 from app.t join app.c on c.t_id = t.id",),
    EMPTY,
    ("insert into app.t(v) values(1) returning id::int", [2]),
    plan='[defaults]\nschema = "app"\n',
)
case(
    "a_schema_that_is_there_is_used",
    "create table t(id integer primary key); insert into t values(1);",
    ('select count(*) = 1 from "Other".t',),
    target='create schema "Other"; create table public.t(x text);',
    plan='[defaults]\nschema = "Other"\n',
)
for number, schema in enumerate(["a b", "it's", 'q"q', "x; drop table t", "%s{}", "select", "ŞƏKİ", "user"]):
    words = schema.replace('"', '""')
    case(
        f"a_hostile_schema_{number}",
        "create table t(id integer primary key, v text default 'd', at text default (lower(hex(randomblob(4)))), s text); create index i on t(lower(v)); insert into t(id, v, s) values(1,'x','aktiv');",
        (f"select s::text = 'active' from \"{words}\".t",),
        (f"insert into \"{words}\".t(v) values('y') returning id::int", [2]),
        plan="[defaults]\nschema = '''"
        + schema
        + "'''\n"
        + '[tables.t.columns.s]\nvalues = { "aktiv" = "active" }\nenum = "st\'a\\"te"\n',
    )
case(
    "hostile_enum_names_and_labels",
    "create table t(id integer primary key, s text default 'it''s'); insert into t values(1,'it''s'),(2,'a\\b'),(3,'100% {}'),(4,'');",
    ("select array_agg(s::text order by id) = array['it''s', 'a\\b', '100% {}', ''] from t",),
    ("insert into t(id) values(5) returning s::text", ["it's"]),
    plan='[tables.t.columns.s]\nenum = "my ""enum""; drop"\n'.replace('""', '\\"'),
)
case(
    "tables_called_like_ours",
    "create table litelift(id integer primary key); create table quarantine(id integer primary key); create table notice(v text); create table run(v text); insert into litelift values(1); insert into quarantine values(2);",
    ("select (select id from public.litelift) = 1 and (select id from public.quarantine) = 2",),
)
case(
    "tables_called_like_the_catalogue's",
    "create table pg_class(id integer primary key, relname text); create table pg_type(id integer primary key, pg_class_id int references pg_class); insert into pg_class values(1,'x'); insert into pg_type values(1,1);",
    ("select count(*) = 1 from public.pg_class c join public.pg_type t on t.pg_class_id = c.id",),
)
case(
    "columns_called_like_keywords_in_expressions",
    'create table t(id integer primary key, "order" int check("order" > 0), "user" text default \'u\', "check" int, check("check" > "order"), "end" text); create index i on t("order", lower("user")) where "end" is null;'.replace(
        ', check("check" > "order"), "end" text)', ', "end" text, check("check" > "order"))'
    )
    + "insert into t values(1,1,'a',2,null);",
    ("insert into t values(2,3,'b',2,null)", "error"),
    ("select indexdef ~ 'WHERE' from pg_indexes where indexname = 'i'",),
)
case(
    "many_columns",
    "create table t(" + ", ".join(f"c{i} int" for i in range(1200)) + "); insert into t(c0, c1199) values(1, 2);",
    ("select c0::int, c1199::int from t", [(1, 2)]),
)
case(
    "more_columns_than_postgresql_holds",
    "create table t(" + ", ".join(f"c{i} int" for i in range(1700)) + ");",
    EMPTY,
    exits=1,
    says=["1,600"],
)
case(
    "every_reserved_word",
    "".join(
        f'create table "{w}"("{w}" integer primary key); insert into "{w}" values(1);'
        for w in [
            "all",
            "analyse",
            "analyze",
            "and",
            "any",
            "array",
            "as",
            "asc",
            "asymmetric",
            "both",
            "case",
            "cast",
            "check",
            "collate",
            "column",
            "constraint",
            "create",
            "current_catalog",
            "current_date",
            "current_role",
            "current_time",
            "current_timestamp",
            "current_user",
            "default",
            "deferrable",
            "desc",
            "distinct",
            "do",
            "else",
            "end",
            "except",
            "false",
            "fetch",
            "for",
            "foreign",
            "from",
            "grant",
            "group",
            "having",
            "in",
            "initially",
            "intersect",
            "into",
            "lateral",
            "leading",
            "limit",
            "localtime",
            "localtimestamp",
            "not",
            "null",
            "offset",
            "on",
            "only",
            "or",
            "order",
            "placing",
            "primary",
            "references",
            "returning",
            "select",
            "session_user",
            "some",
            "symmetric",
            "system_user",
            "table",
            "then",
            "to",
            "trailing",
            "true",
            "union",
            "unique",
            "user",
            "using",
            "variadic",
            "when",
            "where",
            "window",
            "with",
        ]
    ),
    ('select (select count(*) from "select") + (select count(*) from "user") = 2',),
)
case(
    "lower_folds_the_names_of_constraints",
    "create table T(Id integer primary key, A int constraint CK_A check(A > 0), constraint FK_T foreign key(A) references T(Id)); insert into T values(1,1);",
    ("select count(*)=2 from pg_constraint where conname in ('ck_a','fk_t')",),
    plan='[defaults]\nidentifiers="lower"\n',
)
