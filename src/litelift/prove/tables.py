"""Whole tables compared by content: a sum of row digests on each side, and a closer look where the sums differ.

Memory does not grow with the table, the order of rows does not matter, and duplicates count, so that tables without a
key are proved like the others.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from litelift.plan.match import TableMatch
from litelift.prove.differences import find_differences
from litelift.prove.quarantine import Quarantine, load_quarantine
from litelift.prove.scan import SourceScan, Sums, TargetScan, rowid_word, steady
from litelift.result import Difference, TableProof

Progress = Callable[[str, int], None]


def prove_table(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    match: TableMatch,
    *,
    keyless_rowids: Mapping[str, str] | None = None,
    quarantine_run: str | None = None,
    limit: int | None = 20,
    on_progress: Progress | None = None,
) -> TableProof:
    """Compare every row of one table with its source, by content.

    ``source`` is best inside a read transaction; ``target`` is left as it was. ``keyless_rowids`` gives, by source
    table, the word for the rowid (found out where it is left out). ``quarantine_run`` names the run whose quarantine
    answers for values, by default the newest that touched the table. All differences are counted, and at most ``limit``
    kept (None: all). ``on_progress`` gets the source table's name and the number of rows compared since its last call.
    Raises psycopg.Error and sqlite3.Error where a side cannot be read.
    """
    started = time.monotonic()
    positions = {column.source: position for position, column in enumerate(match.columns)}
    key = tuple(positions[name] for name in match.key) if all(name in positions for name in match.key) else ()
    rowid = None
    if not key:
        rowid = (keyless_rowids or {}).get(match.source) or rowid_word(source, match.source)
    with steady(target):
        kept: Quarantine = load_quarantine(target, match, quarantine_run)
        source_scan = SourceScan(source, match, key, rowid, kept)
        target_scan = TargetScan(target, match)
        left, right = Sums(), Sums()
        told = 0
        # Both sides in step, so that the server works while the source is read.
        raw_batches = target_scan.raw()
        try:
            for batch, raw in itertools.zip_longest(source_scan.batches(), raw_batches):
                if batch is not None:
                    left.add(batch.lines)
                if raw is not None:
                    right.add(target_scan.canonical(raw))
                if on_progress is not None and (now := max(source_scan.read, right.count)) > told:
                    on_progress(match.source, now - told)
                    told = now
        finally:
            raw_batches.close()
        source_rows, quarantined_rows = source_scan.read, source_scan.quarantined_rows
        quarantined_values = source_scan.quarantined_values
        unlike = left.unlike(right)
        total, differences = 0, list[Difference]()
        if unlike or left.count != right.count:
            total, differences = find_differences(source_scan, target_scan, unlike, limit)
    balanced = source_rows == right.count + quarantined_rows
    return TableProof(
        source=match.source,
        target=match.target,
        source_rows=source_rows,
        target_rows=right.count,
        quarantined_rows=quarantined_rows,
        quarantined_values=quarantined_values,
        equal=not unlike and left.count == right.count and balanced,
        total_differences=total,
        differences=differences,
        seconds=time.monotonic() - started,
    )


def prove_tables(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    matches: Sequence[TableMatch],
    *,
    keyless_rowids: Mapping[str, str] | None = None,
    quarantine_run: str | None = None,
    limit: int | None = 20,
    on_progress: Progress | None = None,
) -> list[TableProof]:
    """Compare tables one after another; the arguments are those of ``prove_table``."""
    return [
        prove_table(
            source,
            target,
            match,
            keyless_rowids=keyless_rowids,
            quarantine_run=quarantine_run,
            limit=limit,
            on_progress=on_progress,
        )
        for match in matches
    ]
