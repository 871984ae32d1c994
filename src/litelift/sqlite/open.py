"""Opens the source: read-only, checked, and at one snapshot.

Every refusal is one clear error before anything is written. The file format's facts are from "Database File Format",
section 1.3 (the header), the locking's from "File Locking And Concurrency" and "Write-Ahead Logging".
"""

from __future__ import annotations

import math
import os
import re
import sqlite3
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from operator import methodcaller
from pathlib import Path
from urllib.parse import quote, unquote

from litelift import errors
from litelift.sqlite.integrity import check_integrity, provide_collations, schema_is_whole
from litelift.sqlite.twin import SourceConnection, open_twin

MAGIC = b"SQLite format 3\x00"
BUSY_SECONDS = 5.0

_URL = re.compile(r"(postgres(ql)?(\+\w+)?|mysql|mariadb)://", re.IGNORECASE)
_KEYWORDS = re.compile(r"(host|hostaddr|port|dbname|user|password|service)\s*=", re.IGNORECASE)
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: True, "a device"),
)
# What a file that is no database may be, by its first bytes.
_OTHERS = (
    (b"\x1f\x8b", "a gzip archive", "Unpack it first: gunzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first: unzstd"),
    (b"\xfd7zXZ", "an xz archive", "Unpack it first: unxz"),
    (b"BZh", "a bzip2 archive", "Unpack it first: bunzip2"),
    (b"PK\x03\x04", "a zip archive", "Unpack it first: unzip"),
    (b"PGDMP", "a PostgreSQL dump", "Load that with pg_restore; litelift reads SQLite."),
    (b"PRAGMA ", "SQL text", "Make a database of it first: sqlite3 new.sqlite <"),
    (b"BEGIN TRANSACTION", "SQL text", "Make a database of it first: sqlite3 new.sqlite <"),
)

decode_text = methodcaller("decode", "utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Source:
    """An open source. ``connection`` is inside a read transaction; its text is ``str`` with surrogate escapes.

    ``checked`` says whether it was found whole; else its check is still to come.
    """

    path: Path
    connection: SourceConnection
    bytes: int
    journal_mode: str
    page_size: int
    encoding: str
    had_log: bool
    checked: bool

    def renew(self) -> None:
        """Leave the snapshot for that of this moment."""
        self.connection.end()
        self.connection.begin()

    def close(self) -> None:
        """End the snapshot; an empty write-ahead log that SQLite made for this reader alone goes with it."""
        self.connection.close()
        wal = Path(f"{self.path}-wal")
        with suppress(OSError, sqlite3.Error):
            if not self.had_log and wal.stat().st_size == 0:
                # The last of a log's connections removes it, if it may write; with nothing in it, nothing is written.
                last = sqlite3.connect(f"file:{quote(str(self.path.absolute()))}?mode=rw", uri=True)
                last.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                last.close()


def source_path(words: str | Path) -> Path:
    """The file that ``words`` name: a path, or sqlite:///path (an absolute one has four slashes).

    Raises UsageError, SourceNotFound, SourceIsDirectory, SourceNotFile or SourceUnreadable.
    """
    text = str(words)
    if text.startswith("sqlite://"):
        text = unquote(text.removeprefix("sqlite://").removeprefix("/"))
    elif _URL.match(text) or _KEYWORDS.match(text):
        # It may hold a password, so it is not repeated.
        hint = "The SQLite file comes first, then the target: litelift migrate app.sqlite postgresql://..."
        raise errors.UsageError(message="the source is a server's address, not a SQLite file", hint=hint)
    if not text.strip():
        hint = "Name the SQLite file; a variable in the command may be unset."
        raise errors.UsageError(message="the source is empty", hint=hint)
    path = Path(text)
    with suppress(RuntimeError):  # no such user, or no home
        path = path.expanduser()
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        near = _near(path)
        raise errors.SourceNotFound(path=path, hint=f"Did you mean {near}?" if near else None) from None
    except OSError as error:
        raise errors.SourceUnreadable(path=path, message=_lower(error.strerror or str(error))) from None
    if stat.S_ISDIR(mode):
        raise errors.SourceIsDirectory(path=path)
    if not stat.S_ISREG(mode):
        kind = next(words for test, words in _KINDS if test(mode))
        raise errors.SourceNotFile(path=path, kind=kind)
    return path


def _near(path: Path) -> Path | None:
    """The file beside the missing one whose name is most like it."""
    try:
        names = [one.name for one in path.parent.iterdir() if one.is_file()]
    except OSError:
        return None
    found = get_close_matches(path.name, names, 1, 0.75)
    return path.with_name(found[0]) if found else None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def open_source(words: str | Path, *, check: bool = True) -> Source:
    """Open the SQLite file for reading, at one snapshot.

    Args:
        words: a path or sqlite:///path.
        check: run PRAGMA integrity_check first. Left out by a worker that joins a checked snapshot, and where a crew
            shares the check (`litelift.sqlite.integrity`).

    Raises:
        SourceNotFound, SourceIsDirectory, SourceUnreadable, NotADatabase, SourceEncrypted, SourceTruncated,
        SourceCorrupt, SourceTooNew, SourceLocked.
    """
    path = source_path(words)
    _check_header(path)
    had_log = Path(f"{path}-wal").exists()
    with _explained(path):
        connection = _connect(path)
    try:
        with _explained(path):
            connection.begin()
            provide_collations(connection)
            if check or not schema_is_whole(connection):
                check_integrity(connection, path)
            facts = {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "page_size", "encoding")
            }
    except BaseException:
        connection.close()
        raise
    return Source(
        path,
        connection,
        source_bytes(path),
        facts["journal_mode"],
        facts["page_size"],
        facts["encoding"],
        had_log,
        check,
    )


