"""The sums by the compiled path: rows of either side become canonical lines and their hashes in C.

Its hash is keyed: two lanes of 64 bits, each of which multiplies and folds, with 384 bits of key that are drawn for
each proof. It has to tell accidents apart, and nobody can choose values by a key that is not there yet: so it need not
resist whoever knows the key, and two lines that differ have the same hash with a chance of about one in 2 to the 128.
Sums that are unlike are not believed: Python compares such a table once more.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg

from litelift.compiled import Native
from litelift.plan.match import ColumnMatch
from litelift.prove import values as reading
from litelift.prove.large import LARGE_BYTES
from litelift.prove.libpq import address
from litelift.prove.source import SourceBatch, SourceScan
from litelift.prove.sums import Sums
from litelift.prove.target import TargetScan
from litelift.sqlite.scan import BATCH_BYTES, BATCH_ROWS
from litelift.sqlite.twin import fetched

if TYPE_CHECKING:
    from litelift._native import Batch, Lines

RETRIED = 16
"""A column that Python had to read is tried again after so many batches."""

STOPS = 8
"""After so many rows in a row that Python has to read, all are read in batches."""

MORE, DONE = 0, 1

_READINGS = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "integer"),
    "bool": "bool",
    "float8": "double",
    "float4": "single",
    "numeric": "numeric",
    "money": "numeric",
    "bytea": "bytea",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "time": "time",
    "uuid": "uuid",
    "bpchar": "bpchar",
}
_FORMS = {"float8": "double", "float4": "single", "numeric": "numeric", "money": "numeric", "bpchar": "bpchar"}


def _reading(column: ColumnMatch) -> tuple[str, int, int]:
    base, precision, scale = column.type.base, column.type.precision, column.type.scale
    if column.values is not None or reading.is_array(column.type):
        return "python", -1, -1
    if column.type.kind == "enum" or base not in reading.READERS:
        return "text", -1, -1
    name = _READINGS.get(base, "python")
    if name == "numeric":
        declared = scale if precision is not None and scale is not None else -1
        return (name, declared, -1) if declared >= -1 else ("python", -1, -1)
    fewest = {"julian": -1, "milliseconds": 3, "microseconds": 6}.get(column.numbers, 0)
    return name, 6 if precision is None else precision, fewest


def native_column(column: ColumnMatch) -> tuple[str, str, int, int]:
    """What a column is to `Lines`: how its values are read, the form of the server's text, and their parameters."""
    name, first, second = _reading(column)
    if reading.printer(column) is None:
        form = "same"
    elif reading.is_array(column.type):
        form = "python"
    else:
        form = _FORMS.get(column.type.base, "python")
    return name, form, first, second


def native_lines(module: Native, key: bytes, columns: Sequence[ColumnMatch]) -> Lines:
    """Empty sums for a table's columns."""
    return module.Lines(key, tuple(map(native_column, columns)))


def sums_of(lines: Lines) -> Sums:
    """What the lines came to."""
    count, low, high = lines.sums()
    return Sums(count, high << 64 | low)


def _joined(cells: Sequence[str]) -> bytes:
    return "\n".join(cells).encode("utf-8", "surrogateescape")


def _put(lines: Lines, batch: SourceBatch, width: int) -> None:
    """Add lines that Python made, with no column left to bring into its form."""
    if batch.lines:
        lines.put(_joined(batch.lines) + b"\n")
        lines.settle((None,) * width)


class _Batches:
    """Adds batches of the compiled path's, with the columns that Python has to read."""

    def __init__(self, scan: SourceScan, lines: Lines) -> None:
        self.scan = scan
        self.lines = lines
        self.columns = scan.match.columns
        self.codecs = scan.codecs()
        self.first = int(scan.names_rowid)
        always = {at for at, column in enumerate(self.columns) if native_column(column)[0] == "python"}
        self.python = always | scan.large
        self.wanted: set[int] = set()
        self.tried = itertools.cycle([True] + [False] * (RETRIED - 1))

    @property
    def plain(self) -> bool:
        """Whether the rows need no batches, but for those with a value that Python has to read."""
        return bool(self.columns) and not self.python and self.scan.quarantine.empty

    def add(self, batch: Batch) -> None:
        """Add a batch."""
        if self.scan.may_be_aside(batch):
            _put(self.lines, self.scan.batch(self.scan.rows(batch), self.codecs), self.scan.width)
            return
        self.scan.read += len(batch)
        given: list[bytes | None] = [None] * len(self.columns)
        missing = self.python if next(self.tried) else self.python | self.wanted
        while True:
            for at in missing:
                given[at] = self._cells(batch, at)
            missing = set(self.lines.add(batch, self.first, tuple(given)))
            if not missing:
                break
        self.wanted = {at for at, cells in enumerate(given) if cells is not None}

    def _cells(self, batch: Batch, at: int) -> bytes:
        place = self.first + at
        return _joined(
            self.codecs[at](batch.column(place, LARGE_BYTES) if at in self.scan.large else batch.column(place))
        )


def add_source(scan: SourceScan, lines: Lines) -> Generator[int, None, None]:
    """Add the rows of a scan; yields how many were read after each batch."""
    reader = scan.native_reader()
    if reader is None:
        for plain in scan.batches():
            _put(lines, plain, scan.width)
            yield scan.read
        return
    batches = _Batches(scan, lines)
    ended, stops = False, 0
    with closing(reader):
        while batches.plain and not ended and stops < STOPS:
            rows, ended, left = lines.stream(reader, batches.first, BATCH_ROWS, BATCH_BYTES)
            scan.read += rows
            # A row that Python has to read costs as much as hundreds of others.
            stops = max(0, stops - 1) if left is None else stops + 1
            if left is not None:
                batches.add(left)
                del left
            yield scan.read
        for batch in fetched(reader) if not ended else ():
            batches.add(batch)
            # Before the next is read: each may hold one huge value.
            del batch
            yield scan.read


def add_target(scan: TargetScan, lines: Lines) -> Generator[int, None, None]:
    """Add the rows of a scan; yields how many were read after each batch."""
    python = [at for at, column in enumerate(scan.match.columns) if native_column(column)[1] == "python"]
    codecs = dict(scan.codecs)

    def settle() -> None:
        given: list[bytes | None] = [None] * len(scan.match.columns)
        for at in python:
            given[at] = _joined(codecs[at](str(lines.held(at), "utf-8").split("\n")))
        lines.settle(tuple(given))

    count = 0
    connection = address(scan.connection.pgconn)
    if connection is None:
        for block in scan.blocks_of_rows():
            lines.put(block)
            if python:
                settle()
            count = lines.sums()[0]
            yield count
        return
    with scan.copying() as copying:
        ending = MORE
        while ending == MORE:
            rows, ending = lines.receive(connection, BATCH_ROWS, BATCH_BYTES)
            if rows and python:
                settle()
            count += rows
            yield count
        if ending != DONE:
            raise psycopg.OperationalError(copying.get_error_message())
        scan.finish()
