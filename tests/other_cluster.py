"""Roles and databases on several servers, all gone again when a test ends: they are no part of its database."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from conftest import Url
from litelift.postgres.connect import Connection, connect

_numbers = itertools.count()


@contextmanager
def own_names(*servers: Url) -> Iterator[str]:
    """What the names of a test's roles and databases begin with; whatever does is dropped from these servers."""
    prefix = f"o{os.getpid()}_{next(_numbers)}"
    try:
        yield prefix
    finally:
        for server in servers:
            with psycopg.connect(server("postgres"), autocommit=True) as admin:
                like = f"%{prefix}%"
                for (name,) in admin.execute("select datname from pg_database where datname like %s", (like,)):
                    admin.execute(sql.SQL("alter database {} is_template false").format(sql.Identifier(name)))
                    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
                found = admin.execute("select rolname from pg_roles where rolname like %s", (like,)).fetchall()
                names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in found)
                if found:
                    admin.execute(sql.SQL("drop owned by {}").format(names))
                    admin.execute(sql.SQL("drop role {}").format(names))


def url_as(server: Url, database: str, role: str) -> str:
    """The URL of a database for a role."""
    parts = urlsplit(server(quote(database, safe="")))
    return urlunsplit(parts._replace(netloc=f"{quote(role, safe='')}@{parts.netloc.rpartition('@')[2]}"))


@contextmanager
def open_as(server: Url, database: str, role: str | None = None) -> Iterator[Connection]:
    """A connection as litelift has it, as another role perhaps."""
    connection = connect(server(quote(database, safe="")) if role is None else url_as(server, database, role))
    try:
        yield connection
    finally:
        connection.close()


def run(connection: Connection, script: str, **names: str) -> None:
    """Run the statements of a script, one a line or more, parted by lines that are empty; {name} is an identifier."""
    quoted = {name: sql.Identifier(value) for name, value in names.items()}
    for statement in script.strip().split(";\n"):
        connection.execute(sql.SQL(statement).format(**quoted))
