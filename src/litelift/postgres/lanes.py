"""Several connections for statements that wait for the server's disk more than for its processors.

PostgreSQL flushes each index that it builds to the disk, the empty one of each TOAST table too, up to version 16 one by
one; those of several sessions it flushes together.
"""

from __future__ import annotations

from contextlib import ExitStack

from litelift import errors
from litelift.postgres.connect import Connection
from litelift.postgres.sessions import OpenSession

LANES = 4
"""Connections that many small tables are worth, however few processes do the rest."""
WORTH_A_LANE = 50
"""Tables for which one more connection is opened."""


def lanes_for(tables: int, jobs: int) -> int:
    """How many connections so many tables are worth; ``jobs`` is what was asked for."""
    return max(1, min(max(jobs, LANES), tables // WORTH_A_LANE))


def more(open_session: OpenSession, stack: ExitStack, count: int) -> list[Connection]:
    """So many connections, or fewer where the server lets no more in; ``stack`` ends them."""
    opened: list[Connection] = []
    for _ in range(count):
        try:
            connection = stack.enter_context(open_session())
        except errors.TargetUnreachable:
            break
        connection.execute("set synchronous_commit = off")
        opened.append(connection)
    return opened
