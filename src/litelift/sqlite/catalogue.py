"""The catalogue of a SQLite database: its pragmas, and its DDL for what they do not tell.

Sources: "PRAGMA Statements" (table_xinfo, index_list, index_xinfo, foreign_key_list, table_list), "The Schema Table",
"CREATE TABLE", "SQLite Foreign Key Support", "Rowid Tables".
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

from litelift.errors import DdlError
from litelift.sqlite.ddl_index import IndexDefinition, parse_create_index
from litelift.sqlite.ddl_table import ColumnDefinition, KeyDefinition, TableDefinition, parse_create_table
from litelift.sqlite.foreign_keys import FOREIGN_KEY_COLUMNS, listed_foreign_keys, resolve_parents
from litelift.sqlite.lexer import fold, syntax_error
from litelift.sqlite.readable import readable_table
from litelift.sqlite.schema import (
    Column,
    ForeignKey,
    Index,
    IndexPart,
    OtherObject,
    Schema,
    Table,
    affinity_of,
    free_rowid_word,
)
from litelift.sqlite.virtual import (
    VirtualTableDefinition,
    content_name,
    has_external_content,
    is_virtual_table,
    parse_virtual_table,
    shadow_names,
)

_GENERATED = {2: "virtual", 3: "stored"}
"""What the column "hidden" of table_xinfo says of generated columns."""
_ON_EXPRESSION = -2


def read_catalogue(connection: sqlite3.Connection) -> Schema:
    """Read the catalogue of the connection's main database.

    Shadow tables, views and triggers come as others, with their SQL. Virtual tables do too, but for the full-text
    tables with text of their own and the R*Trees that can be read here, which come as tables; no virtual table's module
    needs to be there. The text of a full-text table that cannot be read comes as the table that it is in. SQLite's own
    tables (sqlite_...) are left out. Where the DDL leaves out a foreign key's parent
    columns, they stay () if the parent is missing, has no primary key, or one of another length.

    Raises DdlError for a CREATE statement that litelift cannot read, sqlite3.Error where SQLite cannot read the schema.
    """
    reader = _Reader(connection)
    objects = reader.objects()
    definitions = {entry.id: _virtual_table(entry) for entry in objects if entry.is_virtual}
    shadows = reader.shadow_tables(list(definitions.values()), objects)
    readable: dict[int, Table] = {}
    for entry in objects:
        if entry.is_virtual:
            found = readable_table(connection, definitions[entry.id], entry.sql)
            if found is not None:
                readable[entry.id] = found
            else:
                # A full-text table whose tokenizer is not here keeps its text in a table that can be read.
                shadows.pop(content_name(definitions[entry.id]) or "", None)
    indexes: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in objects:
        if entry.type == "index":
            indexes[fold(entry.table)].append(entry)
    tables: list[Table] = []
    others: list[OtherObject] = []
    for entry in objects:
        if entry.type == "view":
            others.append(OtherObject("view", entry.name, None, entry.sql))
        elif entry.type == "trigger":
            others.append(OtherObject("trigger", entry.name, entry.table, entry.sql))
        elif entry.is_virtual:
            if entry.id in readable:
                tables.append(readable[entry.id])
            else:
                others.append(OtherObject("virtual table", entry.name, None, entry.sql))
        elif entry.type == "table" and fold(entry.name) in shadows:
            others.append(OtherObject("shadow table", entry.name, shadows[fold(entry.name)], entry.sql))
        elif entry.type == "table":
            tables.append(reader.table(entry, indexes[fold(entry.name)]))
    tables = resolve_parents(tables)
    return Schema(tuple(tables), tuple(others), reader.sequences(tables), reader.encoding())


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of sqlite_schema that is not SQLite's own; ``id`` is its rowid. An automatic index has no SQL."""

    id: int
    type: str
    name: str
    table: str
    sql: str
    is_virtual: bool


