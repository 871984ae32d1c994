"""A database that another tool has filled: its names and types are read from its own catalogue."""

from __future__ import annotations

import psycopg
import pytest

from litelift.errors import AmbiguousName
from litelift.prove import matches_from_target
from litelift.sqlite.schema import Column, Schema, Table


def schema(*tables: Table) -> Schema:
    return Schema(tables)


def table(name: str, *columns: str, key: tuple[str, ...] = ()) -> Table:
    return Table(name, tuple(Column(column) for column in columns), primary_key=key)


def test_types_are_read_down_to_the_base_type(database: str) -> None:
    with psycopg.connect(database) as target:
        target.execute(
            "create type mood as enum ('sad', 'ok');"
            "create domain short as varchar(5); create domain shorter as short check (length(value) < 4);"
            "create table t (a shorter, b numeric(10,2), c timestamp(0), d mood, e mood[], f int[], g char(3),"
            " h numeric, i timestamptz)"
        )
        (match,), notices = matches_from_target(schema(table("t", *"abcdefghi")), target, "public")
    assert notices == []
    types = {column.target: column.type for column in match.columns}
    assert (types["a"].base, types["a"].length, types["a"].domain) == ("varchar", 5, "shorter")
    assert (types["b"].precision, types["b"].scale) == (10, 2)
    assert (types["c"].base, types["c"].precision) == ("timestamp", 0)
    assert (types["d"].kind, types["d"].labels) == ("enum", ("sad", "ok"))
    assert (types["e"].kind, types["e"].element) == ("array", "mood")
    assert (types["f"].kind, types["f"].element) == ("array", "int4")
    assert (types["g"].base, types["g"].length) == ("bpchar", 3)
    assert (types["h"].precision, types["i"].precision) == (None, None)


def test_names_match_exactly_and_else_without_case(database: str) -> None:
    with psycopg.connect(database) as target:
        target.execute('create table users (id int, "eMail" text, email text); create table "Log" (x int)')
        matches, _ = matches_from_target(
            schema(table("Users", "ID", "email", key=("ID",)), table("log", "X")), target, "public"
        )
        assert [(m.source, m.target, m.key) for m in matches] == [("Users", "users", ("ID",)), ("log", "Log", ())]
        assert [(c.source, c.target) for c in matches[0].columns] == [("ID", "id"), ("email", "email")]
        with pytest.raises(AmbiguousName, match="EMAIL"):
            matches_from_target(schema(table("users", "EMAIL")), target, "public")


def test_what_has_no_place_is_told(database: str) -> None:
    with psycopg.connect(database) as target:
        target.execute("create table t (a int)")
        matches, notices = matches_from_target(schema(table("t", "a", "b"), table("gone", "a")), target, "public")
    assert [m.source for m in matches] == ["t"]
    assert [(n.level, n.kind, n.table, n.column) for n in notices] == [
        ("attention", "missing_column", "t", "b"),
        ("attention", "missing_table", "gone", None),
    ]


def test_renames_and_the_bookkeeping_of_migration_tools(database: str) -> None:
    with psycopg.connect(database) as target:
        target.execute("create table new (z int); create table alembic_version (v text)")
        source = schema(table("old", "a"), table("alembic_version", "v"))
        names = {"table_names": {"old": "new"}, "column_names": {("old", "a"): "z"}}
        matches, _ = matches_from_target(source, target, "public", **names)  # type: ignore[arg-type]
        assert [(m.target, m.columns[0].target) for m in matches] == [("new", "z"), ("alembic_version", "v")]
        matches, notices = matches_from_target(source, target, "public", skip_bookkeeping=True, **names)  # type: ignore[arg-type]
    assert [m.target for m in matches] == ["new"]
    assert [n.level for n in notices] == ["info"]
