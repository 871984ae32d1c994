"""Quarantine answers for a value or a row only where its original is kept, byte for byte, and the stand-in is there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from litelift.plan.match import ColumnMatch, TableMatch
from litelift.postgres.types import PgType
from litelift.prove import prove_table

T = TableMatch(
    "T",
    "public",
    "t",
    (
        ColumnMatch("ID", "id", PgType("int8")),
        ColumnMatch("N", "n", PgType("int8")),
        ColumnMatch("A", "a", PgType("text")),
    ),
    ("ID",),
)
KEYLESS = TableMatch(T.source, T.schema, T.target, T.columns)
Keep = Callable[..., None]


@pytest.fixture
def target(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "create schema litelift; create table litelift.quarantine (run_id text, table_name text, column_name text,"
            " row_key jsonb, original bytea, storage_class text, reason text, stands_in text,"
            " at timestamptz default clock_timestamp());"
            "create table t (id bigint, n bigint, a text);"
            "insert into t values (1, 10, 'x'), (2, null, 'y'), (3, 30, 'a\ufffdb')"
        )
        yield connection


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Iterator[sqlite3.Connection]:
    path = make_sqlite(
        "create table T (ID int, N int, A text);"
        "insert into T values (1, 10, 'x'), (2, 'abc', 'y'), (3, 30, 'a' || char(0) || 'b')"
    )
    with closing(sqlite3.connect(path)) as connection:
        yield connection


@pytest.fixture
def keep(target: psycopg.Connection[Any]) -> Keep:
    def insert(
        column: str | None, key: dict[str, Any], original: bytes, stands_in: str | None = None, run: str = "run 1"
    ) -> None:
        target.execute(
            "insert into litelift.quarantine (run_id, table_name, column_name, row_key, original, storage_class,"
            " reason, stands_in) values (%s, 't', %s, %s, %s, 'text', 'because', %s)",
            (run, column, json.dumps(key), original, stands_in),
        )

    return insert


@pytest.mark.parametrize(("match", "name"), [(T, "id"), (KEYLESS, "rowid")])
def test_quarantined_values_are_accounted_for(
    source: sqlite3.Connection, target: psycopg.Connection[Any], keep: Keep, match: TableMatch, name: str
) -> None:
    keep("n", {name: 2}, b"abc")
    keep("a", {name: 3}, b"a\0b", "a\ufffdb")
    proof = prove_table(source, target, match)
    assert proof.differences == []
    assert proof.equal and (proof.quarantined_values, proof.quarantined_rows) == (2, 0)


def test_a_value_that_does_not_fit_and_is_not_quarantined_is_a_difference(
    source: sqlite3.Connection, target: psycopg.Connection[Any], keep: Keep
) -> None:
    keep("a", {"id": 3}, b"a\0b", "a\ufffdb")
    (difference,) = prove_table(source, target, T).differences
    assert (difference.key, difference.column, difference.source, difference.target) == ({"id": 2}, "n", "abc", None)


def test_a_quarantined_original_that_is_not_the_sources_accounts_for_nothing(
    source: sqlite3.Connection, target: psycopg.Connection[Any], keep: Keep
) -> None:
    keep("n", {"id": 2}, b"abd")
    keep("a", {"id": 3}, b"a\0b", "a\ufffdb")
    proof = prove_table(source, target, T)
    assert [(d.key, d.column) for d in proof.differences] == [({"id": 2}, "n")]


def test_a_target_that_does_not_hold_the_stand_in_is_a_difference(
    source: sqlite3.Connection, target: psycopg.Connection[Any], keep: Keep
) -> None:
    keep("n", {"id": 2}, b"abc")
    keep("a", {"id": 3}, b"a\0b", "a?b")
    proof = prove_table(source, target, T)
    assert [(d.key, d.column) for d in proof.differences] == [({"id": 3}, "a")]


def test_only_the_run_that_was_asked_for_answers(
    source: sqlite3.Connection, target: psycopg.Connection[Any], keep: Keep
) -> None:
    keep("n", {"id": 2}, b"abc", run="old")
    keep("a", {"id": 3}, b"a\0b", "a\ufffdb", run="old")
    keep("n", {"id": 2}, b"abc", run="new")
    assert prove_table(source, target, T, quarantine_run="old").equal
    assert prove_table(source, target, T).total_differences == 1
    assert prove_table(source, target, T, quarantine_run="none such").total_differences == 2


@pytest.mark.parametrize(("match", "name"), [(T, "id"), (KEYLESS, "rowid")])
def test_a_quarantined_row_is_accounted_for_and_must_not_be_in_the_target(
    source: sqlite3.Connection, target: psycopg.Connection[Any], keep: Keep, match: TableMatch, name: str
) -> None:
    row = {"ID": ["integer", 2], "N": ["text", "abc"], "A": ["text", "y"]}
    keep(None, {name: 2}, json.dumps(row).encode())
    keep("a", {name: 3}, b"a\0b", "a\ufffdb")
    proof = prove_table(source, target, match)
    assert [(d.kind, d.target is not None) for d in proof.differences] == [("extra", True)]
    target.execute("delete from t where id = 2")
    proof = prove_table(source, target, match)
    assert proof.equal and (proof.source_rows, proof.target_rows, proof.quarantined_rows) == (3, 2, 1)


def test_a_quarantined_row_that_lost_a_value_accounts_for_nothing(
    source: sqlite3.Connection, target: psycopg.Connection[Any], keep: Keep
) -> None:
    keep(None, {"id": 2}, json.dumps({"ID": ["integer", 2], "N": ["text", "abc"]}).encode())
    keep("a", {"id": 3}, b"a\0b", "a\ufffdb")
    target.execute("delete from t where id = 2")
    proof = prove_table(source, target, T)
    assert not proof.equal and [(d.kind, d.key) for d in proof.differences] == [("missing", {"id": 2})]


def test_rows_of_every_storage_class_are_kept_aside_exactly(
    target: psycopg.Connection[Any], keep: Keep
) -> None:  # fmt: skip
    columns = tuple(ColumnMatch(name, name, PgType("text")) for name in ("k", "i", "r", "b", "t", "z", "f"))
    match = TableMatch("u", "public", "u", columns, ("k",))
    target.execute("create table u (k text, i text, r text, b text, t text, z text, f text)")
    row = {
        "k": ["blob", "00ff"],
        "i": ["integer", 2**63 - 1],
        "r": ["real", 0.1],
        "b": ["blob", ""],
        "t": ["text-hex", "61ff"],
        "z": ["null", None],
        "f": ["real", "-inf"],
    }
    target.execute(
        "insert into litelift.quarantine values ('r', 'u', null, %s, %s, 'row', 'because', null)",
        (json.dumps({"k": "x'00ff'"}), json.dumps(row).encode()),
    )
    with closing(sqlite3.connect(":memory:")) as source:
        source.execute("create table u (k, i, r, b, t, z, f)")
        source.execute(
            "insert into u values (x'00ff', 9223372036854775807, 0.1, x'', cast(x'61ff' as text), null, -9e999)"
        )
        assert prove_table(source, target, match).quarantined_rows == 1
        source.execute("update u set r = 0.2")
        proof = prove_table(source, target, match)
    assert proof.quarantined_rows == 0 and not proof.equal
