"""The proof in pieces that any worker can do in any order: plain values, whose sums add up to a table's."""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg

from litelift.compiled import KEY_BYTES, Native, native
from litelift.plan.match import TableMatch
from litelift.postgres.locks import locks_at_once, packed
from litelift.prove.compiled import add_source, add_target, native_lines, sums_of
from litelift.prove.large import large_columns
from litelift.prove.quarantine import Quarantine, load_quarantine, tables_kept_aside
from litelift.prove.source import SourceScan, rowid_word
from litelift.prove.sums import Sums
from litelift.prove.target import Relation, TargetScan, relations, steady
from litelift.result import TableProof
from litelift.sqlite.scan import rowid_range

OnRows = Callable[[int], None]

PARTS = 8
"""Pieces for each worker that a database is divided into, so that none of them is left alone with a long one."""

LEAST_BYTES = 2 << 20
MOST_BYTES = 64 << 20
"""A piece's size in the target: smaller ones cost more than they save, and longer ones are silent for too long."""

TOGETHER = 40
"""Small tables that are one piece: in one transaction, which holds a lock on each of them and on its indexes."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all pieces of a proof share.

    ``run`` names the run whose quarantine answers for values, by default the newest that touched the table.
    ``snapshot`` is the target's, exported by a session that keeps it; without it each piece has its own. That is
    enough where nobody else writes; and where somebody does, sums of several moments can only be unequal, unless all
    rows of the source were read. ``key`` is that of the compiled path's hash; without it Python digests.
    """

    run: str | None = None
    snapshot: str | None = None
    key: bytes | None = None


def terms_for(run: str | None, snapshot: str | None = None) -> Terms:
    """The terms of a new proof, with a new key where there is a compiled path."""
    return Terms(run, snapshot, None if native() is None else os.urandom(KEY_BYTES))


@dataclass(frozen=True, slots=True)
class Piece:
    """Tables to sum, or one side of a table, or a part of it: the rowids ``between`` two or a range of ``blocks``.

    ``large`` are the places of columns with values too large to travel, in a table that is a piece's only one.
    """

    matches: tuple[TableMatch, ...]
    side: Literal["both", "source", "target"] = "both"
    between: tuple[int, int] | None = None
    blocks: tuple[int, int | None] | None = None
    large: frozenset[int] = frozenset()


@dataclass(slots=True)
class TableSums:
    """What is known of a table so far. ``read`` counts the source's rows, with those in quarantine."""

    source: Sums = field(default_factory=Sums)
    target: Sums = field(default_factory=Sums)
    read: int = 0
    quarantined_rows: int = 0
    quarantined_values: int = 0
    seconds: float = 0.0

    def __iadd__(self, other: TableSums) -> TableSums:
        """Add another piece's."""
        self.source += other.source
        self.target += other.target
        self.read += other.read
        self.quarantined_rows += other.quarantined_rows
        self.quarantined_values += other.quarantined_values
        self.seconds += other.seconds
        return self

    @property
    def equal(self) -> bool:
        """Whether both sides are the same rows."""
        return self.source == self.target and self.read == self.target.count + self.quarantined_rows


def combine(match: TableMatch, sums: TableSums) -> TableProof | None:
    """The proof of a table that is equal, from the sums of all its pieces; else None: it has to be looked into."""
    if not sums.equal:
        return None
    return TableProof(
        source=match.source,
        target=match.target,
        source_rows=sums.read,
        target_rows=sums.target.count,
        quarantined_rows=sums.quarantined_rows,
        quarantined_values=sums.quarantined_values,
        equal=True,
        seconds=sums.seconds,
    )


