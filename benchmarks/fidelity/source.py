"""What a SQLite database holds, read by Python's sqlite3 alone."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.fidelity import ddl

Kind = Literal[
    "table",
    "index",
    "foreign key",
    "check",
    "not null",
    "default",
    "generated column",
    "collation",
    "view",
    "trigger",
]
Method = Literal["plain", "text search", "space"]

_MODULES: dict[str, Method] = {
    "fts3": "text search",
    "fts4": "text search",
    "fts5": "text search",
    "rtree": "space",
    "rtree_i32": "space",
    "geopoly": "space",
}
_CLOCK = re.compile(r"current_(time|date)|strftime|date\s*\(|time\s*\(|julianday|unixepoch|random", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Item:
    """One object: itself, for a table may have the same foreign key twice.

    ``given`` is its own name, where it has one; ``moves`` says that a default reads the clock or chance, ``collated``
    which columns have a collation. The words that do not concern its kind stay empty.
    """

    kind: Kind
    table: str
    columns: tuple[str, ...] = ()
    given: str = ""
    sql: str = ""
    unique: bool = False
    primary: bool = False
    partial: bool = False
    method: Method = "plain"
    parent: str = ""
    parent_columns: tuple[str, ...] = ()
    actions: tuple[str, str] = ("", "")
    moves: bool = False
    virtual: bool = False
    collated: frozenset[str] = frozenset()
    rows: int | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        if self.kind in ("table", "view", "trigger"):
            return self.given
        columns = ", ".join(column or "(expression)" for column in self.columns)
        if self.kind == "index":
            what = "primary key" if self.primary else "unique"
            return self.given or (f"{what} {self.table}({columns})" if columns else f"{self.method} of {self.table}")
        if self.kind == "foreign key":
            return f"{self.table}({columns}) to {self.parent}"
        if self.kind == "check":
            return self.given or f"{self.table}: {self.sql}"
        return f"{self.table}.{columns}"


@dataclass(frozen=True)
class Database:
    """Everything that must arrive. ``rows`` are by table; a virtual table that cannot be read here has none."""

    items: tuple[Item, ...]
    rows: dict[str, int] = field(default_factory=dict)


def read(path: Path) -> Database:
    """Count a database. Shadow tables, their triggers, and SQLite's own tables are not the application's."""
    connection = sqlite3.connect(path)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        reader = _Reader(connection)
        items = tuple(reader.items())
        return Database(items, reader.rows)
    finally:
        connection.close()


class _Reader:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.rows: dict[str, int] = {}
        self.schema = {
            (kind, name): (table, sql or "")
            for kind, name, table, sql in connection.execute("select type, name, tbl_name, sql from sqlite_schema")
        }
        virtual = [sql for (kind, _), (_, sql) in self.schema.items() if kind == "table" and _module(sql)]
        listed = [row for row in connection.execute("pragma table_list") if row[0] == "main"]
        # A full-text table's content table is the application's, though its name be that of a shadow table.
        self.shadows = {
            name.lower()
            for _, name, kind, *_ in listed
            if kind == "shadow"
            and not any(re.search(rf"content\s*=\s*\W?{re.escape(name)}\W", sql, re.IGNORECASE) for sql in virtual)
        }
        self.tables = [
            name
            for (kind, name) in self.schema
            if kind == "table" and not name.lower().startswith("sqlite_") and name.lower() not in self.shadows
        ]

    def items(self) -> Iterator[Item]:
        for table in self.tables:
            count = self._count(table)
            self.rows[table] = count or 0
            sql = self.schema["table", table][1]
            module = _module(sql)
            yield Item("table", table, given=table, sql=sql, rows=count, virtual=bool(module))
            if not module:
                yield from self._table(table, sql)
            elif module in _MODULES:
                yield Item("index", table, sql=sql, method=_MODULES[module])
        for (kind, name), (table, sql) in self.schema.items():
            if kind == "view":
                yield Item("view", name, given=name, sql=sql, rows=self._count(name))
            elif kind == "trigger" and table.lower() not in self.shadows:
                yield Item("trigger", table, given=name, sql=sql)

    def _count(self, name: str) -> int | None:
        try:
            return int(self.connection.execute(f"select count(*) from {_quoted(name)}").fetchone()[0])  # noqa: S608
        except sqlite3.Error:
            return None

    def _pragma(self, pragma: str, name: str) -> list[Any]:
        return self.connection.execute(f"pragma {pragma}({_quoted(name)})").fetchall()

    def _table(self, table: str, sql: str) -> Iterator[Item]:
        columns = self._pragma("table_xinfo", table)
        names = [name for _, name, *_ in columns]
        collated = ddl.collations(sql, names)
        key = tuple(row[1] for row in sorted((row for row in columns if row[5]), key=lambda row: row[5]))
        if key:
            yield Item("index", table, key, unique=True, primary=True, collated=frozenset(collated))
        yield from self._indexes(table, frozenset(collated))
        yield from self._foreign_keys(table)
        for check in ddl.checks(sql, names):
            yield Item("check", table, check.columns, check.name, check.sql)
        for _, name, _, not_null, default, _, hidden in columns:
            if not_null:
                yield Item("not null", table, (name,))
            if hidden in (2, 3):
                yield Item("generated column", table, (name,))
            elif default is not None and default.upper() != "NULL":
                yield Item("default", table, (name,), sql=default, moves=bool(_CLOCK.search(default)))
            if name in collated:
                yield Item("collation", table, (name,), sql=collated[name])

    def _indexes(self, table: str, collated: frozenset[str]) -> Iterator[Item]:
        for _, name, unique, origin, partial in self._pragma("index_list", table):
            if origin == "pk":
                continue
            parts = [row for row in self._pragma("index_xinfo", name) if row[5]]
            own = {row[2] for row in parts if row[2] and row[4].upper() != "BINARY"}
            yield Item(
                "index",
                table,
                tuple(row[2] or "" for row in parts),
                name if origin == "c" else "",
                self.schema.get(("index", name), ("", ""))[1],
                unique=bool(unique),
                partial=bool(partial),
                collated=collated | own,
            )

    def _foreign_keys(self, table: str) -> Iterator[Item]:
        keys: dict[int, list[Any]] = {}
        for row in self._pragma("foreign_key_list", table):
            keys.setdefault(row[0], []).append(row)
        for rows in keys.values():
            parent = rows[0][2]
            to = tuple(row[4] for row in rows)
            if None in to:
                known = sorted((row for row in self._pragma("table_info", parent) if row[5]), key=lambda row: row[5])
                to = tuple(row[1] for row in known)
            yield Item(
                "foreign key",
                table,
                tuple(row[3] for row in rows),
                parent=parent,
                parent_columns=to,
                actions=(rows[0][6].upper(), rows[0][5].upper()),
            )


def _module(sql: str) -> str:
    found = re.match(r"\s*create\s+virtual\s+table\b.*?\busing\s+(\w+)", sql, re.IGNORECASE | re.DOTALL)
    return found[1].lower() if found else ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
