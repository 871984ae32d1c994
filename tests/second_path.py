"""A move compared again: every row read with sqlite3 and with psycopg, paired, and each value judged by plain rules."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import set_json_loads

from generated_databases import quoted
from litelift import MigrationResult
from second_path_values import Document, Stored, Text, arrives, document, parts_of, readings, stands_in

Row = tuple[Stored, ...]


@dataclass(frozen=True)
class SourceColumn:
    name: str
    declared: str
    not_null: bool
    default: str | None
    key: int
    hidden: int


@dataclass(frozen=True)
class TargetColumn:
    name: str
    type: str
    not_null: bool


@dataclass
class Table:
    """A table on both sides; columns by their order, for names may differ."""

    source: str
    target: str
    columns: list[SourceColumn]
    into: list[TargetColumn]
    stored: list[Row]
    pairs: list[tuple[Row, tuple[Any, ...]]]

    def place(self, name: str) -> int:
        """Where a source column of this name stands."""
        folded = name.lower()
        return next(at for at, column in enumerate(self.columns) if column.name.lower() == folded)


def open_source(path: Path) -> sqlite3.Connection:
    """A connection that tells text from blobs."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = Text
    return connection


def open_target(url: str) -> psycopg.Connection[Any]:
    """A connection in UTC, whose JSON has exact numbers."""
    connection = psycopg.connect(url, autocommit=True, options="-c timezone=UTC")
    set_json_loads(lambda data: document(data.decode() if isinstance(data, bytes) else str(data)), connection)
    return connection


def text(value: Any) -> str:
    """A name that SQLite gave."""
    return bytes(value).decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def source_columns(source: sqlite3.Connection, table: str) -> list[SourceColumn]:
    rows = source.execute(f"pragma table_xinfo({quoted(table)})").fetchall()
    return [
        SourceColumn(text(r[1]), text(r[2]), bool(r[3]), None if r[4] is None else text(r[4]), r[5], r[6]) for r in rows
    ]


def target_columns(target: psycopg.Connection[Any], schema: str, table: str) -> list[TargetColumn]:
    rows = target.execute(
        "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute join pg_class c"
        " on c.oid = attrelid where relname = %s and relnamespace = quote_ident(%s)::regnamespace and attnum > 0"
        " order by attnum",
        (table, schema),
    ).fetchall()
    return [TargetColumn(*row) for row in rows]


class Quarantine:
    """What was kept aside of one table, to be claimed piece by piece."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.values: Counter[tuple[Any, ...]] = Counter()
        self.key_names: set[tuple[str, ...]] = set()
        self.rows: list[dict[str, Any]] = []
        for column, key, original, storage, stands in rows:
            if column is None:
                self.rows.append(json.loads(bytes(original)))
                continue
            names = tuple(sorted(key.value))
            self.key_names.add(names)
            self.values[canonical(key.value), column, original_key(bytes(original), storage), stands] += 1


@dataclass(frozen=True)
class Both:
    """A table's rows on both sides: ``left`` with their rowids, their ``keys`` as quarantine names them, and those that
    were ``found``; and what was kept ``aside``."""

    left: list[tuple[Any, Row]]
    keys: list[Any]
    found: list[tuple[Any, ...]]
    aside: Quarantine


def original_key(original: bytes, storage: str) -> tuple[str, object]:
    if storage == "real":
        return storage, repr(float(original))
    return storage, int(original) if storage == "integer" else original


def source_key(value: Stored) -> tuple[str, object]:
    """A source value as quarantine must hold it: its storage class, and its exact bytes or number."""
    if isinstance(value, Text):
        return "text", bytes(value)
    if isinstance(value, bytes):
        return "blob", value
    return ("real", repr(value)) if isinstance(value, float) else ("integer", value)


def canonical(key: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(key.items()))


def key_value(value: Stored) -> Any:
    """A value of a row's key as JSON can hold it."""
    if isinstance(value, Text):
        return value.decode("utf-8", "replace").replace("\0", "\ufffd")
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else repr(value)
    return Decimal(value) if isinstance(value, int) else value


def described(value: Stored) -> list[Any]:
    """A value in the document of a whole row that was kept aside."""
    if value is None:
        return ["null", None]
    if isinstance(value, Text):
        try:
            return ["text", value.decode("utf-8")]
        except UnicodeDecodeError:
            return ["text-hex", value.hex()]
    if isinstance(value, bytes):
        return ["blob", value.hex()]
    if isinstance(value, float):
        return ["real", value if math.isfinite(value) else repr(value)]
    return ["integer", value]


