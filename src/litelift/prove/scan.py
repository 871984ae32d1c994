"""One pass over a table on either side: rows as canonical lines, in batches, with flat memory."""

from __future__ import annotations

import contextlib
import operator
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import psycopg
import psycopg.errors
from psycopg import pq, sql

from litelift.plan.match import TableMatch
from litelift.postgres.suspended import own_rows
from litelift.prove.cells import source_cells, target_cells
from litelift.prove.quarantine import Quarantine
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Value

BATCH_ROWS = 2000
BATCH_BYTES = 8 << 20
BUCKETS = 4096

_decode_text = operator.methodcaller("decode", "utf-8", "surrogateescape")
_from_bytes = int.from_bytes


def digest(line: bytes | memoryview) -> int:
    """A row's digest, 128 bits."""
    return _from_bytes(blake2b(line, digest_size=16).digest(), "little")


@dataclass(slots=True)
class Sums:
    """A table as a multiset of rows: their count, and the sum of their digests, in buckets by the digest's low bits."""

    count: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, lines: Iterable[str]) -> int:
        """Add rows; returns how many."""
        buckets, number = self.buckets, 0
        for line in lines:
            code = _from_bytes(blake2b(line.encode("utf-8", "surrogateescape"), digest_size=16).digest(), "little")
            buckets[code & 4095] += code
            number += 1
        self.count += number
        return number

    def unlike(self, other: Sums) -> frozenset[int]:
        """The buckets in which the two sides differ."""
        pairs = enumerate(zip(self.buckets, other.buckets, strict=True))
        return frozenset(number for number, (left, right) in pairs if left != right)


# ------------------------------------------------------------------------------------------- SQLite


@dataclass(slots=True)
class SourceBatch:
    """Rows of the source: the stored values (columns, then the rowid of a table without a key), and their lines."""

    rows: list[tuple[Value, ...]]
    lines: Iterable[str]


