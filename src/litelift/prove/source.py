"""One pass over a table of the source, or over a range of it: rows as canonical lines, in batches, with flat memory."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litelift.plan.match import TableMatch
from litelift.prove.cells import NULL, SourceCells, source_cells
from litelift.prove.large import stand_in_cell, with_large
from litelift.prove.quarantine import Quarantine
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.scan import Row, Scan
from litelift.sqlite.schema import Value, free_rowid_word
from litelift.sqlite.twin import SourceConnection

if TYPE_CHECKING:
    from litelift._native import Batch, Reader

_decode_text = operator.methodcaller("decode", "utf-8", "surrogateescape")


@dataclass(slots=True)
class SourceBatch:
    """Rows of the source: the stored values (columns, then the rowid of a table without a key), and their lines."""

    rows: list[Row]
    lines: list[str]

    def encoded(self) -> list[bytes]:
        """The lines' bytes; a newline is never within a line."""
        return "\n".join(self.lines).encode("utf-8", "surrogateescape").split(b"\n") if self.lines else []


class SourceScan:
    """Reads one source table, or the rows of it whose rowids are ``between`` two, both included."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        match: TableMatch,
        quarantine: Quarantine,
        between: tuple[int, int] | None = None,
        large: frozenset[int] = frozenset(),
    ) -> None:
        """``quarantine`` answers for rows and values that are not expected in the target.

        ``large`` are the places of columns with values too large to travel.
        """
        self.connection = connection
        self.match = match
        self.quarantine = quarantine
        self.between = between
        self.large = large
        positions = {column.source: position for position, column in enumerate(match.columns)}
        named = all(name in positions for name in match.key)
        self.key: tuple[int, ...] = tuple(positions[name] for name in match.key) if named else ()
        self.width = len(match.columns)
        self.rowid = None if self.key and between is None else rowid_word(connection, match.source)
        self.names_rowid = not self.key and self.rowid is not None
        self.read = self.quarantined_rows = self.quarantined_values = 0

    def codecs(self) -> list[SourceCells]:
        """What makes the cells of each column."""
        found = [source_cells(column) for column in self.match.columns]
        return [
            with_large(codec, column) if place in self.large else codec
            for place, (codec, column) in enumerate(zip(found, self.match.columns, strict=True))
        ]

    def scan(self) -> Scan:
        """What is read: the rowid of a table without a key, then the columns."""
        names = tuple(column.source for column in self.match.columns) or _any_column(self.connection, self.match.source)
        return Scan(self.match.source, names, self.rowid, self.names_rowid, self.match.where)

    def native_reader(self) -> Reader | None:
        """The compiled path's reader of the scan; None where it cannot read it. Whoever reads counts the rows."""
        self.read = self.quarantined_rows = self.quarantined_values = 0
        if not isinstance(self.connection, SourceConnection):
            return None
        return self.connection.reader(self.scan(), self.between)

    def may_be_aside(self, batch: Batch) -> bool:
        """Whether quarantine may hold anything of a batch of the compiled path's."""
        if self.quarantine.empty:
            return False
        first = int(self.names_rowid)
        places = [first + place for place in self.key] or range(first)
        return self.quarantine.touches([batch.column(place) for place in places])

    def rows(self, batch: Batch) -> list[Row]:
        """A batch's rows, with the rowid at their end."""
        rows = [batch.row(number) for number in range(len(batch))]
        return [(*row[1:], row[0]) for row in rows] if self.names_rowid else rows

    def batches(self) -> Generator[SourceBatch, None, None]:
        """The table's rows, without those that quarantine answers for."""
        codecs = self.codecs()
        self.read = self.quarantined_rows = self.quarantined_values = 0
        with _plain_rows(self.connection):
            for stored in self.scan().batches(self.connection, self.between):
                rows = [(*row[1:], row[0]) for row in stored] if self.names_rowid else stored
                yield self.batch(rows, codecs)
                # Before the next is read: each may hold one huge value.
                del stored, rows

    def batch(self, rows: list[Row], codecs: Sequence[SourceCells]) -> SourceBatch:
        """A batch of rows that were read: their lines, without those that quarantine answers for."""
        self.read += len(rows)
        kept = rows if self.quarantine.empty else self._not_kept_aside(rows)
        if not kept:
            return SourceBatch([], [])
        columns = list(zip(*kept, strict=True))[: self.width]
        cells: list[Sequence[str]] = [codec(column) for codec, column in zip(codecs, columns, strict=True)]
        if not self.quarantine.empty:
            self._replace(kept, cells)
        return SourceBatch(kept, list(map("\t".join, zip(*cells, strict=True))) if cells else [NULL] * len(kept))

    def _key_of(self, row: Row) -> tuple[Value, ...]:
        return tuple(row[position] for position in self.key) if self.key else row[self.width :]

    def _not_kept_aside(self, rows: list[Row]) -> list[Row]:
        if not self.quarantine.rows:
            return rows
        kept = [row for row in rows if not self.quarantine.holds_row(self._key_of(row), row, self.match)]
        self.quarantined_rows += len(rows) - len(kept)
        return kept

    def _replace(self, rows: list[Row], cells: list[Sequence[str]]) -> None:
        for number, row in enumerate(rows):
            for position, stand_in in self.quarantine.stand_ins(self._key_of(row), row, self.match).items():
                column = cells[position]
                if position in self.large:
                    stand_in = stand_in_cell(stand_in, self.match.columns[position])
                if not isinstance(column, list):
                    cells[position] = column = list(column)
                column[number] = stand_in
                self.quarantined_values += 1


@contextmanager
def _plain_rows(connection: sqlite3.Connection) -> Iterator[None]:
    # Rows as tuples, and text with whatever bytes it holds.
    before = connection.text_factory, connection.row_factory
    connection.text_factory, connection.row_factory = _decode_text, None
    try:
        yield
    finally:
        connection.text_factory, connection.row_factory = before


def _any_column(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    first = connection.execute(f"PRAGMA table_xinfo({quote_identifier(table)})").fetchone()
    return (str(first[1]),) if first else ()


def rowid_word(connection: sqlite3.Connection, table: str) -> str | None:
    """The word that reaches a table's rowid: the first of rowid, _rowid_, oid that no column hides (else None)."""
    name = quote_identifier(table)
    word = free_rowid_word(row[1] for row in connection.execute(f"PRAGMA table_xinfo({name})"))
    if word is not None:
        try:
            connection.execute(f"SELECT {name}.{word} FROM {name} LIMIT 0")  # noqa: S608
        except sqlite3.OperationalError:
            return None  # WITHOUT ROWID
    return word