def divide(
    source: sqlite3.Connection, target: psycopg.Connection[Any], matches: Sequence[TableMatch], jobs: int
) -> list[Piece]:
    """The pieces of a proof for ``jobs`` workers, the largest tables' first.

    Where there is one worker, a piece is a table, whose sides are read in step: the server works while the source is
    read. For several the sides of a large table are pieces of their own, divided by rowids and by blocks.
    """
    sizes = relations(target, matches)
    total = sum(relation.bytes for relation in sizes)
    unit = min(MOST_BYTES, max(LEAST_BYTES, total // (jobs * PARTS)))
    pieces: list[Piece] = []
    small: list[tuple[TableMatch, int]] = []
    for match, relation in sorted(zip(matches, sizes, strict=True), key=lambda pair: -pair[1].bytes):
        parts = -(-relation.bytes // unit)
        if relation.bytes <= LEAST_BYTES // TOGETHER:
            small.append((match, relation.locks))
            continue
        large = large_columns(target, match)
        if jobs > 1 and parts > 1:
            ranges = _ranges(source, match.source, parts)
            pieces += [Piece((match,), "source", between=between, large=large) for between in ranges]
            pieces += [Piece((match,), "target", blocks=blocks, large=large) for blocks in _blocks(relation, parts)]
        else:
            pieces.append(Piece((match,), large=large))
    together = max(1, min(TOGETHER, len(small) // (jobs * 2)))
    groups = packed(small, locks_at_once(target, jobs), together)
    return pieces + [Piece(tuple(group)) for group in groups]


def _ranges(connection: sqlite3.Connection, table: str, parts: int) -> list[tuple[int, int] | None]:
    rowid = rowid_word(connection, table)
    if rowid is None:
        return [None]
    first, last = rowid_range(connection, table, rowid) or (0, 0)
    if last - first < parts:
        return [None]
    width = -(-(last - first + 1) // parts)
    return [(at, min(at + width - 1, last)) for at in range(first, last + 1, width)]


def _blocks(relation: Relation, parts: int) -> list[tuple[int, int | None] | None]:
    if not relation.divisible or relation.blocks < parts:
        return [None]
    width = -(-relation.blocks // parts)
    starts = range(0, relation.blocks, width)
    # The last one has no end, for the table may have grown.
    return [(at, None if at + width >= relation.blocks else at + width) for at in starts]


def prove_piece(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    terms: Terms,
    piece: Piece,
    on_rows: OnRows | None = None,
) -> list[TableSums]:
    """Sum the piece's tables, in their order. ``on_rows`` gets the number of rows compared since its last call.

    ``source`` is best inside a read transaction; ``target`` is left as it was. Raises psycopg.Error and sqlite3.Error
    where a side cannot be read.
    """
    with steady(target, terms.snapshot):
        found = relations(target, piece.matches)
        aside = tables_kept_aside(target, [match.target for match in piece.matches])
        return [
            _sum(source, target, terms, piece, match, relation, match.target in aside, on_rows)
            for match, relation in zip(piece.matches, found, strict=True)
        ]


def _sum(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    terms: Terms,
    piece: Piece,
    match: TableMatch,
    relation: Relation,
    aside: bool,
    on_rows: OnRows | None,
) -> TableSums:
    started = time.monotonic()
    sums = TableSums()
    left = right = None
    left_steps = right_steps = _nothing()
    if piece.side != "target":
        quarantine = load_quarantine(target, match, terms.run) if aside else Quarantine()
        left = SourceScan(source, match, quarantine, piece.between, piece.large)
        left_steps = _sum_source(left, terms, sums)
    if piece.side != "source":
        right = TargetScan(target, match, relation, piece.blocks, piece.large)
        right_steps = _sum_target(right, terms, sums)
    told = 0
    with closing(left_steps), closing(right_steps):
        # The server works while the source is read.
        for rows in itertools.zip_longest(right_steps, left_steps, fillvalue=0):
            if on_rows is not None and (now := max(rows)) > told:
                on_rows(now - told)
                told = now
    if left is not None:
        sums.read = left.read
        sums.quarantined_rows, sums.quarantined_values = left.quarantined_rows, left.quarantined_values
    sums.seconds = time.monotonic() - started
    return sums


Steps = Generator[int, None, None]
"""Sums one batch after another, and tells how many rows there were so far."""


def _nothing() -> Steps:
    yield from ()


def _sum_source(scan: SourceScan, terms: Terms, sums: TableSums) -> Steps:
    if terms.key is not None:
        lines = native_lines(_module(), terms.key, scan.match.columns)
        yield from add_source(scan, lines)
        sums.source = sums_of(lines)
        return
    for batch in scan.batches():
        sums.source.add(batch.encoded())
        yield scan.read


def _sum_target(scan: TargetScan, terms: Terms, sums: TableSums) -> Steps:
    if terms.key is not None:
        lines = native_lines(_module(), terms.key, scan.match.columns)
        yield from add_target(scan, lines)
        sums.target = sums_of(lines)
        return
    for block in scan.blocks_of_rows():
        sums.target.add(scan.lines(block))
        yield sums.target.count


def _module() -> Native:
    module = native()
    if module is None:
        raise RuntimeError("the sums were begun by the compiled path, which this process does not have")
    return module
