"""What is wrong in the demo's data, as in every database that has lived: a few values that do not fit their columns."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from litelift.sqlite.schema import Value


class Blemish(NamedTuple):
    """A value that was spoilt: its table, its column, its row's id, and what is the matter."""

    table: str
    column: str
    key: int
    what: str


_SPOILS: tuple[tuple[Blemish, str, Value], ...] = (
    (Blemish("users", "last_login_at", 137, "zero date"), "?", "0000-00-00 00:00:00"),
    (Blemish("inventory_items", "warranty_months", 88, "empty text in an integer column"), "?", ""),
    (Blemish("grades", "score", 1204, "float noise"), "?", 0.1 + 0.2),
    (Blemish("link_shares", "institution_id", 311, "orphan"), "?", 9999),
    (Blemish("survey_responses", "user_id", 77, "orphan"), "?", 1207),
    (Blemish("documents", "folder_id", 150, "orphan"), "?", 4040),
    (Blemish("survey_responses", "comment", 205, "NUL character"), "?", "Cavab\0yarımçıq qalıb"),
    # "Şagird siyahısı" in Windows-1254, pasted from an old spreadsheet.
    (Blemish("documents", "description", 101, "invalid UTF-8"), "cast(? as text)", b"\xdeagird siyah\xfds\xfd"),
)

BLEMISHES: tuple[Blemish, ...] = tuple(blemish for blemish, _, _ in _SPOILS)


def spoil(connection: sqlite3.Connection) -> None:
    """Put every blemish where `BLEMISHES` says it is."""
    for blemish, expression, value in _SPOILS:
        connection.execute(
            f'UPDATE "{blemish.table}" SET "{blemish.column}" = {expression} WHERE "id" = ?',  # noqa: S608
            (value, blemish.key),
        )
