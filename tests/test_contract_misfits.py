"""The contract, "Values that do not fit": what is quarantined, what widens, and what stops the move."""

# ruff: noqa: E501  (each source is SQL as one would type it)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contract import EMPTY, Case, Cases, Check, ask, build, command, filled, type_of
from contract_columns import ROWS, column, kept, many, proved

CASES = Cases()
case = CASES.add
COUNTS = "select count(*)::int, count(a)::int from t"


@CASES.each
def test_misfit(case: Case, database: str, tmp_path: Path) -> None:
    proved(case, database, tmp_path)


def aside(*numbers: int, text: str = "x") -> Check:
    """That these rows' text is in quarantine, and nothing else."""
    return kept(
        *[({"id": number}, text.encode(), "text") for number in sorted(numbers, key=lambda n: json.dumps({"id": n}))]
    )


# ------------------------------------------------------------------------------------------- one in a hundred
case(
    "five_of_500_are_quarantined",
    many("int", "update t set a = 'x' where id <= 5;"),
    type_of("t", "a", "bigint"),
    (COUNTS, [(ROWS, 495)]),
    aside(1, 2, 3, 4, 5),
    exits=3,
    says=("t.a", "id=1", "id=5"),
)
case(
    "six_of_500_widen",
    many("int", "update t set a = 'x' where id <= 6;"),
    type_of("t", "a", "text"),
    (COUNTS, [(ROWS, ROWS)]),
    kept(),
    exits=3,
    says=("t.a", "id=1", "id=6"),
)
case(
    "the_share_is_of_the_values_that_are_there",
    many("int", "update t set a = 'x' where id <= 5; update t set a = null where id = 500;"),
    type_of("t", "a", "text"),
    (COUNTS, [(ROWS, 499)]),
    kept(),
    exits=3,
)
case(
    "a_not_null_column_widens_for_one",
    many("int not null", "update t set a = '' where id = 5;"),
    type_of("t", "a", "text"),
    ("select a from t where id in (4,5) order by id", ["4", ""]),
    ("insert into t(id) values(999)", "error"),
    kept(),
    exits=3,
    says=("t.a", "id=5"),
)
case(
    "numbers_widen_to_numbers",
    many("int", "update t set a = a + 0.5 where id <= 6;"),
    type_of("t", "a", "double precision"),
    ("select a from t where id = 1", [1.5]),
    exits=3,
)
case(
    "one_alone_in_a_small_table_widens",
    column("int", 1, "x"),
    type_of("t", "a", "text"),
    ("select a from t order by id", ["1", "x"]),
    exits=3,
)
case(
    "blobs_and_numbers_meet_in_text",
    column("int", b"\xff", 7, 8),
    type_of("t", "a", "text"),
    ("select a from t order by id", ["\ufffd", "7", "8"]),
    kept(({"id": 1}, b"\xff", "blob")),
    exits=3,
)

for declared, good, bad in [
    ("decimal(10,2)", "1.25", "'n/a'"),
    ("decimal(10,2)", "1.25", "9e999"),
    ("numeric", "i", "'-'"),
    ("real", "i", "'n/a'"),
    ("boolean", "i % 2", "'maybe'"),
    ("boolean", "i % 2", "2"),
    ("date", "'2025-12-13'", "'0000-00-00'"),
    ("datetime", "'2025-12-13 10:00:00'", "''"),
    ("time", "'10:00'", "'25:00'"),
    ("smallint", "i", "'x'"),
    ("bigint", "i", "x'00ff'"),
    ("real", "i", "x'3132'"),
]:
    case(
        f"{bad.strip(chr(39))}_among_{declared}",
        many(declared, f"update t set a = {bad} where id = 7;", good),
        (COUNTS, [(ROWS, 499)]),
        ("select row_key->>'id', column_name from litelift.quarantine", [("7", "a")]),
        (
            "select format_type(atttypid, null) not in ('text', 'bytea') from pg_attribute where attrelid = 't'::regclass and attname = 'a'",
        ),
        exits=3,
        says=("t.a", "id=7"),
    )

