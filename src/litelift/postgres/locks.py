"""The server's lock table, which bounds what one transaction can touch.

It has room for max_locks_per_transaction objects for each connection and prepared transaction that the server allows
(section 20.12 of the PostgreSQL manual, "Lock Management"), and all transactions share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from litelift.postgres.connect import Connection

Item = TypeVar("Item")

SHARE = 4
"""One part in so many of the lock table is ours; the server's other sessions need theirs."""
MADE = 6
"""Locks of a new table: it, its TOAST table and that one's index, its type, an identity's sequence."""

_ROOM = """
    select current_setting('max_locks_per_transaction')::bigint
           * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
"""


def locks_at_once(connection: Connection, lanes: int = 1) -> int:
    """How many locks a transaction may hold, where as many as ``lanes`` run at one time."""
    room: int = (connection.execute(_ROOM).fetchone() or (0,))[0]
    return max(1, room // SHARE // max(1, lanes))


def packed(items: Iterable[tuple[Item, int]], room: int, most: int) -> Iterator[list[Item]]:
    """The items in groups of at most ``most``, each with its number of locks, which together fit ``room``."""
    group: list[Item] = []
    held = 0
    for item, locks in items:
        if group and (held + locks > room or len(group) >= most):
            yield group
            group, held = [], 0
        group.append(item)
        held += locks
    if group:
        yield group