class _Reader:
    """The queries.

    Names never go back to SQLite: the pragmas are joined to the schema table by its rowid, since a name that is not
    UTF-8 could not be sent.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self.connection.cursor()
        # The caller may have set a row factory of its own.
        cursor.row_factory = None
        return cursor.execute(query, values).fetchall()

    def encoding(self) -> str:
        return str(self.rows("pragma main.encoding")[0][0])

    def objects(self) -> list[_Entry]:
        query = "select rowid, type, name, tbl_name, rootpage, sql from main.sqlite_master order by rowid"
        return [
            _Entry(id, type, name, table, sql or "", type == "table" and not rootpage and is_virtual_table(sql or ""))
            for id, type, name, table, rootpage, sql in self.rows(query)
            if type == "index" or not fold(name).startswith("sqlite_")
        ]

    def pragma(self, name: str, entry: _Entry, columns: str) -> list[tuple[Any, ...]]:
        query = f"select {columns} from main.sqlite_master as s, pragma_{name}(s.name, 'main') as p where s.rowid = ?"  # noqa: S608
        return self.rows(query, entry.id)

    # ----------------------------------------------------------------- tables

    def table(self, entry: _Entry, indexes: list[_Entry]) -> Table:
        try:
            definition = parse_create_table(entry.sql)
        except DdlError as error:
            raise _in_object("table", entry, error) from error
        info = self.pragma("table_xinfo", entry, 'p.name, p.type, p."notnull", p.pk, p.hidden')
        _check_columns(entry, info, definition)
        primary_key = tuple(row[0] for row in sorted((row for row in info if row[3]), key=lambda row: int(row[3])))
        origins = {
            row[0]: (bool(row[1]), str(row[2]))
            for row in self.pragma("index_list", entry, 'p.name, p."unique", p.origin')
        }
        has_key_index = any(origin == "pk" for _, origin in origins.values())
        # The one primary key without an index of its own is the rowid's alias ("Rowid Tables").
        is_alias = bool(primary_key) and not has_key_index and not definition.without_rowid
        rowid_alias = primary_key[0] if is_alias else None
        columns = tuple(
            _column(row, written, definition) for row, written in zip(info, definition.columns, strict=True)
        )
        # Both are NOT NULL in effect, though table_xinfo does not say so of the alias; any other key of a rowid table
        # takes NULLs ("CREATE TABLE", section 3.5).
        enforced = primary_key if definition.without_rowid or is_alias else ()
        columns = tuple(replace(column, not_null=column.not_null or column.name in enforced) for column in columns)
        key = definition.primary_key
        return Table(
            name=entry.name,
            columns=columns,
            primary_key=primary_key,
            primary_key_name=key.name if key else None,
            rowid=None if definition.without_rowid else free_rowid_word(column.name for column in columns),
            rowid_alias=rowid_alias,
            autoincrement=key is not None and key.autoincrement,
            without_rowid=definition.without_rowid,
            strict=definition.strict,
            foreign_keys=self.foreign_keys(entry, definition),
            checks=definition.checks,
            indexes=tuple(
                self.index(index, entry, definition, *origins[index.name])
                for index in indexes
                if index.name in origins and origins[index.name][1] != "pk"
            ),
            conflicts=definition.conflicts,
            sql=entry.sql,
        )

    def foreign_keys(self, entry: _Entry, definition: TableDefinition) -> tuple[ForeignKey, ...]:
        rows = self.pragma("foreign_key_list", entry, FOREIGN_KEY_COLUMNS)
        return listed_foreign_keys(rows, definition, f"table {entry.name}", entry.sql)

    # ----------------------------------------------------------------- indexes

    def index(self, entry: _Entry, table: _Entry, definition: TableDefinition, unique: bool, origin: str) -> Index:
        rows = self.pragma("index_xinfo", entry, 'p.cid, p.name, p."desc", p.coll, p.key')
        rows = [row for row in rows if row[4]]
        if origin == "u":
            parts = tuple(IndexPart(row[1], None, bool(row[2]), _collation(row[3])) for row in rows)
            return Index(_unique_name(parts, definition), table.name, parts, True, "u")
        try:
            written = parse_create_index(entry.sql)
        except DdlError as error:
            raise _in_object("index", entry, error) from error
        if len(written.parts) != len(rows):
            raise syntax_error(
                f"index {entry.name}: expected {len(rows)} key parts; got {len(written.parts)}", entry.sql, 0
            )
        return Index(entry.name, table.name, _index_parts(rows, written), unique, "c", written.where, entry.sql)

    # ----------------------------------------------------------------- what belongs to no table

    def shadow_tables(self, virtual: list[VirtualTableDefinition], objects: list[_Entry]) -> dict[str, str | None]:
        """The folded names of shadow tables, with the virtual table of each where it is known."""
        names = {fold(entry.name): entry for entry in objects if entry.type == "table" and not entry.is_virtual}
        kept = {fold(table.name) + "_content" for table in virtual if has_external_content(table)}
        shadows: dict[str, str | None] = {}
        for table in virtual:
            for name, first_column in shadow_names(table).items():
                if name in names and self._first_column(names[name]) == first_column:
                    shadows[name] = table.name
        if sqlite3.sqlite_version_info >= (3, 37):
            for (name,) in self.rows("select name from pragma_table_list where schema = 'main' and type = 'shadow'"):
                owners = [table.name for table in virtual if fold(name).startswith(fold(table.name) + "_")]
                shadows.setdefault(fold(name), max(owners, key=len, default=None))
        return {name: table for name, table in shadows.items() if name not in kept}

    def _first_column(self, entry: _Entry) -> str:
        return fold(self.pragma("table_xinfo", entry, "p.name")[0][0])

    def sequences(self, tables: list[Table]) -> dict[str, int]:
        """The largest number in sqlite_sequence for each table; text counts by its leading digits, as to SQLite."""
        if not self.rows("select 1 from main.sqlite_master where type = 'table' and name = 'sqlite_sequence'"):
            return {}
        names = {fold(table.name): table.name for table in tables}
        found: dict[str, int] = {}
        query = "select name, cast(seq as integer) from main.sqlite_sequence where seq is not null"
        for name, number in self.rows(query):
            table = names.get(fold(name)) if isinstance(name, str) else None
            if table is not None:
                found[table] = max(number, found.get(table, number))
        return found


def _in_object(kind: str, entry: _Entry, error: DdlError) -> DdlError:
    message = f"{kind} {entry.name}: {error.facts['message']}"
    return DdlError(message=message, position=error.facts["position"], sql=entry.sql)


def _virtual_table(entry: _Entry) -> VirtualTableDefinition:
    try:
        return parse_virtual_table(entry.sql)
    except DdlError as error:
        raise _in_object("virtual table", entry, error) from error


def _check_columns(entry: _Entry, info: list[tuple[Any, ...]], definition: TableDefinition) -> None:
    """Raise DdlError unless the statement was read to the same columns, generated or not, that SQLite has."""
    expected = [(row[0], _GENERATED.get(row[4])) for row in info]
    got = [(column.name, column.generated) for column in definition.columns]
    if expected != got:
        raise syntax_error(f"table {entry.name}: expected the columns {expected}; got {got}", entry.sql, 0)


def _column(row: tuple[Any, ...], written: ColumnDefinition, definition: TableDefinition) -> Column:
    name, declared, not_null = row[:3]
    return Column(
        name=name,
        declared=declared,
        affinity=affinity_of(declared, strict=definition.strict),
        not_null=bool(not_null),
        default=None if written.generated else written.default,
        collation=_collation(written.collation),
        generated=written.generated,
        generated_sql=written.generated_sql,
    )


def _collation(name: str | None) -> str:
    """A built-in collation's name in capitals, as SQLite knows it in any case; another's as written."""
    if name is None:
        return "BINARY"
    return {"binary": "BINARY", "nocase": "NOCASE", "rtrim": "RTRIM"}.get(fold(name), name)


def _unique_name(parts: tuple[IndexPart, ...], definition: TableDefinition) -> str | None:
    """The first name among the UNIQUE constraints of this index: SQLite makes one index for all that are alike."""
    own = {fold(column.name): column.collation for column in definition.columns}

    def key(unique: KeyDefinition) -> list[tuple[str, str]]:
        columns = [fold(part.column or part.sql) for part in unique.parts]
        return [
            (column, _collation(part.collation or own.get(column)))
            for column, part in zip(columns, unique.parts, strict=True)
        ]

    wanted = [(fold(part.column or ""), part.collation) for part in parts]
    return next((unique.name for unique in definition.uniques if unique.name and key(unique) == wanted), None)


def _index_parts(rows: list[tuple[Any, ...]], written: IndexDefinition) -> tuple[IndexPart, ...]:
    return tuple(
        IndexPart(
            column=row[1],
            # cid -2 is an expression; a column has its name, whatever the DDL wrote round it.
            expression=part.sql if row[0] == _ON_EXPRESSION or row[1] is None else None,
            descending=bool(row[2]),
            collation=_collation(row[3]),
        )
        for row, part in zip(rows, written.parts, strict=True)
    )
