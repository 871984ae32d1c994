"""Generated SQLite databases: any tables, keys, indexes, defaults and values, as hypothesis draws them.

A database is its own reproduction: a list of statements whose values are literals, so that what a failure prints can be
given to sqlite3 as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hypothesis import strategies as st

from generated_values import EXPRESSIONS, NULL, Kind, Source, default_words, literal, pool, serial, stored

GENERATED_COLUMNS = True
"""Whether tables have generated columns."""
COLLATIONS = True
"""Whether columns and indexes have collations other than BINARY."""

DrawFn = st.DrawFn
OnMisfit = Literal["auto", "widen", "quarantine"]

DECLARED: tuple[tuple[str, Kind], ...] = (
    ("INTEGER", "integer"),
    ("INT", "integer"),
    ("BIGINT", "integer"),
    ("INT8", "integer"),
    ("UNSIGNED BIG INT", "integer"),
    ("SMALLINT", "small"),
    ("TINYINT", "small"),
    ("MEDIUMINT", "small"),
    ("BOOLEAN", "boolean"),
    ("bool", "boolean"),
    ("TINYINT(1)", "boolean"),
    ("REAL", "real"),
    ("DOUBLE PRECISION", "real"),
    ("float", "real"),
    ("DECIMAL(10,2)", "decimal"),
    ("NUMERIC(6,3)", "decimal"),
    ("DECIMAL(38,0)", "integer"),
    ("NUMERIC", "number"),
    ("DECIMAL", "number"),
    ("VARCHAR(10)", "short"),
    ("CHAR(5)", "short"),
    ("nvarchar(255)", "text"),
    ("TEXT", "text"),
    ("CLOB", "text"),
    ("text(200)", "text"),
    ("longvarchar", "text"),
    ("string", "text"),
    ("DATE", "date"),
    ("DATETIME", "timestamp"),
    ("TIMESTAMP", "timestamp"),
    ("timestamptz", "timestamp"),
    ("TIME", "time"),
    ("JSON", "json"),
    ("JSONB", "json"),
    ("UUID", "uuid"),
    ("GUID", "uuid"),
    ("BLOB", "blob"),
    ("VARBINARY(16)", "blob"),
    ("", "any"),
    ("ANY", "any"),
    ("geometry", "any"),
    ("double unsigned", "real"),
    ("MONEY", "number"),
)
STRICT: tuple[tuple[str, Kind], ...] = (
    ("INT", "integer"),
    ("INTEGER", "integer"),
    ("REAL", "real"),
    ("TEXT", "text"),
    ("BLOB", "blob"),
    ("ANY", "any"),
)

_LONG = "a_name_that_is_longer_than_the_sixty_three_bytes_that_postgresql_keeps"
HOSTILE = (
    "order",
    "select",
    "user",
    "Table",
    "group by",
    'quo"te',
    "apos'trophe",
    "per%cent %s %(x)s",
    "semi;colon--",
    '"; drop schema public cascade; --',
    "[bracket]",
    "back`tick",
    "back\\slash",
    "dot.ted",
    "  spaces ",
    "İstanbul",
    "ığüşöç",
    "名前",
    "😀",
    "e\u0301",
    "new\nline",
    "tab\t",
    "ctid",
    "xmin",
    "tableoid",
    "rowid",
    "oid",
    "_rowid_",
    "1st",
    "$1",
    "pg_class",
    "name",
    "id",
    "Id",
    "litelift",
    "null",
    "default",
    _LONG + "_1",
    _LONG + "_2",
    "ü" * 40,
    "",
)
NAMES = st.one_of(
    st.sampled_from(("a", "b", "c", "d", "notes", "created_at", "value", "B", "Notes")),
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6),
)


def quoted(name: str) -> str:
    """An identifier for SQLite."""
    return '"' + name.replace('"', '""') + '"'


def fold(name: str) -> str:
    """SQLite's folding of a name: ASCII only."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)


