"""Puts a restored database in the place of the live one, in one transaction; and the other way round.

ALTER DATABASE ... RENAME works inside a transaction, unlike CREATE and DROP DATABASE, and takes an exclusive lock on
the database, for which whoever connects has to wait. Under that lock it waits, for five seconds, until nobody is
connected any more (RenameDatabase in the server's dbcommands.c; CountOtherDBBackends in procarray.c), looking every
100 ms. So one session renames, and another ends the sessions that are there once the lock is held: nobody comes in
between, and nothing is closed that somebody would have to open again.

All of the transaction's statements are sent at once. From then on the server alone carries them out, whatever becomes
of this process: the name leads to the old database until the commit, and to the restored one from then on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from litelift.backup.beside import maintenance
from litelift.backup.names import Names, kept_name, restored_name
from litelift.backup.obstacles import Looked, Session, in_the_way, look, session
from litelift.errors import SwitchBusy, SwitchFailed, SwitchRefused, SwitchUnknown, TargetUnreachable
from litelift.postgres.connect import Connection, cancel, is_lost, normalized
from litelift.postgres.retry import PATIENCE_SECONDS, Tell, reached
from litelift.result import Notice
from litelift.shorten import shortened

SECONDS = 10.0
"""How long nobody may come in, at most: then the old one serves again."""
_TICK_SECONDS = 0.003
_SHOWN = 10

_PASSES = (errors.ObjectInUse, errors.QueryCanceled, errors.LockNotAvailable, errors.DeadlockDetected)

# Nobody is ended before the lock keeps new ones out. Autovacuum the server ends itself.
_HELD = """
    select held.objid::bigint as oid, a.pid, a.usename, a.application_name, a.client_addr::text as address,
           a.backend_type
    from (select objid from pg_locks where pid = %(holder)s and locktype = 'object' and database = 0 and granted
          and classid = 'pg_database'::regclass and mode = 'AccessExclusiveLock') held
    left join pg_stat_activity a on a.datid = held.objid and a.pid <> %(holder)s and a.pid <> pg_backend_pid()
        and a.backend_type is distinct from 'autovacuum worker'
