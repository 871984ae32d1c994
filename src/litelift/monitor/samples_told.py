"""What was told, and what waits to be, in the samples file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict

from litelift.monitor.letter import Delivery, Letter
from litelift.monitor.samples_file import moment
from litelift.tell.message import Message

KEPT_DAYS = 90
"""For which it stays what was told."""


def keep_letters(write: sqlite3.Connection, letters: Iterable[Letter]) -> None:
    """Keep them as they are now. Raises sqlite3.Error."""
    for letter in letters:
        document = json.dumps(asdict(letter.message))
        write.execute("insert or replace into message values (?, ?, ?)", (letter.id, letter.at.timestamp(), document))
        write.executemany(
            "insert or replace into delivery values (?, ?, ?, ?, ?)",
            [(letter.id, way, one.tries, one.wrong, one.state) for way, one in letter.deliveries.items()],
        )


def waiting_letters(connection: sqlite3.Connection) -> list[Letter]:
    """Those that a way has not taken yet, the oldest first. Raises sqlite3.Error."""
    found: dict[int, Letter] = {}
    rows = connection.execute(
        "select id, at, document, way, tries, wrong, state from message join delivery on message = id"
        " where id in (select message from delivery where state = 'waits') order by id, way"
    )
    for number, at, document, way, tries, wrong, state in rows:
        if number not in found:
            known = json.loads(document)
            found[number] = Letter(number, moment(at), Message(**{**known, "lines": tuple(known["lines"])}))
        found[number].deliveries[way] = Delivery(state, tries, wrong)
    return list(found.values())


def drop_letters(write: sqlite3.Connection, before: float) -> None:
    """Remove what was told before that moment, seconds since 1970. Raises sqlite3.Error."""
    write.execute(
        "delete from message where at < ? and id not in (select message from delivery where state = 'waits')", (before,)
    )
    write.execute("delete from delivery where message not in (select id from message)")
