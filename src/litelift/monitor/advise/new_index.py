"""An index that is advised: its statement, its name, its size, and what stands in the way of making it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import sql

from litelift.monitor.advise.advice import Advice, Kind
from litelift.monitor.advise.tables import Table

MOST_NAME = 63
"""Bytes of a name (NAMEDATALEN)."""
_ENTRY = 8 + 4
"""Bytes of an entry beside its values: its header, and its place in the page ("Database Page Layout")."""
_FILL = 0.9
"""Of a page of an ordinary index ("Index Storage Parameters")."""
_ROWS_A_SECOND = 1_000_000
_BYTES_A_SECOND = 200_000_000
"""What an ordinary machine sorts and reads; CONCURRENTLY reads the table twice."""


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an index, or what is made of one: lower(name)."""

    column: str
    function: str | None = None
    cast: str | None = None
    """What it is cast to before: ::text."""
    down: bool = False

    @property
    def words(self) -> str:
        """As a person knows it."""
        inner = f"{self.column}::{self.cast}" if self.cast else self.column
        return (f"{self.function}({inner})" if self.function else self.column) + (" DESC" if self.down else "")

    @property
    def sql(self) -> sql.Composable:
        """As CREATE INDEX has it."""
        found: sql.Composable = sql.Identifier(self.column)
        if self.function:
            cast = sql.SQL("::text" if self.cast else "")
            found = sql.SQL({"lower": "lower({}{})", "upper": "upper({}{})"}[self.function]).format(found, cast)
        return found + sql.SQL(" DESC" if self.down else "")


@dataclass(frozen=True, slots=True)
class NewIndex:
    """An index that is not there."""

    table: Table
    keys: tuple[Key, ...]
    filled: bool = False
    """Whether it leaves out the rows in which its only column is NULL."""

    @property
    def words(self) -> str:
        """As a person knows it: "public.grades (student_id)"."""
        where = f" WHERE {self.keys[0].column} IS NOT NULL" if self.filled else ""
        return f"{self.table.place} ({', '.join(key.words for key in self.keys)}){where}"

    def begins(self, other: NewIndex) -> bool:
        """Whether the other one finds what this one finds."""
        same = self.table.oid == other.table.oid and not other.filled
        return same and other.keys[: len(self.keys)] == self.keys

    @property
    def bytes(self) -> int:
        """What it takes, about, where no two rows have the same values; less where they have."""
        columns = [self.table.columns.get(key.column) for key in self.keys]
        width = sum(column.width or 8 for column in columns if column is not None)
        rows: float = self.table.rows
        if self.filled and columns[0] is not None:
            rows *= 1 - (columns[0].nulls or 0)
        return max(int(rows * (_ENTRY + (width + 7) // 8 * 8) / _FILL), 8192)

    @property
    def seconds(self) -> float:
        """How long it takes to make, about."""
        return round(2 * self.table.bytes / _BYTES_A_SECOND + self.table.rows / _ROWS_A_SECOND, 1)

    def definition(self, name: str | None = None, how: str = "") -> sql.Composed:
        """The statement that makes it; ``how`` stands before its name or its ON, as in "CONCURRENTLY "."""
        named = sql.Identifier(name) + sql.SQL(" ") if name is not None else sql.SQL("")
        where = sql.SQL(" WHERE {} IS NOT NULL").format(sql.Identifier(self.keys[0].column))
        return sql.SQL("CREATE INDEX {}{}ON {} ({}){}").format(
            sql.SQL("CONCURRENTLY " if how == "CONCURRENTLY " else ""),
            named,
            sql.Identifier(self.table.schema, self.table.name),
            sql.SQL(", ").join(key.sql for key in self.keys),
            where if self.filled else sql.SQL(""),
        )


def advice_for(
    index: NewIndex,
    kind: Kind,
    taken: Collection[tuple[str, str]],
    *,
    why: str,
    gain: str,
    weight: float,
    source: str,
    sure: bool = True,
    user: str,
) -> Advice:
    """The advice to make it. ``taken`` are the relations that are there, by schema and name."""
    table = index.table
    name = free_name(index, taken)
    blocked = None
    if table.partitioned:
        blocked = (
            "a partitioned table's index cannot be made CONCURRENTLY, and keeps writers waiting: "
            "make it in a quiet hour, or partition "
            'by partition as "CREATE INDEX" (Building Indexes Concurrently) says'
        )
    elif not table.owned:
        blocked = f"{user} does not own the table: let its owner run it"
    how = "" if table.partitioned else "CONCURRENTLY "
    dropping = sql.SQL("DROP INDEX {}IF EXISTS {}").format(sql.SQL(how), sql.Identifier(table.schema, name))
    return Advice(
        kind,
        index.words,
        why,
        "no index finds them",
        "an index",
        gain,
        weight,
        (index.definition(name, how).as_string(None),),
        (dropping.as_string(None),),
        source,
        bytes=index.bytes,
        seconds=index.seconds,
        blocked=blocked,
        sure=sure,
        makes=(table.schema, name),
    )


def free_name(index: NewIndex, taken: Collection[tuple[str, str]]) -> str:
    """A name that no relation of the schema has: as PostgreSQL itself makes them, table_column_idx."""
    words = "_".join([index.table.name, *(key.column for key in index.keys)])
    mark = hashlib.sha256("\0".join([index.table.place, *(key.words for key in index.keys)]).encode()).hexdigest()
    for ending in ("_idx", f"_{mark[:6]}_idx", f"_{mark[:12]}_idx", f"_{mark[:24]}_idx"):
        whole = words + ending
        if len(whole.encode()) > MOST_NAME:
            if ending == "_idx":
                continue
            whole = words.encode()[: MOST_NAME - len(ending)].decode(errors="ignore") + ending
        if (index.table.schema, whole) not in taken:
            return whole
    return f"litelift_{mark[:40]}_idx"


def only_widest(found: Sequence[NewIndex]) -> dict[NewIndex, NewIndex]:
    """For each the one that is to be made: itself, or one that finds the same and more."""
    chosen = {}
    for one in found:
        wider = [other for other in found if one != other and one.begins(other) and len(other.keys) > len(one.keys)]
        chosen[one] = max(wider, key=lambda other: len(other.keys), default=one)
    return chosen