"""
_END = "select pg_terminate_backend(pid) from unnest(%s::int[]) as s(pid)"
_WHO = "select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()"
_AT_WORK = "select pg_terminate_backend(pid) from pg_stat_activity where pid = %s and backend_start = %s"


class Switched(BaseModel):
    """What a switch did. The old database is whole, under another name."""

    live: str
    """The name that leads to the restored database now."""
    kept_name: str
    """The name of the one before."""
    downtime_seconds: float
    """From when nobody could come in any more until the restored one served, in the attempt that succeeded."""
    ended_sessions: int
    attempts: int = 1
    at: datetime
    notices: list[Notice] = Field(default_factory=list)


@dataclass(slots=True)
class _Attempt:
    """One try. What both threads know of it."""

    began: float = 0.0
    closed: float | None = None
    """When nobody could come into the live database any more."""
    ended: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    """The databases that nobody can enter."""
    left: list[Session] = field(default_factory=list)
    """Who was there still when it was last looked."""
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


def switch(
    admin_dsn: str,
    live: str,
    new: str,
    kept: str | None = None,
    *,
    seconds: float = SECONDS,
    patience: float = PATIENCE_SECONDS,
    tell: Tell = lambda words: None,
) -> Switched:
    """Give ``new`` the name ``live``, and the database that has it now the name ``kept``; all or nothing.

    At every moment, after a kill or a crash too, there is a whole database of the name ``live`` that lets people in.
    Every session of both databases is ended.

    Args:
        admin_dsn: a direct connection to the server, of a superuser, or of the owner of both with CREATEDB who may end
            the sessions (pg_signal_backend).
        live, new: databases of that server.
        kept: a name that is free; by default `kept_name`.
        seconds: how long nobody may come in, at most.
        patience: seconds for which a server that went away meanwhile is waited for, to learn what became of it.
        tell: hears each step: "looked", "closed", "ended", "switched"; and of what is waited for.

    Raises:
        SwitchRefused: something speaks against it; all of it is told, and nobody was disturbed.
        SwitchBusy: it could not be done in time; all is as before.
        SwitchFailed: the server refused; all is as before.
        SwitchUnknown: the server went away and did not come back.
        TargetUnreachable, TargetAuthFailed, TargetReadOnly.
    """
    kept = kept_name(live) if kept is None else kept
    return _switch(Names(live, new, kept), admin_dsn, seconds, patience, tell)


def revert(
    admin_dsn: str,
    live: str,
    kept: str,
    aside: str | None = None,
    *,
    seconds: float = SECONDS,
    patience: float = PATIENCE_SECONDS,
    tell: Tell = lambda words: None,
) -> Switched:
    """Take a switch back: ``kept`` is ``live`` again, and the restored database is called ``aside``.

    What was written to the restored one since then stays in it. Otherwise as `switch`.
    """
    aside = restored_name(live) if aside is None else aside
    return _switch(Names(live, kept, aside), admin_dsn, seconds, patience, tell)


def _switch(words: Names, admin_dsn: str, seconds: float, patience: float, tell: Tell) -> Switched:
    admin_dsn = normalized(admin_dsn)
    with ExitStack() as stack:

        def opened() -> Connection:
            return stack.enter_context(maintenance(admin_dsn, words.live, words.new, words.kept))

        ender, holder = opened(), opened()
        looked = look(ender, admin_dsn, words.live, words.new, words.kept)
        if looked.obstacles:
            raise SwitchRefused(live=words.live, message=shortened(looked.obstacles, _SHOWN, separator="; "))
        tell("looked")
        who = holder.execute(_WHO).fetchone() or (0, None)
        spent, ended, left = 0.0, set[int](), list[Session]()
        number = 0
        while True:
            number += 1
            attempt = _try(words, looked, holder, ender, seconds - spent, tell)
            now = time.monotonic()
            spent += now - (attempt.closed or attempt.began)
            ended |= attempt.ended - looked.entered
            left = attempt.left or left
            done = attempt.error is None
            if attempt.error is not None and _lost(attempt.error, holder, ender):
                done = _what_became(words, looked, opened, who, patience, tell, attempt.error)
                now = time.monotonic()
            if done:
                tell("switched")
                return Switched(
                    live=words.live,
                    kept_name=words.kept,
                    downtime_seconds=now - (attempt.closed or attempt.began),
                    ended_sessions=len(ended),
                    attempts=number,
                    at=datetime.now(UTC),
                    notices=looked.notices,
                )
            _give_up(words, looked, ender, attempt.error, left, seconds - spent)


def _try(words: Names, looked: Looked, holder: Connection, ender: Connection, seconds: float, tell: Tell) -> _Attempt:
    """Carry out the transaction in one session, and end the others from another."""
    attempt = _Attempt()
    statement = words.transaction(looked.comment, looked.new_comment)
    me = holder.info.backend_pid

    def rename() -> None:
        try:
            holder.execute(statement)
        except BaseException as error:
            attempt.error = error
        finally:
            attempt.done.set()

    try:
        holder.execute("select set_config('statement_timeout', %s, false)", (f"{max(1, int(seconds * 1000))}ms",))
    except psycopg.Error as error:
        attempt.began, attempt.error = time.monotonic(), error
        return attempt
    thread = threading.Thread(target=rename, daemon=True)
    attempt.began = time.monotonic()
    thread.start()
    told = False
    try:
        while not attempt.done.wait(_TICK_SECONDS):
            _end(ender, me, attempt)
            if attempt.closed is None and looked.live in attempt.held:
                attempt.closed = time.monotonic()
                tell("closed")
            if attempt.closed is not None and attempt.ended and not told:
                told = True
                tell("ended")
    except BaseException as error:
        # What was sent is carried out, unless it is stopped: then it is as if nothing had been.
        cancel(holder)
        thread.join()
        if not isinstance(error, psycopg.Error):
            if attempt.error is None:
                error.add_note(f"{words.live} is the restored database; the one before is {words.kept}.")
            raise
        if attempt.error is not None:
            attempt.error = error
    thread.join()
    if not holder.closed:
        with suppress(psycopg.Error):
            # A statement that fails leaves its transaction open, and holds nothing any more.
            holder.rollback()
    return attempt


def _end(ender: Connection, holder: int, attempt: _Attempt) -> None:
    """End the sessions of the databases that are locked by now."""
    with ender.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_HELD, {"holder": holder}).fetchall()
    if not rows:
        return
    attempt.held |= {row["oid"] for row in rows}
    attempt.left = [session(row) for row in rows if row["pid"] is not None]
    pids = [one.pid for one in attempt.left]
    if not pids:
        return
    try:
        ender.execute(_END, (pids,))
        attempt.ended |= set(pids)
    except errors.InsufficientPrivilege:
        for pid in pids:
            # Of those who came after the look. The server counts them itself, and they are told as in the way.
            with suppress(errors.InsufficientPrivilege):
                ender.execute(_END, ([pid],))
                attempt.ended.add(pid)


def _lost(error: BaseException, holder: Connection, ender: Connection) -> bool:
    return holder.closed or ender.closed or (isinstance(error, psycopg.Error) and is_lost(error))


def _what_became(
    words: Names,
    looked: Looked,
    opened: Callable[[], Connection],
    who: tuple[object, ...],
    patience: float,
    tell: Tell,
    error: BaseException,
) -> bool:
    """Whether the transaction was committed whose session was lost."""
    try:
        connection = reached(opened, patience, tell)
        deadline = time.monotonic() + patience
        # It may still be at work, and commit yet.
        while connection.execute(_AT_WORK, who).fetchone() is not None:
            if time.monotonic() > deadline:
                raise SwitchUnknown(live=words.live, message="the session that renames it is still at work") from error
            time.sleep(_TICK_SECONDS)
        row = connection.execute("select oid::bigint from pg_database where datname = %s", (words.live,)).fetchone()
    except (TargetUnreachable, psycopg.Error) as again:
        said = again.message if isinstance(again, TargetUnreachable) else " ".join(str(again).split())
        raise SwitchUnknown(live=words.live, message=said) from error
    return row is not None and row[0] == looked.new


def _give_up(
    words: Names, looked: Looked, ender: Connection, error: BaseException | None, left: list[Session], seconds: float
) -> None:
    """Raise what ends it, unless the next attempt may succeed in what is left of the time."""
    if not isinstance(error, psycopg.Error):
        raise error or AssertionError
    if not isinstance(error, _PASSES):
        message = " ".join(filter(None, (error.diag.message_primary or str(error), error.diag.message_detail)))
        raise SwitchFailed(live=words.live, new=words.new, message=" ".join(message.split())) from error
    if seconds > 0:
        return
    who = left or in_the_way(ender, looked.oids)
    message = shortened([str(one) for one in who], _SHOWN, separator="; ") or "nobody whom this role can see"
    raise SwitchBusy(live=words.live, new=words.new, message=message) from error
