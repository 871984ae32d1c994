"""Whether the source is whole: SQLite's own check, at once or shared by several workers.

PRAGMA integrity_check looks up every row of a table in each of its indexes, which takes most of its time. Where the
compiled path is there, PRAGMA quick_check looks at the structure ("Pragma statements"), and each index is compared with
its table as a whole: both hold the same entries if the sums of their hashes are equal. Whatever such a comparison finds
unlike is only SQLite's own check to judge.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from litelift import errors
from litelift.compiled import KEY_BYTES, native
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import free_rowid_word
from litelift.sqlite.twin import SourceConnection

# integrity_check also tells of rows that break NOT NULL, CHECK and the types of a STRICT table, which SQLite does not
# hold for generated columns; those are the census's business, not corruption.
_BROKEN_RULES = (
    "NULL value in ",
    "CHECK constraint failed in ",
    *(f"non-{type_} value in " for type_ in ("INT", "INTEGER", "REAL", "TEXT", "BLOB")),
)
# SQLite's own ("Datatypes In SQLite", section 7.1). PRAGMA collation_list names those that a schema only mentions, too.
_COLLATIONS = frozenset({"BINARY", "NOCASE", "RTRIM"})


@dataclass(frozen=True, slots=True)
class Indexes:
    """A table's indexes, of which each holds columns and the rowid: by name, with their columns."""

    table: str
    rowid: str
    columns: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A share of the check: a pragma (of a table, or of the whole file), or a comparison of indexes."""

    pragma: str = ""
    table: str | None = None
    indexes: Indexes | None = None

    def passes(self, connection: SourceConnection) -> bool:
        """Whether nothing is wrong. What is, `check_integrity` tells."""
        if self.indexes is not None:
            return _alike(connection, self.indexes)
        return not _lines(connection, self.pragma, self.table, most=1)


def schema_is_whole(connection: sqlite3.Connection) -> bool:
    """Whether the table that holds the schema is; the rest is still to be checked."""
    return not _lines(connection, "quick_check", "sqlite_schema", most=1)


def shares(connection: SourceConnection) -> list[Check]:
    """The check of an open source in shares, the longest first, that can be carried out side by side."""
    if native() is None or connection.twin is None:
        return [Check("integrity_check")]
    found = [Check("quick_check")]
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall()
    for (table,) in names:
        indexes = connection.execute(f"PRAGMA index_list({quote_identifier(table)})").fetchall()
        if not indexes:
            continue
        comparable = _comparable(connection, table, indexes)
        found.append(Check("integrity_check", table) if comparable is None else Check(indexes=comparable))
    return found


def _comparable(
    connection: sqlite3.Connection, table: str, indexes: list[tuple[int, str, int, str, int]]
) -> Indexes | None:
    """The table's indexes where all of them hold plain columns of every row; else None."""
    columns = connection.execute(f"PRAGMA table_xinfo({quote_identifier(table)})").fetchall()
    # Column 6: 2 and 3 are generated columns.
    if any(column[6] in (2, 3) for column in columns) or any(partial for _, _, _, _, partial in indexes):
        return None
    rowid = free_rowid_word(column[1] for column in columns)
    if rowid is None:
        return None
    found = []
    for _, index, _, _, _ in indexes:
        parts = connection.execute(f"PRAGMA index_xinfo({quote_identifier(index)})").fetchall()
        places = [(cid, name) for _, cid, name, _, _, _ in parts if cid != -1]
        # -1 is the rowid, which a table WITHOUT ROWID has not; -2 is an expression.
        if len(places) == len(parts) or any(cid < 0 for cid, _ in places):
            return None
        found.append((index, tuple(name for _, name in places)))
    return Indexes(table, rowid, tuple(found))


def _alike(connection: SourceConnection, indexes: Indexes) -> bool:
    """Whether each index holds what the table does; also True where SQLite's own check says so."""
    module = native()
    key = secrets.token_bytes(KEY_BYTES)
    table = quote_identifier(indexes.table)
    names = list(dict.fromkeys(name for _, columns in indexes.columns for name in columns))
    words = [*map(quote_identifier, names), indexes.rowid]
    groups = tuple((*(names.index(name) for name in columns), len(names)) for _, columns in indexes.columns)
    try:
        assert module is not None and connection.twin is not None
        whole = f"SELECT {', '.join(words)} FROM {table} NOT INDEXED"  # noqa: S608
        rows, sums = module.Reader(connection.twin, whole, ()).digest(key, groups)
        for (index, columns), expected in zip(indexes.columns, sums, strict=True):
            words = [*map(quote_identifier, columns), indexes.rowid]
            query = f"SELECT {', '.join(words)} FROM {table} INDEXED BY {quote_identifier(index)}"  # noqa: S608
            every = (tuple(range(len(words))),)
            if module.Reader(connection.twin, query, ()).digest(key, every) != (rows, [expected]):
                break
        else:
            return True
    except sqlite3.DatabaseError:
        # An application's collation, or a page that cannot be read.
        pass
    return Check("integrity_check", indexes.table).passes(connection)


def check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    """Raise SourceCorrupt, with the first faults, where SQLite's check finds any."""
    found = _interruptibly(connection, _faults)
    if found:
        raise errors.SourceCorrupt(path=path, message="; ".join(line.replace("\n", " ") for line in found))


def _lines(connection: sqlite3.Connection, pragma: str, table: str | None = None, most: int = 3) -> list[str]:
    """The first lines that tell of damage."""
    word = "1000000" if table is None else "'" + table.replace("'", "''") + "'"
    found: list[str] = []
    try:
        for (line,) in connection.execute(f"PRAGMA {pragma}({word})"):
            if line != "ok" and not line.startswith(_BROKEN_RULES):
                # Its heading says which of the attached databases it is about.
                found.append(line.removeprefix("*** in database main ***\n"))
            if len(found) == most:
                break
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        found = found or [str(error)]
    return found


def _faults(connection: sqlite3.Connection) -> list[str]:
    """The first three faults that PRAGMA integrity_check finds, after the names of the damaged tables."""
    found = _lines(connection, "integrity_check")
    if found:
        damaged = _damaged_tables(connection)
        if damaged:
            found.insert(0, f"damaged {'tables' if len(damaged) > 1 else 'table'} {', '.join(damaged)}")
    return found


def _damaged_tables(connection: sqlite3.Connection) -> list[str]:
    """The tables whose rows or indexes cannot be read through, at most ten."""
    damaged: list[str] = []
    try:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall()
    except sqlite3.DatabaseError:
        return damaged
    for (name,) in names:
        try:
            broken = bool(_lines(connection, "integrity_check", name, most=1))
        except sqlite3.DatabaseError:
            broken = True
        if broken:
            damaged.append(name)
        if len(damaged) == 10:
            break
    return damaged


def _interruptibly(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], list[str]]) -> list[str]:
    """Do in a thread what SQLite may take minutes for in one step, in which Ctrl-C would not be heard."""
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(work, connection)
        try:
            return result.result()
        except BaseException:
            connection.interrupt()
            raise


def provide_collations(connection: sqlite3.Connection) -> None:
    """Stand in for the collations that only the application has, so that its tables can be read at all."""
    query = (
        "SELECT DISTINCT x.coll FROM sqlite_schema AS s JOIN pragma_index_list(s.name) AS i"
        " JOIN pragma_index_xinfo(i.name) AS x WHERE s.type = 'table' AND s.rootpage > 0 AND x.coll IS NOT NULL"
    )
    for (name,) in connection.execute(query).fetchall():
        if name.upper() not in _COLLATIONS:
            connection.create_collation(name, lambda a, b: (a > b) - (a < b))
