"""Asks the server which texts a type refuses: domains, and the types that only it can read."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from litelift.postgres.connect import Connection, connect, is_trouble
from litelift.postgres.types import PgType

KEPT = 50_000

_FITS = """
    create or replace function pg_temp.litelift_fits(value text, type text) returns boolean language plpgsql as $$
    begin
        execute format('select %L::%s', value, type);
        return true;
    exception when others then
        return false;
    end $$
"""


class Judge:
    """The server's judgement on texts, in a session of its own."""

    def __init__(self, dsn: str) -> None:
        """``dsn`` of the target; the connection opens with the first question."""
        self._dsn = dsn
        self._connection: Connection | None = None
        self._temporary = False
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, type_: PgType, texts: Sequence[str]) -> list[int]:
        """The indexes of the refused texts."""
        words = type_.sql().as_string(None)
        asked = list({text for text in texts if (words, text) not in self._known})
        if asked:
            answers = self._ask(words, asked)
            if len(self._known) > KEPT:
                self._known.clear()
            self._known.update({(words, value): fits for value, fits in answers.items()})
            return [at for at, text in enumerate(texts) if not answers.get(text, self._known.get((words, text), True))]
        return [at for at, text in enumerate(texts) if not self._known[words, text]]

    def _ask(self, type_: str, texts: list[str]) -> dict[str, bool]:
        if self._connection is None:
            self._connection = connect(self._dsn)
            self._temporary = _may_make_temporary(self._connection)
            if self._temporary:
                self._connection.execute(_FITS)
        if not self._temporary:
            refused = set(_refused(self._connection, sql.SQL(type_), texts))
            return {text: text not in refused for text in texts}
        query = "select value, pg_temp.litelift_fits(value, %s) from unnest(%s::text[]) as asked(value)"
        return dict(self._connection.execute(query, (type_, texts)).fetchall())

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()


def _may_make_temporary(connection: Connection) -> bool:
    row = connection.execute(
        "select has_database_privilege(current_database(), 'temporary')"
        " and not current_setting('transaction_read_only')::bool"
    ).fetchone()
    return bool(row and row[0])


def _refused(connection: Connection, type_: sql.SQL, texts: list[str]) -> list[str]:
    """The refused of ``texts``, found by halves: who may not make a function has only whole statements."""
    query = sql.SQL("select count(value::{}) from unnest(%s::text[]) as asked(value)").format(type_)
    try:
        connection.execute(query, (texts,))
    except psycopg.Error as error:
        if is_trouble(error):
            raise
    else:
        return []
    if len(texts) == 1:
        return texts
    middle = len(texts) // 2
    return _refused(connection, type_, texts[:middle]) + _refused(connection, type_, texts[middle:])
