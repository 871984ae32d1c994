"""What is tried with a login that may not do everything, and what stays for an administrator to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from litelift.backup.manifest import Part
from litelift.postgres.connect import Connection, is_trouble

LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
"""The settings that are lists of names, each of which is quoted by itself (GUC_LIST_QUOTE in the server's source)."""


class Note(Part):
    """Something that is not as it was."""

    message: str
    sql: str = ""
    """What an administrator can run to make it so; empty where nothing does."""

    def __str__(self) -> str:
        """Both, in a line."""
        return f"{self.message}; an administrator can run: {self.sql}" if self.sql else self.message


class Setting(Part):
    """A setting of a role, of the database, or of a role in the database."""

    name: str
    value: str
    """As the server stores it: the names in a list are quoted where they need it."""
    role: str | None = None
    """Whose it is in the database; None where it is everybody's, or where the setting is a role's own."""


class Label(Part):
    """A security label."""

    provider: str
    label: str


def setting_of(stored: str, role: str | None = None) -> Setting:
    """The setting of an entry "name=value" of pg_db_role_setting.setconfig."""
    name, _, value = stored.partition("=")
    return Setting(name=name, value=value, role=role)


def set_clause(setting: Setting) -> sql.Composed:
    """``SET name TO value``, as ALTER ROLE and ALTER DATABASE take it."""
    values = list_names(setting.value) if setting.name.lower() in LISTS else [setting.value]
    return sql.SQL("SET {} TO {}").format(
        sql.Identifier(setting.name), sql.SQL(", ").join(map(sql.Literal, values or [""]))
    )


def list_names(value: str) -> list[str]:
    """The names in a stored list, as ``"$user", public``: as the server wrote them, so that nothing is folded."""
    names = []
    rest = value.strip()
    while rest:
        if rest.startswith('"'):
            end = 1
            while rest[end : end + 1] and (rest[end] != '"' or rest[end + 1 : end + 2] == '"'):
                end += 2 if rest[end] == '"' else 1
            names.append(rest[1:end].replace('""', '"'))
            rest = rest[end + 1 :].lstrip().removeprefix(",").lstrip()
        else:
            name, _, rest = rest.partition(",")
            names.append(name.rstrip())
            rest = rest.lstrip()
    return names


def text_of(connection: Connection, *statements: sql.Composable) -> str:
    """Statements as a person can run them."""
    return " ".join(f"{statement.as_string(connection)};" for statement in statements)


def attempt(connection: Connection, statement: sql.Composed, *roles: str | None) -> str | None:
    """Run a statement as each of ``roles`` (None: as the login) until one may; why none could, or None.

    Only what this statement did is taken back, whatever transaction the connection is in. Raises psycopg.Error where
    the server is at fault.
    """
    said = None
    for role in roles or (None,):
        try:
            with connection.transaction(), acting(connection, role):
                connection.execute(statement)
            return None
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            said = said or " ".join((error.diag.message_primary or str(error)).split())
    return said


@contextmanager
def acting(connection: Connection, role: str | None) -> Iterator[None]:
    """Be ``role`` inside a transaction. Raises psycopg.errors.InsufficientPrivilege."""
    if role is None:
        yield
        return
    before = connection.execute("select current_setting('role')").fetchone() or ("none",)
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    yield
    connection.execute("select set_config('role', %s, true)", before)
