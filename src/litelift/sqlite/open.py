"""Opens the source: read-only, checked, and at one snapshot.

Every refusal is one clear error before anything is written. The facts of locking are from "File Locking And
Concurrency" and "Write-Ahead Logging".
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from operator import methodcaller
from pathlib import Path
from urllib.parse import quote, unquote

from litelift import errors
from litelift.sqlite.beside import Made, companion, log_of, made_by_reading
from litelift.sqlite.guard import CACHE, configure, guard, silently_shortened
from litelift.sqlite.header import WRITE_AHEAD, check_header, lower_first
from litelift.sqlite.integrity import check_integrity, provide_collations, schema_is_whole
from litelift.sqlite.twin import NOT_UTF_8, SourceConnection, open_twin

BUSY_SECONDS = 5.0

_URL = re.compile(r"(postgres(ql)?(\+\w+)?|mysql|mariadb)://", re.IGNORECASE)
_KEYWORDS = re.compile(r"(host|hostaddr|port|dbname|user|password|service)\s*=", re.IGNORECASE)
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: True, "a device"),
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
    made: Made
    checked: bool

    def renew(self) -> None:
        """Leave the snapshot for that of this moment."""
        self.connection.end()
        self.connection.begin()

    def close(self) -> None:
        """End the snapshot; what reading made beside the file goes with it.

        A connection that may not write neither checkpoints a write-ahead log nor removes one.
        """
        self.connection.close()
        self.made.remove()


def path_of(words: str | Path) -> Path:
    """The path that ``words`` are: as it stands, or in sqlite:///path (an absolute one has four slashes)."""
    path = Path(_plain(str(words)))
    with suppress(RuntimeError):  # no such user, or no home
        path = path.expanduser()
    return path


def _plain(words: str) -> str:
    if not words.startswith("sqlite://"):
        return words
    return unquote(words.removeprefix("sqlite://").removeprefix("/"))


def source_path(words: str | Path) -> Path:
    """The file that ``words`` name, as `path_of` reads them.

    Raises UsageError, SourceNotFound, SourceIsDirectory, SourceNotFile or SourceUnreadable.
    """
    text = str(words)
    if _URL.match(text) or _KEYWORDS.match(text):
        # It may hold a password, so it is not repeated.
        hint = "The SQLite file comes first, then the target: litelift migrate app.sqlite postgresql://..."
        raise errors.UsageError(message="the source is a server's address, not a SQLite file", hint=hint)
    if not _plain(text).strip():
        hint = "Name the SQLite file; a variable in the command may be unset."
        raise errors.UsageError(message="the source is empty", hint=hint)
    path = path_of(text)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        near = _near(path)
        raise errors.SourceNotFound(path=path, hint=f"Did you mean {near}?" if near else None) from None
    except OSError as error:
        raise errors.SourceUnreadable(path=path, message=lower_first(error.strerror or str(error))) from None
    if stat.S_ISDIR(mode):
        raise errors.SourceIsDirectory(path=path)
    if not stat.S_ISREG(mode):
        kind = next(words for test, words in _KINDS if test(mode))
        raise errors.SourceNotFile(path=path, kind=kind)
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        # The journal and the report hold text, and name the source.
        hint = "Make a link to it that has another name (ln -s), and move that."
        raise errors.SourceUnreadable(path=path, message="its name, or its folder's, is not UTF-8", hint=hint) from None
    return path


def _near(path: Path) -> Path | None:
    """The file beside the missing one whose name is most like it."""
    try:
        names = [one.name for one in path.parent.iterdir() if one.is_file()]
    except OSError:
        return None
    found = get_close_matches(path.name, names, 1, 0.75)
    return path.with_name(found[0]) if found else None


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
    header = check_header(path)
    made = made_by_reading(path)
    try:
        with _explained(path):
            connection = _connect(path, in_log_mode=header[19] == WRITE_AHEAD)
    except BaseException:
        made.remove()
        raise
    try:
        with _explained(path):
            connection.begin()
            provide_collations(connection)
            bomb = silently_shortened(connection)
            if bomb is not None:
                told = f"its generated column {bomb} makes values many times as long as the file"
                raise errors.SourceUnreadable(
                    path=path, message=told, hint="Drop that column in a copy, and move that."
                )
            if check or not schema_is_whole(connection):
                check_integrity(connection, path)
            facts = {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "page_size", "encoding")
            }
    except BaseException:
        connection.close()
        made.remove()
        raise
    return Source(
        path,
        connection,
        source_bytes(path),
        facts["journal_mode"],
        facts["page_size"],
        facts["encoding"],
        made,
        check,
    )


def source_bytes(path: Path) -> int:
    """The size of the database file, with its write-ahead log."""
    log = log_of(path)
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


@contextmanager
def writers_held(path: Path) -> Iterator[bool]:
    """Keep writers out while several readers open, so that all of them see the same snapshot.

    A rollback journal's readers keep writers out by themselves; a write-ahead log's do not, so its write lock is held.
    Yields whether they are out: without the right to write nothing can be held, and one reader must do.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode="
    with ExitStack() as stack:
        try:
            # Closed after the holder: the last connection that may write brings a log into the database.
            reader = stack.enter_context(closing(_plain_connection(f"{uri}ro")))
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            holder = stack.enter_context(closing(_plain_connection(f"{uri}rw")))
            configure(holder)
            if holder.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                holder.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            yield False
            return
        yield True


def _plain_connection(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _connect(path: Path, *, in_log_mode: bool) -> SourceConnection:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    if in_log_mode and _stands_still(path):
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
    try:
        guard(connection)
        _distrust_schema(connection)
        connection.execute(f"PRAGMA {CACHE}")
        open_twin(connection, uri, BUSY_SECONDS)
    except BaseException:
        connection.close()
        raise
    return connection


def _stands_still(path: Path) -> bool:
    """Whether a database in write-ahead mode may be read as one that nobody writes to.

    Its reader needs a shared memory file. In a directory where we may not make one, and with no log beside it, it can
    be read only without; then a journal must not wait for its rollback either, which such a reader does not look for.
    """
    if log_of(path).exists() or os.access(path.resolve().parent, os.W_OK):
        return False
    journal = companion(path, "-journal")
    return not journal.exists() or journal.stat().st_size == 0


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
    if text.startswith(NOT_UTF_8):
        hint = "Rename the table or column in a copy (ALTER TABLE ... RENAME), or exclude it in the plan."
    journal, wal = companion(path, "-journal"), log_of(path)
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
