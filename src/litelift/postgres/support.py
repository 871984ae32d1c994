"""What a move may need in litelift's own schema beside functions: collations and text search configurations."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from litelift.postgres.connect import Connection

COLLATIONS = {"C": sql.SQL('collate "C"'), "nocase": sql.SQL("collate litelift.nocase")}
"""The clause of each collation that a plan's column may have."""

# One statement for each, with nothing of the source in it. Not "create ... if not exists": few of them know it.
_STATEMENTS: dict[str, tuple[str, ...]] = {}
_PRESENT = "select 1"


def make_support(connection: Connection, names: Iterable[str]) -> None:
    """Make what is named and not there yet."""
    for name in sorted(names):
        if connection.execute(_PRESENT, {"name": name}).fetchone() is None:
            for statement in _STATEMENTS[name]:
                connection.execute(statement)
