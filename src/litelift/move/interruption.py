"""What ends a move without saying anything against it: then what is done stays, and can be gone on with."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from shlex import quote

import psycopg

from litelift import errors
from litelift.ended import Ended
from litelift.move.context import Context
from litelift.postgres.connect import is_trouble
from litelift.postgres.retry import passes

TAKEN_BACK = "What was half done was taken back: the target is as it was."
OTHERS = "Another litelift has gone on with this move, or takes it back; this one has left everything to it."
_PASSING = (
    errors.NoRoom,
    errors.Superseded,
    errors.TargetBusy,
    errors.TargetFull,
    errors.TargetLocks,
    errors.TargetLost,
    errors.WorkerDied,
)
_SQLITE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)


def interrupts(error: BaseException) -> bool:
    """Whether an error says nothing against the move: a Ctrl-C, a lost server, a full disk, a killed worker.

    After a signal no error does: inside the interpreter's own locks its exception may come out as another (bpo-45274),
    and a second signal may strike whatever the first is being met with.
    """
    if Ended.asked is not None or _struck(error):
        return True
    if isinstance(error, (KeyboardInterrupt, MemoryError, *_PASSING)) or passes(error):
        return True
    if isinstance(error, psycopg.Error):
        return is_trouble(error)
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def commands(path: Path | str, display: str | None) -> dict[str, str]:
    """The commands that go on with the move of a source, and that take it back.

    ``display`` names its target, without a password; None is the embedded server beside the source.
    """
    source = quote(str(path))
    if display is None:
        return {"again": f"litelift migrate {source} --resume", "undo": f"litelift undo {source}"}
    target = quote(display)
    return {"again": f"litelift migrate {source} {target} --resume", "undo": f"litelift undo {target}"}


def ways(context: Context) -> dict[str, str]:
    """The commands for the move of this context."""
    return commands(context.path, None if context.embedded is not None else context.server.display)


def ended(context: Context) -> str:
    """What is to be said where the move came to its end before the error."""
    where = context.path if context.embedded is not None else context.server.display
    return (
        f"The move itself had come to its end, and all of it is in the target. See: litelift report {quote(str(where))}"
    )


def stays(context: Context, done: str) -> str:
    """What an interrupted move leaves, in words, with the two ways from there."""
    found = ways(context)
    return f"What is done stays ({done}). Go on with it: {found['again']}   or take it back: {found['undo']}"


def _struck(error: BaseException) -> bool:
    """Whether an error came while a Ctrl-C was being met."""
    met: BaseException | None = error
    while met is not None and not isinstance(met, KeyboardInterrupt):
        met = met.__context__
    return met is not None