# ------------------------------------------------------------------------------------------- beside other objects
case(
    "in_a_unique_column",
    many("int unique", "update t set a = 'x' || id where id <= 3;"),
    (COUNTS, [(ROWS, 497)]),
    ("insert into t values(999, 500)", "error"),
    exits=3,
    says="t.a",
)
case(
    "in_a_checked_column",
    many("int check(a > 0)", "update t set a = 'x' where id = 5;"),
    aside(5),
    ("insert into t values(999, 0)", "error"),
    exits=3,
    says="t.a",
)
case(
    "in_an_indexed_column",
    many(
        "int",
        "update t set a = 'x' where id = 5;",
        constraints="); create index i on t(a); create index j on t(a) where a > 5; create table u(x int",
    ),
    aside(5),
    ("select count(*)::int from pg_indexes where indexname in ('i', 'j')", [2]),
    exits=3,
)
case(
    "a_check_that_widening_breaks_is_told",
    many("int check(a > 0)", "update t set a = 'x' where id <= 6;"),
    (COUNTS, [(ROWS, ROWS)]),
    exits=3,
    says=("t.a", "check"),
)
case(
    "a_default_widens_with_its_column",
    many("int default 7", "update t set a = 'x' where id <= 6;"),
    ("insert into t(id) values(999) returning a", ["7"]),
    exits=3,
)
case(
    "null_stands_in_though_there_is_a_default",
    many("int default 7", "update t set a = 'x' where id = 5;"),
    ("select a from t where id = 5", [None]),
    ("insert into t(id) values(999) returning a::int", [7]),
    exits=3,
)

# ------------------------------------------------------------------------------------------- keys
PARENTS = "create table p(id int primary key, v text); create table c(id integer primary key, p int references p(id));"
case(
    "a_primary_key_takes_its_row_along_and_what_refers_to_it_is_kept_aside",
    PARENTS + "insert into p values(1,'a'),('x','b'),(3,'c'); insert into c values(1,1),(2,'x'),(3,3),(4,'y');",
    ("select id::int, v from p order by id", [(1, "a"), (3, "c")]),
    ("select id::int, p::int from c order by id", [(1, 1), (2, None), (3, 3), (4, None)]),
    (
        "select table_name, column_name, row_key->>'id' from litelift.quarantine order by 1, 3",
        [("c", "p", "2"), ("c", "p", "4"), ("p", None, "x")],
    ),
    (
        "select convert_from(original, 'UTF8')::jsonb from litelift.quarantine where table_name = 'p'",
        [({"id": ["text", "x"], "v": ["text", "b"]},)],
    ),
    ("insert into c values(9, 77)", "error"),
    exits=3,
    says=("p (the whole row), key id=x", "c.p, key id=2"),
)
case(
    "a_primary_key_never_widens",
    "create table t(id int primary key, v text); insert into t values('x','b'),('y','c');",
    type_of("t", "id", "bigint"),
    ("select count(*)::int from t", [0]),
    ("select row_key->>'id' from litelift.quarantine order by 1", ["x", "y"]),
    exits=3,
)
case(
    "a_foreign_key_never_widens",
    "create table p(id integer primary key); create table c(id integer primary key, p int references p(id)); insert into p values(1); insert into c values(1,''),(2,''),(3,1);",
    type_of("c", "p", "bigint"),
    ("select p::int from c order by id", [None, None, 1]),
    exits=3,
    says=("c.p", "id=1"),
)
case(
    "a_not_null_foreign_key_takes_its_row_along",
    "create table p(id integer primary key); create table c(id integer primary key, p int not null references p(id)); insert into p values(1); insert into c values(1,1),(2,''),(3,1);",
    ("select id::int from c order by id", [1, 3]),
    ("select column_name, row_key->>'id' from litelift.quarantine", [(None, "2")]),
    exits=3,
    says=("c (the whole row), key id=2", "p is not an integer"),
)

