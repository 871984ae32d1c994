"""How much room a move takes on the server's disk, estimated from the census.

The layout of a table's pages is that of "Database Page Layout" (section 73.6 of the PostgreSQL manual), an index's that
of "B-Tree Indexes" (section 65.1). The rest was measured: what PostgreSQL 16 held after moving some twenty databases.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from litelift.plan.plan import IndexPlan, MovePlan, TablePlan
from litelift.postgres.existing_types import TargetSchema
from litelift.preflight.widths import Width, look_at, width
from litelift.sqlite.census import TableCensus

PAGE = 8192
PAGE_ROOM = PAGE - 24
LEAF_ROOM = (PAGE - 40) * 0.9
"""The fill factor of a B-tree's leaves, where it is built on rows that are there."""
FILLED_ROW_BY_ROW = 1.35
"""How much larger an index becomes that is there before its rows: split leaves are some two thirds full."""
TUPLE_HEADER = 23
ITEM = 4
INDEX_HEADER = 8
POSTING_BYTES = 6.3
"""An entry of an index in which a key has many rows, which are listed behind it (deduplication, from version 13 on)."""
WIDE_ROW = 2000
TOAST_SHARE = 1.04
"""Chunks of values kept apart have headers of their own, and an index."""
FIRST_PAGES = 1
MAPS = 4 * PAGE
"""The free space map and the visibility map of a table of more than one page."""
BASE_BYTES = 450_000
TABLE_BYTES = 3_500
COLUMN_BYTES = 1_600
OBJECT_BYTES = 2_500
"""What the catalogues grow by: for litelift's own schema, and for each table, column, and index or constraint."""
MARGIN = 1.12
"""What the estimate of tables and indexes is raised by, so that it is rather too high than too low."""
SORTED_IN_MEMORY = 256 << 20
"""An index whose entries take less is sorted in memory: maintenance_work_mem, as it is while indexes are built."""
TSVECTOR_GROWTH = 1.8
GIN_SHARE = 1.0
GIST_ENTRY = 60


class Need(BaseModel):
    """The room that a move takes on the server's disk, in bytes.

    ``tables`` with what is kept apart of wide rows, ``indexes``, ``catalogue``, and a new ``server`` stay; ``log``
    (write-ahead log) and ``sorting`` (temporary files) are taken meanwhile.
    """

    tables: int
    indexes: int
    catalogue: int
    server: int = 0
    log: int = 0
    sorting: int = 0

    @property
    def stays(self) -> int:
        """What the database has grown by in the end."""
        return self.tables + self.indexes + self.catalogue + self.server

    @property
    def most(self) -> int:
        """What is taken at the most."""
        return self.stays + self.log + self.sorting


def estimate(
    connection: sqlite3.Connection,
    plan: MovePlan,
    censuses: Mapping[str, TableCensus],
    *,
    target: TargetSchema | None = None,
    jobs: int = 1,
    log_bytes: int = 1 << 30,
) -> Need:
    """Estimate the room that a move takes.

    Args:
        connection: the source, of which some rows are looked at.
        plan: what goes where.
        censuses: what is stored, by source table.
        target: the tables to fill, for their indexes.
        jobs: how many indexes are built at one time.
        log_bytes: what the write-ahead log may grow to (max_wal_size).
    """
    built: dict[str, list[Sequence[str] | IndexPlan]] = {table.target: [] for table in plan.tables}
    for index in plan.indexes:
        built.setdefault(index.table, []).append(index)
    for existing in target.tables if target is not None else ():
        built.setdefault(existing.name, []).extend(index.columns for index in existing.indexes)
    tables = objects = columns = 0
    indexes: list[int] = []
    for table in plan.tables:
        census = censuses[table.source]
        widths = _widths(connection, table, census)
        tables += _heap(list(widths.values()), table.rows)
        columns += len(widths)
        for one in built[table.target]:
            size = _index(one, table.rows, widths)
            indexes.append(size if isinstance(one, IndexPlan) else int(size * FILLED_ROW_BY_ROW))
            objects += 1
    objects += len(plan.foreign_keys) + len(plan.checks) + len(plan.views) + len(plan.triggers)
    tables += PAGE * sum(column.identity for table in plan.tables for column in table.columns)
    tables, standing = int(tables * MARGIN), int(sum(indexes) * MARGIN)
    sorting = sum(one for one in sorted(indexes)[-jobs:] if one > SORTED_IN_MEMORY) if target is None else 0
    return Need(
        tables=tables,
        indexes=standing,
        catalogue=BASE_BYTES + TABLE_BYTES * len(plan.tables) + COLUMN_BYTES * columns + OBJECT_BYTES * objects,
        log=min(tables + standing, log_bytes),
        sorting=sorting,
    )


