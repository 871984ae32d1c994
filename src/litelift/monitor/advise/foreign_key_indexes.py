"""Which foreign keys want an index: those by whose columns a table that is not small is searched, and none serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from litelift.monitor.advise.new_index import Key, NewIndex
from litelift.monitor.advise.tables import Table
from litelift.monitor.foreign_keys import ForeignKey, compares, without_index
from litelift.monitor.indexes import Index
from litelift.report.format import count

ROWS = 1000
"""Fewer are read in less than a millisecond."""
COUNTED = timedelta(days=7)
"""After so long without a search of the table nobody will miss the index."""
FEW = 100
"""Rows that an index of a part of the columns may leave to be looked at."""
VALUES = 5
"""Fewer values than this leave so many rows for each that only a parent that goes has an index used."""
MOSTLY_NULL = 0.9
"""From this part on an index is worth leaving the NULLs out: no foreign key searches for them."""
SOURCE = '5.5.5 "Foreign Keys": "it is often a good idea to index the referencing columns too"'


def wanted(
    keys: Sequence[ForeignKey], tables: Mapping[int, Table], indexes: Sequence[Index], counted: timedelta | None
) -> Iterator[tuple[NewIndex, ForeignKey]]:
    """The indexes that foreign keys want, and why each.

    Args:
        keys: all foreign keys.
        tables: the application's.
        indexes: all that are there and stay.
        counted: for how long the statistics count; None where that is not known.
    """
    missing = [key for key in without_index(keys) if key.table_oid in tables]
    for key in missing:
        table = tables[key.table_oid]
        searched = key.scans or key.deleted
        if _rows(key, table) < ROWS or (not searched and counted is not None and counted >= COUNTED):
            continue
        if not all((column := table.columns.get(name)) is not None and column.fits for name in key.columns):
            continue
        if not key.deleted and _hardly_parts(key, table):
            continue
        if any(_leaves_few(index, key, table) for index in indexes):
            continue
        yield _index(key, table, missing), key


def _rows(key: ForeignKey, table: Table) -> int:
    """What was counted since an ANALYZE may have been counted by that already."""
    return table.rows if table.analyzed else key.rows


def why(key: ForeignKey, table: Table, counted: timedelta | None) -> str:
    """The reason, with its numbers."""
    place, parent = f"{key.schema}.{key.table}", f"{key.parent_schema}.{key.parent}"
    rows = f"{count(_rows(key, table), 'row')} of {place} refer to {parent} by {key.name}"
    searched = []
    if key.deleted:
        searched.append(f"{count(key.deleted, 'row')} deleted there had them all searched")
    if key.scans:
        searched.append(f"the table was read from end to end {key.scans:,} times")
    if searched:
        return f"{rows}; {' and '.join(searched)}"
    days = f"only {counted.days} days" if counted is not None and counted.days else "not for long"
    return f"{rows}; each row deleted there has them all searched (the server counts {days}, and has seen none yet)"


def _index(key: ForeignKey, table: Table, missing: Sequence[ForeignKey]) -> NewIndex:
    """Its columns in the order that serves most: first those that another key searches alone, then by their values."""
    alone = {other.columns[0] for other in missing if other.table_oid == key.table_oid and len(other.columns) == 1}
    columns = sorted(key.columns, key=lambda name: (name not in alone, -table.distinct(name), key.columns.index(name)))
    nulls = table.columns[columns[0]].nulls or 0.0
    return NewIndex(
        table, tuple(map(Key, columns)), filled=len(columns) == 1 and nulls >= MOSTLY_NULL and not table.partitioned
    )


def _hardly_parts(key: ForeignKey, table: Table) -> bool:
    """Whether its columns are known to have so few values that no query would read them by an index."""
    columns = [table.columns[name] for name in key.columns]
    known = all(column.n_distinct is not None for column in columns)
    return known and max(table.distinct(column.name) for column in columns) < VALUES


def _leaves_few(index: Index, key: ForeignKey, table: Table) -> bool:
    """Whether an index of other columns finds them all the same: of a part of them, which leaves few rows."""
    if index.table_oid != key.table_oid or not index.valid or index.method != "btree" or index.predicate is not None:
        return False
    part: list[str] = []
    for place, name in enumerate(index.columns[: index.width]):
        if name not in key.columns or not compares(index, place, key):
            break
        part.append(name)
    if index.unique and len(part) == index.width:
        return True
    return bool(part) and table.rows / max(max(map(table.distinct, part)), 1) <= FEW
