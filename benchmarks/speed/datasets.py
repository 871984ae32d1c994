"""A SQLite file that is moved, and the few things that are asked of such a file."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Dataset:
    """A file, and what it holds."""

    name: str
    title: str
    path: Path
    tables: int
    rows: int

    @property
    def bytes(self) -> int:
        """The file's size."""
        return self.path.stat().st_size


def tables(connection: sqlite3.Connection) -> list[str]:
    """The names of the tables."""
    found = connection.execute(
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
    )
    return [name for (name,) in found]


def quoted(name: str) -> str:
    """A name as SQLite quotes it."""
    return '"' + name.replace('"', '""') + '"'


def count(connection: sqlite3.Connection, table: str) -> int:
    """The rows of a table."""
    found = connection.execute(f"select count(*) from {quoted(table)}").fetchone()  # noqa: S608
    return int(found[0])