def _widths(connection: sqlite3.Connection, table: TablePlan, census: TableCensus) -> dict[str, Width]:
    """The widths of a table's columns by target name, in their order."""
    looks = look_at(connection, table, census) if table.rows else {}
    found = {
        column.target: width(column, census.columns.get(column.source), table.rows, looks.get(column.source))
        for column in table.columns
    }
    words = sum(one.bytes * one.present for one in found.values() if one.varies)
    for derived in table.derived:
        found[derived.name] = Width(32, 8) if derived.type == "box" else Width(words * TSVECTOR_GROWTH, 4, varies=True)
    return found


def _row(widths: Sequence[Width]) -> float:
    """The mean size of a row, with its header and its pointer."""
    null = any(one.present < 1 for one in widths)
    size = float(_aligned(TUPLE_HEADER + (math.ceil(len(widths) / 8) if null else 0)))
    return size + _aligned_bytes(widths) + ITEM


def _aligned_bytes(widths: Iterable[Width]) -> float:
    """The size of values one behind the other, each at its alignment, and of what fills the last eight bytes up."""
    size, known = 0.0, True
    for one in widths:
        pad = -size % one.aligned if known else (one.aligned - 1) / 2
        size += (pad + one.bytes) * one.present
        known = known and not one.varies and one.present == 1
    return size + (-size % 8 if known else 3.5)


def _aligned(size: int) -> int:
    return -(-size // 8) * 8


def _heap(widths: Sequence[Width], rows: int) -> int:
    """The size of a table, with its TOAST table and its maps."""
    apart = PAGE if any(one.varies for one in widths) else 0
    if not rows:
        return apart
    size = _row(widths)
    if size < WIDE_ROW:
        pages = math.ceil(rows / max(1, PAGE_ROOM // size))
    else:
        pages = math.ceil(rows * size * TOAST_SHARE / PAGE_ROOM)
    return apart + pages * PAGE + (MAPS if pages > FIRST_PAGES else 0)


def _index(index: IndexPlan | Sequence[str], rows: int, widths: Mapping[str, Width]) -> int:
    """The size of an index to build, or of one on these columns that is there."""
    names = index.columns if isinstance(index, IndexPlan) else index
    method = index.method if isinstance(index, IndexPlan) else "btree"
    if not rows:
        return PAGE
    keys = [widths[name] for name in names if name in widths] or [Width(16, 1, varies=True)]
    if method == "gin":
        words = sum(one.bytes for one in widths.values() if one.varies) / (1 + TSVECTOR_GROWTH)
        return 2 * PAGE + int(rows * words * GIN_SHARE)
    if method == "gist":
        return PAGE + math.ceil(rows * GIST_ENTRY / LEAF_ROOM) * PAGE
    entry = _aligned_bytes([Width(INDEX_HEADER, 8), *keys]) + ITEM
    if all(key.repeats for key in keys):
        entry = min(entry, POSTING_BYTES)
    return (1 + math.ceil(rows * entry / LEAF_ROOM * 1.01)) * PAGE
