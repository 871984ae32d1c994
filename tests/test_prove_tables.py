"""A table is proved by content: equal tables agree, and every difference is named by table, key and column."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from litelift.plan.match import ColumnMatch, TableMatch
from litelift.postgres.types import PgType
from litelift.prove import prove_table, prove_tables
from litelift.result import Difference

MakeSqlite = Callable[..., Path]


def match(table: str, columns: dict[str, str], key: tuple[str, ...] = (), where: str | None = None) -> TableMatch:
    pairs = tuple(ColumnMatch(name, name, PgType(base)) for name, base in columns.items())
    return TableMatch(table, "public", table, pairs, key, where)


@pytest.fixture
def target(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


PEOPLE = match("people", {"id": "int8", "name": "text", "born": "date"}, ("id",))
ROWS: list[tuple[object, ...]] = [(1, "Aygün", "1990-01-01"), (2, "Elçin", None), (3, "", "2000-02-29")]


@pytest.fixture
def people(make_sqlite: MakeSqlite, target: psycopg.Connection[Any]) -> Iterator[sqlite3.Connection]:
    path = make_sqlite(
        "create table people (id integer primary key, name text, born date)",
        [("insert into people values (?, ?, ?)", ROWS)],
    )
    target.execute("create table people (id bigint primary key, name text, born date)")
    target.cursor().executemany("insert into people values (%s, %s, %s)", ROWS)
    with closing(sqlite3.connect(path)) as source:
        yield source


def test_equal_tables_are_equal(people: sqlite3.Connection, target: psycopg.Connection[Any]) -> None:
    told: list[tuple[str, int]] = []
    (proof,) = prove_tables(people, target, [PEOPLE], on_progress=lambda table, rows: told.append((table, rows)))
    assert proof.equal
    assert (proof.source_rows, proof.target_rows, proof.total_differences) == (3, 3, 0)
    assert told == [("people", 3)]


def test_a_changed_value_is_named_with_both_values(people: sqlite3.Connection, target: psycopg.Connection[Any]) -> None:
    target.execute("update people set born = '2000-02-28' where id = 3")
    proof = prove_table(people, target, PEOPLE)
    assert not proof.equal
    assert proof.total_differences == 1
    assert proof.differences == [
        Difference(
            table="people", kind="changed", key={"id": 3}, column="born", source="2000-02-29", target="2000-02-28"
        )
    ]


def test_null_is_not_an_empty_text(people: sqlite3.Connection, target: psycopg.Connection[Any]) -> None:
    target.execute("update people set name = null where id = 3")
    (difference,) = prove_table(people, target, PEOPLE).differences
    assert (difference.column, difference.source, difference.target) == ("name", "", None)


def test_a_lost_row_and_an_added_row_are_named(people: sqlite3.Connection, target: psycopg.Connection[Any]) -> None:
    target.execute("delete from people where id = 2")
    target.execute("insert into people values (9, 'new', null)")
    proof = prove_table(people, target, PEOPLE)
    assert proof.total_differences == 2
    assert [(d.kind, d.key, d.column) for d in proof.differences] == [
        ("missing", {"id": 2}, None),
        ("extra", {"id": 9}, None),
    ]
    assert "Elçin" in (proof.differences[0].source or "") and proof.differences[0].target is None
    assert "new" in (proof.differences[1].target or "") and proof.differences[1].source is None


def test_swapped_values_are_found_though_counts_and_columns_agree(
    people: sqlite3.Connection, target: psycopg.Connection[Any]
) -> None:
    target.execute("update people set name = case id when 1 then 'Elçin' else 'Aygün' end where id in (1, 2)")
    proof = prove_table(people, target, PEOPLE)
    assert [(d.key, d.column) for d in proof.differences] == [({"id": 1}, "name"), ({"id": 2}, "name")]


def test_all_differences_are_counted_and_only_the_limit_is_kept(
    people: sqlite3.Connection, target: psycopg.Connection[Any]
) -> None:
    target.execute("update people set name = name || '!', born = '1999-01-01'")
    target.execute("insert into people values (9, 'new', null)")
    proof = prove_table(people, target, PEOPLE, limit=2)
    assert proof.total_differences == 7
    assert {d.kind for d in proof.differences} == {"changed", "extra"}
    assert len(prove_table(people, target, PEOPLE, limit=None).differences) == 7


def test_a_row_filter_of_the_plan_is_obeyed(people: sqlite3.Connection, target: psycopg.Connection[Any]) -> None:
    target.execute("delete from people where id = 1")
    filtered = match("people", {"id": "int8", "name": "text"}, ("id",), "id > 1 -- not the first")
    proof = prove_table(people, target, filtered)
    assert proof.equal and proof.source_rows == 2


@pytest.mark.parametrize("autocommit", [True, False])
def test_the_connection_is_left_as_it_was(
    people: sqlite3.Connection, target: psycopg.Connection[Any], autocommit: bool
) -> None:
    target.autocommit = autocommit
    target.execute("set timezone = 'Asia/Baku'")
    target.execute("update people set name = 'changed here' where id = 1")
    before = target.info.transaction_status
    text_factory = people.text_factory
    assert prove_table(people, target, PEOPLE).total_differences == 1
    assert target.info.transaction_status == before
    assert target.execute("show timezone").fetchone() == ("Asia/Baku",)
    assert target.execute("select name from people where id = 1").fetchone() == ("changed here",)
    assert people.text_factory is text_factory


def test_a_missing_target_table_raises_and_leaves_the_connection_usable(
    people: sqlite3.Connection, target: psycopg.Connection[Any]
) -> None:
    target.execute("drop table people")
    with pytest.raises(psycopg.errors.UndefinedTable):
        prove_table(people, target, PEOPLE)
    assert target.execute("select 1").fetchone() == (1,)


def test_an_unreadable_source_stops_the_copy_and_leaves_the_connection_usable(
    people: sqlite3.Connection, target: psycopg.Connection[Any]
) -> None:
    target.execute("insert into people select n, repeat('x', 1000), null from generate_series(10, 20000) as n")
    people.execute("drop table people")
    with pytest.raises(sqlite3.OperationalError):
        prove_table(people, target, PEOPLE)
    assert target.execute("select count(*) from people").fetchone() == (19994,)


# ---------------------------------------------------------------------------------- without a key

LOG = match("log", {"at": "int8", "who": "text", "what": "text"})


@pytest.fixture
def log(make_sqlite: MakeSqlite, target: psycopg.Connection[Any]) -> Iterator[sqlite3.Connection]:
    rows: list[tuple[object, ...]] = [(1, "a", "in"), (1, "a", "in"), (2, "b", "out"), (3, "c", "in")]
    path = make_sqlite("create table log (at int, who text, what text)", [("insert into log values (?, ?, ?)", rows)])
    target.execute("create table log (at bigint, who text, what text)")
    target.cursor().executemany("insert into log values (%s, %s, %s)", list(reversed(rows)))
    with closing(sqlite3.connect(path)) as source:
        yield source


def test_without_a_key_equal_rows_in_another_order_are_equal(
    log: sqlite3.Connection, target: psycopg.Connection[Any]
) -> None:
    assert prove_table(log, target, LOG).equal


def test_without_a_key_a_lost_duplicate_is_found(log: sqlite3.Connection, target: psycopg.Connection[Any]) -> None:
    target.execute("delete from log where ctid = (select min(ctid) from log where who = 'a')")
    proof = prove_table(log, target, LOG)
    assert [(d.kind, d.key) for d in proof.differences] == [("missing", {"rowid": 2})]
    assert not proof.equal and proof.target_rows == 3


def test_without_a_key_a_duplicate_in_place_of_another_row_is_found(
    log: sqlite3.Connection, target: psycopg.Connection[Any]
) -> None:
    target.execute("update log set at = 1, who = 'a' where at = 3")
    proof = prove_table(log, target, LOG)
    assert not proof.equal
    assert [(d.kind, d.key.get("rowid")) for d in proof.differences] == [("missing", 4), ("extra", None)]


def test_without_a_key_a_single_changed_value_is_named_by_column(
    log: sqlite3.Connection, target: psycopg.Connection[Any]
) -> None:
    target.execute("update log set what = 'OUT' where at = 2")
    (difference,) = prove_table(log, target, LOG).differences
    assert difference == Difference(
        table="log", kind="changed", key={"rowid": 3}, column="what", source="out", target="OUT"
    )


def test_without_a_key_an_added_row_is_named_by_all_its_values(
    log: sqlite3.Connection, target: psycopg.Connection[Any]
) -> None:
    target.execute("insert into log values (7, 'x', null)")
    (difference,) = prove_table(log, target, LOG).differences
    assert (difference.kind, difference.key) == ("extra", {"at": 7, "who": "x", "what": None})


def test_a_column_that_is_called_rowid_does_not_hide_the_rowid(
    make_sqlite: MakeSqlite, target: psycopg.Connection[Any]
) -> None:
    path = make_sqlite("create table t (rowid text, a text); insert into t values ('x', 'y')")
    target.execute("create table t (rowid text, a text); insert into t values ('x', 'z')")
    with closing(sqlite3.connect(path)) as source:
        (difference,) = prove_table(source, target, match("t", {"rowid": "text", "a": "text"})).differences
    assert (difference.key, difference.column) == ({"rowid": 1}, "a")


# ------------------------------------------------------------------------------------ hostile data


def test_hostile_names_and_values_are_compared(make_sqlite: MakeSqlite, target: psycopg.Connection[Any]) -> None:
    table, key, name = 'dr"op %s; --\n\t', "ключ %(a)s", 'a"b\\N'
    values = ["tab\tnew\nline\r", "\\N", "\\.", "%s", "'", "\b\f\v\\", "\u2028\ufffd", "ə" * 5000, ""]
    quoted = [part.replace('"', '""') for part in (table, key, name)]
    path = make_sqlite(
        'create table "{}" ("{}" integer primary key, "{}" text)'.format(*quoted),
        [(f'insert into "{quoted[0]}" values (?, ?)', list(enumerate(values)))],
    )
    identifiers = [sql.Identifier(part) for part in (table, key, name)]
    target.execute(sql.SQL("create table {} ({} bigint, {} text)").format(*identifiers))
    for row in enumerate(values):
        target.execute(sql.SQL("insert into {} values ({}, {})").format(identifiers[0], *row))
    pair = match(table, {key: "int8", name: "text"}, (key,))
    with closing(sqlite3.connect(path)) as source:
        assert prove_table(source, target, pair).equal
        target.execute(
            sql.SQL("update {} set {} = 'tab\tnew' || chr(10) || 'line' where {} = 0").format(
                identifiers[0], identifiers[2], identifiers[1]
            )
        )
        (difference,) = prove_table(source, target, pair).differences
    assert (difference.table, difference.key, difference.column) == (table, {key: 0}, name)
    assert (difference.source, difference.target) == (values[0], "tab\tnew\nline")


def test_damaged_text_that_was_only_mended_is_a_difference(
    make_sqlite: MakeSqlite, target: psycopg.Connection[Any]
) -> None:
    path = make_sqlite(
        "create table t (id integer primary key, a text);"
        "insert into t values (1, 'fine'), (2, 'a' || char(0) || 'b'), (3, cast(x'61ff62' as text))"
    )
    target.execute("create table t (id bigint, a text)")
    target.execute("insert into t values (1, 'fine'), (2, 'a\ufffdb'), (3, 'a\ufffdb')")
    with closing(sqlite3.connect(path)) as source:
        proof = prove_table(source, target, match("t", {"id": "int8", "a": "text"}, ("id",)))
    assert [(d.key, d.source, d.target) for d in proof.differences] == [
        ({"id": 2}, "a\\x00b", "a\ufffdb"),
        ({"id": 3}, "a\\xffb", "a\ufffdb"),
    ]


def test_bytes_kept_as_text_in_a_blob_column_are_compared_as_bytes(
    make_sqlite: MakeSqlite, target: psycopg.Connection[Any]
) -> None:
    path = make_sqlite(
        "create table t (id integer primary key, b blob); insert into t values (1, cast(x'00ff61' as text)), (2, x'00')"
    )
    target.execute("create table t (id bigint, b bytea); insert into t values (1, '\\x00ff61'), (2, '\\x00')")
    pair = match("t", {"id": "int8", "b": "bytea"}, ("id",))
    with closing(sqlite3.connect(path)) as source:
        assert prove_table(source, target, pair).equal
        target.execute("update t set b = '\\x00ff62' where id = 1")
        (difference,) = prove_table(source, target, pair).differences
    assert difference.target == "\\x00ff62"


def test_long_values_are_shown_where_they_part(make_sqlite: MakeSqlite, target: psycopg.Connection[Any]) -> None:
    path = make_sqlite("create table t (id integer primary key, a text)")
    target.execute("create table t (id bigint, a text)")
    with closing(sqlite3.connect(path)) as source:
        source.execute("insert into t values (1, ?)", ("x" * 100_000 + "HERE",))
        target.execute("insert into t values (1, %s)", ("x" * 100_000 + "THERE",))
        (difference,) = prove_table(source, target, match("t", {"id": "int8", "a": "text"}, ("id",))).differences
    assert "HERE" in (difference.source or "") and "THERE" in (difference.target or "")
    assert len(difference.source or "") < 1100


def test_a_key_that_is_null_or_double_in_the_source_is_still_proved(
    make_sqlite: MakeSqlite, target: psycopg.Connection[Any]
) -> None:
    path = make_sqlite(
        "create table t (k text primary key, a int); insert into t values (null, 1), (null, 2), ('x', 3)"
    )
    target.execute("create table t (k text, a int); insert into t values (null, 2), ('x', 3), (null, 1)")
    pair = match("t", {"k": "text", "a": "int4"}, ("k",))
    with closing(sqlite3.connect(path)) as source:
        assert prove_table(source, target, pair).equal
        target.execute("update t set a = 7 where a = 2")
        (difference,) = prove_table(source, target, pair).differences
    assert (difference.key, difference.source, difference.target) == ({"k": None}, "2", "7")


def test_empty_tables_are_equal_and_an_empty_target_is_not(
    make_sqlite: MakeSqlite, target: psycopg.Connection[Any]
) -> None:
    path = make_sqlite("create table a (x int); create table b (x int); insert into b values (1)")
    target.execute("create table a (x bigint); create table b (x bigint)")
    with closing(sqlite3.connect(path)) as source:
        empty, lost = prove_tables(source, target, [match("a", {"x": "int8"}), match("b", {"x": "int8"})])
    assert empty.equal and not lost.equal
    assert [d.kind for d in lost.differences] == ["missing"]


def test_memory_does_not_grow_with_the_table(make_sqlite: MakeSqlite, target: psycopg.Connection[Any]) -> None:
    path = make_sqlite(
        "create table t (id integer primary key, a text);"
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)"
        " insert into t select i, 'a text of some length, number ' || i from n"
    )
    target.execute(
        "create table t as select i::bigint as id, 'a text of some length, number ' || i as a"
        " from generate_series(1, 40000) as i"
    )
    target.execute("update t set a = 'x' where id = 33333; delete from t where id = 5")
    pair = match("t", {"id": "int8", "a": "text"}, ("id",))
    with closing(sqlite3.connect(path)) as source:
        tracemalloc.start()
        proof = prove_table(source, target, pair)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert [d.key for d in proof.differences] == [{"id": 33333}, {"id": 5}]
    assert peak < 6 << 20


# ------------------------------------------------------------------------------------- random rows

RANDOM = match(
    "r", {"id": "int8", "i": "int8", "f": "float8", "t": "text", "b": "bytea", "n": "numeric", "y": "bool"}, ("id",)
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ROW = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False),
    st.none() | TEXT,
    st.none() | st.binary(max_size=20),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.booleans(),
)


@settings(max_examples=40)
@given(st.lists(ROW, max_size=30), st.data())
@pytest.mark.parametrize("keyed", [True, False])
def test_random_rows_are_equal_and_one_changed_cell_is_named(
    target: psycopg.Connection[Any], keyed: bool, rows: list[tuple[object, ...]], data: st.DataObject
) -> None:
    target.execute("drop table if exists r")
    target.execute("create table r (id bigint, i bigint, f float8, t text, b bytea, n numeric, y boolean)")
    numbered = [(number, *row) for number, row in enumerate(rows, 1)]
    pair = RANDOM if keyed else TableMatch("r", "public", "r", RANDOM.columns)
    with closing(sqlite3.connect(":memory:")) as source:
        source.execute("create table r (id integer primary key, i int, f real, t text, b blob, n int, y boolean)")
        source.executemany("insert into r values (?, ?, ?, ?, ?, ?, ?)", numbered)
        # What SQLite keeps is what must arrive: -0.0 in a REAL column comes back as 0.0.
        kept = source.execute("select * from r").fetchall()
        target.cursor().executemany(
            "insert into r values (%s, %s, %s, %s, %s, %s, %s::int::boolean)", [tuple(row) for row in kept]
        )
        proof = prove_table(source, target, pair)
        assert proof.equal and proof.target_rows == len(rows)
        if not rows:
            return
        key = data.draw(st.integers(1, len(rows)))
        column, change = data.draw(
            st.sampled_from(
                [
                    ("i", "case when i is null then 0 when i > 0 then i - 1 else i + 1 end"),
                    ("f", "case when f = 0.5 then 0.25 else 0.5 end"),
                    ("t", "coalesce(t || ' ', '')"),
                    ("b", "coalesce(b || '\\x00', '')"),
                    ("n", "coalesce(n + 0.001, 0)"),
                    ("y", "case when y is null then false when y then null else true end"),
                ]
            )
        )
        target.execute(f"update r set {column} = {change} where id = {key}")
        proof = prove_table(source, target, pair)
    assert [(d.kind, d.column) for d in proof.differences] == [("changed", column)]
    assert next(iter(proof.differences[0].key.values())) == key