@dataclass(frozen=True)
class Generated:
    """A database: what makes it, and how the move is to treat misfits."""

    encoding: str
    statements: tuple[str, ...]
    inserts: tuple[str, ...] = field(repr=False)
    on_misfit: OnMisfit

    def script(self) -> str:
        """Everything as a script for sqlite3."""
        head = f"PRAGMA encoding = '{self.encoding}'; -- on_misfit = {self.on_misfit}"
        return "\n".join([head, *(f"{words};" for words in (*self.statements, *self.inserts))])

    def build(self, path: Path) -> None:
        """Make the file; what SQLite itself refuses is left out."""
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(f"pragma encoding = '{self.encoding}'")
        connection.execute("pragma synchronous = off")
        connection.execute("pragma journal_mode = memory")
        for words in (*self.statements, *self.inserts):
            try:
                connection.execute(words)
            except sqlite3.Error:
                continue
        connection.close()


@dataclass
class _Column:
    name: str
    declared: str
    kind: Kind
    words: str
    values: Callable[[int], Source]
    generated: bool = False


@dataclass
class _Table:
    name: str
    columns: list[_Column]
    key: tuple[_Column, ...] = ()


@st.composite
def databases(draw: DrawFn) -> Generated:
    """Any database."""
    encoding = draw(st.sampled_from(("UTF-8", "UTF-8", "UTF-8", "UTF-16le", "UTF-16be")))
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=fold))
    names = [name for name in names if not fold(name).startswith("sqlite_")] or ["t"]
    tables: list[_Table] = []
    statements: list[str] = []
    inserts: list[str] = []
    for at, name in enumerate(names):
        table, words = draw(_tables(name, tables, names[at:]))
        tables.append(table)
        statements.append(words)
    used = {fold(name) for name in names}
    for table in tables:
        statements += draw(_indexes(table, used))
        inserts += draw(_rows(table, encoding))
    on_misfit: OnMisfit = draw(st.sampled_from(("auto", "auto", "quarantine", "widen")))
    return Generated(encoding, tuple(statements), tuple(inserts), on_misfit)


@st.composite
def _tables(draw: DrawFn, name: str, before: list[_Table], names: list[str]) -> tuple[_Table, str]:
    strict = draw(st.integers(0, 7)) == 7
    columns = [draw(_columns(word, strict)) for word in draw(st.lists(NAMES, min_size=1, max_size=8, unique_by=fold))]
    table = _Table(name, columns)
    constraints: list[str] = []
    options = ["STRICT"] if strict else []
    key = draw(st.sampled_from(("rowid", "rowid", "autoincrement", "column", "composite", "none", "without")))
    first = columns[0]
    if key in ("rowid", "autoincrement"):
        first.declared, first.kind = "INTEGER", "integer"
        first.words = "PRIMARY KEY" + (" AUTOINCREMENT" if key == "autoincrement" else "")
        first.values = draw(_rowids())
        table.key = (first,)
    elif key == "column" or (key != "none" and len(columns) < 2):
        first.words += draw(st.sampled_from((" PRIMARY KEY", " NOT NULL PRIMARY KEY", " PRIMARY KEY DESC")))
        first.values = _mostly_serial(first, draw)
        table.key = (first,)
    elif key in ("composite", "without"):
        table.key = (columns[1], columns[0])
        for column in table.key:
            column.values = _mostly_serial(column, draw)
        named = draw(st.sampled_from(("", f'CONSTRAINT "{name[:5].replace(chr(34), "")}_pk" ')))
        constraints.append(f"{named}PRIMARY KEY ({', '.join(quoted(column.name) for column in table.key)})")
    if key == "without":
        options.append("WITHOUT ROWID")
    constraints += draw(_uniques(table))
    constraints += draw(_foreign_keys(table, before, names))
    constraints += draw(_checks(table))
    if GENERATED_COLUMNS and draw(st.integers(0, 3)) == 3:
        of = draw(st.sampled_from(columns))
        expression = draw(st.sampled_from(EXPRESSIONS)).format(quoted(of.name))
        declared = "" if not strict else "ANY"
        stored_words = draw(st.sampled_from(("STORED", "VIRTUAL")))
        words = f"GENERATED ALWAYS AS ({expression}) {stored_words}"
        columns.append(_Column("made up", declared, "any", words, lambda at: NULL, generated=True))
    parts = [f"{quoted(column.name)} {column.declared} {column.words}".rstrip() for column in columns]
    return table, f"CREATE TABLE {quoted(name)} ({', '.join([*parts, *constraints])}) {', '.join(options)}".rstrip()


