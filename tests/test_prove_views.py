"""A view is proved row by row: equal but for the last digits of arithmetic, and a difference is told with a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from litelift.plan.match import ColumnMatch, TableMatch
from litelift.postgres.types import PgType
from litelift.prove import views
from litelift.prove.views import prove_view

MATCH = TableMatch(
    "v", "public", "v", (ColumnMatch("city", "city", PgType("text")), ColumnMatch("total", "total", PgType("float8")))
)
INEXACT = frozenset({"total"})


@pytest.fixture
def ends(
    make_sqlite: Callable[..., Path], database: str
) -> Iterator[tuple[sqlite3.Connection, psycopg.Connection[Any]]]:
    path = make_sqlite(
        "create table t (city text, x real); create view v as select city, sum(x) as total from t group by city;"
        " insert into t values ('a', 0.1), ('a', 0.2), ('a', 0.3), ('b', 1), (null, null)"
    )
    with closing(sqlite3.connect(path)) as source, psycopg.connect(database, autocommit=True) as target:
        target.execute("create table v (city text, total float8)")
        yield source, target


def fill(target: psycopg.Connection[Any], rows: list[tuple[str | None, float | None]]) -> None:
    target.execute("truncate v")
    target.cursor().executemany("insert into v values (%s, %s)", rows)


def test_last_digits_of_arithmetic_are_no_difference(
    ends: tuple[sqlite3.Connection, psycopg.Connection[Any]],
) -> None:
    source, target = ends
    for total in (0.6, 0.6000000000000001):
        fill(target, [("a", total), ("b", 1.0), (None, None)])
        proof = prove_view(source, target, MATCH, INEXACT)
        assert proof.equal and proof.source_rows == proof.target_rows == 3


def test_without_leave_every_digit_counts(ends: tuple[sqlite3.Connection, psycopg.Connection[Any]]) -> None:
    source, target = ends
    fill(target, [("a", 0.61), ("b", 1.0), (None, None)])
    assert not prove_view(source, target, MATCH).equal


@pytest.mark.parametrize("rows_at_once", [1, 200_000])
def test_another_number_is_told_with_its_row(
    ends: tuple[sqlite3.Connection, psycopg.Connection[Any]], monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(views, "_ROWS_AT_ONCE", rows_at_once)
    source, target = ends
    fill(target, [("a", 0.6), ("b", 1.001), (None, None)])
    proof = prove_view(source, target, MATCH, INEXACT)
    assert not proof.equal and proof.total_differences == 1
    (difference,) = proof.differences
    assert "b" in difference.key["row"] and (difference.source, difference.target) == ("1.0", "1.001")


def test_null_is_no_number(ends: tuple[sqlite3.Connection, psycopg.Connection[Any]]) -> None:
    source, target = ends
    fill(target, [("a", 0.6), ("b", 1.0), (None, 0.0)])
    assert not prove_view(source, target, MATCH, INEXACT).equal


def test_a_row_too_many_is_a_difference(ends: tuple[sqlite3.Connection, psycopg.Connection[Any]]) -> None:
    source, target = ends
    fill(target, [("a", 0.6), ("b", 1.0), ("b", 1.0), (None, None)])
    proof = prove_view(source, target, MATCH, INEXACT)
    assert not proof.equal and [(d.kind, d.target is None) for d in proof.differences] == [("extra", False)]
