"""Loads a unit: a table, or a range of its rowids. Rows, quarantine and the journal's line commit together."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from litelift import errors
from litelift.compiled import Native, native
from litelift.move.unit import NotNoted, Unit, UnitResult, note_unit, noted_unit
from litelift.plan.plan import ColumnPlan, TablePlan
from litelift.plan.tell import key_words, quoted_value
from litelift.postgres.connect import Connection
from litelift.postgres.types import TEXT
from litelift.sqlite.scan import HAS_NULL, Batch, Row, Rows, clean_text, key_json
from litelift.sqlite.schema import Value
from litelift.sqlite.twin import SourceConnection, fetched
from litelift.wire.block import Blocks, Format, copy_format
from litelift.wire.choose import BadTexts, codec_for
from litelift.wire.codec import NULL, Codec, Misfit, escape, texts

if TYPE_CHECKING:
    from litelift._native import Reader

SPOOL_BYTES = 8 << 20
STORAGE_CLASSES: dict[type, str] = {type(None): "null", int: "integer", float: "real", str: "text", bytes: "blob"}


def load_unit(
    source: sqlite3.Connection,
    target: Connection,
    run: str,
    unit: Unit,
    bad_texts: BadTexts | None = None,
    on_rows: Callable[[int], None] | None = None,
    *,
    attempt: int = 1,
) -> UnitResult:
    """Read the unit's rows and COPY them, in one transaction: once, whatever became of an earlier attempt unheard.

    Raises:
        LoadFailed: the server refused a row that litelift thought fit.
        MisfitsFound: a value does not fit, and the plan says fail.
        Superseded: another litelift has gone on with the run, whose ``attempt`` is not this one any more.
    """
    unit = replace(unit, table=unit.table.loading())
    scan = unit.table.scan()
    module = native()
    reader = source.reader(scan, unit.between) if isinstance(source, SourceConnection) else None
    loader = Loader(unit, run, bad_texts, module if reader is not None else None)
    try:
        with target.transaction(), target.cursor() as cursor:
            with cursor.copy(copy_statement(unit.table, loader.form)) as copy:
                copy.write(loader.blocks.header)
                if reader is not None:
                    loader.stream(reader, copy.write, on_rows)
                batches = fetched(reader) if reader is not None else map(Rows, scan.batches(source, unit.between))
                for batch in batches:
                    loader.take(batch, copy.write)
                    if on_rows:
                        on_rows(len(batch))
                    # Before the next is read: each may hold one huge value.
                    del batch
                copy.write(loader.blocks.trailer)
            loader.keep_aside(cursor)
            note_unit(cursor, run, attempt, unit, loader.result)
    except NotNoted:
        return noted_unit(target, run, attempt, unit)
    except psycopg.errors.CheckViolation:
        raise
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded) as error:
        place = f" ({' '.join(error.diag.context.split())[:300]})" if error.diag.context else ""
        message = f"{error.diag.message_primary or error}{place}"
        raise errors.LoadFailed(table=unit.table.source, message=message) from error
    finally:
        loader.close()
    return loader.result


def copy_statement(table: TablePlan, form: Format = "text") -> sql.Composed:
    """The COPY that takes a table's rows."""
    columns = sql.SQL(", ").join(map(sql.Identifier, [*(column.target for column in table.columns), *table.empty]))
    name = sql.Identifier(table.schema, table.target)
    options = sql.SQL(" with (format binary)" if form == "binary" else "")
    return sql.SQL("copy {} ({}) from stdin{}").format(name, columns, options)