@st.composite
def _columns(draw: DrawFn, name: str, strict: bool) -> _Column:
    declared, kind = draw(st.sampled_from(STRICT if strict else DECLARED))
    words = []
    if draw(st.integers(0, 3)) == 3:
        words.append("NOT NULL")
    if draw(st.integers(0, 3)) == 3:
        words.append(f"DEFAULT {draw(default_words(kind))}")
    if COLLATIONS and draw(st.integers(0, 11)) == 11:
        words.append(f"COLLATE {draw(st.sampled_from(('NOCASE', 'RTRIM', 'nocase')))}")
    column = _Column(name, declared, kind, " ".join(words), lambda at: NULL)
    if draw(st.integers(0, 4)) == 4:
        column.values = _mostly_serial(column, draw)
    else:
        held = draw(pool(kind, nulls=not words or words[0] != "NOT NULL"))
        column.values = lambda at: held[(at * 7 + at // len(held)) % len(held)]
    return column


def _mostly_serial(column: _Column, draw: DrawFn) -> Callable[[int], Source]:
    """Values that differ from row to row, and perhaps one that is any value."""
    kind = column.kind
    if draw(st.integers(0, 2)) < 2:
        return lambda at: serial(kind, at)
    odd = draw(pool(kind, nulls=True))[0]
    place = draw(st.integers(0, 9))
    return lambda at: odd if at == place else serial(kind, at)


@st.composite
def _rowids(draw: DrawFn) -> Callable[[int], Source]:
    first = draw(st.sampled_from((None, 1, 1, 100, -40, -3, 2**31, 2**63 - 5, -(2**63))))
    if first is None:
        return lambda at: NULL
    return lambda at: first + at if first + at < 2**63 else NULL


@st.composite
def _uniques(draw: DrawFn, table: _Table) -> list[str]:
    made = []
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        some = draw(st.lists(st.sampled_from(table.columns), min_size=1, max_size=2, unique_by=lambda c: c.name))
        for column in some[:1]:
            if column not in table.key:
                column.values = _mostly_serial(column, draw)
        named = draw(st.sampled_from(("", 'CONSTRAINT "only one" ', "CONSTRAINT uq ")))
        made.append(f"{named}UNIQUE ({', '.join(quoted(column.name) for column in some)})")
    return made


@st.composite
def _foreign_keys(draw: DrawFn, table: _Table, before: list[_Table], names: list[str]) -> list[str]:
    made = []
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2)))):
        free = [column for column in table.columns if column not in table.key]
        if not free:
            break
        column = draw(st.sampled_from(free))
        actions = draw(
            st.sampled_from(
                ("", "ON DELETE CASCADE", "ON DELETE SET NULL ON UPDATE CASCADE", "DEFERRABLE INITIALLY DEFERRED")
            )
        )
        keyed = [parent for parent in (*before, table) if len(parent.key) == 1]
        if keyed and draw(st.integers(0, 5)) < 5:
            parent = draw(st.sampled_from(keyed))
            of = parent.key[0]
            values, orphan = of.values, draw(st.integers(0, 5)) == 5
            column.values = lambda at, values=values, orphan=orphan: (  # type: ignore[misc]
                NULL if at % 4 == 3 else values(at // 2 + (1000 if orphan and at % 5 == 1 else 0))
            )
            if draw(st.booleans()):
                column.declared, column.kind = of.declared, of.kind
            columns = draw(st.sampled_from((f" ({quoted(of.name)})", "")))
            target = parent.name
        else:
            # Cyclic, for the table may come later; or to nothing.
            target, columns = draw(st.sampled_from((*names, "no such table"))), ""
        made.append(f"FOREIGN KEY ({quoted(column.name)}) REFERENCES {quoted(target)}{columns} {actions}".rstrip())
    return made


CHECKS = (
    "{0} IS NULL OR length({0}) < 1000",
    "{0} <> 'forbidden'",
    "typeof({0}) <> 'nothing'",
    "{0} NOT LIKE '%bad%'",
    "{0} BETWEEN -1000000 AND 1000000 OR {0} IS NULL OR typeof({0}) <> 'integer'",
    "coalesce({0}, 'x') <> ''",
    "{0} NOT IN ('x', 'y')",
)
OWN_CHECKS: dict[Kind, tuple[str, ...]] = {
    "integer": ("{0} >= -1000", "{0} <> 0", "{0} % 2 = 0 OR {0} > 1", "abs({0}) >= 0"),
    "boolean": ("{0} IN (0, 1)", "{0} = 0 OR {0} = 1", "{0}", "NOT {0} OR {0} IS NOT NULL"),
    "real": ("{0} >= 0 OR {0} < 0", "{0} > -1e308"),
    "decimal": ("{0} >= 0", "{0} < 100000"),
    "short": ("length({0}) <= 5", "{0} IS NOT NULL"),
    "text": ("length({0}) > 0", "{0} = trim({0})", "{0} GLOB '*'"),
    "date": ("{0} > '1900-01-01'", "{0} LIKE '____-__-__%'"),
    "timestamp": ("{0} IS NOT NULL", "{0} > '1900-01-01'"),
    "json": ("json_valid({0})",),
    "blob": ("length({0}) < 100", "typeof({0}) IN ('blob', 'text')"),
    "uuid": ("length({0}) IN (16, 32, 36)",),
}


@st.composite
def _checks(draw: DrawFn, table: _Table) -> list[str]:
    made = []
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        column = draw(st.sampled_from(table.columns))
        conditions = draw(st.sampled_from((CHECKS, OWN_CHECKS.get(column.kind, CHECKS))))
        named = draw(st.sampled_from(("", 'CONSTRAINT "must hold" ', f"CONSTRAINT {_LONG} ")))
        made.append(f"{named}CHECK ({draw(st.sampled_from(conditions)).format(quoted(column.name))})")
    return made


WHERES = (" WHERE {0} IS NOT NULL", " WHERE {0} > 0", " WHERE {0} = 1", " WHERE {0} <> ''", " WHERE {0} IS NULL")


@st.composite
def _indexes(draw: DrawFn, table: _Table, used: set[str]) -> list[str]:
    made = []
    for _ in range(draw(st.sampled_from((0, 0, 1, 2, 3)))):
        name = draw(NAMES)
        if fold(name) in used or fold(name).startswith("sqlite_"):
            continue
        used.add(fold(name))
        some = draw(st.lists(st.sampled_from(table.columns), min_size=1, max_size=3, unique_by=lambda c: c.name))
        parts = []
        for column in some:
            part = quoted(column.name)
            if draw(st.integers(0, 5)) == 5:
                part = draw(st.sampled_from(EXPRESSIONS)).format(part)
            elif COLLATIONS and draw(st.integers(0, 9)) == 9:
                part += " COLLATE NOCASE"
            parts.append(part + draw(st.sampled_from(("", "", " DESC", " ASC"))))
        unique = draw(st.sampled_from(("", "", "UNIQUE ")))
        where = draw(st.sampled_from(("", "", "", *WHERES))).format(quoted(some[0].name))
        made.append(f"CREATE {unique}INDEX {quoted(name)} ON {quoted(table.name)} ({', '.join(parts)}){where}")
    return made


@st.composite
def _rows(draw: DrawFn, table: _Table, encoding: str) -> list[str]:
    # Beyond a hundred rows one misfit is few enough to be kept aside while its column keeps its type.
    count = draw(st.one_of(st.integers(0, 6), st.integers(0, 30), st.integers(0, 30), st.just(130)))
    columns = [column for column in table.columns if not column.generated]
    odd = draw(st.sampled_from(columns))
    strange = draw(pool("any", nulls=True))[0]
    names = ", ".join(quoted(column.name) for column in columns)
    made = []
    for at in range(count):
        values = [column.values(at) for column in columns]
        if count > 100:
            values = [
                strange if column is odd and at == 77 else serial(column.kind, at) if column in table.key else value
                for column, value in zip(columns, values, strict=True)
            ]
        words = ", ".join(literal(value, encoding) for value in values)
        made.append(f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({words})")
    return made


__all__ = ["Generated", "databases", "fold", "quoted", "stored"]