@dataclass
class SourceScan:
    """Reads one source table. ``rowid`` is the word for its rowid, for a table without a key."""

    connection: sqlite3.Connection
    match: TableMatch
    key: tuple[int, ...]
    rowid: str | None
    quarantine: Quarantine
    read: int = 0
    quarantined_rows: int = 0
    quarantined_values: int = 0

    def _sql(self) -> str:
        table = quote_identifier(self.match.source)
        names = [f"{table}.{quote_identifier(column.source)}" for column in self.match.columns] or ["NULL"]
        if not self.key and self.rowid:
            names.append(f"{table}.{self.rowid}")
        where = f" WHERE ({self.match.where}\n)" if self.match.where else ""
        return f"SELECT {', '.join(names)} FROM {table}{where}"  # noqa: S608

    def _batch_rows(self) -> int:
        # A small file bounds every batch by itself; in a large one a single row may hold a gigabyte.
        pages = self.connection.execute("PRAGMA page_count").fetchone()[0]
        size = self.connection.execute("PRAGMA page_size").fetchone()[0]
        if pages * size <= 8 * BATCH_BYTES or not self.match.columns:
            return BATCH_ROWS
        lengths = "+".join(f"ifnull(length({quote_identifier(column.source)}),0)" for column in self.match.columns)
        largest = self.connection.execute(
            f"SELECT max({lengths}) FROM {quote_identifier(self.match.source)}"  # noqa: S608
        ).fetchone()[0]
        return max(1, min(BATCH_ROWS, BATCH_BYTES // max(largest or 1, 1)))

    @contextmanager
    def _text_as(self, factory: Any) -> Iterator[None]:
        before = self.connection.text_factory
        self.connection.text_factory = factory
        try:
            yield
        finally:
            self.connection.text_factory = before

    def _rows(self) -> Generator[list[tuple[Value, ...]], None, None]:
        size = self._batch_rows()
        done = 0
        cursor = self.connection.cursor()
        cursor.row_factory = None
        try:
            # Python's own decoding is the fastest, and fails at bytes that are not UTF-8.
            with self._text_as(str):
                cursor.execute(self._sql())
                while rows := cursor.fetchmany(size):
                    done += len(rows)
                    yield rows
            return
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
        cursor = self.connection.cursor()
        cursor.row_factory = None
        with self._text_as(_decode_text):
            cursor.execute(self._sql())
            skip = done
            while rows := cursor.fetchmany(size):
                if skip >= len(rows):
                    skip -= len(rows)
                    continue
                yield rows[skip:]
                skip = 0

    def batches(self) -> Generator[SourceBatch, None, None]:
        """The table's rows, without those that quarantine answers for."""
        codecs = [source_cells(column) for column in self.match.columns]
        width = len(codecs)
        self.read = self.quarantined_rows = self.quarantined_values = 0
        for rows in self._rows():
            self.read += len(rows)
            kept = rows if self.quarantine.empty else self._not_kept_aside(rows)
            if not kept:
                yield SourceBatch([], [])
                continue
            columns = list(zip(*kept, strict=True))[:width]
            cells: list[Sequence[str]] = [codec(column) for codec, column in zip(codecs, columns, strict=True)]
            if not self.quarantine.empty:
                self._replace(kept, cells)
            yield SourceBatch(kept, map("\t".join, zip(*cells, strict=True)) if cells else ["\\N"] * len(kept))

    def _key_of(self, row: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(row[position] for position in self.key) if self.key else row[len(self.match.columns) :]

    def _not_kept_aside(self, rows: list[tuple[Value, ...]]) -> list[tuple[Value, ...]]:
        if not self.quarantine.rows:
            return rows
        kept = [row for row in rows if not self.quarantine.holds_row(self._key_of(row), row, self.match)]
        self.quarantined_rows += len(rows) - len(kept)
        return kept

    def _replace(self, rows: list[tuple[Value, ...]], cells: list[Sequence[str]]) -> None:
        for number, row in enumerate(rows):
            for position, stand_in in self.quarantine.stand_ins(self._key_of(row), row, self.match).items():
                column = cells[position]
                if not isinstance(column, list):
                    cells[position] = column = list(column)
                column[number] = stand_in
                self.quarantined_values += 1


def rowid_word(connection: sqlite3.Connection, table: str) -> str | None:
    """The word that reaches a table's rowid: the first of rowid, _rowid_, oid that no column hides (else None)."""
    columns = {row[1].lower() for row in connection.execute(f"PRAGMA table_xinfo({quote_identifier(table)})")}
    for word in ("rowid", "_rowid_", "oid"):
        if word in columns:
            continue
        try:
            connection.execute(f"SELECT {quote_identifier(table)}.{word} FROM {quote_identifier(table)} LIMIT 0")  # noqa: S608
        except sqlite3.OperationalError:
            return None  # WITHOUT ROWID
        return word
    return None


# --------------------------------------------------------------------------------------- PostgreSQL

# What canonical lines rest on: sections 19.11 and 8.5 of the PostgreSQL manual. The last three keep a table's rows in
# the same order from pass to pass, and refuse to hide rows.
_SETTINGS = {
    "datestyle": "ISO, YMD",
    "timezone": "UTC",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "max_parallel_workers_per_gather": "0",
    "synchronize_seqscans": "off",
    "row_security": "off",
}


@contextmanager
def steady(target: psycopg.Connection[Any]) -> Iterator[None]:
    """A transaction with the settings for canonical text, and one snapshot where the caller has none; rolled back."""
    idle = target.info.transaction_status == pq.TransactionStatus.IDLE
    with target.transaction(force_rollback=True):
        if idle:
            target.execute("set transaction isolation level repeatable read, read only")
        if target.info.encoding != "utf-8":
            target.execute("set local client_encoding = 'UTF8'")
        for name, value in _SETTINGS.items():
            target.execute("select set_config(%s, %s, true)", (name, value))
        yield


@dataclass
class TargetScan:
    """Reads one target table through COPY TO STDOUT."""

    connection: psycopg.Connection[Any]
    match: TableMatch
    read: int = 0
    _codecs: list[tuple[int, Callable[[Sequence[str]], Sequence[str]]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the columns that need normalising."""
        for position, column in enumerate(self.match.columns):
            codec = target_cells(column)
            if codec is not None:
                self._codecs.append((position, codec))

    def _sql(self) -> sql.Composable:
        columns: list[sql.Composable] = []
        for column in self.match.columns:
            name: sql.Composable = sql.Identifier(column.target)
            # Money prints with the server's currency signs; its number does not.
            columns.append(sql.SQL("{}::numeric").format(name) if column.type.base == "money" else name)
        return sql.SQL("copy (select {} from {}) to stdout").format(
            sql.SQL(", ").join(columns or [sql.NULL]),
            own_rows(self.connection, sql.Identifier(self.match.schema, self.match.target)),
        )

    def raw(self) -> Generator[list[str], None, None]:
        """Batches of COPY lines as the server sends them, without the newline. The connection is busy meanwhile."""
        connection = self.connection.pgconn
        result = connection.exec_(self._sql().as_bytes(self.connection))
        if result.status != pq.ExecStatus.COPY_OUT:
            raise psycopg.errors.error_from_result(result)
        self.read = 0
        finished = False
        try:
            lines: list[str] = []
            size = 0
            # libpq hands over one row per call ("Functions Associated with the COPY Command"), and waits without the
            # interpreter's lock; psycopg's own loop costs several times as much for narrow rows.
            while True:
                length, data = connection.get_copy_data(0)
                if length <= 0:
                    break
                lines.append(str(data, "utf-8")[:-1])
                size += length
                if len(lines) >= BATCH_ROWS or size >= BATCH_BYTES:
                    self.read += len(lines)
                    yield lines
                    lines, size = [], 0
            finished = True
            while (last := connection.get_result()) is not None:
                if last.status != pq.ExecStatus.COMMAND_OK:
                    raise psycopg.errors.error_from_result(last)
            self.read += len(lines)
            yield lines
        finally:
            if not finished:
                self._stop()

    def _stop(self) -> None:
        connection = self.connection.pgconn
        if connection.status != pq.ConnStatus.OK:
            return
        connection.get_cancel().cancel()
        with contextlib.suppress(psycopg.OperationalError):  # the cancellation itself
            while connection.get_copy_data(0)[0] > 0:
                pass
        while connection.get_result() is not None:
            pass

    def canonical(self, raw: list[str]) -> Iterable[str]:
        """The canonical lines for a batch of raw ones."""
        if not self._codecs or not raw:
            return raw
        columns: list[Sequence[str]] = list(zip(*[line.split("\t") for line in raw], strict=True))
        for position, codec in self._codecs:
            columns[position] = codec(columns[position])
        return map("\t".join, zip(*columns, strict=True))
