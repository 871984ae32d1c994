# ruff: noqa: E501 - tables of SQL, a case to a line where it can be
"""The plan file's promises: value maps, enum types, types, filters, exclusions, renames, and errors with their line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from contract import EMPTY, Case, Cases, filled, hold, type_of

CASES = Cases()
case = CASES.add


@CASES.each
def test_plan(case: Case, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


S = "create table s(id integer primary key, k text); insert into s values(1,'aktiv'),(2,'qaralama'),(3,null);"
MAP = '[tables.s.columns.k]\nvalues = { "aktiv" = "active", "qaralama" = "draft" }\n'

# ---------------------------------------------------------------- value maps
case(
    "a_map_reaches_the_check_the_default_and_the_index",
    "create table s(id integer primary key, k varchar(8) not null default 'aktiv' check(k in ('aktiv','qaralama','bağlı') and k <> 'x'), n int); create unique index i on s(n) where k = 'aktiv';"
    "insert into s(n) values(1),(2); insert into s(k, n) values('bağlı', 1);",
    ("select array_agg(k::text order by id) = array['active', 'active', 'closed'] from s",),
    ("insert into s(n) values(5) returning k::text", ["active"]),
    ("insert into s(n) values(1)", "error"),
    ("insert into s(k, n) values('closed', 1) returning k::text", ["closed"]),
    ("insert into s(k, n) values('aktiv', 9)", "error"),
    ("insert into s(k, n) values(null, 9)", "error"),
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "active", "qaralama" = "draft", "bağlı" = "closed" }\n',
)
case(
    "a_longer_new_value_is_not_cut",
    "create table s(id integer primary key, k varchar(3)); insert into s values(1,'abc'),(2,'x');",
    ("select array_agg(k::text order by id) = array['a longer word', 'y'] from s",),
    plan='[tables.s.columns.k]\nvalues = { "abc" = "a longer word", "x" = "y" }\n',
)
case(
    "values_mapped_to_integers",
    S,
    type_of("s", "k", "smallint"),
    ("select k::int from s order by id", [1, 2, None]),
    plan='[tables.s.columns.k]\ntype = "smallint"\nvalues = { "aktiv" = "1", "qaralama" = "2" }\n',
)
case(
    "integers_mapped_to_words",
    "create table s(id integer primary key, k integer not null default 0 check(k in (0, 1, 2))); insert into s values(1,0),(2,2);",
    ("select array_agg(k order by id) = array['new', 'done'] from s",),
    ("insert into s(id) values(3) returning k", ["new"]),
    ("insert into s(id, k) values(4, 'other')", "error"),
    plan='[tables.s.columns.k]\nvalues = { "0" = "new", "1" = "open", "2" = "done" }\n',
)
case(
    "values_mapped_to_booleans",
    "create table s(id integer primary key, k text not null default 'N' check(k in ('Y','N'))); insert into s values(1,'Y'),(2,'N');",
    type_of("s", "k", "boolean"),
    ("select k from s order by id", [True, False]),
    ("insert into s(id) values(3) returning k", [False]),
    plan='[tables.s.columns.k]\ntype = "boolean"\nvalues = { "Y" = "true", "N" = "false" }\n',
    exits=(0, 3),
)
case(
    "two_old_values_become_one",
    "create table s(id integer primary key, k text check(k in ('a','A','b'))); insert into s values(1,'a'),(2,'A'),(3,'b');",
    ("select array_agg(k order by id) = array['x', 'x', 'y'] from s",),
    ("insert into s values(4,'a')", "error"),
    plan='[tables.s.columns.k]\nvalues = { "a" = "x", "A" = "x", "b" = "y" }\n',
)
case(
    "values_that_swap",
    "create table s(id integer primary key, k text check(k in ('a','b'))); insert into s values(1,'a'),(2,'b');",
    ("select array_agg(k order by id) = array['b', 'a'] from s",),
    plan='[tables.s.columns.k]\nvalues = { "a" = "b", "b" = "a" }\n',
)
case(
    "two_old_values_become_one_in_a_unique_column_and_it_is_told",
    "create table s(id integer primary key, k text unique); insert into s values(1,'a'),(2,'A');",
    ("select count(*) = 2 from s",),
    ("select count(*) = 1 from litelift.untranslated where kind = 'unique'",),
    exits=3,
    plan='[tables.s.columns.k]\nvalues = { "a" = "x", "A" = "x" }\n',
)
case(
    "hostile_values_are_mapped",
    "create table s(id integer primary key, k text default 'it''s'); insert into s values(1,'it''s'),(2,'100%'),(3,'a\\b'),(4,''),(5,'{}'),(6,'a\tb');",
    ("select array_agg(k order by id) = array['''', '%s', '\\', 'empty', '{x}', E'\\t'] from s",),
    ("insert into s(id) values(9) returning k", ["'"]),
    plan='[tables.s.columns.k]\nvalues = { "it\'s" = "\'", "100%" = "%s", \'a\\b\' = \'\\\', "" = "empty", "{}" = "{x}", "a\\tb" = "\\t" }\n',
)
case(
    "unmapped_keep",
    S,
    ("select k from s order by id", ["active", "qaralama", None]),
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "active" }\nunmapped = "keep"\n',
)
case(
    "unmapped_quarantine",
    S,
    ("select k from s order by id", ["active", None, None]),
    ("select row_key->>'id', convert_from(original, 'UTF8') from litelift.quarantine", [("2", "qaralama")]),
    exits=3,
    says=["qaralama"],
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "active" }\nunmapped = "quarantine"\n',
)
case(
    "unmapped_quarantine_of_a_column_that_is_not_null_keeps_the_row_aside",
    "create table s(id integer primary key, k text not null); insert into s values(1,'aktiv'),(2,'x');",
    ("select id::int from s", [1]),
    ("select count(*) = 1 from litelift.quarantine where column_name is null and row_key ->> 'id' = '2'",),
    exits=3,
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "active" }\nunmapped = "quarantine"\n',
)
case(
    "unmapped_fail_names_every_value",
    "create table s(id integer primary key, k text); insert into s values(1,'aktiv'),(2,'naməlum'),(3,'başqa'),(4,'');",
    EMPTY,
    exits=1,
    says=["naməlum", "başqa", "''"],
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "active" }\n',
)
case(
    "casefold_in_turkish",
    "create table s(id integer primary key, k text); insert into s values(1,'AÇIK'),(2,'açık'),(3,'KAPALI'),(4,'İPTAL'),(5,'iptal');",
    ("select array_agg(k order by id) = array['open','open','closed','cancelled','cancelled'] from s",),
    plan='[tables.s.columns.k]\nvalues = { "açık" = "open", "kapalı" = "closed", "iptal" = "cancelled" }\nmatch = "casefold"\nlocale = "tr"\n',
)
case(
    "casefold_without_a_locale",
    "create table s(id integer primary key, k text check(k in ('Open', 'CLOSED'))); insert into s values(1,'Open'),(2,'CLOSED');",
    ("select array_agg(k order by id) = array['o','c'] from s",),
    ("insert into s values(3, 'Open')", "error"),
    plan='[tables.s.columns.k]\nvalues = { "open" = "o", "closed" = "c" }\nmatch = "casefold"\n',
)
case(
    "exact_is_exact",
    "create table s(id integer primary key, k text); insert into s values(1,'Aktiv');",
    EMPTY,
    exits=1,
    says=["Aktiv"],
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "active" }\nmatch = "exact"\n',
)
case(
    "a_map_on_an_empty_table",
    "create table s(id integer primary key, k text default 'aktiv' check(k in ('aktiv','qaralama')));",
    ("insert into s(id) values(1) returning k", ["active"]),
    ("insert into s(id, k) values(2, 'aktiv')", "error"),
    plan=MAP,
)
case(
    "a_map_on_the_primary_key_and_its_children",
    "create table p(k text primary key); create table c(id integer primary key, k text references p); insert into p values('a'); insert into c values(1,'a');",
    ("select count(*) = 1 from c join p using (k) where k = 'x'",),
    plan='[tables.p.columns.k]\nvalues = { "a" = "x" }\n[tables.c.columns.k]\nvalues = { "a" = "x" }\n',
)
case(
    "a_map_whose_check_orders_values_is_told",
    "create table s(id integer primary key, k text check(k >= 'a')); insert into s values(1,'aktiv');",
    ("select count(*) = 1 from litelift.untranslated where kind = 'check'",),
    exits=3,
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "Active" }\n',
)

# ---------------------------------------------------------------- enum types
case(
    "an_enum_without_a_map_has_the_stored_values",
    S,
    type_of("s", "k", "mood"),
    ("select enum_range(null::mood)::text = '{aktiv,qaralama}'",),
    plan='[tables.s.columns.k]\nenum = "mood"\n',
)
case(
    "an_enum_has_its_labels_in_the_map's_order",
    S,
    ("select enum_range(null::mood)::text = '{draft,active,closed}'",),
    plan='[tables.s.columns.k]\nvalues = { "qaralama" = "draft", "aktiv" = "active", "bağlı" = "closed" }\nenum = "mood"\n',
)
case(
    "two_tables_share_an_enum",
    S
    + "create table u(id integer primary key, m text not null default 'yeni'); insert into u values(1,'bağlı'),(2,'aktiv');",
    type_of("s", "k", "mood"),
    type_of("u", "m", "mood"),
    ("select count(*) = 1 from s join u on u.m = s.k",),
    ("insert into u(id) values(3) returning m::text", ["yeni"]),
    ("insert into s values(4, 'bağlı')", []),
    plan='[tables.s.columns.k]\nenum = "mood"\n[tables.u.columns.m]\nenum = "mood"\n',
)
case(
    "an_enum's_default_and_check_and_index",
    "create table s(id integer primary key, k text not null default 'aktiv' check(k in ('aktiv','qaralama')), n int); create unique index i on s(n) where k = 'aktiv'; create index j on s(k);"
    "insert into s values(1,'aktiv',1),(2,'qaralama',1);",
    type_of("s", "k", "mood"),
    ("insert into s(id, n) values(3, 2) returning k::text", ["active"]),
    ("insert into s(id, n) values(4, 1)", "error"),
    ("insert into s values(5, 'aktiv', 9)", "error"),
    plan=MAP + 'enum = "mood"\n',
)
case(
    "an_enum's_check_list_adds_its_labels",
    "create table s(id integer primary key, k text check(k in ('aktiv','qaralama','bağlı'))); insert into s values(1,'aktiv');",
    ("insert into s values(2, 'bağlı') returning k::text", ["bağlı"]),
    ("insert into s values(2, 'x')", "error"),
    plan='[tables.s.columns.k]\nenum = "mood"\n',
)
case(
    "an_enum_of_numbers",
    "create table s(id integer primary key, k integer); insert into s values(1,10),(2,20);",
    ("select k::text from s order by id", ["10", "20"]),
    plan='[tables.s.columns.k]\nenum = "grade"\n',
)
case(
    "an_enum_in_another_schema",
    S,
    ("select k::text from app.s order by id", ["active", "draft", None]),
    (
        "select count(*) = 1 from pg_type t join pg_namespace n on n.oid = typnamespace where nspname = 'app' and typname = 'mood'",
    ),
    plan='[defaults]\nschema = "app"\n' + MAP + 'enum = "mood"\n',
)
case(
    "an_enum_under_folded_names",
    S,
    ("select count(*) = 3 from s",),
    plan='[defaults]\nidentifiers = "lower"\n' + MAP + 'enum = "Mood"\n',
)
case(
    "an_enum_called_like_a_table_is_an_error",
    S,
    EMPTY,
    exits=2,
    says=["enum"],
    plan=MAP + 'enum = "s"\n',
)
case(
    "an_enum_that_is_there_is_an_error_that_says_how_to_use_it",
    S,
    ("select count(*) = 0 from pg_tables where schemaname = 'public'",),
    ("select count(*) = 1 from pg_type where typname = 'mood'",),
    exits=2,
    says=["type = 'mood'"],
    target="create type mood as enum ('active', 'draft')",
    plan=MAP + 'enum = "mood"\n',
)
case(
    "a_label_too_long_is_an_error_with_its_line",
    S,
    EMPTY,
    exits=2,
    says=["plan.toml:3"],
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "' + "a" * 64 + '", "qaralama" = "b" }\nenum = "mood"\n',
)
case(
    "too_many_values_for_an_enum_is_an_error_with_its_line",
    "create table s(id integer primary key, k text); with recursive n(i) as (values(1) union all select i+1 from n where i < 300) insert into s select i, 'v' || i from n;",
    EMPTY,
    exits=2,
    says=["plan.toml:2"],
    plan='[tables.s.columns.k]\nenum = "mood"\n',
)
case(
    "an_unmapped_value_of_an_enum_is_kept_aside",
    S,
    ("select k::text from s order by id", ["active", None, None]),
    exits=3,
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "active" }\nunmapped = "quarantine"\nenum = "mood"\n',
)
case(
    "an_unmapped_value_of_an_enum_is_kept_as_a_label",
    S,
    ("select k::text from s order by id", ["active", "qaralama", None]),
    plan='[tables.s.columns.k]\nvalues = { "aktiv" = "active" }\nunmapped = "keep"\nenum = "mood"\n',
)

# ---------------------------------------------------------------- types
V = "create table s(id integer primary key, v {}); insert into s values(1,{}),(2,null);"
for number, (declared, value, wanted, shown, condition) in enumerate(
    [
        ("text", "'{\"a\": 1}'", "jsonb", "jsonb", "v ->> 'a' = '1'"),
        ("text", "'{\"a\": 1}'", "json", "json", "v ->> 'a' = '1'"),
        ("integer", "42", "text", "text", "v = '42'"),
        ("integer", "42", "integer", "integer", "v = 42"),
        ("integer", "42", "numeric(10,2)", "numeric(10,2)", "v = 42"),
        ("integer", "1", "boolean", "boolean", "v"),
        ("integer", "1765655714", "timestamptz", "timestamp with time zone", "extract(epoch from v) = 1765655714"),
        ("text", "'[1, 2, 3]'", "integer[]", "integer[]", "v = '{1,2,3}'"),
        ("text", '\'["a,b", "c\\"d", null, ""]\'', "text[]", "text[]", "v = array['a,b', 'c\"d', null, '']"),
        ("text", "'abc'", "varchar(10)", "character varying(10)", "v = 'abc'"),
        ("text", "'abc'", "char(5)", "character(5)", "v = 'abc'"),
        ("text", "'10.1.2.3'", "inet", "inet", "v = '10.1.2.3'"),
        ("text", "'6f9619ff8b86d011b42d00cf4fc964ff'", "uuid", "uuid", "v = '6f9619ff-8b86-d011-b42d-00cf4fc964ff'"),
        ("text", "'2025-01-31'", "date", "date", "v = '2025-01-31'"),
        (
            "text",
            "'2025-01-31 10:00:00'",
            "timestamp(0)",
            "timestamp(0) without time zone",
            "v = '2025-01-31 10:00:00'",
        ),
        (
            "text",
            "'2025-01-31T10:00:00Z'",
            "timestamp with time zone",
            "timestamp with time zone",
            "v = '2025-01-31 10:00:00Z'",
        ),
        ("text", "'08:30'", "time", "time without time zone", "v = '08:30'"),
        ("text", "'1 day'", "interval", "interval", "v = interval '24 hours'"),
        ("text", "'12.50'", "numeric(8,2)", "numeric(8,2)", "v = 12.5"),
        ("text", "'12.5'", "double precision", "double precision", "v = 12.5"),
        ("text", "'abc'", "bytea", "bytea", "v = 'abc'"),
        ("text", "'7'", "smallint", "smallint", "v = 7"),
        ("real", "1.5", "real", "real", "v = 1.5"),
        ("real", "1.5", "numeric", "numeric", "v = 1.5"),
        ("boolean", "1", "integer", "integer", "v = 1"),
        ("boolean", "1", "text", "text", "v = '1'"),
        ("datetime", "'2025-01-31 10:00:00'", "text", "text", "v = '2025-01-31 10:00:00'"),
        ("blob", "x'616263'", "text", "text", "v = 'abc'"),
        ("decimal(8,2)", "2.5", "text", "text", "v = '2.5'"),
        ("json", "'{}'", "text", "text", "v = '{}'"),
    ]
):
    case(
        f"a_type_that_the_plan_gives_{number}_{declared}_to_{wanted}",
        V.format(declared, value),
        type_of("s", "v", shown),
        (f"select {condition} from s where id = 1",),
        plan=f"[tables.s.columns.v]\ntype = '{wanted}'\n",
    )
case(
    "an_enum_type_of_the_target",
    S,
    type_of("s", "k", "mood"),
    ("select k::text from s order by id", ["active", "draft", None]),
    target="create type mood as enum ('active', 'draft')",
    plan=MAP + "type = 'mood'\n",
)
case(
    "a_domain_of_the_target",
    "create table s(id integer primary key, v integer); insert into s values(1,5);",
    type_of("s", "v", "positive"),
    target="create domain positive as integer check (value > 0)",
    plan="[tables.s.columns.v]\ntype = 'positive'\n",
)
case(
    "types_of_the_target_in_the_plan's_schema_and_others",
    "create table s(id integer primary key, a text, b text, c text); insert into s values(1,'x','y','[\"x\"]');",
    ("select format('%s %s %s', pg_typeof(a), pg_typeof(b), pg_typeof(c)) from app.s", ["app.m other.m app.m[]"]),
    target="create schema app; create schema other; create type app.m as enum ('x'); create type other.m as enum ('y'); create type m as enum ('z')",
    plan="[defaults]\nschema = 'app'\n[tables.s.columns.a]\ntype = 'm'\n[tables.s.columns.b]\ntype = 'other.m'\n[tables.s.columns.c]\ntype = 'm[]'\n",
)
case(
    "a_value_that_a_domain_of_the_target_refuses_stops_before_anything_is_written",
    "create table s(id integer primary key, v integer); insert into s values(1,5),(2,-7);",
    ("select count(*) = 0 from pg_tables where schemaname = 'public'",),
    exits=1,
    says=["-7"],
    target="create domain positive as integer check (value > 0)",
    plan="[tables.s.columns.v]\ntype = 'positive'\n",
)
case(
    "a_type_that_the_server_does_not_have_is_an_error",
    S,
    EMPTY,
    exits=2,
    says=["plan.toml:2", "nosuchtype"],
    plan="[tables.s.columns.k]\ntype = 'nosuchtype'\n",
)
case(
    "values_that_the_given_type_cannot_hold_stop_before_anything_is_written",
    S,
    EMPTY,
    exits=1,
    says=["aktiv", "id=1"],
    plan="[tables.s.columns.k]\ntype = 'integer'\n",
)
case(
    "values_that_the_given_type_cannot_hold_are_kept_aside_where_the_plan_says_so",
    S,
    type_of("s", "k", "integer"),
    ("select count(*) = 3 and count(k) = 0 from s",),
    ("select count(*) = 2 from litelift.quarantine",),
    exits=3,
    plan="[tables.s.columns.k]\ntype = 'integer'\non_misfit = 'quarantine'\n",
)
case(
    "values_that_the_given_type_cannot_hold_widen_it_where_the_plan_says_so",
    S,
    type_of("s", "k", "text"),
    ("select k from s order by id", ["aktiv", "qaralama", None]),
    exits=(0, 3),
    plan="[tables.s.columns.k]\ntype = 'integer'\non_misfit = 'widen'\n",
)
case(
    "a_type_with_its_default_check_and_index",
    "create table s(id integer primary key, v text default '5' check(v <> '0')); create index i on s(v); insert into s values(1,'7');",
    type_of("s", "v", "integer"),
    ("insert into s(id) values(2) returning v", [5]),
    exits=(0, 3),
    plan="[tables.s.columns.v]\ntype = 'integer'\n",
)
case(
    "a_text_key_made_an_integer_keeps_its_children",
    "create table p(id text primary key); create table c(id integer primary key, p_id text references p); insert into p values('5'); insert into c values(1,'5');",
    type_of("p", "id", "bigint"),
    type_of("c", "p_id", "bigint"),
    ("insert into c values(2, 6)", "error"),
    plan="[tables.p.columns.id]\ntype = 'bigint'\n",
)
case(
    "the_rowid_made_a_narrower_type_keeps_its_sequence",
    "create table s(id integer primary key, v text); insert into s values(5,'x');",
    type_of("s", "id", "integer"),
    ("insert into s(v) values('y') returning id", [6]),
    plan="[tables.s.columns.id]\ntype = 'integer'\n",
)

# ---------------------------------------------------------------- filters and exclusions
F = "create table s(id integer primary key, v text, gone_at text); insert into s values(1,'a',null),(2,'b','2025-01-01'),(3,'c',null);"
case(
    "a_filter_moves_its_rows_and_the_rest_is_counted",
    F,
    ("select id::int from s order by id", [1, 3]),
    (
        "select (result -> 'tables' -> 0 ->> 'filtered_rows')::int = 1 and (result -> 'tables' -> 0 ->> 'source_rows')::int = 2 from litelift.run",
    ),
    ("insert into s(v) values('d') returning id::int", [4]),
    plan='[tables.s]\nwhere = "gone_at is null"\n',
)
case(
    "a_filter_with_a_comment_and_an_or",
    F,
    ("select id::int from s order by id", [1, 2]),
    plan="[tables.s]\nwhere = \"id = 1 or v = 'b' -- those two\"\n",
)
case(
    "a_filter_with_a_subquery",
    F + "create table c(id integer primary key, s_id integer references s); insert into c values(1,1),(2,2);",
    ("select id::int from c", [1]),
    plan='[tables.c]\nwhere = "s_id in (select id from s where gone_at is null)"\n[tables.s]\nwhere = "gone_at is null"\n',
)
case(
    "a_filter_that_lets_nothing_through",
    F,
    ("select count(*) = 0 from s",),
    ("insert into s(v) values('d') returning id::int", [4]),
    plan='[tables.s]\nwhere = "0"\n',
)
case(
    "a_filter_that_sqlite_refuses_is_an_error_with_its_line",
    F,
    EMPTY,
    exits=2,
    says=["plan.toml:2", "nosuch"],
    plan='[tables.s]\nwhere = "nosuch is null"\n',
)
case(
    "a_filter_cannot_write",
    F,
    EMPTY,
    exits=2,
    says=["plan.toml:2"],
    plan='[tables.s]\nwhere = "1; delete from s"\n',
)
case(
    "a_filter_leaves_misfits_behind",
    "create table s(id integer primary key, n integer); insert into s values(1,5),(2,'bad');",
    type_of("s", "n", "bigint"),
    plan="[tables.s]\nwhere = \"typeof(n) = 'integer'\"\n",
)
case(
    "an_excluded_column_and_what_stands_on_it",
    "create table s(id integer primary key, a int unique, b int check(b > 0), c text default 'x'); create index i on s(b); insert into s values(1,1,1,'y');",
    (
        "select array_agg(attname::text order by attnum) = array['id', 'c'] from pg_attribute where attrelid = 's'::regclass and attnum > 0",
    ),
    exits=3,
    plan="[tables.s.columns.a]\nexclude = true\n[tables.s.columns.b]\nexclude = true\n",
)
case(
    "an_excluded_primary_key",
    "create table s(id integer primary key, v text); insert into s values(1,'a'),(2,'b'),(3,'b');",
    ("select array_agg(v order by v) = array['a', 'b', 'b'] from s",),
    exits=3,
    plan="[tables.s.columns.id]\nexclude = true\n",
)
case(
    "a_part_of_the_primary_key_excluded",
    "create table s(a int, b int, v text, primary key(a, b)) without rowid; insert into s values(1,1,'x'),(1,2,'x'),(2,1,'y');",
    ("select count(*) = 3 from s",),
    exits=3,
    plan="[tables.s.columns.b]\nexclude = true\n",
)
case(
    "every_table_excluded",
    S,
    EMPTY,
    plan="[tables.s]\nexclude = true\n",
)
case(
    "an_excluded_parent_with_a_kept_child_and_grandchild",
    "create table p(id integer primary key); create table c(id integer primary key, p_id integer references p); create table g(id integer primary key, c_id integer references c);"
    "insert into p values(1); insert into c values(1,1); insert into g values(1,1);",
    ("select count(*) = 1 from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace",),
    exits=3,
    plan="[tables.p]\nexclude = true\n",
)

# ---------------------------------------------------------------- renames
case(
    "renames_reach_everything",
    "create table Old(Id integer primary key, up integer references Old(Id), k text default 'x' check(length(k) > 0)); create unique index i on Old(lower(k)) where Id > 0; insert into Old values(1,null,'A'),(2,1,'B');",
    ('select boss::int from new_name where "key" = 2', [1]),
    ("insert into new_name(\"key\", word) values(5, 'a')", "error"),
    ("insert into new_name(\"key\", word) values(5, '')", "error"),
    ("insert into new_name(\"key\", boss, word) values(50, 99, 'q')", "error"),
    ("insert into new_name(word) values('z') returning \"key\"::int", [3]),
    plan='[tables.old]\nname = "new_name"\n[tables.old.columns.id]\nname = "key"\n[tables.old.columns.up]\nname = "boss"\n[tables.old.columns.k]\nname = "word"\n',
)
case(
    "two_tables_swap_their_names",
    "create table a(id integer primary key, v text); create table b(id integer primary key, a_id integer references a); insert into a values(1,'from a'); insert into b values(7,1);",
    ("select v from b", ["from a"]),
    ("select id::int from a", [7]),
    ("insert into a values(8, 99)", "error"),
    plan='[tables.a]\nname = "b"\n[tables.b]\nname = "a"\n',
)
case(
    "two_columns_swap_their_names",
    "create table s(id integer primary key, a text, b text, check(a < b)); insert into s values(1,'1','2');",
    ("select a, b from s", [("2", "1")]),
    ("insert into s(id, a, b) values(2, '1', '2')", "error"),
    plan='[tables.s.columns.a]\nname = "b"\n[tables.s.columns.b]\nname = "a"\n',
)
case(
    "two_tables_of_one_name_are_an_error_with_its_line",
    "create table a(id integer primary key); create table b(id integer primary key);",
    EMPTY,
    exits=2,
    says=["plan.toml:2"],
    plan='[tables.a]\nname = "b"\n',
)
case(
    "two_columns_of_one_name_are_an_error_with_its_line",
    "create table a(id integer primary key, x int, y int);",
    EMPTY,
    exits=2,
    says=["plan.toml:4"],
    plan='[tables.a.columns.x]\nname = "z"\n[tables.a.columns.y]\nname = "z"\n',
)
case(
    "a_rename_to_a_system_column's_name_is_an_error_with_its_line",
    "create table a(id integer primary key, x int); insert into a values(1,2);",
    EMPTY,
    exits=2,
    says=["ctid"],
    plan='[tables.a.columns.x]\nname = "ctid"\n',
)
case(
    "a_table_renamed_to_what_an_index_is_called",
    "create table a(id integer primary key, x int); create index i on a(x); insert into a values(1,2);",
    ("select x::int from i", [2]),
    ("select count(*) = 2 from pg_indexes where schemaname = 'public'",),
    plan='[tables.a]\nname = "i"\n',
)

# ---------------------------------------------------------------- on_misfit
M = "create table s(id integer primary key, a integer, b integer, c integer not null); insert into s values(1,'x','y',1),(2,2,2,'z'),(3,3,3,3);"
case(
    "each_column_has_its_own_rule",
    M,
    type_of("s", "a", "bigint"),
    type_of("s", "b", "text"),
    type_of("s", "c", "bigint"),
    ("select id::int, a::int, b from s order by id", [(1, None, "y"), (3, 3, "3")]),
    ("select count(*) = 2 from litelift.quarantine",),
    exits=3,
    plan="[tables.s.columns.a]\non_misfit = 'quarantine'\n[tables.s.columns.b]\non_misfit = 'widen'\n[tables.s.columns.c]\non_misfit = 'quarantine'\n",
)
case(
    "fail_stops_before_anything_is_written",
    M,
    EMPTY,
    exits=1,
    says=["s.a", "x"],
    plan="[defaults]\non_misfit = 'fail'\n",
)
case(
    "the_plan's_column_overrules_the_command",
    "create table s(id integer primary key, a integer); insert into s values(1,'x'),(2,2);",
    type_of("s", "a", "text"),
    exits=3,
    args=["--on-misfit", "fail"],
    plan="[tables.s.columns.a]\non_misfit = 'widen'\n",
)
case(
    "the_command_overrules_the_plan's_default",
    "create table s(id integer primary key, a integer); insert into s values(1,'x'),(2,2);",
    type_of("s", "a", "bigint"),
    exits=3,
    args=["--on-misfit", "quarantine"],
    plan="[defaults]\non_misfit = 'fail'\n",
)

# ---------------------------------------------------------------- errors
for number, (plan, line, word) in enumerate(
    [
        ("[tables.s]\nnam = 'x'\n", 2, "name"),
        ("[tables.s.columns.kk]\nexclude = true\n", 1, "did you mean 'k'"),
        ("[table.s]\nexclude = true\n", 1, "tables"),
        ("[tables.s]\n\nexclude = 'yes'\n", 3, "true or false"),
        ("[defaults]\nidentifiers = 'upper'\n", 2, "lower"),
        ("[defaults]\non_misfit = 'widenn'\n", 2, "widen"),
        ("[defaults]\nschema = 'pg_catalog'\n", 2, "pg_catalog"),
        ("[defaults]\nmissing_tables = 'maybe'\n", 2, "create"),
        ("[tables.s]\nexclude = true\n[tables.s]\nname = 'x'\n", 3, "TOML"),
        ("[tables.s\nexclude = true\n", 1, "TOML"),
        ("[tables.s.columns.k]\ntype = 'integr'\n", 2, "integer"),
        ("[tables.s.columns.k]\ntype = 'text; drop table x'\n", 2, "type"),
        ("[tables.s.columns.k]\nvalues = { a = 1 }\n", 2, "text in quotes"),
        ("[tables.s.columns.k]\nunmapped = 'drop'\n", 2, "quarantine"),
        ("[tables.s.columns.k]\nmatch = 'casefold'\nlocale = 'azeri'\n", 3, "locale"),
        (
            "[tables.s.columns.k]\nvalues = { 'A' = 'x', 'a' = 'y' }\nmatch = 'casefold'\n",
            2,
            "one without regard to case",
        ),
        ("[tables.s]\nwhere = ''\n", 2, "condition"),
        ("[tables.s]\nname = ''\n", 2, "name"),
        ("[tables.s]\nname = '" + "n" * 64 + "'\n", 2, "63"),
        ("[tables.S.columns.K]\nenum = 'e'\ntype = 'integer'\n", 2, "enum"),
    ]
):
    case(
        f"an_error_{number}_names_the_line_and_the_right_word",
        S,
        EMPTY,
        plan=plan,
        exits=2,
        says=[f"plan.toml:{line}", word],
    )
case(
    "several_errors_are_told_together",
    S,
    EMPTY,
    plan="[tables.s]\nnam = 'x'\n[tables.nosuch]\nexclude = true\n[defaults]\nschemaa = 'x'\n",
    exits=2,
    says=["plan.toml:2", "plan.toml:6"],
)
case(
    "names_in_the_plan_are_matched_as_sqlite_matches_them",
    'create table "Mixed Case"(Id integer primary key, "Some Col" text); insert into "Mixed Case" values(1,\'a\');',
    ('select "renamed" from "Mixed Case"', ["x"]),
    plan='[tables."mixed case".columns."some col"]\nname = "renamed"\nvalues = { "a" = "x" }\n',
)
case(
    "an_empty_plan_changes_nothing",
    S,
    ("select k from s order by id", ["aktiv", "qaralama", None]),
    plan="# nothing\n",
)
case(
    "numbers_stay_exact_under_a_given_scale",
    "create table s(id integer primary key, v real); insert into s values(1,0.1),(2,19.99);",
    ("select v from s order by id", [Decimal("0.10"), Decimal("19.99")]),
    plan="[tables.s.columns.v]\ntype = 'numeric(10,2)'\n",
)
case(
    "a_scale_that_would_round_stops_before_anything_is_written",
    "create table s(id integer primary key, v real); insert into s values(1,0.125);",
    EMPTY,
    exits=1,
    says=["0.125"],
    plan="[tables.s.columns.v]\ntype = 'numeric(10,2)'\n",
)
case(
    "a_filter_that_leaves_violations_behind_keeps_the_check_valid",
    filled(
        "create table t(id integer primary key, a int check(a > 0)); pragma ignore_check_constraints=on;",
        ("insert into t values(?,?)", [(1, 1), (2, -1)]),
    ),
    ("select convalidated from pg_constraint where contype='c' and conrelid='t'::regclass",),
    plan='[tables.t]\nwhere="a > 0"\n',
)
case(
    "a_filter_on_nulls",
    "create table t(id integer primary key, a text); insert into t values(1,null),(2,'x');",
    ("select count(*)=1 from t",),
    plan='[tables.t]\nwhere="a is not null"\n',
)
case(
    "an_enum_default_in_another_schema",
    "create table t(id integer primary key, k text default 'a' check(k in ('a','b'))); insert into t values(1,'b');",
    ("insert into app.t(id) values(2) returning k::text", ["a"]),
    plan='[defaults]\nschema="app"\n[tables.t.columns.k]\nenum="kind"\n',
)
case(
    "an_excluded_virtual_table_is_not_told",
    "create table t(id integer primary key); create virtual table d using fts5(x);",
    ("select count(*)=0 from t",),
    plan="[tables.d]\nexclude=true\n",
)
