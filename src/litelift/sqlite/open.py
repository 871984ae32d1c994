"""Opens the source: read-only, checked, and at one snapshot.

Every refusal is one clear error before anything is written. The file format's facts are from "Database File Format",
section 1.3 (the header), the locking's from "File Locking And Concurrency" and "Write-Ahead Logging".
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from urllib.parse import quote, unquote

from litelift import errors

MAGIC = b"SQLite format 3\x00"
BUSY_SECONDS = 5.0

# integrity_check also tells of rows that break NOT NULL and CHECK; those are the census's business, not corruption.
_BROKEN_RULES = ("NULL value in ", "CHECK constraint failed in ")

decode_text = methodcaller("decode", "utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Source:
    """An open source. ``connection`` is inside a read transaction; its text is ``str`` with surrogate escapes."""

    path: Path
    connection: sqlite3.Connection
    bytes: int
    journal_mode: str
    page_size: int
    encoding: str

    def renew(self) -> None:
        """Leave the snapshot for that of this moment."""
        self.connection.execute("ROLLBACK")
        _begin(self.connection)

    def close(self) -> None:
        """End the snapshot."""
        self.connection.close()


def source_path(words: str | Path) -> Path:
    """The file that ``words`` name: a path, or sqlite:///path (an absolute one has four slashes).

    Raises SourceNotFound or SourceIsDirectory.
    """
    text = str(words)
    if text.startswith("sqlite://"):
        text = unquote(text.removeprefix("sqlite://").removeprefix("/"))
    path = Path(text).expanduser()
    if path.is_dir():
        raise errors.SourceIsDirectory(path=path)
    if not path.exists():
        raise errors.SourceNotFound(path=path)
    return path


def open_source(words: str | Path, *, check: bool = True) -> Source:
    """Open the SQLite file for reading, at one snapshot.

    Args:
        words: a path or sqlite:///path.
        check: run PRAGMA integrity_check first (a worker that joins a checked snapshot leaves it out).

    Raises:
        SourceNotFound, SourceIsDirectory, SourceUnreadable, NotADatabase, SourceEncrypted, SourceTruncated,
        SourceCorrupt, SourceTooNew, SourceLocked.
    """
    path = source_path(words)
    _check_header(path)
    with _explained(path):
        connection = _connect(path)
    try:
        with _explained(path):
            _begin(connection)
            if check:
                _check_integrity(connection, path)
            facts = {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "page_size", "encoding")
            }
    except BaseException:
        connection.close()
        raise
    wal = Path(f"{path}-wal")
    size = path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    return Source(path, connection, size, facts["journal_mode"], facts["page_size"], facts["encoding"])


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    # A deferred transaction takes its snapshot with its first read.
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


@contextmanager
def writers_held(path: Path) -> Iterator[None]:
    """Keep writers out while several readers open, so that all of them see the same snapshot.

    A rollback journal's readers keep writers out by themselves; a write-ahead log's do not, so its write lock is held.
    """
    try:
        holder = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
    except sqlite3.Error:
        yield
        return
    try:
        if holder.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            with suppress(sqlite3.OperationalError):
                holder.execute("BEGIN IMMEDIATE")
        yield
    finally:
        with suppress(sqlite3.Error):
            holder.execute("ROLLBACK")
        holder.close()


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    wal = Path(f"{path}-wal")
    # A write-ahead log's reader needs its shared memory file; in a directory that nobody may write to, and with no log
    # beside it, no writer can be there either.
    if not wal.exists() and not os.access(path.absolute().parent, os.W_OK):
        uri += "&immutable=1"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=16
    )
    connection.text_factory = decode_text
    connection.execute("PRAGMA query_only = ON")
    _distrust_schema(connection)
    connection.execute("PRAGMA temp_store = FILE")
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
        raise errors.SourceUnreadable(path=path, message=error.strerror or str(error)) from error
    size = path.stat().st_size
    if not header:
        raise errors.NotADatabase(path=path, message="the file is empty")
    if not header.startswith(MAGIC):
        if size >= 512 and size % 512 == 0 and _entropy(header) > 7.0:
            raise errors.SourceEncrypted(path=path)
        raise errors.NotADatabase(path=path, message="its first bytes are not those of a SQLite file")
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


def _entropy(data: bytes) -> float:
    total = len(data)
    return -sum(n / total * math.log2(n / total) for n in Counter(data).values())


def _check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    found: list[str] = []
    while True:
        try:
            for (line,) in connection.execute("PRAGMA integrity_check(1000000)"):
                if line != "ok" and not line.startswith(_BROKEN_RULES):
                    found.append(line)
                if len(found) == 3:
                    break
            break
        except sqlite3.OperationalError as error:
            name = _missing_collation(error)
            if name is None:
                raise
            provide_collation(connection, name)
    if found:
        raise errors.SourceCorrupt(path=path, message="; ".join(line.replace("\n", " ") for line in found))


def _missing_collation(error: sqlite3.OperationalError) -> str | None:
    prefix = "no such collation sequence: "
    text = str(error)
    return text.removeprefix(prefix) if text.startswith(prefix) else None


def provide_collation(connection: sqlite3.Connection, name: str) -> None:
    """Stand in for a collation that only the application has, so that its tables can be read at all."""
    connection.create_collation(name, lambda a, b: (a > b) - (a < b))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise errors.SourceLocked(path=path) from error
        if "not a database" in text:
            raise errors.NotADatabase(path=path, message=text) from error
        if "unsupported file format" in text:
            raise errors.SourceTooNew(path=path, version=sqlite3.sqlite_version, message=text) from error
        if "malformed" in text:
            raise errors.SourceCorrupt(path=path, message=text) from error
        raise errors.SourceUnreadable(path=path, message=text) from error
