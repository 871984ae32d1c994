"""Copies a database while others may write to it: by SQLite's backup, at one snapshot, its write-ahead log in it.

Sources: "SQLite Backup API"; "Write-Ahead Logging", section 2.2 (readers and writers).
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from litelift.sqlite.beside import companion
from litelift.sqlite.open import open_source, source_error

PAGES = 2048
"""Copied between two looks at who wants to end it."""


def copy_database(path: Path, to: Path, on_bytes: Callable[[int], None] | None = None) -> None:
    """Copy the database ``path`` to ``to``, which is its owner's alone, whole and on the disk or not there at all.

    A write-ahead log's writers go on meanwhile; a rollback journal's wait, as they do for any reader.

    Args:
        path: only read. What reading makes beside it goes again.
        to: one that is there is replaced; in a folder that others may not write to.
        on_bytes: told of the bytes that were copied.

    Raises:
        SourceError: it cannot be read as a database, or is locked.
        OSError: the copy cannot be written.
    """
    part = to.with_name(f"{to.name}.part")
    source = open_source(path, check=False)
    try:
        told = 0

        def progress(_: int, remaining: int, total: int) -> None:
            nonlocal told
            done = (total - remaining) * source.page_size
            if on_bytes is not None:
                on_bytes(done - told)
            told = done

        _remove(part)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with closing(sqlite3.connect(part)) as target:
                # The source is inside a transaction: however many steps it takes, they are of one snapshot.
                source.connection.backup(target, pages=PAGES, progress=progress)
            _synchronise(part)
            part.replace(to)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) and _written(error):
                number = errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EIO
                raise OSError(number, os.strerror(number), str(to)) from None
            raise source_error(path, error) from error
        finally:
            _remove(part)
    finally:
        source.close()


def what_is_wrong(path: Path) -> str | None:
    """What SQLite finds wrong with a database that nobody else has open, in its words; None for nothing."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            said = str(connection.execute("pragma quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if said == "ok" else said


def _written(error: sqlite3.Error) -> bool:
    """Whether an error is of writing: the source is only read."""
    name = getattr(error, "sqlite_errorname", "")
    return name == "SQLITE_FULL" or "WRITE" in name or "FSYNC" in name or "TRUNCATE" in name


def _remove(part: Path) -> None:
    for one in (part, companion(part, "-journal"), companion(part, "-wal"), companion(part, "-shm")):
        one.unlink(missing_ok=True)


def _synchronise(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
