# ruff: noqa: E501 - tables of SQL, a case to a line where it can be
"""The contract, "Keys and constraints": foreign keys arrive with their actions, whatever they refer to."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import UUID

from contract import Case, Cases, filled, hold, type_of

CASES = Cases()
case = CASES.add


@CASES.each
def test_foreign_key(case: Case, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


def kept(table: str, count: int = 1, valid: bool = True) -> tuple[str]:
    """That a table has so many foreign keys, valid ones."""
    return (
        f"select count(*) = {count} and coalesce(bool_and(convalidated = {valid}), true) from pg_constraint"
        f" where contype = 'f' and conrelid = '\"{table}\"'::regclass",
    )


PARENT = "create table p(id integer primary key, v text); insert into p values(1,'a'),(2,'b');"
REFUSED = ("insert into c values(9, 99)", "error")

case(
    "set_default_acts_with_the_column's_default",
    PARENT + "create table c(id integer primary key, p_id integer default 1 references p on delete set default);"
    "insert into c values(1, 2);",
    ("delete from p where id = 2", []),
    ("select p_id::int from c", [1]),
)
case(
    "set_null_on_update",
    PARENT
    + "create table c(id integer primary key, p_id integer references p on update set null); insert into c values(1,1);",
    ("update p set id = 7 where id = 1", []),
    ("select p_id is null from c",),
)
case(
    "restrict_refuses_at_once",
    PARENT + "create table c(id integer primary key, p_id integer references p on delete restrict on update restrict);"
    "insert into c values(1,1);",
    ("delete from p where id = 1", "error"),
    (
        "select confdeltype = 'r' and confupdtype = 'r' from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace",
    ),
)
case(
    "no_action_stays_no_action",
    PARENT + "create table c(id integer primary key, p_id integer references p on delete no action);",
    (
        "select confdeltype = 'a' and not condeferrable from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace",
    ),
)
case(
    "each_deferrable_variant",
    PARENT
    + """create table c(id integer primary key, p_id integer references p deferrable initially immediate);
    create table d(id integer primary key, p_id integer references p deferrable);
    create table e(id integer primary key, p_id integer references p not deferrable initially deferred);
    create table f(id integer primary key, p_id integer references p deferrable initially deferred);""",
    (
        "select conrelid::regclass::text, condeferrable, condeferred from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace order by 1",
        [("c", True, False), ("d", True, False), ("e", False, False), ("f", True, True)],
    ),
)
case(
    "implicit_parent_of_two_columns",
    "create table p(a int, b text, primary key(b, a)); create table c(id integer primary key, x text, y int, foreign key(x, y) references p);"
    "insert into p values(1,'k'); insert into c values(1,'k',1);",
    kept("c"),
    ("insert into c values(2,'k',2)", "error"),
    ("insert into c values(3,'k',1)", []),
)
case(
    "parent_named_in_another_case",
    "create table Parents(Id integer primary key); create table c(id integer primary key, p_id integer references PARENTS(ID));"
    "insert into Parents values(1); insert into c values(1,1);",
    kept("c"),
    REFUSED,
)
case(
    "child_column_named_in_another_case",
    PARENT
    + "create table c(id integer primary key, p_id integer, foreign key(P_ID) references P(iD)); insert into c values(1,1);",
    kept("c"),
    REFUSED,
)
case(
    "parent_columns_in_another_order_than_the_key",
    "create table p(a int, b int, primary key(a, b)); create table c(id integer primary key, x int, y int, foreign key(x, y) references p(b, a));"
    "insert into p values(1,2); insert into c values(1,2,1);",
    kept("c"),
    ("insert into c values(2,1,2)", "error"),
)
case(
    "to_a_unique_index",
    "create table p(id integer primary key, code text); create unique index p_code on p(code);"
    "create table c(id integer primary key, code text references p(code)); insert into p values(1,'a'); insert into c values(1,'a');",
    kept("c"),
    ("insert into c values(2,'z')", "error"),
)
case(
    "to_a_unique_index_in_another_order",
    "create table p(id integer primary key, a int, b text); create unique index p_ab on p(b desc, a);"
    "create table c(id integer primary key, x int, y text, foreign key(x, y) references p(a, b));"
    "insert into p values(1,5,'k'); insert into c values(1,5,'k');",
    kept("c"),
    ("insert into c values(2,6,'k')", "error"),
)
case(
    "to_a_unique_constraint",
    "create table p(id integer primary key, a int, b int, unique(a, b));"
    "create table c(id integer primary key, x int, y int, constraint c_to_p foreign key(x, y) references p(a, b) on delete cascade);"
    "insert into p values(1,1,2); insert into c values(1,1,2);",
    (
        "select conname::text from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace",
        ["c_to_p"],
    ),
    ("delete from p", []),
    ("select count(*) = 0 from c",),
)
case(
    "to_a_partial_unique_index_is_told",
    "create table p(id integer primary key, code text); create unique index p_code on p(code) where id > 0;"
    "create table c(id integer primary key, code text references p(code)); insert into p values(1,'a'); insert into c values(1,'a');",
    kept("c", 0),
    ("select count(*) = 1 from litelift.untranslated where kind = 'foreign key'",),
    exits=3,
)
case(
    "one_to_one_on_the_primary_key",
    PARENT
    + "create table c(p_id integer primary key references p(id) on delete cascade, note text); insert into c values(2,'n');",
    kept("c"),
    ("insert into c values(3,'x')", "error"),
    ("delete from p where id = 2", []),
    ("select count(*) = 0 from c",),
)
case(
    "composite_with_nulls_in_part",
    "create table p(a int, b int, primary key(a, b)); create table c(id integer primary key, a int, b int, foreign key(a, b) references p);"
    "insert into p values(1,2); insert into c values(1,1,null),(2,null,99),(3,null,null),(4,1,2);",
    kept("c"),
    ("select count(*) = 4 from c",),
)
case(
    "self_reference_to_itself_with_cascade",
    "create table t(id integer primary key, up integer not null references t(id) on delete cascade); insert into t values(1,1),(2,1),(3,2);",
    kept("t"),
    ("delete from t where id = 1", []),
    ("select count(*) = 0 from t",),
)
case(
    "self_reference_of_a_text_key",
    "create table t(code text primary key, up text references t); insert into t values('b','a'),('a',null);",
    kept("t"),
    ("insert into t values('c','z')", "error"),
)
case(
    "cycle_of_three",
    "create table a(id integer primary key, n integer not null references b(id)); create table b(id integer primary key, n integer not null references c(id));"
    "create table c(id integer primary key, n integer not null references a(id)); insert into a values(1,2); insert into b values(2,3); insert into c values(3,1);",
    kept("a"),
    kept("b"),
    kept("c"),
    ("insert into c values(4,9)", "error"),
)
case(
    "to_a_missing_table_is_told",
    "create table c(id integer primary key, p_id integer references nowhere(id)); insert into c values(1,5);",
    kept("c", 0),
    ("select p_id::int from c", [5]),
    exits=3,
    says=["nowhere"],
)
case(
    "to_a_view_is_told",
    PARENT
    + "create view vp as select id from p; create table c(id integer primary key, p_id integer references vp(id)); insert into c values(1,1);",
    kept("c", 0),
    exits=3,
    says=["vp"],
)
case(
    "to_columns_that_are_no_key_is_told",
    PARENT + "create table c(id integer primary key, v text references p(v)); insert into c values(1,'a');",
    kept("c", 0),
    ("select name ~ 'c_v_fkey' and reason ~ 'not a key' from litelift.untranslated",),
    exits=3,
)
case(
    "to_a_table_without_a_key_is_told",
    "create table p(v text); create table c(id integer primary key, p_id integer references p); insert into c values(1,1);",
    kept("c", 0),
    ("select count(*) = 1 from c",),
    exits=3,
)
case(
    "two_keys_with_the_same_columns_have_two_names",
    PARENT + "create table q(id integer primary key); insert into q values(1);"
    "create table c(id integer primary key, x integer references p(id) references q(id)); insert into c values(1,1);",
    kept("c", 2),
)
case(
    "the_same_key_twice",
    PARENT
    + "create table c(id integer primary key, x integer references p, foreign key(x) references p(id)); insert into c values(1,1);",
    ("select count(*) >= 1 from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace",),
    ("insert into c values(3,77)", "error"),
)
case(
    "the_same_name_in_two_tables",
    PARENT + "create table c(id integer primary key, x integer, constraint fk_p foreign key(x) references p);"
    "create table d(id integer primary key, x integer, constraint fk_p foreign key(x) references p);",
    ("select count(*) = 2 from pg_constraint where conname = 'fk_p'",),
)
case(
    "the_same_name_twice_in_a_table",
    PARENT
    + "create table c(id integer primary key, x integer, y integer, constraint fk foreign key(x) references p, constraint fk foreign key(y) references p,"
    "constraint fk check(x > 0)); insert into c values(1,1,1);",
    kept("c", 2),
    ("insert into c values(2,-1,1)", "error"),
)
case(
    "text_child_of_an_integer_parent",
    PARENT
    + "create table c(id integer primary key, p_id text references p(id)); insert into c values(1,'1'),(2,null),(3,'2');",
    type_of("c", "p_id", "bigint"),
    kept("c"),
)
case(
    "varchar_child_of_a_uuid_parent",
    "create table p(id uuid primary key); create table c(id integer primary key, p_id varchar(36) references p(id));"
    "insert into p values('6f9619ff-8b86-d011-b42d-00cf4fc964ff'); insert into c values(1,'6f9619ff-8b86-d011-b42d-00cf4fc964ff');",
    type_of("c", "p_id", "uuid"),
    ("select p_id from c", [UUID("6f9619ff-8b86-d011-b42d-00cf4fc964ff")]),
    kept("c"),
)
case(
    "integer_child_of_a_text_parent",
    "create table p(code text primary key); create table c(id integer primary key, code integer references p(code));"
    "insert into p values('7'),('8'); insert into c values(1,7),(2,8);",
    ("select code::text from c order by id", ["7", "8"]),
    kept("c"),
)
case(
    "integer_child_of_a_boolean_parent",
    "create table p(flag boolean primary key, word text); create table c(id integer primary key, flag integer not null references p(flag));"
    "insert into p values(0,'no'),(1,'yes'); insert into c values(1,1),(2,0);",
    ("select word from c join p using (flag) order by c.id", ["yes", "no"]),
    kept("c"),
)
case(
    "boolean_child_of_an_integer_parent",
    PARENT + "create table c(id integer primary key, p_id boolean references p(id)); insert into c values(1,1);",
    ("select p.v from c join p on p.id = c.p_id", ["a"]),
    kept("c"),
)
case(
    "text_child_of_a_date_parent",
    "create table p(day date primary key); create table c(id integer primary key, day text references p(day));"
    "insert into p values('2025-01-31'); insert into c values(1,'2025-01-31');",
    type_of("c", "day", "date"),
    ("select day from c", [date(2025, 1, 31)]),
    kept("c"),
)
case(
    "decimal_child_of_an_integer_parent",
    PARENT + "create table c(id integer primary key, p_id decimal(10,0) references p(id)); insert into c values(1,2);",
    kept("c"),
    ("select p_id::int from c", [2]),
)
case(
    "untyped_child_of_an_integer_parent",
    PARENT + "create table c(id integer primary key, p_id references p(id)); insert into c values(1,2),(2,null);",
    type_of("c", "p_id", "bigint"),
    kept("c"),
)
case(
    "untyped_empty_child_of_an_integer_parent",
    PARENT + "create table c(id integer primary key, p_id references p); insert into c(id) values(1);",
    type_of("c", "p_id", "bigint"),
    kept("c"),
)
case(
    "chain_of_three_types",
    "create table c(id integer primary key, x text references b(y)); create table b(y varchar(20) primary key references a(id)); create table a(id integer primary key);"
    "insert into a values(1),(2); insert into b values('1'); insert into c values(5,'1');",
    type_of("b", "y", "bigint"),
    type_of("c", "x", "bigint"),
    kept("b"),
    kept("c"),
)
case(
    "cycle_of_unlike_types",
    "create table a(id integer primary key, b_id text unique references b(a_id)); create table b(a_id integer primary key references a(id));"
    "insert into a values(1,'1'); insert into b values(1);",
    kept("a"),
    kept("b"),
    type_of("a", "b_id", "bigint"),
)
case(
    "composite_of_unlike_types",
    "create table p(a integer, b uuid, primary key(a, b)); create table c(id integer primary key, a text, b text, foreign key(a, b) references p);"
    "insert into p values(1,'6f9619ff-8b86-d011-b42d-00cf4fc964ff'); insert into c values(1,'1','6f9619ff-8b86-d011-b42d-00cf4fc964ff'),(2,null,null);",
    kept("c"),
)
case(
    "one_column_to_two_parents_of_unlike_types",
    PARENT
    + "create table q(code text primary key); insert into q values('1'); create table c(id integer primary key, x integer references p(id) references q(code));"
    "insert into c values(1,1);",
    kept("c", 1),
    ("select count(*) = 1 from litelift.untranslated where kind = 'foreign key'",),
    exits=3,
)
case(
    "a_key_that_cannot_become_its_parent's_type_is_kept_aside",
    PARENT
    + "create table c(id integer primary key, p_id text references p(id)); insert into c values(1,'1'),(2,'gone');",
    ("select count(*) = 2 and count(p_id) = 1 from c",),
    (
        "select convert_from(original, 'UTF8') from litelift.quarantine where table_name = 'c' and column_name = 'p_id'",
        ["gone"],
    ),
    exits=3,
    says=["gone"],
)
case(
    "many_orphans_are_counted_and_named",
    PARENT + "create table c(id integer primary key, p_id integer not null references p(id));"
    "with recursive n(i) as (values(1) union all select i+1 from n where i < 60) insert into c select i, 1000+i from n;",
    kept("c", valid=False),
    ("select count(*) = 60 from c",),
    ("insert into c values(99, 5)", "error"),
    ("select count(*) >= 1 from litelift.notice where level = 'attention' and message ~ '60'",),
    exits=3,
    says=["1001"],
)
case(
    "orphans_of_a_composite_key",
    "create table p(a int, b int, primary key(a, b)); create table c(id integer primary key, a int, b int, foreign key(a, b) references p);"
    "insert into p values(1,2); insert into c values(1,1,3),(2,1,2),(3,null,7);",
    kept("c", valid=False),
    ("select count(*) = 3 from c",),
    exits=3,
    says=["id=1"],
)
case(
    "orphans_in_a_table_without_a_key",
    PARENT + "create table c(p_id integer references p, v text); insert into c values(77,'x'),(1,'y');",
    kept("c", valid=False),
    exits=3,
    says=["77"],
)
case(
    "an_excluded_parent_leaves_its_key_told",
    PARENT + "create table c(id integer primary key, p_id integer references p); insert into c values(1,1);",
    kept("c", 0),
    ("select p_id::int from c", [1]),
    exits=3,
    says=["p"],
    plan="[tables.p]\nexclude = true\n",
)
case(
    "a_filter_on_the_parent_makes_orphans_that_are_told",
    PARENT + "create table c(id integer primary key, p_id integer references p); insert into c values(1,1),(2,2);",
    kept("c", valid=False),
    ("select count(*) = 2 from c",),
    exits=3,
    says=["id=2"],
    plan='[tables.p]\nwhere = "id = 1"\n',
)
case(
    "a_parent_row_kept_aside_makes_orphans_that_are_told",
    "create table p(k int primary key, code text unique); create table c(id integer primary key, code text references p(code));"
    "insert into p values(1,'A'),('bad','B'); insert into c values(1,'A'),(2,'B');",
    ("select count(*) = 1 from p",),
    ("select count(*) = 1 from litelift.quarantine where table_name = 'p' and column_name is null",),
    kept("c", valid=False),
    exits=3,
    says=["id=2"],
)
case(
    "a_parent_renamed_in_the_plan",
    PARENT + "create table c(id integer primary key, p_id integer references p(id)); insert into c values(1,1);",
    (
        "select confrelid::regclass::text from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace",
        ["parents"],
    ),
    ("insert into c values(2, 44)", "error"),
    plan='[tables.p]\nname = "parents"\n[tables.p.columns.id]\nname = "key"\n',
)
case(
    "a_parent_whose_type_the_plan_gives",
    PARENT + "create table c(id integer primary key, p_id integer references p(id)); insert into c values(1,1);",
    type_of("p", "id", "text"),
    type_of("c", "p_id", "text"),
    kept("c"),
    plan='[tables.p.columns.id]\ntype = "text"\n',
)
case(
    "a_mapped_parent_key_maps_its_children",
    "create table p(code text primary key); create table c(id integer primary key, code text not null default 'aktiv' references p(code));"
    "insert into p values('aktiv'),('bağlı'); insert into c values(1,'aktiv'),(2,'bağlı');",
    kept("c"),
    ("select code from c order by id", ["active", "closed"]),
    plan='[tables.p.columns.code]\nvalues = { "aktiv" = "active", "bağlı" = "closed" }\n'
    '[tables.c.columns.code]\nvalues = { "aktiv" = "active", "bağlı" = "closed" }\n',
)
case(
    "an_enum_parent_makes_its_children_the_enum",
    "create table p(code text primary key); create table c(id integer primary key, code text references p(code));"
    "insert into p values('a'),('b'); insert into c values(1,'a'),(2,null);",
    type_of("c", "code", "mood"),
    kept("c"),
    plan='[tables.p.columns.code]\nenum = "mood"\n',
)
case(
    "foreign_keys_are_validated_after_the_load",
    "create table c(id integer primary key, p_id integer references p(id)); create table p(id integer primary key);"
    "insert into c values(1,1); insert into p values(1);",
    kept("c"),
)
case(
    "a_key_to_a_mapped_boolean_like_text",
    filled(
        "create table p(k text primary key); create table c(id integer primary key, k blob references p(k));",
        ("insert into p values(?)", [("x",)]),
        ("insert into c values(?,?)", [(1, "x"), (2, None)]),
    ),
    kept("c"),
    type_of("c", "k", "text"),
)
case(
    "names_beyond_63_bytes",
    "create table "
    + "p" * 70
    + "("
    + "i" * 70
    + " integer primary key); create table "
    + "c" * 70
    + "(id integer primary key, "
    + "f" * 70
    + " integer, constraint "
    + "k" * 70
    + " foreign key("
    + "f" * 70
    + ") references "
    + "p" * 70
    + "("
    + "i" * 70
    + ")); insert into "
    + "p" * 70
    + " values(1); insert into "
    + "c" * 70
    + " values(1,1);",
    (
        "select count(*) = 1 and bool_and(convalidated) and bool_and(conname like 'kkkk%') from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace",
    ),
)
case(
    "set_null_on_a_column_that_is_not_null",
    "create table p(id integer primary key); create table c(id integer primary key, p_id integer not null references p on delete set null); insert into p values(1); insert into c values(1,1);",
    ("delete from p", "error"),
)
case(
    "a_parent_whose_values_become_equal_loses_no_row",
    "create table p(u uuid primary key); create table c(id integer primary key, u uuid references p); insert into p values('6f9619ff-8b86-d011-b42d-00cf4fc964ff'),('6F9619FF-8B86-D011-B42D-00CF4FC964FF'); insert into c values(1,'6f9619ff-8b86-d011-b42d-00cf4fc964ff');",
    ("select count(*)=2 from p",),
    ("select count(*)=1 from c",),
    exits=3,
)
case(
    "typeof_of_a_real_that_became_its_parents_bigint",
    "create table p(id integer primary key); create table c(id integer primary key, p_id real references p(id), check (typeof(p_id) <> 'integer')); insert into p values(1); insert into c values(1,1);",
    ("insert into c values(2,1.0) returning id::int", [2]),
)