def pairing(count: int, others: int, fits: Callable[[int, int], bool]) -> tuple[dict[int, int], list[int]]:
    """A partner for each of ``count`` things, none taken twice (augmenting paths), and those that found none."""
    known: dict[tuple[int, int], bool] = {}
    taken: dict[int, int] = {}

    def may(at: int, to: int) -> bool:
        if (at, to) not in known:
            known[at, to] = fits(at, to)
        return known[at, to]

    def place(at: int, tried: set[int]) -> bool:
        # Most often they stand in the same order.
        for to in sorted(range(others), key=lambda to: to != at):
            if to not in tried and may(at, to):
                tried.add(to)
                if to not in taken or place(taken[to], tried):
                    taken[to] = at
                    return True
        return False

    alone = [at for at in range(count) if not place(at, set())]
    return {at: to for to, at in taken.items()}, alone


class Comparison:
    """The comparison of one move; ``wrong`` says all that differs."""

    def __init__(self, path: Path, target: psycopg.Connection[Any], schema: str, result: MigrationResult) -> None:
        self.source = open_source(path)
        self.target = target
        self.schema = schema
        self.result = result
        self.wrong: list[str] = []
        self.tables: list[Table] = []

    def rows(self) -> None:
        """Every row of every table."""
        names = [
            text(name)
            for (name,) in self.source.execute(
                "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
            )
        ]
        targets = {table.source: table.target for table in self.result.tables}
        if sorted(targets) != sorted(names):
            self.wrong.append(f"tables: SQLite has {names}, the result {sorted(targets)}")
            return
        for name in names:
            table = Table(
                name,
                targets[name],
                source_columns(self.source, name),
                target_columns(self.target, self.schema, targets[name]),
                [],
                [],
            )
            self.tables.append(table)
            if len(table.columns) != len(table.into):
                self.wrong.append(f"{name}: {len(table.columns)} columns became {len(table.into)}")
                continue
            self._table(table)

    def _table(self, table: Table) -> None:
        rowid = self._rowid_word(table)
        names = ", ".join(quoted(column.name) for column in table.columns)
        query = f"select {rowid or 'null'}, {names} from {quoted(table.source)} not indexed"
        stored = [(row[0], tuple(row[1:])) for row in self.source.execute(query)]
        table.stored = [row for _, row in stored]
        # A time of 24:00:00 has no Python type.
        wanted = [
            sql.SQL("{}::text" if column.type.startswith("time ") else "{}").format(sql.Identifier(column.name))
            for column in table.into
        ]
        found = self.target.execute(
            sql.SQL("select {} from {} order by ctid").format(
                sql.SQL(", ").join(wanted), sql.Identifier(self.schema, table.target)
            )
        ).fetchall()
        aside = Quarantine(
            self.target.execute(
                "select column_name, row_key, original, storage_class, stands_in from litelift.quarantine"
                " where run_id = %s and table_name = %s",
                (self.result.run_id, table.target),
            ).fetchall()
        )
        left = self._whole_rows(table, stored, aside)
        if len(left) != len(found):
            self.wrong.append(
                f"{table.source}: {len(stored)} rows, {len(aside.rows)} of them kept aside whole, became {len(found)}"
            )
            return
        self._balance(table, len(stored), len(found), len(aside.rows))
        both = Both(left, self._keys(table, left, aside), found, aside)
        partner = self._pair(table, both)
        if partner is None:
            return
        for (_, row), at in zip(left, partner, strict=True):
            table.pairs.append((row, found[at]))
        self._claimed(table, both, partner)

    def _rowid_word(self, table: Table) -> str | None:
        taken = {column.name.lower() for column in table.columns}
        for word in ("rowid", "_rowid_", "oid"):
            if word not in taken:
                try:
                    self.source.execute(f"select {word} from {quoted(table.source)} limit 1")
                except sqlite3.Error:
                    return None
                return word
        return None

    def _balance(self, table: Table, stored: int, found: int, aside: int) -> None:
        told = next(one for one in self.result.tables if one.source == table.source)
        if (told.source_rows, told.loaded, told.quarantined_rows) != (stored, found, aside):
            self.wrong.append(f"{table.source}: told {told}, found {stored} = {found} + {aside}")

    def _whole_rows(self, table: Table, stored: list[tuple[Any, Row]], aside: Quarantine) -> list[tuple[Any, Row]]:
        """The rows that were loaded: those that were kept aside whole are found by everything they hold."""
        left = list(stored)
        for kept in aside.rows:
            for at, (_, row) in enumerate(left):
                # A generated column is kept only where it could not stay one.
                if kept == {
                    column.name: described(value)
                    for column, value in zip(table.columns, row, strict=True)
                    if not column.hidden or column.name in kept
                } and any(
                    value is not None and not readings(value, column.type)
                    for column, value in zip(table.into, row, strict=True)
                ):
                    del left[at]
                    break
            else:
                self.wrong.append(f"{table.source}: kept aside whole without need, or changed: {kept}")
        return left

    def _keys(self, table: Table, left: list[tuple[Any, Row]], aside: Quarantine) -> list[Any]:
        """The key of each row as quarantine would name it."""
        if not aside.key_names:
            return [None] * len(left)
        if len(aside.key_names) > 1:
            self.wrong.append(f"{table.source}: keys of several forms: {aside.key_names}")
        names = next(iter(aside.key_names))
        # By the names in PostgreSQL, so that the row can be looked for there.
        own = {column.name: at for at, column in enumerate(table.into)}
        if names == ("rowid",) and not self._keyed_by_rowid_column(table):
            # The rowid itself, though a column may have its name.
            own.clear()
        keys, raw = [], set()
        for rowid, row in left:
            held = {name: row[own[name]] if name in own else rowid if name == "rowid" else None for name in names}
            keys.append(canonical({name: key_value(value) for name, value in held.items()}))
            raw.add(repr(held))
        if not names or len(raw) != len(left):
            self.wrong.append(f"{table.source}: quarantine names rows by {names}, which tells them not apart")
        return keys

    def _keyed_by_rowid_column(self, table: Table) -> bool:
        """Whether a column that is called rowid is the key that names a row."""
        keys = [column.name for column in table.columns if column.key]
        if keys:
            return keys == ["rowid"]
        if not any(column.name == "rowid" and column.not_null for column in table.columns):
            return False
        for row in self.source.execute(f"pragma index_list({quoted(table.source)})").fetchall():
            parts = self.source.execute(f"pragma index_info({quoted(text(row[1]))})").fetchall()
            if row[2] and not row[4] and [part[2] for part in parts] == [b"rowid"]:
                return True
        return False

    def _pair(self, table: Table, both: Both) -> list[int] | None:
        """A target row for each source row, each taken once; None where there is no such pairing."""
        partner, alone = pairing(
            len(both.left), len(both.found), lambda at, to: self._unlike(table, both, at, to) is None
        )
        if not alone:
            return [partner[at] for at in range(len(both.left))]
        why = self._unlike(table, both, alone[0], alone[0])
        self.wrong.append(f"{table.source}: row {both.left[alone[0]]!r} is not in the target; {why}")
        return None

    def _unlike(self, table: Table, both: Both, at: int, to: int) -> str | None:
        """Why the target row ``to`` is not the source row ``at``; None where it is."""
        (_, row), key = both.left[at], both.keys[at]
        for source, into, value, held in zip(table.columns, table.into, row, both.found[to], strict=True):
            if arrives(value, into.type, held):
                continue
            if self._kept(into, value, key, held, both.aside) is None:
                return f"{source.name} ({source.declared}) {value!r} became {held!r} ({into.type})"
        return None

    def _kept(
        self, into: TargetColumn, value: Stored, key: Any, held: Any, aside: Quarantine
    ) -> tuple[Any, ...] | None:
        """The entry of quarantine that holds this value, if it may be there, and ``held`` may stand in its place."""
        if value is None or readings(value, into.type):
            return None
        textual = parts_of(into.type)[0] in ("text", "character varying")
        if held is not None and not (textual and stands_in(value, held)):
            return None
        if held is None and textual and parts_of(into.type)[1] is None:
            return None
        entry = (key, into.name, source_key(value), held)
        return entry if aside.values[entry] else None

    def _claimed(self, table: Table, both: Both, partner: list[int]) -> None:
        """That quarantine holds the values that did not arrive, each once, and nothing else."""
        due: Counter[tuple[Any, ...]] = Counter()
        for (_, row), key, at in zip(both.left, both.keys, partner, strict=True):
            for into, value, held in zip(table.into, row, both.found[at], strict=True):
                if not arrives(value, into.type, held):
                    due[key, into.name, source_key(value), held] += 1
        if due != +both.aside.values:
            self.wrong.append(
                f"{table.source}: quarantine holds {both.aside.values - due} too much, lacks {due - both.aside.values}"
            )


__all__ = ["Comparison", "Document", "Table", "open_target"]
