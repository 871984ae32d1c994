"""What stands around the checks: the backups, and the move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from litelift.errors import LiteliftError
from litelift.monitor.page.kept import Backups, backups
from litelift.monitor.page.moved import Moved, of_cutover, of_migration
from litelift.monitor.session import session
from litelift.monitor.watched import Watched
from litelift.move.journal import journaled
from litelift.postgres.connect import Connection


@dataclass(frozen=True, slots=True)
class Around:
    """All of it. ``troubles`` says what could not be read, and why."""

    backups: Backups | None = None
    moved: Moved | None = None
    quarantined: int | None = None
    """Entries in litelift.quarantine now; None where that is not known."""
    troubles: tuple[str, ...] = ()


def around(watched: Watched) -> Around:
    """What the files and the database know of the backups and the move.

    It opens a session of its own and may take a second or, where nobody answers, five: it changes rarely, so once in a
    minute is enough. What cannot be read is told in ``troubles``.
    """
    troubles: list[str] = []
    kept = moved = quarantined = None
    try:
        kept = backups(watched.backups.store)
    except (OSError, LiteliftError) as error:
        troubles.append(_told(error))
    try:
        if watched.runbook is not None:
            moved = of_cutover(watched.runbook)
    except (OSError, LiteliftError) as error:
        troubles.append(_told(error))
    try:
        with session(watched.logins) as connection:
            if journaled(connection):
                moved = moved or of_migration(connection)
                quarantined = _count(connection)
    except (psycopg.Error, LiteliftError) as error:
        troubles.append(_told(error))
    return Around(kept, moved, quarantined, tuple(troubles))


def _count(connection: Connection) -> int:
    row = connection.execute("select count(*) from litelift.quarantine").fetchone()
    return int(row[0]) if row else 0


def _told(error: Exception) -> str:
    said: Any = error.message if isinstance(error, LiteliftError) else error
    return " ".join(str(said).split())
