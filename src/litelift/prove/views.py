"""A view compared row by row on both sides: by content, with room for the last digits of what arithmetic made.

A sum of floating-point numbers depends on the order in which they are added, which neither database promises; SQLite
itself gives another one since 3.43 (Kahan-Babuska summation). All else must be equal.
"""

from __future__ import annotations

import math
import sqlite3
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import psycopg

from litelift.plan.match import TableMatch
from litelift.prove.cells import NULL
from litelift.prove.patience import OutOfTime, Patience
from litelift.prove.quarantine import Quarantine
from litelift.prove.source import SourceScan
from litelift.prove.tables import prove_table
from litelift.prove.target import TargetScan, relations, steady
from litelift.result import Difference, TableProof
from litelift.sqlite.twin import SourceConnection

ROOM = 1e-9
"""How far, relative to the larger one, two results of arithmetic may be apart."""
_ROWS_AT_ONCE = 200_000
"""Rows held in memory at a time; a view with more is read several times, a part of its rows each time."""

Numbers = tuple[float | None, ...]
Groups = dict[str, list[Numbers]]


def prove_view(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    match: TableMatch,
    inexact: frozenset[str] = frozenset(),
    *,
    limit: int | None = 20,
) -> TableProof:
    """Compare every row of a view with its source, as a multiset.

    ``match`` names the view on both sides; ``inexact`` its source columns whose numbers may differ by ``ROOM``. At most
    ``limit`` differences are kept (None: all). Raises psycopg.Error and sqlite3.Error where a side cannot be read; one
    that has no end is such (`litelift.prove.patience`).
    """
    try:
        with _patience(source).bounded(source, target):
            return _prove(source, target, match, inexact, limit)
    except OutOfTime as error:
        kind = sqlite3.OperationalError if error.where == "SQLite" else psycopg.DataError
        raise kind(str(error)) from error


def _patience(source: sqlite3.Connection) -> Patience:
    if not isinstance(source, SourceConnection):
        return Patience.for_source(source)
    source.patience = source.patience or Patience.for_source(source)
    found: Patience = source.patience
    return found


def _prove(
    source: sqlite3.Connection,
    target: psycopg.Connection[Any],
    match: TableMatch,
    inexact: frozenset[str],
    limit: int | None,
) -> TableProof:
    exact = replace(match, columns=tuple(c for c in match.columns if c.source not in inexact), key=())
    proof = prove_table(source, target, exact, limit=limit)
    if not inexact or not proof.equal:
        return proof
    started = time.monotonic()
    passes = proof.source_rows // _ROWS_AT_ONCE + 1
    positions = [place for place, column in enumerate(match.columns) if column.source in inexact]
    keyless = replace(match, key=())
    total, kept = 0, list[Difference]()
    with steady(target):
        (relation,) = relations(target, [keyless])
        for part in range(passes):
            scan = SourceScan(source, keyless, Quarantine())
            left = _grouped((line for batch in scan.batches() for line in batch.encoded()), positions, part, passes)
            other = TargetScan(target, keyless, relation)
            lines = (line for block in other.blocks_of_rows() for line in other.lines(block))
            right = _grouped(lines, positions, part, passes)
            for difference in _differences(left, right, match):
                total += 1
                if limit is None or len(kept) < limit:
                    kept.append(difference)
    return proof.model_copy(
        update={
            "equal": total == 0,
            "total_differences": total,
            "differences": kept,
            "seconds": proof.seconds + time.monotonic() - started,
        }
    )


def _grouped(lines: Iterable[bytes], positions: list[int], part: int, passes: int) -> Groups:
    """The numbers by the rest of their row, of those rows whose turn it is."""
    found: Groups = defaultdict(list)
    for line in lines:
        cells = str(line, "utf-8", "surrogateescape").split("\t")
        numbers = tuple(None if cells[place] == NULL else float(cells[place]) for place in positions)
        for place in positions:
            cells[place] = ""
        rest = "\t".join(cells)
        if passes == 1 or zlib.crc32(rest.encode("utf-8", "surrogateescape")) % passes == part:
            found[rest].append(numbers)
    return found


def _differences(left: Groups, right: Groups, match: TableMatch) -> Iterator[Difference]:
    for rest, numbers in left.items():
        pairs = zip(sorted(numbers, key=_rank), sorted(right.get(rest, []), key=_rank), strict=False)
        for ours, theirs in pairs:
            if not all(map(near, ours, theirs)):
                yield Difference(
                    table=match.source,
                    kind="changed",
                    key={"row": rest.replace("\t", " | ")},
                    source=", ".join(map(str, ours)),
                    target=", ".join(map(str, theirs)),
                )


def _rank(numbers: Numbers) -> list[tuple[bool, float]]:
    # Rounded, so that last digits do not decide which rows are put side by side.
    return [(number is not None, float(f"{number or 0.0:.8g}")) for number in numbers]


def near(left: float | None, right: float | None) -> bool:
    """Whether two results of arithmetic are the same but for their last digits; a zero may be a very small number."""
    if left is None or right is None:
        return left is right
    return left == right or math.isclose(left, right, rel_tol=ROOM, abs_tol=ROOM)
