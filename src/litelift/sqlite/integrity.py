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
from functools import cache
from pathlib import Path

from litelift import errors
from litelift.compiled import KEY_BYTES, native
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.scan import MOST_HANDED, handing_over, rowid_range
from litelift.sqlite.schema import free_rowid_word
from litelift.sqlite.structure import pages_are_whole
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

WORTH_SHARING = 100_000
"""Rowids of a table from which on its indexes are compared beside each other."""


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
        if self == PAGES:
            return pages_are_whole(connection, lambda: not _lines(connection, "quick_check", most=1))
        return not _lines(connection, self.pragma, self.table, most=1)


PAGES = Check("quick_check")
"""The structure of the whole file. What is wrong with rows, the census meets."""
Digest = tuple[int, list[tuple[int, int]]]
"""How many rows there are, and the sums of their hashes: of a table one for each index, of an index one."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison of a large table with its indexes: one of these by its place, or (None) the table.

    ``key`` is that of the hash.
    """

    indexes: Indexes
    place: int | None
    key: bytes

    def digest(self, connection: SourceConnection) -> Digest | None:
        """What it comes to; None where it cannot be read."""
        try:
            if self.place is None:
                return _digest_table(connection, self.indexes, self.key)
            return _digest_index(connection, self.indexes, self.place, self.key)
        except sqlite3.DatabaseError:
            # An application's collation, or a page that cannot be read.
            return None


Share = Check | Side


class Sides:
    """What the sides of tables came to."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._found: dict[Indexes, dict[int | None, Digest | None]] = {}

    def add(self, side: Side, digest: Digest | None) -> None:
        """Take what a side came to."""
        self._found.setdefault(side.indexes, {})[side.place] = digest

    def unlike(self) -> list[Check]:
        """What is left to check, by SQLite itself: the tables of which an index does not hold the same."""
        return [
            Check("integrity_check", indexes.table)
            for indexes, digests in self._found.items()
            if not _same(digests[None], [digests[place] for place in range(len(indexes.columns))])
        ]


def _same(table: Digest | None, indexes: list[Digest | None]) -> bool:
    return table is not None and indexes == [(table[0], [expected]) for expected in table[1]]


def schema_is_whole(connection: sqlite3.Connection) -> bool:
    """Whether the table that holds the schema is; the rest is still to be checked."""
    return not _lines(connection, "quick_check", "sqlite_schema", most=1)


def shares(connection: SourceConnection) -> list[Share]:
    """The check of an open source in shares that can be carried out side by side; that of the whole file first.

    The same, whenever it is asked for in one process.
    """
    if native() is None or connection.twin is None:
        return [Check("integrity_check")]
    found: list[Share] = [PAGES]
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall()
    for (table,) in names:
        indexes = connection.execute(f"PRAGMA index_list({quote_identifier(table)})").fetchall()
        if not indexes:
            continue
        comparable = _comparable(connection, table, indexes)
        if comparable is None:
            found.append(Check("integrity_check", table))
        elif _is_large(connection, comparable):
            found += [Side(comparable, place, _key()) for place in (None, *range(len(comparable.columns)))]
        else:
            found.append(Check(indexes=comparable))
    return found


@cache
def _key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def _is_large(connection: sqlite3.Connection, indexes: Indexes) -> bool:
    """Whether a table's comparison is worth sharing."""
    try:
        first, last = rowid_range(connection, indexes.table, indexes.rowid) or (0, 0)
    except sqlite3.DatabaseError:
        # A page that cannot be read.
        return False
    return last - first >= WORTH_SHARING


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
    try:
        table = _digest_table(connection, indexes, _key())
        found = (_digest_index(connection, indexes, place, _key()) for place in range(len(indexes.columns)))
        if _same(table, list(found)):
            return True
    except sqlite3.DatabaseError:
        # An application's collation, or a page that cannot be read.
        pass
    return Check("integrity_check", indexes.table).passes(connection)


def _digest_table(connection: SourceConnection, indexes: Indexes, key: bytes) -> Digest:
    names = list(dict.fromkeys(name for _, columns in indexes.columns for name in columns))
    words = [*map(quote_identifier, names), indexes.rowid]
    groups = tuple((*(names.index(name) for name in columns), len(names)) for _, columns in indexes.columns)
    return _digest(connection, words, f"{quote_identifier(indexes.table)} NOT INDEXED", key, groups)


def _digest_index(connection: SourceConnection, indexes: Indexes, place: int, key: bytes) -> Digest:
    index, columns = indexes.columns[place]
    words = [*map(quote_identifier, columns), indexes.rowid]
    every = (tuple(range(len(words))),)
    place_words = f"{quote_identifier(indexes.table)} INDEXED BY {quote_identifier(index)}"
    return _digest(connection, words, place_words, key, every)


def _digest(
    connection: SourceConnection, words: list[str], place: str, key: bytes, groups: tuple[tuple[int, ...], ...]
) -> Digest:
    """How many rows a place has, and for each group of the words the sum of their hashes."""
    module = native()
    if module is None or connection.twin is None:
        # A worker's could not have the same snapshot, for somebody was writing: SQLite's own check is asked.
        raise sqlite3.NotSupportedError("no compiled path reads this connection")
    if len(words) <= MOST_HANDED:
        reader = module.Reader(connection.twin, handing_over(words, place), (), len(words))
    else:
        reader = module.Reader(connection.twin, f"SELECT {', '.join(words)} FROM {place}", ())  # noqa: S608
    return reader.digest(key, groups)


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
    except MemoryError:
        # A record whose header claims more than any memory has: SQLite asks for it before it looks whether it is there.
        found.append("SQLite's own check ran out of memory, as it does where a row claims a size that it cannot have")
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
