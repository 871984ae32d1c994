"""The census's pass over a table: every value is counted, and tested against the probes that the caller hands it.

It knows nothing of PostgreSQL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence

from litelift.compiled import native
from litelift.sqlite.census import ColumnCensus, Key, TableCensus
from litelift.sqlite.count_column import ColumnCount, Probe
from litelift.sqlite.scan import Batch, Rows, Scan, key_json
from litelift.sqlite.twin import SourceConnection


def take_census(
    connection: sqlite3.Connection,
    scan: Scan,
    key: Sequence[str],
    probes: Mapping[str, Sequence[Probe]],
    *,
    between: tuple[int, int] | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> TableCensus:
    """Count a table, or a range of its rowids.

    Args:
        connection: the source, inside its snapshot.
        scan: what to read; with the rowid where ``key`` is empty.
        key: the columns that name a row.
        probes: the tests of each column.
        between: the first and the last rowid.
        on_rows: told the number of rows of each batch.
    """
    census = TableCensus(scan.table, columns={name: ColumnCensus() for name in scan.columns})
    positions = [scan.columns.index(name) for name in key]
    offset = 1 if scan.with_rowid else 0
    fetched = connection.batches(scan, between) if isinstance(connection, SourceConnection) else None
    module = native() if fetched is not None else None
    batches: Iterator[Batch] = fetched or map(Rows, scan.batches(connection, between))
    counts = [ColumnCount(column, probes.get(name, ()), module) for name, column in census.columns.items()]
    for batch in batches:

        def key_of(index: int, batch: Batch = batch) -> Key:
            if positions:
                return key_json(key, [batch.value(index, offset + at) for at in positions])
            return {"rowid": batch.value(index, 0)} if offset else {"row": repr(batch.row(index))[:200]}

        for number, count in enumerate(counts, offset):
            count.add(batch, number, census.rows, key_of)
        census.rows += len(batch)
        if on_rows:
            on_rows(len(batch))
        # Before the next is read: each may hold one huge value.
        del batch, key_of
    for count in counts:
        count.finish()
    return census
