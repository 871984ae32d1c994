"""Making the demo's database: the schema, the rows of every table, the history, the blemishes."""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from litelift.demo.blemishes import BLEMISHES, Blemish, spoil
from litelift.demo.blueprint import ColumnSpec, TableSpec
from litelift.demo.catalogue import HISTORY, TABLES, keys
from litelift.demo.entities import ENTITIES
from litelift.demo.history import WRITERS
from litelift.demo.makers import MOVE, START, Cell, maker, stamp
from litelift.demo.plan import write_demo_plan
from litelift.errors import UsageError
from litelift.sqlite.schema import Value

Progress = Callable[[str, int, int], None]

_BATCH = 2000
_TRIES = 2000
_SEQUENCES = {"users": 423, "link_shares": 724, "grades": 5465}


@dataclass(frozen=True, slots=True)
class DemoDatabase:
    """What was made: the SQLite file, its plan file, how many tables, the rows of each, and what is wrong in them."""

    path: Path
    plan: Path
    tables: int
    counts: dict[str, int]
    blemishes: tuple[Blemish, ...]


def make_demo(
    path: Path, *, size: Literal["small", "full"] = "small", on_progress: Progress | None = None
) -> DemoDatabase:
    """Make the demo's SQLite file at ``path``, and its plan beside it as ``<stem>.plan.toml``.

    The content is the same every time. ``full`` is the 702 MB of the real system, most of it history; ``small`` has the
    same tables and people and a few MB. ``on_progress`` gets a stage ("schema", "rows", "history"), how much of it is
    done, and of how much. Raises UsageError where one of the two files exists.
    """
    plan = path.with_name(f"{path.stem}.plan.toml")
    for file in (path, plan):
        if file.exists():
            raise UsageError(message=f"{file} exists already", hint="Name another file, or remove it first.")
    told = on_progress or (lambda stage, done, total: None)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        counts = _make(part, HISTORY[size], told)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return DemoDatabase(path, write_demo_plan(plan), len(TABLES), counts, BLEMISHES)


def _make(path: Path, history: dict[str, int], told: Progress) -> dict[str, int]:
    ids: dict[str, Sequence[int]] = {table.name: keys(table, table.rows) for table in TABLES}
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # No journal: a demo that is half made when the power goes is made again. The mode is not kept in the file.
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536; BEGIN")
        for done, table in enumerate(TABLES, 1):
            for statement in table.ddl:
                connection.execute(statement)
            told("schema", done, len(TABLES))
        for done, table in enumerate(TABLES, 1):
            if table.name not in history:
                connection.executemany(_insert(table), _rows(table, ids))
            told("rows", done, len(TABLES))
        _write_history(connection, history, ids, told)
        spoil(connection)
        # PHP's PDO binds bytes as text, so that a file uploaded that way has the storage class TEXT.
        connection.execute('UPDATE "attachments" SET "content" = cast("content" as text) WHERE rowid % 2 = 0')
        for name, last in _SEQUENCES.items():
            connection.execute('UPDATE "sqlite_sequence" SET "seq" = ? WHERE "name" = ?', (last, name))
        connection.execute("COMMIT")
    finally:
        connection.close()
    return {table.name: history.get(table.name, table.rows) for table in TABLES}


def _write_history(
    connection: sqlite3.Connection, history: dict[str, int], ids: dict[str, Sequence[int]], told: Progress
) -> None:
    total, done = sum(history.values()), 0
    for table in TABLES:
        if table.name not in history:
            continue
        rows = WRITERS[table.name](random.Random(f"litelift {table.name}"), history[table.name], ids)
        while batch := list(islice(rows, _BATCH)):
            connection.executemany(_insert(table), batch)
            done += len(batch)
            told("history", done, total)


def _insert(table: TableSpec) -> str:
    return f'INSERT INTO "{table.name}" VALUES ({", ".join("?" * len(table.columns))})'  # noqa: S608


def _rows(table: TableSpec, ids: dict[str, Sequence[int]]) -> Iterator[tuple[Value, ...]]:
    rng = random.Random(f"litelift {table.name}")
    unique = [index.columns for index in table.indexes if index.unique] + ([table.primary] if table.primary else [])
    seen: list[set[tuple[Value, ...]]] = [set() for _ in unique]
    for n in range(table.rows):
        born = START + (MOVE - START) * ((n + rng.random()) / table.rows)
        for _ in range(_TRIES):
            row = _row(table, rng, ids, n, born)
            values = [tuple(row[name] for name in columns) for columns in unique]
            # NULLs are distinct in a unique index (SQLite, CREATE INDEX, 1.2).
            if not any(value in met and None not in value for value, met in zip(values, seen, strict=True)):
                break
        else:
            raise RuntimeError(f"expected rows that differ in {unique}; got none in {_TRIES} tries in {table.name}")
        for value, met in zip(values, seen, strict=True):
            met.add(value)
        yield tuple(row.values())


def _row(
    table: TableSpec, rng: random.Random, ids: dict[str, Sequence[int]], n: int, born: dt.datetime
) -> dict[str, Value]:
    row: dict[str, Value] = {}
    cell = Cell(rng, table, ids, n, born, row, table.columns[0])
    settled = ENTITIES[table.name](cell) if table.name in ENTITIES else {}
    for column in table.columns:
        cell.column = column
        row[column.name] = settled[column.name] if column.name in settled else _value(cell, column)
    return row


def _value(cell: Cell, column: ColumnSpec) -> Value:
    rng = cell.rng
    if column.kind == "id":
        return cell.keys[cell.table.name][cell.n]
    if column.name == "deleted_at":
        return stamp(min(MOVE, cell.born + dt.timedelta(days=rng.randint(1, 90)))) if rng.random() < 0.04 else None
    optional = column.nullable and column.name not in ("created_at", "updated_at")
    # The two columns of a polymorphic pair are NULL together: the type decides.
    if optional and not (column.maker or "").startswith("morph_id") and rng.random() < 0.2:
        return None
    if column.parent == cell.table.name:
        # A parent is older than its children, so that there is no cycle.
        return rng.choice(cell.keys[column.parent][: cell.n]) if cell.n and rng.random() < 0.6 else None
    make, cell.arg = maker(column)
    return make(cell)
