"""A SQLite that prepares any SQL, and does nothing with it but make tables and indexes in memory."""

from __future__ import annotations

import sqlite3
from typing import Any

from fuzz import words
from litelift.sqlite.open import decode_text

_ALLOWED = frozenset(
    {
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_REINDEX,
        sqlite3.SQLITE_UPDATE,
    }
)
_STEPS = 200_000

WORDS = words("""
    CREATE TABLE INDEX UNIQUE VIEW TRIGGER TEMP IF NOT EXISTS PRIMARY KEY AUTOINCREMENT CHECK DEFAULT COLLATE NOCASE
    REFERENCES FOREIGN CONSTRAINT ON CONFLICT DELETE UPDATE CASCADE SET NULL DEFERRABLE INITIALLY DEFERRED MATCH
    GENERATED ALWAYS AS STORED VIRTUAL WITHOUT ROWID STRICT ASC DESC SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT
    UNION ALL VALUES WITH RECURSIVE CASE WHEN THEN ELSE END CAST LIKE GLOB ESCAPE BETWEEN IN IS DISTINCT OVER PARTITION
    BEFORE AFTER INSTEAD OF INSERT INTO FOR EACH ROW BEGIN RAISE ABORT old. new. CURRENT_TIMESTAMP TRUE FALSE NULLS
    LEFT JOIN NATURAL USING datetime('now') json_extract strftime substr coalesce count(*) || -> ->> << >> <> != == <=
    '' "" `` [a] x'00' 1.5e3 0x1F .5 /**/ -- ( ) , ; ?1 :a
    """)


def prepared(*, tables: bool = False) -> sqlite3.Connection:
    """A database in memory; with ``tables`` it may make tables and indexes, else it may do nothing at all."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.text_factory = decode_text
    connection.set_progress_handler(lambda: 1, _STEPS)

    def allows(action: int, *about: Any) -> int:
        return sqlite3.SQLITE_OK if tables and action in _ALLOWED else sqlite3.SQLITE_DENY

    connection.set_authorizer(allows)
    return connection


def accepted(connection: sqlite3.Connection, sql: str) -> bool:
    """Whether SQLite takes the one statement."""
    try:
        connection.execute(sql)
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return False
    return True
