"""The source's connection, and beside it a compiled reader's connection of its own at the same snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from litelift.compiled import native
from litelift.sqlite.guard import CACHE, LIMITS, PRAGMAS, STEPS, deadline, longest_value
from litelift.sqlite.scan import BATCH_BYTES, BATCH_ROWS, MOST_HANDED, Scan

if TYPE_CHECKING:
    from litelift._native import Batch, Connection, Reader

ATTEMPTS = 5
NOT_UTF_8 = "a name in it is not UTF-8, so that Python cannot ask for it"


class SourceCursor(sqlite3.Cursor):
    """A cursor that also tells errors whose message is not UTF-8, as names in a damaged schema are not."""

    def execute(self, sql: str, parameters: Any = (), /) -> SourceCursor:
        """See `sqlite3.Cursor.execute`."""
        try:
            super().execute(sql, parameters)
        except UnicodeEncodeError:
            raise sqlite3.OperationalError(f"{NOT_UTF_8}: {sql.encode('ascii', 'backslashreplace').decode()}") from None
        except UnicodeDecodeError as error:
            # Python's sqlite3 fails to make the exception, of which it had but the message.
            message = error.object.decode("utf-8", "backslashreplace")
            corrupt = message.startswith("malformed database schema")
            told = sqlite3.DatabaseError(message) if corrupt else sqlite3.OperationalError(message)
            told.sqlite_errorcode = sqlite3.SQLITE_CORRUPT if corrupt else sqlite3.SQLITE_ERROR
            raise told from None
        return self


class SourceConnection(sqlite3.Connection):
    """A connection whose rows the compiled path may read through ``twin``; None where only this connection can."""

    twin: Connection | None = None
    patience: Any = None
    """What `litelift.prove.views` has left for the views of this source."""

    def __init__(self, *words: Any, **more: Any) -> None:
        """See `sqlite3.Connection`."""
        super().__init__(*words, **more)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        self._stored: frozenset[str] | None = None

    def cursor(self, factory: Any = SourceCursor) -> Any:
        """See `sqlite3.Connection.cursor`."""
        found = super().cursor(factory)
        self._cursors.add(found)
        return found

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """See `sqlite3.Connection.execute`, which would not ask the cursor."""
        cursor: sqlite3.Cursor = self.cursor()
        return cursor.execute(sql, parameters)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Stop what is not read in so many seconds, with an OperationalError that says "interrupted".

        For what the file's own SQL says, such as a view, which may have no end.
        """
        self.set_progress_handler(deadline(seconds), STEPS)
        if self.twin is not None:
            self.twin.within(int(seconds * 1000))
        try:
            yield
        finally:
            self.set_progress_handler(None, 0)
            if self.twin is not None:
                self.twin.within(0)

    def begin(self) -> None:
        """Take this moment's snapshot, with the twin or without it."""
        self._stored = None
        self._take()
        pages, size = (self.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        longest = longest_value(pages * size)
        self.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
        if self.twin is not None:
            self.twin.limit(sqlite3.SQLITE_LIMIT_LENGTH, longest)

    def _take(self) -> None:
        for _ in range(ATTEMPTS):
            if self.twin is None:
                break
            try:
                if self._begin_both(self.twin):
                    return
            except sqlite3.Error:
                # What the twin cannot do is tried alone, where an error has somebody to explain it.
                self.forget_twin()
            if self.in_transaction:
                self.execute("ROLLBACK")
        self.forget_twin()
        self._begin()

    def _begin(self) -> None:
        self.execute("BEGIN")
        # A deferred transaction takes its snapshot with its first read.
        self.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    def _begin_both(self, twin: Connection) -> bool:
        """Whether nobody wrote in between: then both see the same.

        PRAGMA data_version differs between two calls on one connection if another has changed the database meanwhile.
        """
        before = twin.execute("PRAGMA data_version")
        self._begin()
        twin.execute("BEGIN")
        twin.execute("SELECT count(*) FROM sqlite_schema")
        if twin.execute("PRAGMA data_version") == before:
            return True
        twin.execute("ROLLBACK")
        return False

    def end(self) -> None:
        """Leave the snapshot."""
        self.execute("ROLLBACK")
        if self.twin is not None:
            self.twin.execute("ROLLBACK")

    def reader(self, scan: Scan, between: tuple[int, int] | None) -> Reader | None:
        """The twin's reader of ``scan``; None where it cannot read it."""
        module = native()
        if self.twin is None or module is None:
            return None
        ranged, parameters = between is not None, between or ()
        try:
            if self._hands_over(scan):
                return module.Reader(self.twin, scan.handing_over(ranged), parameters, scan.width)
            return module.Reader(self.twin, scan.sql(ranged), parameters)
        except (sqlite3.OperationalError, UnicodeEncodeError):
            # A collation or function that only this connection has, for instance.
            return None

    def _hands_over(self, scan: Scan) -> bool:
        """Whether it is a table that the file itself holds: no view, nothing virtual."""
        if scan.where is not None or scan.width > MOST_HANDED:
            return False
        if self._stored is None:
            query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0"
            self._stored = frozenset(name for (name,) in self.execute(query))
        return scan.table in self._stored

    def batches(self, scan: Scan, between: tuple[int, int] | None) -> Iterator[Batch] | None:
        """The rows of ``scan`` through the twin; None where it cannot read them."""
        reader = self.reader(scan, between)
        return None if reader is None else fetched(reader)

    def forget_twin(self) -> None:
        """Close the twin."""
        if self.twin is not None:
            self.twin.close()
            self.twin = None

    def close(self) -> None:
        """Close both; also where the traceback of an error holds a cursor, which would keep the file's locks."""
        self.forget_twin()
        for cursor in list(self._cursors):
            with suppress(sqlite3.Error):
                cursor.close()
        super().close()


def fetched(reader: Reader) -> Iterator[Batch]:
    """The rows that a reader has left."""
    with closing(reader):
        while (batch := reader.fetch(BATCH_ROWS, BATCH_BYTES)) is not None:
            yield batch
            # Before the next is read: each may hold one huge value.
            del batch


def open_twin(connection: SourceConnection, uri: str, busy_seconds: float) -> None:
    """Give the connection a twin with the same settings, where there is a compiled path."""
    module = native()
    if module is None:
        return
    trusted = connection.execute("PRAGMA trusted_schema").fetchone()
    with suppress(sqlite3.Error):
        twin = module.Connection(uri.encode(), int(busy_seconds * 1000))
        for pragma in (*PRAGMAS, f"trusted_schema = {int(trusted[0]) if trusted else 0}", CACHE):
            twin.execute(f"PRAGMA {pragma}")
        for limit, most in LIMITS.items():
            twin.limit(limit, most)
        connection.twin = twin
