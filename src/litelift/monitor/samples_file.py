"""samples.sqlite: how the file is opened, what is in it, and what is done with one that is damaged."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from litelift.errors import SamplesTooNew
from litelift.monitor.folder import make_folder, make_private

FILE = "samples.sqlite"
FORMAT = 1
RESOLUTIONS = (
    ("raw", 0, 2 * 3600),
    ("minute", 60, 2 * 86400),
    ("hour", 3600, 100 * 86400),
    ("day", 86400, 3653 * 86400),
)
"""Each table, the seconds of one of its rows, and the seconds for which they are kept."""
OPENING_SECONDS = 2.0
"""For which a log that is there may not be ready to be read: somebody opens the file in that moment, or closes it."""
DAMAGED = f"{FILE}.damaged"
"""What a damaged file is moved aside as: the last one only, for nobody looks at two."""
# By time and not by series: what is written at one moment then lies on one page, and not on as many as there are
# series; what is read of a day in one series is a part of some megabytes.
_SCHEMA = """
create table series (
    id integer primary key, name text not null unique, unit text not null, counter integer not null,
    at real, value real
);
create table finding (
    key text primary key, "check" text not null, at real not null, since real not null, state text not null,
    document text not null
) without rowid;
create table incident (
    id integer primary key, key text not null, "check" text not null, about text not null, opened real not null,
    closed real, worst text not null, state text not null, document text not null, announced text, announced_at real,
    settled_at real
);
create index incident_closed on incident (closed);
create table stretch (
    id integer primary key, began real not null, last real not null, every real not null, who text not null,
    stopped integer not null default 0
);
create table message (
    id integer primary key, at real not null, document text not null
);
create table delivery (
    message integer not null, way text not null, tries integer not null, wrong text, state text not null,
    primary key (message, way)
) without rowid;
""" + "\n".join(
    f"create table {table} (at integer not null, series integer not null, n integer not null, low real not null,"
    " high real not null, total real not null, primary key (at, series)) without rowid;"
    for table, _, _ in RESOLUTIONS
)


def connection_to(folder: Path, *, write: bool) -> sqlite3.Connection:
    """The file in a monitor's folder, open; to be closed by the caller.

    Args:
        folder: of the monitor.
        write: make the file where there is none. Else it is read, also where this user may write neither to it nor to
            its folder.

    Raises:
        FileNotFoundError: there is none. SamplesTooNew: another litelift's. sqlite3.Error.
    """
    with understood():
        return _opened(folder, write)


def _opened(folder: Path, write: bool) -> sqlite3.Connection:
    path = folder / FILE
    if write:
        make_folder(folder)
        # SQLite gives its log and its shared memory the rights of the file.
        make_private(path)
        connection = _connected(path, "mode=rwc")
    elif not path.is_file():
        raise FileNotFoundError(2, "there are no samples", str(path))
    else:
        connection = _readable(path)
    try:
        if write:
            _prepare(connection)
        version = connection.execute("pragma user_version").fetchone()[0]
        if version > FORMAT:
            raise SamplesTooNew(path=path, version=version, known=FORMAT)
    except BaseException:
        connection.close()
        raise
    return connection


def _connected(path: Path, how: str) -> sqlite3.Connection:
    # Checks outside of the database read in threads of their own; the library serialises them.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, timeout=10, check_same_thread=False
    )


def _readable(path: Path) -> sqlite3.Connection:
    """Without a right to write: where nobody has the file open, its log is not there to be read ("WAL", section 5)."""
    until = time.monotonic() + OPENING_SECONDS
    while True:
        connection = _connected(path, "mode=ro")
        try:
            connection.execute("select count(*) from sqlite_master")
        except sqlite3.OperationalError as error:
            connection.close()
            wal = path.with_name(f"{path.name}-wal")
            unopened = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
            if unopened and not (wal.exists() and wal.stat().st_size):
                return _connected(path, "mode=ro&immutable=1")
            if not unopened or time.monotonic() > until:
                raise
            time.sleep(0.05)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _prepare(connection: sqlite3.Connection) -> None:
    tables = {name for (name,) in connection.execute("select name from sqlite_master")}
    empty = not tables
    if tables and "series" not in tables:
        # Before anything is written: it is another program's.
        raise _malformed()
    if empty:
        connection.execute("pragma auto_vacuum = incremental")
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    connection.execute(f"pragma journal_size_limit = {8 << 20}")
    if empty:
        connection.executescript(f"begin; {_SCHEMA}; pragma user_version = {FORMAT}; commit")


@contextmanager
def understood() -> Iterator[None]:
    """Raise sqlite3.DatabaseError where what is read makes no sense: SQLite sees no byte that is another in a value."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise _malformed() from error


def _malformed() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether it is the file that is at fault: its bytes, or that another program's tables are in it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT)


def check_whole(folder: Path) -> None:
    """Read all of the file once. Raises sqlite3.DatabaseError where it is damaged; nothing where there is none."""
    if not (folder / FILE).is_file():
        return
    with understood(), closing(_connected(folder / FILE, "mode=rw")) as connection:
        if connection.execute("pragma quick_check(1)").fetchone() != ("ok",):
            raise _malformed()


def set_aside(folder: Path) -> Path:
    """Move a damaged file aside, in the place of an older one. Raises OSError."""
    aside = folder / DAMAGED
    for suffix in ("-wal", "-shm"):
        Path(f"{aside}{suffix}").unlink(missing_ok=True)
    (folder / FILE).replace(aside)
    for suffix in ("-wal", "-shm"):
        log = folder / f"{FILE}{suffix}"
        if log.exists():
            log.replace(f"{aside}{suffix}")
    return aside


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as they are kept."""
    return datetime.fromtimestamp(seconds, UTC)
