"""CREATE INDEX: what SQLite makes an index of is read to the same parts as its pragmas tell."""

from __future__ import annotations

from contextlib import suppress

from fuzz.sql import WORDS, accepted, prepared
from litelift.errors import DdlError
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.ddl_index import parse_create_index

__all__ = ["WORDS", "one"]

_TABLE = 'create table t(a integer primary key, b text collate nocase, "c d", e real, "DESC", x)'


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a CREATE INDEX on a table of six columns.

    litelift parses it or raises DdlError; if SQLite makes an index of it, litelift finds in its catalogue the columns,
    directions, collations and the condition that SQLite says.
    """
    sql = data.decode("utf-8", "surrogateescape")
    with suppress(DdlError):
        parse_create_index(sql)
    connection = prepared(tables=True)
    try:
        connection.execute(_TABLE)
        if not accepted(connection, sql):
            return
        connection.set_authorizer(None)
        tables = {table.name: table for table in read_catalogue(connection).tables}
        listed = connection.execute("select name, \"unique\", partial from pragma_index_list('t')").fetchall()
        found = {index.name: index for index in tables["t"].indexes}
        assert set(found) == {name for name, _, _ in listed}
        for name, unique, partial in listed:
            index = found[name]
            assert (index.unique, index.where is not None) == (bool(unique), bool(partial))
            rows = connection.execute('select name, "desc", coll from pragma_index_xinfo(?) where key', (name,))
            for part, (column, descending, collation) in zip(index.parts, rows.fetchall(), strict=True):
                assert (part.column, part.descending) == (column, bool(descending))
                assert part.collation.upper() == collation.upper()
                if part.expression is not None:
                    assert accepted(connection, f"create index probe on t(({part.expression}))"), part.expression
                    connection.execute("drop index probe")
            if index.where is not None:
                assert accepted(connection, f"create index probe on t(a) where {index.where}"), index.where
                connection.execute("drop index probe")
    finally:
        connection.close()
