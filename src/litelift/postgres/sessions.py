"""The sessions of one move: marked, so that those that were lost can be found on the server and ended.

A server may notice a lost connection hours after its client. Until then the session keeps its locks, in the way of
whoever goes on. Each of ours holds a shared advisory lock with the move's mark ("Advisory Locks", section 13.3.5 of the
PostgreSQL manual): a process number alone may be another's by now.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from litelift import errors
from litelift.postgres.connect import Connection, connect
from litelift.postgres.retry import PATIENCE_SECONDS, Tell, reached

OpenSession = Callable[[], Connection]
CLASS = 0x6C69
"""The first key of our marks' advisory locks; the second is the mark."""
GONE_SECONDS = 10.0
_HOLDERS = (
    "select pid from pg_locks where locktype = 'advisory' and classid = %s and objid = %s and objsubid = 2"
    " and database = (select oid from pg_database where datname = current_database())"
)


def new_mark() -> int:
    """A mark that no other move has: 31 bits."""
    return secrets.randbits(31)


@dataclass(slots=True)
class Sessions:
    """Opens the connections of one process to the target."""

    dsn: str
    mark: int = field(default_factory=new_mark)
    patience: float = PATIENCE_SECONDS
    tell: Tell = lambda words: None
    _opened: dict[int, Connection] = field(default_factory=dict)

    def open(self, stopped: Callable[[], bool] = lambda: False) -> Connection:
        """A connection with the mark, after those that this process has lost were ended.

        A server that is away is waited for, until ``stopped`` says that nobody wants it any more. Raises
        TargetUnreachable, TargetAuthFailed, and QueryCanceled where it was stopped.
        """

        def attempt() -> Connection:
            if stopped():
                raise psycopg.errors.QueryCanceled
            return self.open_now()

        try:
            return reached(attempt, self.patience, self.tell)
        except errors.TargetUnreachable:
            # Others of this process need not wait for it as long again.
            self.patience = 0
            raise

    def open_now(self) -> Connection:
        """The same without waiting."""
        connection = connect(self.dsn)
        try:
            # Sessions that are still there say so by the mark; one that was closed well is gone, or about to go.
            lost = [number for number, one in list(self._opened.items()) if one.closed]
            if lost:
                end_marked(connection, self.mark, only=lost)
            for number in lost:
                self._opened.pop(number, None)
            self.adopt(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def adopt(self, connection: Connection) -> None:
        """Mark a connection that was opened elsewhere."""
        connection.execute("select pg_advisory_lock_shared(%s, %s)", (CLASS, self.mark))
        self._opened[connection.info.backend_pid] = connection


def end_marked(connection: Connection, mark: int, only: list[int] | None = None) -> None:
    """End the sessions with a mark (but for this one), or those ``only``, and wait until they are gone."""
    me = connection.info.backend_pid
    words: tuple[Any, ...] = (CLASS, mark)
    deadline = time.monotonic() + GONE_SECONDS
    while True:
        rows = connection.execute(_HOLDERS, words).fetchall()
        left = [pid for (pid,) in rows if pid != me and (only is None or pid in only)]
        if not left or time.monotonic() > deadline:
            return
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) as s(pid)", (left,))
        time.sleep(0.05)
