"""The rows of litelift.quarantine, a page at a time and all of them, read in statements that each take an instant.

A place in it is a ctid, by which a table that nobody changes can be read from where one stopped: no snapshot is held
for a client that reads slowly ("System Columns", section 5.5).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from litelift.monitor.page import Entries, Entry
from litelift.monitor.session import session
from litelift.monitor.watched import Watched
from litelift.postgres.connect import Connection

PAGE = 100
"""Entries of a page."""
SHOWN_BYTES = 2000
KEPT_BYTES = 1_000_000
"""Of one value in an export; the rest is for psql."""
AT_A_TIME = 4_000_000
"""Bytes of values that are held, at most, and one value beside them."""
PLACES = 1000
_PLACE = re.compile(r"([0-9]{1,10})\.([0-9]{1,5})")
_COLUMNS = sql.SQL(
    "ctid::text as place, run_id::text, table_name, column_name, row_key, substr(original, 1, {most}) as original,"
    " octet_length(original) as size, storage_class, reason, stands_in, at, {seen_at} as seen_at"
)
# Journals of older versions do not have it.
_NOTED = """
    select exists (select from pg_attribute where attrelid = to_regclass('litelift.quarantine') and attname = 'seen_at'
                   and not attisdropped)
"""


class Kept(NamedTuple):
    """One of its rows."""

    place: str
    run_id: str
    table_name: str
    column_name: str | None
    row_key: Any
    original: bytes
    """At most KEPT_BYTES of it."""
    size: int
    storage_class: str
    reason: str
    stands_in: str | None
    at: Any
    seen_at: Any


Batch = Sequence[Kept]
Batches = Generator[Batch, None, None]


def is_place(words: str) -> bool:
    """Whether this can be where a page begins."""
    # The number of a page has 32 bits, that of a row in it 16 ("System Columns", section 5.5).
    found = _PLACE.fullmatch(words)
    return found is not None and int(found[1]) < 1 << 32 and int(found[2]) < 1 << 16


def entries(watched: Watched, table: str | None, after: str | None) -> Entries:
    """One page.

    Args:
        watched: whose quarantine.
        table: of this table alone.
        after: where the page before it ended (`is_place`); None: the first.

    Raises:
        TargetError, psycopg.Error: the database does not answer, or does not let this login read it.
    """
    with session(watched.logins) as connection:
        if not _is_there(connection):
            return Entries(watched.label, (), 0, table=table)
        counts = connection.execute("select table_name, count(*) from litelift.quarantine group by 1 order by 1")
        tables = {str(name): int(n) for name, n in counts}
        places = _places(connection, table, after, PAGE + 1)
        found = _rows(connection, [place for place, _ in places[:PAGE]], SHOWN_BYTES)
    following = found[-1].place.strip("()").replace(",", ".") if len(places) > PAGE else None
    total = sum(tables.values()) if table is None else tables.get(table, 0)
    return Entries(watched.label, [_entry(one) for one in found], total, tables, table, following, after)


def batches(watched: Watched, table: str | None) -> Batches:
    """All of them, some at a time. Raises as `entries` does."""
    with session(watched.logins) as connection:
        if not _is_there(connection):
            return
        after: str | None = None
        while places := _places(connection, table, after, PLACES):
            after = places[-1][0].strip("()").replace(",", ".")
            for some in _held(places):
                yield _rows(connection, some, KEPT_BYTES)


def _held(places: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """The places in groups that fit into memory."""
    some: list[str] = []
    size = 0
    for place, bytes_ in places:
        if some and size + bytes_ > AT_A_TIME:
            yield some
            some, size = [], 0
        some.append(place)
        size += min(bytes_, KEPT_BYTES)
    if some:
        yield some


def _is_there(connection: Connection) -> bool:
    return connection.execute("select to_regclass('litelift.quarantine') is not null").fetchone() == (True,)


def _places(connection: Connection, table: str | None, after: str | None, most: int) -> list[tuple[str, int]]:
    """Where the next rows are, and how large the value of each is, which is not read for that."""
    where = [sql.SQL("ctid > {}::tid").format(f"({after.replace('.', ',')})")] if after else []
    where += [sql.SQL("table_name = {}").format(table)] if table is not None else []
    query = sql.SQL(
        "select ctid::text as place, octet_length(original) from litelift.quarantine{} order by ctid limit {}"
    )
    condition = sql.SQL(" where ") + sql.SQL(" and ").join(where) if where else sql.SQL("")
    return [(str(place), int(size)) for place, size in connection.execute(query.format(condition, most))]


def _rows(connection: Connection, places: Sequence[str], most: int) -> list[Kept]:
    query = sql.SQL("select {} from litelift.quarantine where ctid = any({}::tid[]) order by ctid")
    with connection.cursor(row_factory=class_row(Kept), binary=True) as cursor:
        columns = _COLUMNS.format(most=most, seen_at=_seen_at(connection))
        return cursor.execute(query.format(columns, list(places))).fetchall()


def _seen_at(connection: Connection) -> sql.SQL:
    noted = connection.execute(_NOTED).fetchone() == (True,)
    return sql.SQL("seen_at") if noted else sql.SQL("null::timestamptz")


def _entry(kept: Kept) -> Entry:
    key = kept.row_key if isinstance(kept.row_key, dict) else {}
    return Entry(
        kept.table_name,
        kept.column_name,
        key,
        kept.original,
        kept.size,
        kept.storage_class,
        kept.reason,
        kept.at,
        kept.stands_in,
        kept.seen_at,
    )


def why(error: psycopg.Error) -> str:
    """What is said where it cannot be read."""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return (
            "this login may not read the quarantine: GRANT USAGE ON SCHEMA litelift TO ...; "
            "GRANT SELECT ON litelift.quarantine TO ...;"
        )
    return f"PostgreSQL refused: {' '.join((error.diag.message_primary or str(error)).split())}"
