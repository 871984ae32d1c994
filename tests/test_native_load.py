"""A move by the compiled path leaves what a move by Python alone leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from command import litelift
from litelift.compiled import native
from litelift.errors import LoadFailed
from litelift.move import journal
from litelift.move.load import load_unit
from litelift.move.unit import Unit
from litelift.plan.plan import ColumnPlan, TablePlan
from litelift.postgres.connect import connect
from litelift.postgres.types import PgType
from litelift.sqlite.open import open_source
from litelift.wire.block import copy_format

pytestmark = pytest.mark.skipif(native() is None, reason="the compiled path is not built")

SCHEMA = """
create table plain(id integer primary key, i integer, r real, d decimal(10,2), n numeric, t text, v varchar(5), b blob,
  day date, at datetime, clock time, flag boolean, doc json, u uuid, any_value);
create table keyless(t text not null, x text default 'it''s');
create table spans(name text primary key, took interval) without rowid;
create table odd("ta	b" text, "quo""te" integer, "%s" text);
"""
ROWS: list[tuple[str, list[tuple[object, ...]]]] = [
    (
        "insert into plain values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                at,
                at * 7919 - 40000,
                at / 7,
                at * 3 / 100,
                at / 3 if at % 2 else at,
                "tab\t\\N\n ə😀" if at % 5 else None,
                "abcde"[: at % 6],
                bytes(range(at % 256)),
                f"20{at % 100:02}-02-28",
                f"2024-02-29T13:14:15.{at:06}Z" if at % 3 else "2024-02-29 13:14:15",
                f"{at % 24:02}:30",
                at % 2,
                json.dumps({"n": at, "s": "ə"}),
                f"{at:032x}",
                at if at % 2 else f"t{at}",
            )
            for at in range(3000)
        ]
        + [
            # What does not fit: a word in an integer, text that is no UTF-8, a date that is none.
            (5000, "word", 1.0, 1, 1, "nul\0", "a", "text\0", "not a date", None, None, 1, "{}", None, b"\xff"),
            (5001, 1, float("inf"), 1, 1, "a", "a", None, None, None, None, 0, "{}", None, 1.5),
        ],
    ),
    ("insert into keyless values (?, ?)", [(f"r{at}", None) for at in range(2500)]),
    ("insert into spans values (?, ?)", [("a", 1_000_000), ("b", "00:00:01.5")]),
    ("insert into odd values (?, ?, ?)", [("a", 1, "b"), ("", 2, None)]),
]


def tables(url: str) -> dict[str, str]:
    """Every table as COPY prints it."""
    with psycopg.connect(url) as connection:
        names = [
            (schema, name)
            for schema, name in connection.execute(
                "select schemaname, tablename from pg_tables where schemaname = 'public'"
                " union all select 'litelift', 'quarantine' order by 1, 2"
            ).fetchall()
        ]
        found = {}
        for schema, name in names:
            columns = sql.SQL("*")
            if schema == "litelift":
                columns = sql.SQL("table_name, column_name, row_key, original, storage_class, reason, stands_in")
            statement = sql.SQL("copy (select {} from {} as t order by 1, 2, t::text) to stdout").format(
                columns, sql.Identifier(schema, name)
            )
            if schema == "litelift":
                statement = sql.SQL("copy (select {} from {} order by 1, 2, 3::text) to stdout").format(
                    columns, sql.Identifier(schema, name)
                )
            with connection.cursor().copy(statement) as copy:
                found[name] = b"".join(bytes(block) for block in copy).decode()
        return found


@pytest.fixture
def second(database: str, server: Callable[[str], str]) -> str:
    name = database.rpartition("/")[2].partition("?")[0] + "b"
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return server(name)


def test_both_paths_load_the_same_tables(
    make_sqlite: Callable[..., Path], database: str, second: str, tmp_path: Path
) -> None:
    source = make_sqlite(SCHEMA, ROWS)
    said = []
    for url, pure in ((database, "0"), (second, "1")):
        done = litelift("migrate", source, url, "--verbose", "--report", tmp_path / pure, LITELIFT_PURE=pure)
        assert done.status == 3, done.err
        said.append(done.out)
    ours, theirs = tables(database), tables(second)
    assert ours == theirs
    assert ours["quarantine"]
    assert "compiled, binary" in said[0] and "pure" not in said[0]
    assert "pure, text" in said[1] and "compiled" not in said[1]


def test_what_the_server_refuses_in_binary_is_told_with_its_row(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    source = open_source(make_sqlite("create table t(a); insert into t values ('ab'), ('abc')"))
    plan = TablePlan("t", "public", "t", (ColumnPlan("a", "a", PgType("text")),), rowid="rowid")
    with connect(database) as target:
        journal.make_schema(target)
        target.execute("create table public.t(a varchar(2))")
        with pytest.raises(LoadFailed, match=r"too long.*line 2, column a"):
            load_unit(source.connection, target, str(uuid4()), Unit(plan))
        assert target.execute("select count(*) from public.t").fetchone() == (0,)
    source.close()


@pytest.mark.parametrize(
    ("types", "stand_in", "expected"),
    [
        ([PgType("int8"), PgType("text"), PgType("mood", kind="enum", labels=("a",))], None, "binary"),
        ([PgType("int8", domain="positive")], None, "binary"),
        ([PgType("int8"), PgType("inet")], None, "text"),
        ([PgType("int8"), PgType("_text", kind="array", element="text")], None, "text"),
        ([PgType("timestamptz")], "2024-02-29 13:14:15+00", "binary"),
        ([PgType("timestamptz")], "2024-02-29 13:14:15", "text"),
        ([PgType("date")], "infinity", "text"),
        ([PgType("int2")], "40000", "text"),
        ([PgType("numeric")], "NaN", "text"),
    ],
    ids=repr,
)
def test_the_format_is_binary_where_every_type_and_default_has_a_known_form(
    types: list[PgType], stand_in: str | None, expected: str
) -> None:
    stand_ins = [stand_in, *[None] * (len(types) - 1)]
    assert copy_format(types, stand_ins, compiled=True) == expected
    assert copy_format(types, stand_ins, compiled=False) == "text"


def test_a_column_that_needs_the_server_to_fill_it_goes_in_as_text(
    make_sqlite: Callable[..., Path], database: str, tmp_path: Path
) -> None:
    source = make_sqlite("create table t(id integer primary key, ip text); insert into t values (1, '10.0.0.1')")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t(id bigint primary key, ip inet)")
    done = litelift("migrate", source, database, "--data-only", "--verbose", "--report", tmp_path / "r")
    assert done.status == 0, done.err
    assert "compiled, text" in done.out
