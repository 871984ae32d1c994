"""Asks the server what a column's default is, where it is the same for every row."""

from __future__ import annotations

import psycopg
from psycopg import sql

from litelift.postgres.connect import Connection
from litelift.postgres.existing_types import TargetColumn, TargetTable


def read_default(connection: Connection, schema: str, table: TargetTable, column: TargetColumn) -> str | None:
    """The text of a constant default; None for none, for NULL, and for one that changes (now(), nextval(), ...).

    It is evaluated in two read-only transactions: what may not run there, or differs, is no constant.
    """
    if column.default is None or column.identity or column.generated:
        return None
    # The words are pg_get_expr's, of the target's own catalogue.
    query = sql.SQL("select (") + sql.SQL(column.default) + sql.SQL(")::text")
    answers = []
    for _ in range(2):
        try:
            with connection.transaction():
                connection.execute("set transaction read only")
                connection.execute(sql.SQL("set local search_path = {}, pg_catalog").format(sql.Identifier(schema)))
                row = connection.execute(query).fetchone()
        except psycopg.Error:
            return None
        answers.append(row[0] if row else None)
    return answers[0] if answers[0] == answers[1] else None
