"""What a tool lost: rows counted table by table, keys and indexes looked for in pg_catalog.

Nothing of litelift takes part: the source is read by Python's sqlite3. Whether every value arrived as it was is not
asked here.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from benchmarks.speed.datasets import count, quoted, tables

_TABLES: LiteralString = """
select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'litelift')
"""
_OBJECTS: LiteralString = """
select indrelid, case when indisprimary then 'primary key' else 'index' end from pg_index where indisvalid
union all
select conrelid, case when convalidated then 'foreign key' else 'foreign key not valid' end
from pg_constraint where contype = 'f'
"""
KINDS = {"primary key": "primary keys", "index": "indexes and unique keys", "foreign key": "foreign keys"}
_ONE = {
    "tables": "table",
    "rows": "row",
    "primary keys": "primary key",
    "indexes and unique keys": "index",
    "foreign keys": "foreign key",
}


@dataclass(frozen=True)
class Holding:
    """What a table has: its rows, and how many objects of each kind."""

    rows: int
    objects: Counter[str]


def source_holdings(path: Path) -> dict[str, Holding]:
    """The tables of a SQLite file, by their lower-case names."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return {name.lower(): _source_table(connection, name) for name in tables(connection)}
    finally:
        connection.close()


def _source_table(connection: sqlite3.Connection, name: str) -> Holding:
    objects: Counter[str] = Counter()
    if any(row[5] for row in connection.execute(f"pragma table_info({quoted(name)})")):
        objects["primary key"] = 1
    # A primary key has an index of its own, unless it is the rowid.
    objects["index"] = sum(row[3] != "pk" for row in connection.execute(f"pragma index_list({quoted(name)})"))
    objects["foreign key"] = len({row[0] for row in connection.execute(f"pragma foreign_key_list({quoted(name)})")})
    return Holding(count(connection, name), objects)


def target_holdings(url: str) -> dict[str, Holding]:
    """The tables of a PostgreSQL database, by their lower-case names."""
    found: dict[str, Holding] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        objects: dict[int, Counter[str]] = {}
        for table, kind in connection.execute(_OBJECTS).fetchall():
            objects.setdefault(table, Counter())[kind] += 1
        for oid, schema, name in connection.execute(_TABLES).fetchall():
            asked = sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
            row = connection.execute(asked).fetchone()
            found[name.lower()] = Holding(int(row[0]) if row else 0, objects.get(oid, Counter()))
    return found


def lost(source: dict[str, Holding], target: dict[str, Holding]) -> list[str]:
    """In words, what is missing in the target; empty where nothing is."""
    told = []
    missing = [name for name in source if name not in target]
    if missing:
        told.append(_share(len(missing), len(source), "tables"))
    rows = sum(holding.rows for holding in source.values())
    fewer = sum(max(0, holding.rows - target[name].rows) for name, holding in source.items() if name in target)
    fewer += sum(source[name].rows for name in missing)
    if fewer:
        told.append(_share(fewer, rows, "rows"))
    more = sum(max(0, target[name].rows - holding.rows) for name, holding in source.items() if name in target)
    if more:
        told.append(f"{more:,} rows too many")
    for kind, word in KINDS.items():
        due = sum(holding.objects[kind] for holding in source.values())
        gone = 0
        unproved = 0
        for name, holding in source.items():
            there = target[name].objects if name in target else Counter[str]()
            late = min(there["foreign key not valid"], holding.objects[kind]) if kind == "foreign key" else 0
            unproved += late
            gone += max(0, holding.objects[kind] - there[kind] - late)
        if gone:
            told.append(_share(gone, due, word))
        if unproved:
            told.append(f"{unproved:,} of {due:,} {word} not validated")
    return told


def _share(part: int, whole: int, word: str) -> str:
    if whole == 1:
        return f"the {_ONE[word]}"
    return f"all {whole:,} {word}" if part == whole else f"{part:,} of {whole:,} {word}"
