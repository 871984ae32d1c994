"""Which indexes are advised for foreign keys, and which are advised to go: no wrong one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from litelift.monitor.advise import superfluous_indexes
from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.advise import advise
from monitored import database_at

PARENT = """
    create table parent (id bigint primary key, code text collate "C" unique, a int, b int, unique (a, b));
    insert into parent select n, 'c' || n, n, n from generate_series(1, 2000) n;
"""
ROWS = "insert into {} (parent) select n from generate_series(1, 2000) n;"


def _run(url: str, *scripts: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for script in scripts:
            connection.execute(script)
        connection.execute("analyze")


def _advised(url: str, folder: Path, *kinds: str) -> dict[str, Advice]:
    found = advise(database_at(url, folder))
    return {one.object: one for one in found.advice if one.kind in (kinds or ("foreign-key-index",))}


def _children(url: str, cases: dict[str, str], column: str = "bigint references parent") -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(PARENT)
        for name, index in cases.items():
            connection.execute(f"create table {name} (parent {column}, other int, more int)")
            connection.execute(ROWS.format(name))
            connection.execute(index)
        connection.execute("analyze")


def test_a_foreign_key_whose_rows_no_index_finds_gets_one_that_can_be_made(database: str, tmp_path: Path) -> None:
    _children(database, {"child": ""})
    found = _advised(database, tmp_path)
    assert list(found) == ["public.child (parent)"]
    advice = found["public.child (parent)"]
    assert "2,000 rows of public.child refer to public.parent" in advice.why
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(advice.sql[0].encode())
        assert _advised(database, tmp_path) == {}
        connection.execute(advice.undo[0].encode())
        assert list(_advised(database, tmp_path)) == ["public.child (parent)"]


def test_an_index_that_serves_a_foreign_key_is_seen_whatever_its_form(database: str, tmp_path: Path) -> None:
    _children(
        database,
        {
            "plain": "create index on plain (parent)",
            "wider": "create index on wider (parent, other)",
            "including": "create index on including (parent) include (other)",
            "down": "create index on down (parent desc nulls last)",
            "hashed": "create index on hashed using hash (parent)",
            "filled": "create index on filled (parent) where parent is not null",
            "only_one": "create unique index on only_one (parent)",
        },
    )
    assert _advised(database, tmp_path) == {}


def test_an_index_that_does_not_serve_is_not_taken_for_one_that_does(database: str, tmp_path: Path) -> None:
    cases = {
        "part": "create index on part (parent) where other > 1",
        "made_of_it": "create index on made_of_it ((parent + 1))",
        "behind": "create index on behind (other, parent)",
        "included": "create index on included (other) include (parent)",
        "ranges": "create index on ranges using brin (parent)",
        "partly": "create index on partly (parent) where parent is null",
    }
    _children(database, cases)
    assert set(_advised(database, tmp_path)) == {f"public.{name} (parent)" for name in cases}


def test_a_text_key_is_served_by_its_own_collation_and_by_pattern_operators_and_no_other_collation(
    database: str, tmp_path: Path
) -> None:
    column = 'text collate "C" references parent (code)'
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(PARENT)
        for name, index in (
            ("patterns", "create index on patterns (parent text_pattern_ops)"),
            ("its_own", "create index on its_own (parent)"),
            ("other", 'create index on other (parent collate "POSIX")'),
        ):
            connection.execute(f"create table {name} (parent {column})")
            connection.execute(f"insert into {name} select 'c' || n from generate_series(1, 2000) n")
            connection.execute(index)
        connection.execute("analyze")
    assert list(_advised(database, tmp_path)) == ["public.other (parent)"]


def test_a_key_of_several_columns_is_served_in_any_order_and_one_index_is_enough_for_two_keys(
    database: str, tmp_path: Path
) -> None:
    _run(
        database,
        PARENT,
        "create table any_order (x int, y int, foreign key (x, y) references parent (a, b))",
        "insert into any_order select n, n from generate_series(1, 2000) n",
        "create index on any_order (y, x)",
        # An index of y alone leaves one row to be looked at.
        "create table selective (x int, y int, foreign key (x, y) references parent (a, b))",
        "insert into selective select n, n from generate_series(1, 2000) n",
        "create index on selective (y)",
        "create table two (x int, y int, foreign key (x, y) references parent (a, b))",
        "insert into two select n, n from generate_series(1, 2000) n",
        "alter table parent add column z int unique",
        "update parent set z = a",
        "alter table two add foreign key (y) references parent (z)",
    )
    assert list(_advised(database, tmp_path)) == ["public.two (y, x)"]


def test_what_is_small_temporary_or_litelifts_own_gets_none(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(PARENT)
        connection.execute("create table small (parent bigint references parent)")
        connection.execute("insert into small select n from generate_series(1, 100) n")
        connection.execute("create schema litelift; create table litelift.child (parent bigint references parent)")
        connection.execute(ROWS.format("litelift.child"))
        connection.execute("create temporary table mine (id bigint primary key)")
        connection.execute("insert into mine select n from generate_series(1, 2000) n")
        connection.execute("create temporary table theirs (parent bigint references mine)")
        connection.execute(ROWS.format("theirs"))
        connection.execute("analyze")
        assert _advised(database, tmp_path) == {}


def test_a_table_that_nobody_searched_for_a_week_gets_none(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _children(database, {"child": ""})
    monkeypatch.setattr("litelift.monitor.advise.foreign_key_indexes.COUNTED", timedelta(0))
    assert _advised(database, tmp_path) == {}
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("delete from parent where id > 3000")
        assert _advised(database, tmp_path) == {}
        connection.execute("select count(*) from child where parent = 5")
        connection.execute("select pg_stat_force_next_flush()")
    assert list(_advised(database, tmp_path)) == ["public.child (parent)"]


def test_columns_that_are_mostly_null_get_an_index_without_them_which_then_serves(
    database: str, tmp_path: Path
) -> None:
    _children(database, {"child": "update child set parent = null where parent > 50"})
    (advice,) = _advised(database, tmp_path).values()
    assert advice.object == "public.child (parent) WHERE parent IS NOT NULL"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(advice.sql[0].encode())
    assert _advised(database, tmp_path) == {}


def test_a_self_reference_an_unlogged_table_and_hostile_names_get_one_that_can_be_made(
    database: str, tmp_path: Path
) -> None:
    hostile = '"x""; drop table parent; --\nselect"'
    _run(
        database,
        PARENT,
        "create unlogged table tree (id bigint primary key, up bigint references tree)",
        "insert into tree select n, nullif(n / 2, 0) from generate_series(1, 2000) n",
        f"create table {hostile} ({hostile} bigint references parent)",
        f"insert into {hostile} select n from generate_series(1, 2000) n",
        f"create table {'l' * 63} ({'m' * 63} bigint references parent)",
        f"insert into {'l' * 63} select n from generate_series(1, 2000) n",
    )
    found = _advised(database, tmp_path)
    assert len(found) == 3
    with psycopg.connect(database, autocommit=True) as connection:
        for advice in found.values():
            assert advice.makes is not None and len(advice.makes[1].encode()) <= 63
            connection.execute(advice.sql[0].encode(), binary=True)
        assert connection.execute("select count(*) from parent").fetchone() == (2000,)
    assert _advised(database, tmp_path) == {}


@pytest.mark.postgres(18)
def test_a_partitioned_tables_index_is_left_to_a_person_and_told_once(database: str, tmp_path: Path) -> None:
    _run(
        database,
        PARENT,
        "create table parts (parent bigint references parent, year int) partition by range (year)",
        "create table parts_1 partition of parts for values from (0) to (10)",
        "create table parts_2 partition of parts for values from (10) to (20)",
        "insert into parts select n, n % 20 from generate_series(1, 4000) n where n <= 2000",
    )
    (advice,) = _advised(database, tmp_path).values()
    assert advice.object == "public.parts (parent)" and advice.blocked is not None
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(advice.sql[0].encode())
    assert _advised(database, tmp_path) == {}


def test_of_indexes_that_are_alike_one_is_advised_to_go_and_never_what_a_rule_stands_on(
    database: str, tmp_path: Path
) -> None:
    _run(
        database,
        "create table t (id bigint primary key, a int, b int, c text, d int unique)",
        "insert into t select n, n, n, n, n from generate_series(1, 2000) n",
        "create index a_1 on t (a); create index a_2 on t (a)",
        "create index b_1 on t (b); create index b_2 on t (b, a)",
        "create index id_1 on t (id)",
        "create unique index d_1 on t (d)",
        # Not alike: another order, opclass, condition, method, expression.
        "create index c_1 on t (c); create index c_2 on t (c text_pattern_ops); create index c_3 on t (c desc)",
        "create index c_4 on t (c) where a > 1; create index c_5 on t using hash (c)",
        "create index c_6 on t (lower(c)); create index c_7 on t (upper(c))",
    )
    found = _advised(database, tmp_path, "repeated-index", "unused-index")
    assert set(found) == {"public.a_2", "public.b_1", "public.id_1", "public.d_1"}
    for advice in found.values():
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(advice.sql[0].encode())
    assert _advised(database, tmp_path, "repeated-index") == {}


def test_an_index_that_nobody_uses_goes_only_after_a_fortnight_and_comes_back_as_it_was(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(
        database,
        "create table parent (id bigint primary key)",
        "insert into parent select n from generate_series(1, 2000) n",
        "create table t (id bigint primary key, a int, b int, c bigint references parent, d text)",
        "insert into t select n, n, n, 1 + n % 2000, n from generate_series(1, 60000) n",
        "create index unused on t (a desc) include (b) with (fillfactor = 70) where a > 10",
        "comment on index unused is 'for the ''year''; see below'",
        "create index used on t (b)",
        "create index behind_key on t (c)",
        "create unique index rule on t (id, a)",
        "create index of_expression on t (lower(d))",
        "alter table t replica identity using index rule" if False else "select 1",
        "set enable_seqscan = off; set enable_bitmapscan = off; select * from t where b = 5",
        "select pg_stat_force_next_flush()",
    )
    assert _advised(database, tmp_path, "unused-index") == {}
    monkeypatch.setattr(superfluous_indexes, "COUNTED", timedelta(0))
    found = _advised(database, tmp_path, "unused-index")
    assert list(found) == ["public.unused"]
    look = "select pg_get_indexdef('unused'::regclass), obj_description('unused'::regclass)"
    with psycopg.connect(database, autocommit=True) as connection:
        before = connection.execute(look).fetchone()
        connection.execute(found["public.unused"].sql[0].encode())
        for statement in found["public.unused"].undo:
            connection.execute(statement.encode())
        assert connection.execute(look).fetchone() == before


def test_an_index_that_was_never_finished_is_advised_to_go(database: str, tmp_path: Path) -> None:
    _run(database, "create table t (a int)", "insert into t select 1 from generate_series(1, 2000)")
    with psycopg.connect(database, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently half on t (a)")
        (advice,) = _advised(database, tmp_path, "invalid-index").values()
        connection.execute(advice.sql[0].encode())
    assert _advised(database, tmp_path, "invalid-index") == {}


def test_what_a_move_made_is_not_called_unused_before_it_had_its_time(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(
        database,
        "create table t (id bigint primary key, a int)",
        "insert into t select n, n from generate_series(1, 60000) n",
        "create index unused on t (a)",
        "create schema litelift",
        "create table litelift.run (finished_at timestamptz)",
        "insert into litelift.run values (now() - interval '1 minute')",
        "select pg_stat_force_next_flush()",
    )
    with psycopg.connect(database, autocommit=True) as connection:
        # The statistics are as old as the server, the tables a minute.
        row = connection.execute("select now() - stats_reset from pg_stat_archiver").fetchone()
        assert row is not None
        monkeypatch.setattr(superfluous_indexes, "COUNTED", timedelta(minutes=2))
        assert _advised(database, tmp_path, "unused-index") == {}
        monkeypatch.setattr(superfluous_indexes, "COUNTED", min(row[0], timedelta(seconds=30)))
        assert list(_advised(database, tmp_path, "unused-index")) == ["public.unused"]


def test_a_table_of_which_the_server_knows_nothing_is_named_until_it_was_analyzed(
    database: str, tmp_path: Path
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table empty (a int); create table t (a int) with (autovacuum_enabled = off)")
        connection.execute("insert into t values (1)")
        notes = advise(database_at(database, tmp_path)).notes
        assert any(note.startswith("1 table never analyzed") for note in notes), notes
        connection.execute("analyze t")
    assert not any("never analyzed" in note for note in advise(database_at(database, tmp_path)).notes)
