"""The catalogue's values: what a SQLite schema says, as plain frozen data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from litelift.sqlite.lexer import fold
from litelift.sqlite.virtual import VirtualTableDefinition

Value = None | int | float | str | bytes
"""A stored value. Text is ``str``; bytes that are not UTF-8 are in it as lone surrogates (``surrogateescape``)."""


ROWID_WORDS = ("rowid", "_rowid_", "oid")
"""The names of a rowid ("ROWIDs and the INTEGER PRIMARY KEY"): of each, a column of the name takes the place."""


def free_rowid_word(columns: Iterable[str]) -> str | None:
    """The word that reaches the rowid of a table with these columns; None where they hide it."""
    taken = {fold(name) for name in columns}
    return next((word for word in ROWID_WORDS if word not in taken), None)


class Affinity(StrEnum):
    """A column's affinity, section 3.1 of SQLite's "Datatypes In SQLite"."""

    INTEGER = "INTEGER"
    TEXT = "TEXT"
    BLOB = "BLOB"
    REAL = "REAL"
    NUMERIC = "NUMERIC"


def affinity_of(declared: str, *, strict: bool = False) -> Affinity:
    """The affinity of a declared type (section 3.1 of "Datatypes In SQLite"); ANY in a STRICT table is BLOB."""
    word = fold(declared)
    if strict and word == "any":
        return Affinity.BLOB
    if "int" in word:
        return Affinity.INTEGER
    if "char" in word or "clob" in word or "text" in word:
        return Affinity.TEXT
    if not word or "blob" in word:
        return Affinity.BLOB
    if "real" in word or "floa" in word or "doub" in word:
        return Affinity.REAL
    return Affinity.NUMERIC


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``declared`` is the type as written ('' for none); ``default`` is the SQL of its DEFAULT."""

    name: str
    declared: str = ""
    affinity: Affinity = Affinity.BLOB
    not_null: bool = False
    default: str | None = None
    collation: str = "BINARY"
    generated: Literal["stored", "virtual"] | None = None
    generated_sql: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One foreign key. ``parent_columns`` is filled in from the parent's primary key where the DDL leaves it out."""

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    name: str | None = None
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    deferrable: bool = False
    initially_deferred: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One CHECK constraint: the SQL between its parentheses."""

    sql: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ConflictClause:
    """ON CONFLICT of a constraint: what happens instead of an error ("The ON CONFLICT Clause"), and the constraint."""

    algorithm: str
    sql: str


@dataclass(frozen=True, slots=True)
class IndexPart:
    """One key part of an index: a column or an expression (its SQL)."""

    column: str | None
    expression: str | None = None
    descending: bool = False
    collation: str = "BINARY"


@dataclass(frozen=True, slots=True)
class Index:
    """An index. ``origin`` is 'c' (CREATE INDEX) or 'u' (a UNIQUE constraint, whose name may be None)."""

    name: str | None
    table: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    origin: Literal["c", "u"] = "c"
    where: str | None = None
    sql: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    ``rowid`` is the word that reaches the rowid (rowid, _rowid_ or oid), None for WITHOUT ROWID tables or where columns
    hide all three; ``rowid_alias`` is the INTEGER PRIMARY KEY column. ``virtual`` is the definition of a virtual table
    whose rows can be read like another's; ``hidden`` are those of its columns that SELECT * leaves out.
    """

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    primary_key_name: str | None = None
    rowid: str | None = "rowid"
    rowid_alias: str | None = None
    autoincrement: bool = False
    without_rowid: bool = False
    strict: bool = False
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    indexes: tuple[Index, ...] = ()
    conflicts: tuple[ConflictClause, ...] = ()
    sql: str = ""
    virtual: VirtualTableDefinition | None = None
    hidden: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name, without regard to ASCII case. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        for column in self.columns:
            if fold(column.name) == fold(name):
                return column
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class OtherObject:
    """A view, trigger, virtual table or shadow table: its kind, name and SQL, and the table it belongs to."""

    kind: Literal["view", "trigger", "virtual table", "shadow table"]
    name: str
    table: str | None
    sql: str


@dataclass(frozen=True, slots=True)
class Schema:
    """A whole catalogue, in the order of sqlite_schema."""

    tables: tuple[Table, ...]
    others: tuple[OtherObject, ...] = ()
    sequences: dict[str, int] = field(default_factory=dict)
    encoding: str = "UTF-8"
    _places: dict[str, Table] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Know the tables by their names: a schema can have thousands."""
        for table in self.tables:
            self._places.setdefault(fold(table.name), table)

    def table(self, name: str) -> Table:
        """The table of that name, without regard to ASCII case. Raises KeyError."""
        try:
            return self._places[fold(name)]
        except KeyError:
            raise KeyError(name) from None