class Loader:
    """Encodes batches by column, and keeps aside what does not fit."""

    def __init__(self, unit: Unit, run: str, bad_texts: BadTexts | None, module: Native | None = None) -> None:
        """See the class.

        Args:
            unit: what is loaded.
            run: the run's id, for the quarantine.
            bad_texts: the server's judgement on texts.
            module: the compiled path, where it reads the rows.
        """
        self.table = unit.table
        self.run = run
        self.codecs: list[Codec] = [
            codec_for(c.type, lenient=c.lenient, numbers=c.numbers, values=c.values, bad_texts=bad_texts)
            for c in self.table.columns
        ]
        # What litelift fills by itself is text of a type that it does not look at.
        self.form: Format = "text"
        types = [column.type for column in self.table.columns]
        if not self.table.empty:
            stand_ins = [c.stand_in if c.on_misfit == "default" else None for c in self.table.columns]
            self.form = copy_format(types, stand_ins, compiled=module is not None)
        filled = [TEXT] * len(self.table.empty)
        self.blocks = Blocks([*types, *filled], [*self.codecs, *map(codec_for, filled)], self.form, module)
        self.result = UnitResult(unit.table.source, form=f"{'compiled' if module else 'pure'}, {self.form}")
        # A NULL in a column of the target that takes none is not plain, whatever it is to its codec.
        nullable = not any(column.not_null and column.lenient for column in self.table.columns)
        self.plain = nullable and not self.table.empty and not self.table.aside
        self.offset = 1 if self.table.keyed_by_rowid else 0
        sources = [column.source for column in self.table.columns]
        self.key_places = [self.offset + sources.index(name) for name in self.table.key]
        self.key_names = [self.table.columns[sources.index(name)].target for name in self.table.key]
        self.pending: list[tuple[int, ColumnPlan, Value, str, str | None]] = []
        self.aside: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115

    def close(self) -> None:
        """Give up what was kept aside and not copied."""
        self.aside.close()

    def stream(
        self, reader: Reader, write: Callable[[bytes | memoryview], None], on_rows: Callable[[int], None] | None
    ) -> None:
        """Write what a reader has while nearly all of it is plain; what is left then comes in batches."""
        while self.plain and self.blocks.streams:
            done = self.blocks.stream(reader, self.offset, write)
            self.result.read += done.rows
            self.result.loaded += done.rows
            self.result.bytes += done.bytes
            if done.left is not None:
                self.take(done.left, write)
            if on_rows:
                on_rows(done.rows + (done.left is not None))
            if done.ended:
                break

    def take(self, batch: Batch, write: Callable[[bytes | memoryview], None]) -> None:
        """Write a batch as COPY takes it."""
        rows = len(batch)
        size = self.blocks.write_rows(batch, self.offset, write) if self.plain else None
        if size is None:
            dropped = self._encode(batch)
            rows -= len(dropped)
            size = self.blocks.write_block(len(batch), dropped, write)
        self.result.read += len(batch)
        self.result.loaded += rows
        self.result.bytes += size

    def _encode(self, batch: Batch) -> dict[int, str]:
        """Encode a batch column by column; the rows that are kept aside whole, and why."""
        rows = len(batch)
        dropped: dict[int, str] = {}
        for place, (column, codec) in enumerate(zip(self.table.columns, self.codecs, strict=True)):
            number = place + self.offset
            stand_in = self._stand_in(batch, column, dropped)
            if column.not_null and column.lenient and batch.kinds(number) & HAS_NULL:
                values = batch.column(number)
                found = texts(codec, values, stand_in)
                self.blocks.put(place, self._fill_nulls(batch, column, values, found, dropped))
            else:
                self.blocks.add(place, batch, number, stand_in)
        for place in range(len(self.codecs), len(self.codecs) + len(self.table.empty)):
            self.blocks.put(place, [""] * rows)
        if self.table.aside:
            dropped = dict.fromkeys(range(rows), self.table.aside)
        for index, reason in dropped.items():
            self._aside_row(batch.row(index), reason)
        for index, column, value, reason, text in self.pending:
            # A row that is kept aside whole holds its values already.
            if index not in dropped:
                self._aside_value(batch.row(index), column, value, reason, text)
        self.pending.clear()
        return dropped

    def _stand_in(
        self, batch: Batch, column: ColumnPlan, dropped: dict[int, str]
    ) -> Callable[[int, Value, Misfit], str | None]:
        def stand_in(index: int, value: Value, misfit: Misfit) -> str | None:
            return self._place(batch.row(index), index, column, value, misfit, dropped)

        return stand_in

    def _place(
        self, row: Row, index: int, column: ColumnPlan, value: Value, misfit: Misfit, dropped: dict[int, str]
    ) -> str | None:
        text: str | None
        if misfit.replaced:
            text = misfit.stands_in
        elif column.on_misfit == "row":
            dropped.setdefault(index, f"{column.target} {misfit.reason}: {quoted_value(value)}")
            return None
        elif column.on_misfit == "fail":
            example = f"{self.table.target}.{column.target}, key {key_words(self._key(row))}: {quoted_value(value)}"
            raise errors.MisfitsFound(count=1, examples=f"{example} {misfit.reason}")
        else:
            text = column.stand_in if column.on_misfit == "default" else None
        self.pending.append((index, column, value, misfit.reason, text))
        return text

    def _fill_nulls(
        self,
        batch: Batch,
        column: ColumnPlan,
        values: Sequence[Value],
        found: list[str | None],
        dropped: dict[int, str],
    ) -> list[str | None]:
        misfit = Misfit("is NULL, and the target's column is NOT NULL")
        for index, value in enumerate(values):
            if value is None:
                found[index] = self._place(batch.row(index), index, column, value, misfit, dropped)
        return found

    def _key(self, row: Row) -> dict[str, Any]:
        if self.key_places:
            return dict(key_json(self.key_names, [row[at] for at in self.key_places]))
        return {"rowid": row[0]} if self.offset else {}

    def _aside_value(self, row: Row, column: ColumnPlan, value: Value, reason: str, text: str | None) -> None:
        self.result.quarantined_values += 1
        self._aside(column.target, self._key(row), original_bytes(value), STORAGE_CLASSES[type(value)], reason, text)

    def _aside_row(self, row: Row, reason: str) -> None:
        self.result.quarantined_rows += 1
        names = [column.source for column in self.table.columns]
        document = {name: _described(value) for name, value in zip(names, row[self.offset :], strict=True)}
        self._aside(None, self._key(row), json.dumps(document, ensure_ascii=False).encode(), "row", reason, None)

    def _aside(
        self, column: str | None, key: dict[str, Any], original: bytes, storage: str, reason: str, text: str | None
    ) -> None:
        fields = [
            self.run,
            escape(self.table.target),
            NULL if column is None else escape(column),
            escape(json.dumps(key, ensure_ascii=False)),
            "\\\\x" + original.hex(),
            storage,
            escape(clean_text(reason)),
            NULL if text is None else escape(text),
        ]
        self.aside.write(("\t".join(fields) + "\n").encode())

    def keep_aside(self, cursor: psycopg.Cursor[Any]) -> None:
        """COPY what was kept aside."""
        if not self.aside.tell():
            return
        self.aside.seek(0)
        with cursor.copy(
            "copy litelift.quarantine (run_id, table_name, column_name, row_key, original, storage_class, reason,"
            " stands_in) from stdin"
        ) as copy:
            while block := self.aside.read(1 << 20):
                copy.write(block)


def original_bytes(value: Value) -> bytes:
    """A value's bytes as quarantine keeps them: text as stored, numbers as their text."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return b"" if value is None else repr(value).encode()


def _described(value: Value) -> list[Any]:
    storage = STORAGE_CLASSES[type(value)]
    if isinstance(value, bytes):
        return [storage, value.hex()]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return ["text-hex", value.encode("utf-8", "surrogateescape").hex()]
        return [storage, value]
    if isinstance(value, float) and not math.isfinite(value):
        return [storage, repr(value)]
    return [storage, value]
