"""Whether the pages of a source are whole: of SQLite's quick_check the part that the census does not do anyway.

After the pages, PRAGMA quick_check reads every row of every table for values that break NOT NULL and the like, which
takes three times as long. That is no damage; and a record that cannot be read, the census meets too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

BYTECODE_ALONE = (3, 41)
"""The version from which on a progress handler may be called elsewhere than between two steps of a statement ("Query
Progress Callbacks")."""
STEPS = 1000
"""Of a statement, after which it is at the rows: it takes a dozen to the one that goes through all pages."""


def pages_are_whole(connection: sqlite3.Connection, passes: Callable[[], bool]) -> bool:
    """Whether all pages of the file belong to its trees, its free list and nothing else, and each tree is one.

    Args:
        connection: of the source.
        passes: carries out PRAGMA quick_check on it, and says whether it finds nothing.

    Raises:
        sqlite3.Error: also where somebody interrupts it.
    """
    if sqlite3.sqlite_version_info >= BYTECODE_ALONE:
        return passes()
    at_rows = False

    def enough() -> int:
        nonlocal at_rows
        at_rows = True
        return 1

    connection.set_progress_handler(enough, STEPS)
    try:
        return passes()
    except sqlite3.OperationalError:
        if not at_rows:
            raise
        return True
    finally:
        connection.set_progress_handler(None, 0)