def source_bytes(path: Path) -> int:
    """The size of the database file, with its write-ahead log."""
    wal = Path(f"{path}-wal")
    return path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)


@contextmanager
def writers_held(path: Path) -> Iterator[bool]:
    """Keep writers out while several readers open, so that all of them see the same snapshot.

    A rollback journal's readers keep writers out by themselves; a write-ahead log's do not, so its write lock is held.
    Yields whether they are out: without the right to write nothing can be held, and one reader must do.
    """
    try:
        holder = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
    except sqlite3.Error:
        yield False
        return
    held = True
    try:
        try:
            if holder.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                holder.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            held = False
        yield held
    finally:
        with suppress(sqlite3.Error):
            holder.execute("ROLLBACK")
        holder.close()


def _connect(path: Path) -> SourceConnection:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    wal = Path(f"{path}-wal")
    # A write-ahead log's reader needs its shared memory file; in a directory that nobody may write to, and with no log
    # beside it, no writer can be there either.
    if not wal.exists() and not os.access(path.absolute().parent, os.W_OK):
        uri += "&immutable=1"
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=16,
        factory=SourceConnection,
    )
    connection.text_factory = decode_text
    connection.execute("PRAGMA query_only = ON")
    _distrust_schema(connection)
    connection.execute("PRAGMA temp_store = FILE")
    open_twin(connection, uri, BUSY_SECONDS)
    return connection


