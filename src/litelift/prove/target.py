"""One pass over a table of the target, or over some of its blocks, through COPY TO STDOUT."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import psycopg.errors
from psycopg import pq, sql
from psycopg.rows import tuple_row

from litelift.plan.match import TableMatch
from litelift.prove.cells import target_cells
from litelift.prove.large import shown
from litelift.sqlite.scan import BATCH_BYTES, BATCH_ROWS

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
_SETTLED = sql.SQL("select {}").format(
    sql.SQL(", ").join(sql.SQL("set_config({}, {}, true)").format(*pair) for pair in _SETTINGS.items())
)

# Ranges of blocks are read as such from PostgreSQL 14 on ("TID Range Scan"), of heaps.
OLDEST_RANGES = 140000

_RELATIONS = """
    select u.place, c.relkind::text, coalesce(a.amname, ''),
           1 + (select count(*) from pg_index i where i.indrelid = c.oid),
           case when c.relkind in ('r', 'm') then pg_relation_size(c.oid) / current_setting('block_size')::bigint end,
           case when c.relkind in ('r', 'm') then pg_table_size(c.oid) end
    from unnest(%s::text[], %s::text[]) with ordinality u(schema, name, place)
    join pg_namespace n on n.nspname = u.schema
    join pg_class c on c.relnamespace = n.oid and c.relname = u.name
    left join pg_am a on a.oid = c.relam
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """What a table of the target is: its kind in pg_class, and how much it holds."""

    kind: str = "r"
    divisible: bool = False
    blocks: int = 0
    bytes: int = 0
    locks: int = 1
    """What reading it locks: the table and its indexes."""


def relations(target: psycopg.Connection[Any], matches: Sequence[TableMatch]) -> list[Relation]:
    """The target's relation of each match; one that is not there will be told by whoever reads it."""
    found = [Relation() for _ in matches]
    ranges = target.info.server_version >= OLDEST_RANGES
    with target.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(_RELATIONS, ([match.schema for match in matches], [match.target for match in matches]))
        for place, kind, method, locks, blocks, size in cursor:
            divisible = ranges and method == "heap" and kind in ("r", "m")
            found[place - 1] = Relation(kind, divisible, blocks or 0, size or 0, locks)
    return found


@contextmanager
def steady(target: psycopg.Connection[Any], snapshot: str | None = None) -> Iterator[None]:
    """A transaction with the settings for canonical text, and one snapshot where the caller has none; rolled back.

    ``snapshot`` is one that another session exported (section 9.28.5 of the PostgreSQL manual).
    """
    idle = target.info.transaction_status == pq.TransactionStatus.IDLE
    words: list[sql.Composable] = []
    if idle:
        words.append(sql.SQL("set transaction isolation level repeatable read, read only"))
        if snapshot is not None:
            words.append(sql.SQL("set transaction snapshot {}").format(snapshot))
    if target.info.encoding != "utf-8":
        words.append(sql.SQL("set local client_encoding = 'UTF8'"))
    words.append(_SETTLED)
    with target.transaction(force_rollback=True):
        target.execute(sql.SQL("; ").join(words))
        yield


@contextmanager
def exported(target: psycopg.Connection[Any]) -> Iterator[str]:
    """A snapshot that other sessions may use while this transaction lasts."""
    with target.transaction(force_rollback=True):
        target.execute("set transaction isolation level repeatable read, read only")
        with target.cursor(row_factory=tuple_row) as cursor:
            (name,) = cursor.execute("select pg_export_snapshot()").fetchone() or ("",)
        yield name


