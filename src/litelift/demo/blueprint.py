"""A compact language for tables, and the DDL that Laravel's schema builder makes of it on SQLite.

A table is a line ``name rows`` and, indented below it, entries between semicolons or on lines of their own::

    surveys 18
      id; uuid uuid unique; status enum[aktiv|qaralama]=qaralama index; settings json?
      created_by >users cascade; weight dec=1 ~weight; timestamps; softdeletes; unique(created_by, uuid)

An entry is ``column type[?][=default] [unique|index] [action] [~maker]``: ``?`` is nullable, ``>table`` a foreign key
to that table's id (its action: cascade, restrict, none; by default cascade, and set null where the column is nullable),
``~maker`` how its values are made (see `litelift.demo.makers`). Entries of their own: ``id``, ``timestamps``,
``softdeletes``, ``morphs[?] name Model|Model``, ``primary(...)``, ``unique(...)`` and ``index(...) [as name]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

SQL_TYPES = {
    "str": "varchar",
    "uuid": "varchar",
    "enum": "varchar",
    "text": "text",
    "json": "text",
    "int": "integer",
    "bool": "tinyint(1)",
    "dec": "numeric",
    "float": "float",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "blob": "blob",
    "fk": "integer",
}

_ENTRY = re.compile(
    r"(?P<name>\w+) (?:>(?P<parent>\w+)|(?P<type>[a-z]+)(?:\[(?P<values>[^\]]*)\])?)(?P<null>\?)?(?:=(?P<default>\S+))?"
    r"(?P<words>(?: (?:unique|index|cascade|restrict|none))*)(?: ~(?P<maker>.+))?"
)
_KEY = re.compile(r"(?P<kind>primary|unique|index)\((?P<columns>[\w, ]+)\)(?: as (?P<name>\w+))?")


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column: its type in this language, what the DDL says of it, and how its values are made."""

    name: str
    kind: str
    nullable: bool = False
    default: str | None = None
    values: tuple[str, ...] = ()
    parent: str | None = None
    on_delete: str | None = None
    maker: str | None = None

    @property
    def sql(self) -> str:
        """The column as Laravel's SQLite grammar writes it."""
        text = f'"{self.name}" {SQL_TYPES[self.kind]}'
        if self.values:
            text += f' check ("{self.name}" in ({", ".join(map(_literal, self.values))}))'
        if self.default == "CURRENT_TIMESTAMP":
            text += " default CURRENT_TIMESTAMP"
        if not self.nullable:
            text += " not null"
        if self.default not in (None, "CURRENT_TIMESTAMP"):
            text += f" default {_literal(str(self.default))}"
        return text


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """A plain or unique index."""

    name: str
    columns: tuple[str, ...]
    unique: bool


@dataclass(slots=True)
class TableSpec:
    """One table and the number of its rows."""

    name: str
    rows: int
    columns: list[ColumnSpec] = field(default_factory=list)
    indexes: list[IndexSpec] = field(default_factory=list)
    primary: tuple[str, ...] = ()

    @property
    def has_id(self) -> bool:
        """Whether the key is Laravel's ``$table->id()``."""
        return self.columns[0].kind == "id"

    @property
    def ddl(self) -> list[str]:
        """CREATE TABLE and its CREATE INDEX statements, in the spelling that SQLite keeps of Laravel's."""
        parts = [
            '"id" integer not null primary key autoincrement' if column.kind == "id" else column.sql
            for column in self.columns
        ]
        for column in self.columns:
            if column.parent:
                action = f" on delete {column.on_delete}" if column.on_delete else ""
                parts.append(f'foreign key("{column.name}") references "{column.parent}"("id"){action}')
        if self.primary:
            parts.append(f"primary key ({_names(self.primary)})")
        statements = [f'CREATE TABLE "{self.name}" ({", ".join(parts)})']
        for index in self.indexes:
            create = "CREATE UNIQUE INDEX" if index.unique else "CREATE INDEX"
            statements.append(f'{create} "{index.name}" on "{self.name}" ({_names(index.columns)})')
        return statements

    def add_index(self, columns: tuple[str, ...], *, unique: bool, name: str | None = None) -> None:
        """Add an index; without a name it gets Laravel's: table, columns, ``index`` or ``unique``."""
        made = "_".join((self.name, *columns, "unique" if unique else "index"))
        self.indexes.append(IndexSpec(name or made, columns, unique))


def parse(text: str) -> list[TableSpec]:
    """Read tables written in this language. Raises ValueError for an entry that is not in it."""
    tables: list[TableSpec] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        if not line.startswith(" "):
            name, rows = line.split()
            tables.append(TableSpec(name, int(rows)))
            continue
        for entry in filter(None, (part.strip() for part in line.split(";"))):
            _add(tables[-1], entry)
    return tables


def _add(table: TableSpec, entry: str) -> None:
    if key := _KEY.fullmatch(entry):
        columns = tuple(name.strip() for name in key["columns"].split(","))
        if key["kind"] == "primary":
            table.primary = columns
        else:
            table.add_index(columns, unique=key["kind"] == "unique", name=key["name"])
        return
    if entry.startswith("morphs"):
        word, name, models = entry.split()
        nullable = word.endswith("?")
        table.columns.append(ColumnSpec(f"{name}_type", "str", nullable, maker=f"morph_type:{models}"))
        table.columns.append(ColumnSpec(f"{name}_id", "int", nullable, maker=f"morph_id:{name}_type"))
        table.add_index((f"{name}_type", f"{name}_id"), unique=False)
        return
    table.columns.extend(_columns(table, entry))


def _columns(table: TableSpec, entry: str) -> Iterator[ColumnSpec]:
    if entry == "id":
        yield ColumnSpec("id", "id")
    elif entry == "timestamps":
        yield ColumnSpec("created_at", "datetime", nullable=True)
        yield ColumnSpec("updated_at", "datetime", nullable=True)
    elif entry == "softdeletes":
        yield ColumnSpec("deleted_at", "datetime", nullable=True)
    else:
        found = _ENTRY.fullmatch(entry)
        if found is None or (found["type"] and found["type"] not in SQL_TYPES):
            raise ValueError(f"expected an entry of the table language; got {entry!r} in {table.name}")
        words = found["words"].split()
        for word in words:
            if word in ("unique", "index"):
                table.add_index((found["name"],), unique=word == "unique")
        nullable = bool(found["null"])
        yield ColumnSpec(
            found["name"],
            found["type"] or "fk",
            nullable,
            found["default"],
            tuple((found["values"] or "").split("|")) if found["values"] else (),
            found["parent"],
            _action(words, nullable=nullable) if found["parent"] else None,
            found["maker"],
        )


def _action(words: list[str], *, nullable: bool) -> str | None:
    if "none" in words:
        return None
    for word in ("cascade", "restrict"):
        if word in words:
            return word
    return "set null" if nullable else "cascade"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
