"""Whole tables compared by content: a sum of row digests on each side, and a closer look where the sums differ.

Memory does not grow with the table, the order of rows does not matter, and duplicates count, so that tables without a
key are proved like the others.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import psycopg

from litelift.plan.match import TableMatch
from litelift.prove.differences import find_differences
from litelift.prove.large import large_columns
from litelift.prove.pieces import OnRows, Piece, Terms, combine, prove_piece, terms_for
from litelift.prove.quarantine import Quarantine, load_quarantine, tables_kept_aside
from litelift.prove.source import SourceScan
from litelift.prove.sums import unlike_buckets
from litelift.prove.target import TargetScan, relations, steady
from litelift.result import TableProof

Progress = Callable[[str, int], None]


def prove_table(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    match: TableMatch,
    *,
    quarantine_run: str | None = None,
    limit: int | None = 20,
    on_progress: Progress | None = None,
) -> TableProof:
    """Compare every row of one table with its source, by content.

    ``source`` is best inside a read transaction; ``target`` is left as it was. ``quarantine_run`` names the run whose
    quarantine answers for values, by default the newest that touched the table. All differences are counted, and at
    most ``limit`` kept (None: all). ``on_progress`` gets the source table's name and the number of rows compared since
    its last call. Raises psycopg.Error and sqlite3.Error where a side cannot be read.
    """

    def on_rows(rows: int) -> None:
        if on_progress is not None:
            on_progress(match.source, rows)

    terms = terms_for(quarantine_run)
    with steady(target):
        (sums,) = prove_piece(source, target, terms, Piece((match,), large=large_columns(target, match)), on_rows)
        return combine(match, sums) or look_into(source, target, terms, match, limit)


def prove_tables(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    matches: Sequence[TableMatch],
    *,
    quarantine_run: str | None = None,
    limit: int | None = 20,
    on_progress: Progress | None = None,
) -> list[TableProof]:
    """Compare tables one after another; the arguments are those of ``prove_table``."""
    return [
        prove_table(source, target, match, quarantine_run=quarantine_run, limit=limit, on_progress=on_progress)
        for match in matches
    ]


def look_into(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    terms: Terms,
    match: TableMatch,
    limit: int | None,
    on_rows: OnRows | None = None,
) -> TableProof:
    """Compare a table whose sums are unlike once more, and find where it differs, by Python alone.

    This decides: a table is called different for what is found here. The arguments are those of ``prove_piece`` and
    ``prove_table``.
    """
    started = time.monotonic()
    with steady(target, terms.snapshot):
        (relation,) = relations(target, [match])
        aside = tables_kept_aside(target, [match.target])
        quarantine = load_quarantine(target, match, terms.run) if aside else Quarantine()
        large = large_columns(target, match)
        left = SourceScan(source, match, quarantine, large=large)
        right = TargetScan(target, match, relation, large=large)
        with closing(right.blocks_of_rows()) as blocks:
            count, target_rows, unlike = unlike_buckets(
                (batch.encoded() for batch in left.batches()), map(right.lines, blocks)
            )
        proof = TableProof(
            source=match.source,
            target=match.target,
            source_rows=left.read,
            target_rows=target_rows,
            quarantined_rows=left.quarantined_rows,
            quarantined_values=left.quarantined_values,
            equal=not unlike and count == target_rows,
        )
        if not proof.equal:
            proof.total_differences, proof.differences = find_differences(left, right, unlike, limit)
    proof.seconds = time.monotonic() - started
    return proof
