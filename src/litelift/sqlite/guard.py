"""Settings against hostile files: what a database that somebody else made may make SQLite do.

Sources: "Defense Against The Dark Arts", section 1 (untrusted SQL inputs and database files); "Run-Time Limits";
"Database Connection Configuration Options".
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Final

from litelift.sqlite.lexer import quote_identifier

PRAGMAS: Final = (
    "query_only = ON",
    "cell_size_check = ON",
    # A file that becomes shorter under a mapping ends the process (SIGBUS).
    "mmap_size = 0",
    "temp_store = FILE",
)
"""Of the source's connections, before they have read the schema."""

CACHE: Final = "cache_size = -2000"
"""SQLite's default, once the schema is read: the file's own wish (default_cache_size) may be all of it in memory."""

LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 16 << 20,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 1_000_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 100,
}
"""Below SQLite's own; its limits of columns, depth and compound selects are such that a schema may need them."""

MOST_BYTES: Final = 1_000_000_000
"""SQLite's own limit of a value's bytes (SQLITE_MAX_LENGTH), unless it was built with another."""
_LENGTH_ROOM: Final = 1 << 20
_LENGTH_FACTOR: Final = 4

STEPS: Final = 100_000
"""Steps of SQLite's virtual machine between two looks at the clock: about a millisecond."""


def guard(connection: sqlite3.Connection) -> None:
    """Set a connection of Python's to these settings."""
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    for limit, most in LIMITS.items():
        connection.setlimit(limit, most)
    configure(connection)


def configure(connection: sqlite3.Connection) -> None:
    """Set the options that Python can set since 3.12; the compiled path's connections always have them."""
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)


def longest_value(stored: int) -> int:
    """The most bytes of a value read from a database of ``stored`` bytes.

    No stored value is longer than its file. One that an expression of the schema makes may be, somewhat: hex() of a
    stored value, say. What is longer by far is a bomb.
    """
    return min(MOST_BYTES, stored * _LENGTH_FACTOR + _LENGTH_ROOM)


def silently_shortened(connection: sqlite3.Connection) -> str | None:
    """The generated column, if there is one, that would be NULL for the limit of a value's length alone.

    printf() gives NULL where its result would be longer, all other functions an error.
    """
    limit = connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
    query = (
        "SELECT s.name, c.name FROM sqlite_schema AS s JOIN pragma_table_xinfo(s.name) AS c"
        " WHERE s.type = 'table' AND s.rootpage > 0 AND c.hidden = 2"
        " AND (s.sql LIKE '%printf%' OR s.sql LIKE '%format%')"
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
    try:
        for table, column in connection.execute(query).fetchall():
            word = quote_identifier(column)
            # In characters, of which each may be four bytes: bytes would be asked of a copy.
            longest = f"SELECT max(length({word})) FROM {quote_identifier(table)}"  # noqa: S608
            if (connection.execute(longest).fetchone()[0] or 0) * 4 > limit:
                return f"{table}.{column}"
    finally:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limit)
    return None


def deadline(seconds: float) -> Callable[[], bool]:
    """A progress handler that stops a statement when so many seconds have passed from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
