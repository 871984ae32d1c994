"""Carries advice out: each statement whole or taken back, and how to undo it written before."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from litelift.atomic import write_whole
from litelift.errors import LiteliftError
from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.script import undo_script
from litelift.monitor.folder import make_folder
from litelift.monitor.session import NAME, refuse_pooled
from litelift.monitor.watched import Watched
from litelift.postgres.connect import Connection, is_lost, prepare, reached, refuse_read_only
from litelift.postgres.retry import words

LOCK_SECONDS = 30
"""Seconds that a statement waits for a lock; see script.LOCK."""
AGAIN_SECONDS = 15.0
"""For how long a server that went away meanwhile is asked whether something was left half done."""
# One that another session is making this moment is not ours.
_LEFT = """
    select i.indisvalid or exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
    from pg_index i join pg_class c on c.oid = i.indexrelid
    join pg_namespace n on n.oid = c.relnamespace where n.nspname = %s and c.relname = %s
"""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one piece of advice."""

    advice: Advice
    error: str | None = None
    """Why it was not done; None: it was."""
    restart: bool = False
    """Whether it holds only after a restart."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of all of it."""

    done: tuple[Done, ...]
    undo: Path
    """The file with the statements that take it back."""

    @property
    def failed(self) -> tuple[Done, ...]:
        """Those that were not done."""
        return tuple(one for one in self.done if one.error is not None)


def undo_path(folder: Path, at: datetime) -> Path:
    """Where the statements that take it back are written."""
    return folder / f"advice-undo-{at:%Y%m%dT%H%M%SZ}.sql"


def apply(watched: Watched, advice: Sequence[Advice], tell: Tell) -> Applied:
    """Carry out ``advice``, none of which is blocked.

    An interruption takes back what was half done, and is raised with notes that say what was done.

    Args:
        watched: the database.
        advice: what is to be done, in this order.
        tell: hears of each as it begins.

    Raises:
        TargetError: the server is not reached, or takes no writes. OSError: the file with the way back cannot be
            written. Nothing was done then.
    """
    login = make_conninfo(watched.logins[0], application_name=NAME)
    connection = _opened(login)
    done: list[Done] = []
    try:
        at = datetime.now(UTC)
        make_folder(watched.folder)
        undo = undo_path(watched.folder, at)
        write_whole(undo, undo_script(advice, connection.info.dbname, at), mode=0o600)
        for place, one in enumerate(advice):
            tell(one.object)
            try:
                done.append(_do(connection, one))
            except psycopg.errors.DuplicateTable as error:
                # It is somebody else's.
                done.append(Done(one, words(error)))
            except psycopg.Error as error:
                said = words(error)
                left = _tidied(login, connection, one)
                done.append(Done(one, said + left))
                if connection.closed or is_lost(error):
                    done += [Done(other, "not tried: the connection was lost") for other in advice[place + 1 :]]
                    break
            except BaseException as stop:
                stop.add_note(f"stopped in the middle of: {one.object}{_tidied(login, connection, one)}")
                raise
    except BaseException as stop:
        good = [one.advice.object for one in done if one.error is None]
        stop.add_note(f"done: {'; '.join(good) or 'nothing'}")
        if good:
            stop.add_note(f"how to take it back: {undo}")
        raise
    finally:
        connection.close()
    return Applied(tuple(done), undo)


def _opened(login: str) -> Connection:
    connection = reached(login)
    try:
        refuse_pooled(connection)
        prepare(connection)
        refuse_read_only(connection)
        connection.execute("select set_config('lock_timeout', %s, false)", (f"{LOCK_SECONDS}s",))
    except BaseException:
        connection.close()
        raise
    return connection


def _do(connection: Connection, advice: Advice) -> Done:
    if advice.object == "shared_preload_libraries":
        # A library that is not there would keep the server from starting: what loads here is there.
        for library in advice.proposed.split(", "):
            connection.execute(sql.SQL("load {}").format(sql.Literal(library)))
    for statement in advice.sql:
        # By the extended protocol, which takes one statement: a name cannot become a second.
        connection.execute(statement, binary=True)
    if advice.sql and advice.sql[0].startswith("ALTER SYSTEM"):
        return Done(advice, restart=advice.restart)
    if advice.makes is not None and not _is_valid(connection, advice.makes):
        return Done(advice, "the index is not valid" + _tidied("", connection, advice))
    return Done(advice)


def _is_valid(connection: Connection, index: tuple[str, str]) -> bool:
    row = connection.execute(_LEFT, index).fetchone()
    return bool(row and row[0])


def _tidied(login: str, connection: Connection, advice: Advice) -> str:
    """Drop what a statement left half made or half dropped; what became of that, in words that follow others."""
    index = advice.makes or advice.drops
    if index is None:
        return ""
    deadline = time.monotonic() + AGAIN_SECONDS
    name = sql.Identifier(*index)
    drop = sql.SQL("DROP INDEX CONCURRENTLY {}").format(name).as_string(None)
    while True:
        other = connection
        try:
            if connection.closed or connection.broken:
                other = _opened(login)
            row = other.execute(_LEFT, index).fetchone()
            if row is None:
                return "; nothing of it was left" if advice.makes else "; it was dropped all the same"
            if row[0]:
                return "; the index was finished all the same, and stays" if advice.makes else "; it stays as it was"
            other.execute(drop, binary=True)
            return (
                "; the unfinished index was dropped again" if advice.makes else "; it was dropped at the second attempt"
            )
        except (psycopg.Error, LiteliftError) as error:
            lost = not isinstance(error, psycopg.Error) or is_lost(error)
            if not lost or time.monotonic() > deadline:
                left = f"; an unfinished index may be left ({words(error)}), which no query uses: {drop};"
                back = sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(name).as_string(None)
                return left if advice.makes else f"{left} or, to have it back: {back};"
            time.sleep(0.5)
        finally:
            if other is not connection:
                with suppress(psycopg.Error):
                    other.close()