# ------------------------------------------------------------------------------------------- the rules
LOTS = "update t set a = 'x' where id <= 50;"
ONE = "update t set a = 'x' where id = 1;"
IN_PLAN = '[tables.t.columns.a]\non_misfit = "{}"\n'


def ways(rule: str) -> dict[str, dict[str, Any]]:
    """Every way to ask for a rule."""
    return {
        "option": {"args": ("--on-misfit", rule)},
        "column_s_plan": {"plan": IN_PLAN.format(rule)},
        "defaults_of_the_plan": {"plan": f'[defaults]\non_misfit = "{rule}"\n'},
    }


for how, more in ways("quarantine").items():
    case(
        f"quarantine_by_the_{how}",
        many("int", LOTS),
        type_of("t", "a", "bigint"),
        (COUNTS, [(ROWS, 450)]),
        ("select count(*)::int from litelift.quarantine", [50]),
        exits=3,
        **more,
    )
for how, more in ways("widen").items():
    case(
        f"widen_by_the_{how}",
        many("int", ONE),
        type_of("t", "a", "text"),
        (COUNTS, [(ROWS, ROWS)]),
        kept(),
        exits=3,
        **more,
    )
for how, more in ways("fail").items():
    case(f"fail_by_the_{how}_writes_nothing", many("int", ONE), EMPTY, exits=1, says=("t.a", "id=1", "x"), **more)
case("fail_lets_a_clean_table_through", many("int"), (COUNTS, [(ROWS, ROWS)]), args=("--on-misfit", "fail"))
case(
    "quarantine_takes_rows_where_null_may_not_stand",
    many("int not null", LOTS),
    ("select count(*)::int from t", [450]),
    ("select count(*)::int from litelift.quarantine where column_name is null", [50]),
    args=("--on-misfit", "quarantine"),
    exits=3,
)
case(
    "the_plan_s_column_goes_before_the_option",
    many("int", LOTS),
    type_of("t", "a", "text"),
    kept(),
    args=("--on-misfit", "quarantine"),
    plan=IN_PLAN.format("widen"),
    exits=3,
)
case(
    "widen_widens_a_primary_key_and_those_that_refer_to_it",
    PARENTS + "insert into p values(1,'a'),('x','b'); insert into c values(1,1),(2,'x');",
    type_of("p", "id", "text"),
    type_of("c", "p", "text"),
    ("select p from c order by id", ["1", "x"]),
    ("insert into c values(9, 'none')", "error"),
    args=("--on-misfit", "widen"),
    exits=3,
)
case(
    "a_type_that_the_plan_gives_tolerates_a_few",
    many("int", "update t set a = 'x' where id <= 3;"),
    type_of("t", "a", "integer"),
    aside(1, 2, 3),
    plan='[tables.t.columns.a]\ntype = "integer"\n',
    exits=3,
)
case(
    "a_type_that_the_plan_gives_is_not_changed_silently",
    many("int", LOTS),
    EMPTY,
    plan='[tables.t.columns.a]\ntype = "integer"\n',
    exits=1,
    says=("t.a", "id=1"),
)
case(
    "a_type_that_the_plan_gives_with_quarantine",
    many("text", LOTS),
    type_of("t", "a", "integer"),
    (COUNTS, [(ROWS, 450)]),
    plan='[tables.t.columns.a]\ntype = "integer"\non_misfit = "quarantine"\n',
    exits=3,
)

