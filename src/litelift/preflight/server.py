"""What the target's server says of itself, in one question."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import psycopg

from litelift.postgres.connect import Connection

END_OF_LIFE: Mapping[int, date] = {
    12: date(2024, 11, 21),
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""The last minor release of each major version (the "Versioning Policy" of the PostgreSQL project)."""

# What a session starts with is reset_val: our own lift the timeouts. reserved_connections came with PostgreSQL 16.
_SETTINGS = "select name, reset_val from pg_settings where name = any(%s)"
_NAMES = (
    "archive_mode",
    "fsync",
    "full_page_writes",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_size",
    "reserved_connections",
    "statement_timeout",
    "superuser_reserved_connections",
    "TimeZone",
    "transaction_timeout",
    "wal_level",
)
# pg_stat_database counts the sessions of all, whoever asks; those of a role are told by pg_stat_activity to everyone.
_STATE = """
    select r.rolsuper, r.rolconnlimit, d.datconnlimit,
           (select coalesce(sum(numbackends), 0)::int from pg_stat_database),
           (select numbackends from pg_stat_database where datid = d.oid),
           (select count(*)::int from pg_stat_activity where usesysid = r.oid),
           (select count(*)::int from pg_replication_slots), clock_timestamp()
    from pg_roles r, pg_database d where r.rolname = session_user and d.datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Connections:
    """How many more sessions may be opened, and what bounds them; ``free`` is None where nothing does."""

    free: int | None
    bound: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The server's state for this role: see `_STATE` and `_SETTINGS`. Limits of -1 are none; times are in ms."""

    superuser: bool
    role_limit: int
    database_limit: int
    used: int
    used_in_database: int
    used_by_role: int
    slots: int
    clock_seconds: float
    settings: Mapping[str, str]

    def number(self, name: str) -> int:
        """A setting as a number; 0 where the server does not have it."""
        return int(self.settings.get(name) or 0)

    @property
    def log_bytes(self) -> int:
        """What the write-ahead log may grow to; it is kept for longer where it is archived or replicated."""
        return self.number("max_wal_size") << 20

    @property
    def keeps_log(self) -> bool:
        """Whether all of the log may be kept: somebody may be behind with reading it."""
        return self.slots > 0 or self.settings.get("archive_mode", "off") != "off"

    @property
    def connections(self) -> Connections:
        """How many more sessions this role may open in this database."""
        reserved = 0 if self.superuser else self.number("superuser_reserved_connections")
        reserved += 0 if self.superuser else self.number("reserved_connections")
        most = self.number("max_connections")
        bounds = [
            (most - reserved - self.used, f"max_connections is {most}, {reserved} reserved, {self.used} in use"),
        ]
        # Neither limit is for superusers (CREATE ROLE and CREATE DATABASE in the manual, CONNECTION LIMIT).
        if self.role_limit >= 0 and not self.superuser:
            bounds.append((self.role_limit - self.used_by_role, f"the role's CONNECTION LIMIT is {self.role_limit}"))
        if self.database_limit >= 0 and not self.superuser:
            words = f"the database's CONNECTION LIMIT is {self.database_limit}"
            bounds.append((self.database_limit - self.used_in_database, words))
        free, words = min(bounds)
        return Connections(max(0, free), words)


def read_state(connection: Connection) -> State:
    """Ask the server. The clocks are compared at the middle of the question's way."""
    settings = dict(connection.execute(_SETTINGS, (list(_NAMES),)).fetchall())
    before = time.time()
    row = connection.execute(_STATE).fetchone()
    after = time.time()
    if row is None:
        raise psycopg.DataError("the server does not know the role of its own session")
    superuser, role_limit, database_limit, used, in_database, by_role, slots, clock = row
    seconds = clock.timestamp() - (before + after) / 2
    # What the question's way took cannot be told from a difference.
    uncertain = (after - before) / 2
    seconds = 0.0 if abs(seconds) <= uncertain else seconds
    return State(superuser, role_limit, database_limit, used, in_database, by_role, slots, seconds, settings)