def _distrust_schema(connection: sqlite3.Connection) -> None:
    """Refuse the schema functions with side effects, where the schema can be read at all so.

    Some builds count JSON's functions among them, which applications have in their indexes.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        if "unsafe use of" not in str(error):
            raise
        connection.execute("PRAGMA trusted_schema = ON")


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            header = file.read(1024)
    except OSError as error:
        raise errors.SourceUnreadable(path=path, message=_lower(error.strerror or str(error))) from error
    size = path.stat().st_size
    if not header:
        raise errors.NotADatabase(path=path, message="the file is empty")
    if not header.startswith(MAGIC):
        raise _not_a_database(path, header, size)
    if len(header) < 100:
        raise errors.SourceTruncated(path=path, expected="at least 512", actual=size)
    if header[19] > 2:
        raise errors.SourceTooNew(
            path=path, version=sqlite3.sqlite_version, message=f"its read version is {header[19]}, not 1 or 2"
        )
    schema_format = int.from_bytes(header[44:48], "big")
    if schema_format > 4:
        raise errors.SourceTooNew(
            path=path, version=sqlite3.sqlite_version, message=f"its schema format is {schema_format}, not 1 to 4"
        )
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    if page_size < 512 or page_size & (page_size - 1):
        raise errors.SourceCorrupt(path=path, message=f"its page size is {page_size}")
    wal = Path(f"{path}-wal")
    if wal.exists() and wal.stat().st_size:
        return
    # The page count is valid only where "version valid for" equals the change counter (section 1.3.7).
    pages = int.from_bytes(header[28:32], "big")
    if header[24:28] == header[92:96] and size < pages * page_size:
        raise errors.SourceTruncated(path=path, expected=pages * page_size, actual=size)


def _not_a_database(path: Path, header: bytes, size: int) -> errors.SourceError:
    for magic, kind, way in _OTHERS:
        if header.startswith(magic):
            hint = way if way.endswith(".") else f"{way} {path}"
            return errors.NotADatabase(path=path, message=f"its first bytes are those of {kind}", hint=hint)
    # Bytes 21 to 23 are 64, 32 and 32 in every database; some encryptions leave them, and scramble what follows.
    if header[21:24] == b"\x40\x20\x20":
        plain = 1 <= int.from_bytes(header[44:48], "big") <= 4 and 1 <= int.from_bytes(header[56:60], "big") <= 3
        if plain:
            return errors.SourceCorrupt(path=path, message="its first 16 bytes were written over")
        return errors.SourceEncrypted(path=path)
    # A hundred random bytes have about 6.3 bits each; text and the headers of other files have fewer than 5.6.
    if size >= 512 and size % 512 == 0 and _entropy(header[:100]) > 5.8:
        return errors.SourceEncrypted(path=path)
    said = "it begins with zeros" if not any(header[:100]) else "its first bytes are not those of a SQLite file"
    return errors.NotADatabase(path=path, message=said)


def _entropy(data: bytes) -> float:
    total = len(data)
    return -sum(n / total * math.log2(n / total) for n in Counter(data).values())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise source_error(path, error) from error


def source_error(path: Path, error: sqlite3.Error) -> errors.LiteliftError:
    """What SQLite's error means for whoever wants to move ``path``, by its result code ("Result and Error Codes")."""
    text = str(error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return errors.SourceLocked(path=path)
    if code == sqlite3.SQLITE_NOTADB:
        return errors.NotADatabase(path=path, message=text)
    if "unsupported file format" in text:
        return errors.SourceTooNew(path=path, version=sqlite3.sqlite_version, message=text)
    if code == sqlite3.SQLITE_CORRUPT:
        return errors.SourceCorrupt(path=path, message=text)
    if code == sqlite3.SQLITE_FULL:
        return errors.NoRoom(folder=temporary_folder(), message="SQLite sorts in files there")
    hint = None
    journal, wal = Path(f"{path}-journal"), Path(f"{path}-wal")
    if code == sqlite3.SQLITE_READONLY and journal.exists():
        text = f"a program that did not end well left {journal.name}, which SQLite must roll back first"
        hint = "Start and stop the application once, or copy both files and open the copy with: sqlite3 COPY .tables"
    elif code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) and wal.exists():
        text = f"to read {wal.name}, SQLite must make {path.name}-shm beside it, and may not"
        hint = "Copy the file and its -wal to a folder that you may write to, and move the copy."
    return errors.SourceUnreadable(path=path, message=text, hint=hint)


def temporary_folder() -> str:
    """Where SQLite keeps its temporary files ("Temporary Files Used By SQLite", section 5)."""
    return os.environ.get("SQLITE_TMPDIR") or tempfile.gettempdir()
