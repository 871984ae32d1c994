"""Loads a unit: a table, or a range of its rowids. Rows, quarantine and the journal's line commit together."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from tempfile import SpooledTemporaryFile
from typing import Any

import psycopg
from psycopg import sql

from litelift import errors
from litelift.plan.plan import ColumnPlan, TablePlan
from litelift.plan.tell import key_words, quoted_value
from litelift.postgres.connect import Connection
from litelift.sqlite.scan import Row, clean_text, key_json
from litelift.sqlite.schema import Value
from litelift.wire.choose import BadTexts, codec_for
from litelift.wire.codec import NULL, Codec, Misfit, encode, escape

SPOOL_BYTES = 8 << 20
STORAGE_CLASSES: dict[type, str] = {type(None): "null", int: "integer", float: "real", str: "text", bytes: "blob"}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work: a table's plan, and the first and last rowid (None: the whole table)."""

    table: TablePlan
    between: tuple[int, int] | None = None


@dataclass(slots=True)
class UnitResult:
    """What a unit came to."""

    table: str
    read: int = 0
    loaded: int = 0
    quarantined_rows: int = 0
    quarantined_values: int = 0
    bytes: int = 0


def load_unit(
    source: sqlite3.Connection,
    target: Connection,
    run: str,
    unit: Unit,
    bad_texts: BadTexts | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> UnitResult:
    """Read the unit's rows and COPY them, in one transaction.

    Raises:
        LoadFailed: the server refused a row that litelift thought fit.
        MisfitsFound: a value does not fit, and the plan says fail.
    """
    unit = replace(unit, table=unit.table.loading())
    loader = Loader(unit, run, bad_texts)
    try:
        with target.transaction(), target.cursor() as cursor:
            with cursor.copy(copy_statement(unit.table)) as copy:
                for batch in unit.table.scan().batches(source, unit.between):
                    block = loader.block(batch)
                    if block:
                        copy.write(block)
                    if on_rows:
                        on_rows(len(batch))
            loader.keep_aside(cursor)
            done = loader.result
            cursor.execute(
                "insert into litelift.unit (run_id, table_name, first_row, last_row, rows, quarantined_rows,"
                " quarantined_values, bytes) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    run,
                    unit.table.target,
                    *(unit.between or (None, None)),
                    done.loaded,
                    done.quarantined_rows,
                    done.quarantined_values,
                    done.bytes,
                ),
            )
    except psycopg.errors.CheckViolation:
        raise
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded) as error:
        place = f" ({' '.join(error.diag.context.split())[:300]})" if error.diag.context else ""
        message = f"{error.diag.message_primary or error}{place}"
        raise errors.LoadFailed(table=unit.table.source, message=message) from error
    finally:
        loader.close()
    return loader.result


def copy_statement(table: TablePlan) -> sql.Composed:
    """The COPY that takes a table's rows."""
    columns = sql.SQL(", ").join(map(sql.Identifier, [*(column.target for column in table.columns), *table.empty]))
    name = sql.Identifier(table.schema, table.target)
    return sql.SQL("copy {} ({}) from stdin").format(name, columns)


class Loader:
    """Encodes batches by column, and keeps aside what does not fit."""

    def __init__(self, unit: Unit, run: str, bad_texts: BadTexts | None) -> None:
        """``run`` is the run's id, for the quarantine; ``bad_texts`` the server's judgement on texts."""
        self.table = unit.table
        self.run = run
        self.result = UnitResult(unit.table.source)
        self.codecs: list[Codec] = [
            codec_for(c.type, lenient=c.lenient, numbers=c.numbers, values=c.values, bad_texts=bad_texts)
            for c in self.table.columns
        ]
        self.offset = 1 if self.table.keyed_by_rowid else 0
        sources = [column.source for column in self.table.columns]
        self.key_places = [self.offset + sources.index(name) for name in self.table.key]
        self.key_names = [self.table.columns[sources.index(name)].target for name in self.table.key]
        self.pending: list[tuple[int, ColumnPlan, Value, str, str | None]] = []
        self.aside: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115

    def close(self) -> None:
        """Give up what was kept aside and not copied."""
        self.aside.close()

    def block(self, batch: list[Row]) -> bytes:
        """The batch as COPY's text."""
        dropped: dict[int, str] = {}
        fields = []
        columns = list(zip(*batch, strict=True))[self.offset :]
        for column, codec, values in zip(self.table.columns, self.codecs, columns, strict=True):
            fields.append(encode(codec, values, self._stand_in(batch, column, dropped)))
            if column.not_null and column.lenient and None in values:
                fields[-1] = self._fill_nulls(batch, column, values, fields[-1], dropped)
        fields += [[""] * len(batch) for _ in self.table.empty]
        lines = list(map("\t".join, zip(*fields, strict=True)))
        if self.table.aside:
            dropped = dict.fromkeys(range(len(batch)), self.table.aside)
        if dropped:
            for index, reason in dropped.items():
                self._aside_row(batch[index], reason)
            lines = [line for index, line in enumerate(lines) if index not in dropped]
        for index, column, value, reason, text in self.pending:
            # A row that is kept aside whole holds its values already.
            if index not in dropped:
                self._aside_value(batch[index], column, value, reason, text)
        self.pending.clear()
        self.result.read += len(batch)
        self.result.loaded += len(lines)
        if not lines:
            return b""
        block = ("\n".join(lines) + "\n").encode()
        self.result.bytes += len(block)
        return block

    def _stand_in(
        self, batch: list[Row], column: ColumnPlan, dropped: dict[int, str]
    ) -> Callable[[int, Value, Misfit], str | None]:
        def stand_in(index: int, value: Value, misfit: Misfit) -> str | None:
            return self._place(batch[index], index, column, value, misfit, dropped)

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
        self, batch: list[Row], column: ColumnPlan, values: Sequence[Value], fields: list[str], dropped: dict[int, str]
    ) -> list[str]:
        filled = list(fields)
        misfit = Misfit("is NULL, and the target's column is NOT NULL")
        for index, value in enumerate(values):
            if value is None:
                text = self._place(batch[index], index, column, value, misfit, dropped)
                filled[index] = NULL if text is None else escape(text)
        return filled

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