class TargetScan:
    """Reads one target table, or its ``blocks`` from the first to before the end (None: to the last)."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        match: TableMatch,
        relation: Relation,
        blocks: tuple[int, int | None] | None = None,
        large: frozenset[int] = frozenset(),
    ) -> None:
        """Find the columns that need normalising. ``large`` are those with values too large to travel."""
        self.connection = connection
        self.match = match
        self.relation = relation
        self.blocks = blocks
        self.large = large
        found = [target_cells(column) for column in match.columns]
        self.codecs: list[tuple[int, Callable[[Sequence[str]], Sequence[str]]]] = [
            (position, codec) for position, codec in enumerate(found) if codec is not None
        ]
        self.width = max(1, len(match.columns))

    def statement(self) -> sql.Composed:
        """The COPY."""
        columns: list[sql.Composable] = []
        for place, column in enumerate(self.match.columns):
            if place in self.large:
                columns.append(shown(column))
                continue
            name: sql.Composable = sql.Identifier(column.target)
            # Money prints with the server's currency signs; its number does not.
            columns.append(sql.SQL("{}::numeric").format(name) if column.type.base == "money" else name)
        # Without the tables that inherit from it; partitions are its own.
        own = sql.SQL("") if self.relation.kind == "p" else sql.SQL("only ")
        return sql.SQL("copy (select {} from {}{}{}) to stdout").format(
            sql.SQL(", ").join(columns or [sql.NULL]),
            own,
            sql.Identifier(self.match.schema, self.match.target),
            self._where(),
        )

    def _where(self) -> sql.Composable:
        if self.blocks is None:
            return sql.SQL("")
        first, end = self.blocks
        bounds = [sql.SQL("ctid >= {}::tid").format(f"({first},0)")]
        if end is not None:
            bounds.append(sql.SQL("ctid < {}::tid").format(f"({end},0)"))
        return sql.SQL(" where {}").format(sql.SQL(" and ").join(bounds))

    @contextmanager
    def copying(self) -> Iterator[pq.abc.PGconn]:
        """The connection while the server sends rows; what it has not sent by the end it is told to keep."""
        connection = self.connection.pgconn
        result = connection.exec_(self.statement().as_bytes(self.connection))
        if result.status != pq.ExecStatus.COPY_OUT:
            raise psycopg.errors.error_from_result(result)
        try:
            yield connection
        finally:
            if connection.transaction_status == pq.TransactionStatus.ACTIVE:
                self._stop()

    def finish(self) -> None:
        """Take what follows the last row. Raises psycopg.Error where it was not the table's last."""
        failed = None
        while (last := self.connection.pgconn.get_result()) is not None:
            if last.status != pq.ExecStatus.COMMAND_OK and failed is None:
                failed = last
        if failed is not None:
            raise psycopg.errors.error_from_result(failed)

    def blocks_of_rows(self) -> Generator[bytes, None, None]:
        """Batches of COPY lines as the server sends them. The connection is busy meanwhile."""
        with self.copying() as connection:
            lines: list[bytes | memoryview] = []
            size = 0
            # libpq hands over one row per call ("Functions Associated with the COPY Command"), and waits without the
            # interpreter's lock; psycopg's own loop costs several times as much for narrow rows.
            receive = connection.get_copy_data
            while True:
                length, data = receive(0)
                if length <= 0:
                    break
                lines.append(data)
                size += length
                if size >= BATCH_BYTES or len(lines) >= BATCH_ROWS:
                    yield b"".join(lines)
                    lines, size = [], 0
            self.finish()
            if lines:
                yield b"".join(lines)

    def lines(self, block: bytes) -> list[bytes]:
        """A block's canonical lines."""
        if not self.codecs:
            return block[:-1].split(b"\n")
        text = str(block, "utf-8")
        # Neither a tab nor a newline is ever within a field.
        fields = text[:-1].replace("\n", "\t").split("\t")
        columns: list[Sequence[str]] = [fields[position :: self.width] for position in range(self.width)]
        for position, codec in self.codecs:
            columns[position] = codec(columns[position])
        return "\n".join(map("\t".join, zip(*columns, strict=True))).encode("utf-8", "surrogateescape").split(b"\n")

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
