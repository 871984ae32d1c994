"""Virtual tables whose rows can be read like those of any other: full-text tables with their own text, and R*Trees."""

from __future__ import annotations

import sqlite3

from litelift.sqlite.lexer import fold, quote_identifier
from litelift.sqlite.schema import Affinity, Check, Column, Table, free_rowid_word
from litelift.sqlite.virtual import VirtualTableDefinition, auxiliary_types, full_text_options

_Info = list[tuple[str, str]]
"""The names and declared types of the columns that a virtual table shows."""


def readable_table(connection: sqlite3.Connection, definition: VirtualTableDefinition, sql: str) -> Table | None:
    """A virtual table as a table, None where it is of another module or cannot be read here."""
    if definition.is_full_text and full_text_options(definition).content is not None:
        return None
    if not (definition.is_full_text or definition.is_rtree):
        return None
    try:
        shown = _shown(connection, definition.name)
        table = _full_text(definition, shown, sql) if definition.is_full_text else _rtree(definition, shown, sql)
        return table if shown and why_unreadable(connection, definition, table.columns) is None else None
    except (sqlite3.Error, UnicodeError):
        return None


def why_unreadable(
    connection: sqlite3.Connection, definition: VirtualTableDefinition, columns: tuple[Column, ...] = ()
) -> str | None:
    """Why the rows of a virtual table cannot be read here: its module is missing, its shadow tables are damaged.

    Source: "The SQLite R*Tree Module", section 7 (rtreecheck).
    """
    words = ", ".join(f"typeof({quote_identifier(column.name)})" for column in columns)
    try:
        # The first row needs every column's shadow tables and functions; each value is looked at by the census.
        _row(connection, f"SELECT {words or 'count(*)'} FROM {quote_identifier(definition.name)} LIMIT 1")  # noqa: S608
        if not definition.is_rtree:
            return None
        found = _row(connection, "SELECT rtreecheck('main', ?)", definition.name)[0]
    except (sqlite3.Error, UnicodeError) as error:
        return None if "no such function: rtreecheck" in str(error) else str(error)
    return None if found == "ok" else "; ".join(str(found).splitlines())


def _row(connection: sqlite3.Connection, query: str, *values: object) -> tuple[object, ...]:
    cursor = connection.cursor()
    cursor.row_factory = None
    return tuple(cursor.execute(query, values).fetchone() or (None,))


def _shown(connection: sqlite3.Connection, name: str) -> _Info:
    cursor = connection.cursor()
    cursor.row_factory = None
    query = "SELECT name, type FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0"
    return [(str(column), str(type)) for column, type in cursor.execute(query, (name,))]


def _full_text(definition: VirtualTableDefinition, shown: _Info, sql: str) -> Table:
    """A full-text table: the rowid, of which FTS3's and FTS4's docid is another name, its texts, and the language.

    Its columns have no affinity; those that are searched in are text, and of the others their values say what they are.
    """
    options = full_text_options(definition)
    word = free_rowid_word(name for name, _ in shown)
    rowid = "rowid" if word == "rowid" else "docid"
    columns = [Column(rowid, "INTEGER", Affinity.INTEGER, not_null=True)]
    columns += [
        Column(name) if fold(name) in options.not_indexed else Column(name, "TEXT", Affinity.TEXT) for name, _ in shown
    ]
    language = options.language
    hidden = [rowid]
    if language is not None:
        columns.append(Column(language, "INTEGER", Affinity.INTEGER))
        hidden.append(language)
    return Table(
        definition.name,
        tuple(columns),
        primary_key=(rowid,),
        rowid=word,
        rowid_alias=rowid,
        sql=sql,
        virtual=definition,
        hidden=tuple(hidden),
    )


def _rtree(definition: VirtualTableDefinition, shown: _Info, sql: str) -> Table:
    """An R*Tree: its number, the least and the greatest coordinate of each dimension, and auxiliary columns."""
    auxiliary = auxiliary_types(definition)
    columns = []
    for place, (name, declared) in enumerate(shown):
        if place == 0:
            columns.append(Column(name, "INTEGER", Affinity.INTEGER, not_null=True))
        elif fold(name) in auxiliary:
            columns.append(Column(name, auxiliary[fold(name)]))
        else:
            real = declared == "REAL"
            words = "REAL" if real else "INTEGER"
            columns.append(Column(name, words, Affinity.REAL if real else Affinity.INTEGER))
    edges = [quote_identifier(column.name) for column in columns[1:] if fold(column.name) not in auxiliary]
    # The module refuses a row without these (section 3.2).
    checks = tuple(Check(f"{least} <= {most}") for least, most in zip(edges[::2], edges[1::2], strict=True))
    number = columns[0].name
    return Table(
        definition.name,
        tuple(columns),
        primary_key=(number,),
        rowid=free_rowid_word(name for name, _ in shown),
        rowid_alias=number,
        checks=checks,
        sql=sql,
        virtual=definition,
    )