# ------------------------------------------------------------------------------------------- the key in quarantine
FILL = "with recursive n(i) as (values(1) union all select i+1 from n where i < 500) insert into t select "
KEY = "select row_key from litelift.quarantine"
case(
    "by_a_composite_key",
    f"create table t(k int not null, b text not null, d blob not null, n int, primary key(k,b,d)) without rowid;{FILL} i, 'k'||i, x'ff00', i from n; update t set n = 'bad' where k = 7;",
    (KEY, [({"k": 7, "b": "k7", "d": "x'ff00'"},)]),
    exits=3,
    says=("t.n", "b=k7"),
)
case(
    "by_a_unique_not_null_column",
    f"create table t(code text not null unique, n int);{FILL} 'c'||i, 1 from n; update t set n = 'bad' where code = 'c9';",
    (KEY, [({"code": "c9"},)]),
    exits=3,
    says=("t.n", "code=c9"),
)
case(
    "by_the_rowid",
    f"create table t(s text, n int);{FILL} 'same', 1 from n; delete from t where rowid < 5; update t set n = 'bad' where rowid in (7, 9);",
    (
        "select row_key->>'rowid', convert_from(original, 'UTF8') from litelift.quarantine order by 1",
        [("7", "bad"), ("9", "bad")],
    ),
    exits=3,
    says=("t.n", "rowid=7"),
)
case(
    "by_a_key_that_is_null",
    f"create table t(k text primary key, n int);{FILL} 'c'||i, 1 from n; insert into t values(null,'bad'),(null,'worse'),(null,3);",
    (
        "select row_key->'k', convert_from(original, 'UTF8') from litelift.quarantine order by 2",
        [(None, "bad"), (None, "worse")],
    ),
    ("select count(*)::int, count(n)::int from t", [(503, 501)]),
    exits=3,
)
case(
    "by_numbers_at_the_ends_of_their_range",
    filled(
        "create table t(k integer primary key, n text);",
        ("insert into t values(?,?)", [(2**63 - 1, "a\x00"), (-(2**63), "b\x00"), (2**53 + 1, "c\x00")]),
    ),
    (
        "select row_key->>'k' from litelift.quarantine order by original",
        [str(2**63 - 1), str(-(2**63)), str(2**53 + 1)],
    ),
    exits=3,
)
case(
    "by_reals",
    filled(
        "create table t(k real primary key, n text);",
        (
            "insert into t values(?,?)",
            [(float("inf"), "a\x00"), (1e22, "b\x00"), (0.1, "c\x00"), (-0.0, "d\x00"), (1e300, "e\x00")],
        ),
    ),
    ("select count(*)::int from litelift.quarantine", [5]),
    exits=3,
)
case(
    "a_row_is_kept_with_every_value_as_it_was",
    filled(
        "create table t(k int primary key, s text, b blob, r real);",
        (
            "insert into t values(?,?,?,?)",
            [(1, "a", b"b", 1.0), ("bad", "s\x00", b"\xff", float("inf")), ("b2", None, None, None)],
        ),
        after="insert into t values('z', cast(x'61ff' as text), null, 0.5);",
    ),
    (
        "select convert_from(original, 'UTF8') from litelift.quarantine order by row_key->>'k'",
        [
            (json.dumps({"k": ["text", "b2"], "s": ["null", None], "b": ["null", None], "r": ["null", None]}),),
            (json.dumps({"k": ["text", "bad"], "s": ["text", "s\x00"], "b": ["blob", "ff"], "r": ["real", "inf"]}),),
            (json.dumps({"k": ["text", "z"], "s": ["text-hex", "61ff"], "b": ["null", None], "r": ["real", 0.5]}),),
        ],
    ),
    ("select count(*)::int from t", [1]),
    exits=3,
)


@pytest.mark.parametrize("spoil", ["", "update t set a = 'x' where id <= 5;", "update t set a = 'x' where id <= 6;"])
def test_every_row_is_accounted_for(spoil: str, database: str, tmp_path: Path) -> None:
    build(many("int", spoil), tmp_path / "app.sqlite")
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database, "--json")
    document = json.loads(said[said.index("{") : said.rindex("}") + 1])
    table = document["tables"][0]
    assert status == (3 if spoil else 0)
    assert table["source_rows"] == table["loaded"] + table["quarantined_rows"] == ROWS
    assert (
        table["quarantined_values"]
        == len(document["quarantined"])
        == document["quarantined_total"]
        == (5 if "<= 5" in spoil else 0)
    )
    assert ask(database, "select count(*)::int from t") == [(ROWS,)]
    assert all(notice["column"] == "a" for notice in document["notices"] if notice["table"] == "t")
