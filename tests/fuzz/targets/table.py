"""CREATE TABLE: what SQLite makes a table of is read to the same columns, keys and options as its pragmas tell."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress

from fuzz.sql import WORDS, accepted, prepared
from litelift.errors import DdlError
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.ddl_table import parse_create_table
from litelift.sqlite.lexer import tokenize

__all__ = ["WORDS", "one"]


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a CREATE TABLE.

    litelift parses it or raises DdlError; if SQLite makes a table of it, litelift reads its catalogue, and finds there
    the columns, defaults, keys and options that SQLite says.
    """
    sql = data.decode("utf-8", "surrogateescape")
    with suppress(DdlError):
        parse_create_table(sql)
    connection = prepared(tables=True)
    try:
        if accepted(connection, sql):
            connection.set_authorizer(None)
            _compare(connection)
    finally:
        connection.close()


def _compare(connection: sqlite3.Connection) -> None:
    schema = read_catalogue(connection)
    listed = connection.execute(
        "select name, wr, strict from pragma_table_list where schema = 'main' and type = 'table'"
        " and name not like 'sqlite!_%' escape '!'"
    ).fetchall()
    assert [(table.name, table.without_rowid, table.strict) for table in schema.tables] == [
        (name, bool(without), bool(strict)) for name, without, strict in listed
    ]
    for table in schema.tables:
        info = connection.execute("select * from pragma_table_xinfo(?)", (table.name,)).fetchall()
        assert len(info) == len(table.columns)
        for column, (_, name, declared, not_null, default, _, hidden) in zip(table.columns, info, strict=True):
            assert (column.name, column.declared) == (name, declared)
            assert column.not_null or not not_null, name
            assert (column.generated is not None) == (hidden in (2, 3)), name
            if default is None or column.generated:
                assert column.default is None, name
            else:
                assert column.default is not None, name
                assert _same(column.default, default), (name, default)
        if table.autoincrement:
            assert connection.execute("select 1 from sqlite_master where name = 'sqlite_sequence'").fetchone()


def _same(ours: str, theirs: str) -> bool:
    """Whether two defaults are the same words, or come to the same: chance and the clock give no value twice."""
    words = [[token.text for token in tokenize(sql)] for sql in (ours, theirs)]
    return words[0] == words[1] or _value(ours) == _value(theirs)


def _value(default: str) -> object:
    """What a default comes to, its error if it does not; a bare word stands for its own text."""
    for words in (f"({default})", default):
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as probe:
            probe.text_factory = bytes
            try:
                probe.execute(f"create table t(x, y default {words})")
                probe.execute("insert into t(x) values (1)")
                return probe.execute("select y, typeof(y) from t").fetchone()
            except (sqlite3.Error, sqlite3.Warning, UnicodeError):
                continue
    return None
