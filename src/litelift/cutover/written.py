"""What was written to one table since the mark: rows that are new, changed, and gone.

Rows that a later transaction than the mark's wrote are new, or were changed. Which of both says the row's key: one that
the kept SQLite file has stood at the switch. Rows that stood and do not stand as they were are changed or deleted; only
where there are any, the kept file's keys are looked for. A table without a key that both sides have cannot say what an
UPDATE changed: there a changed row counts as one deleted and one inserted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from psycopg import sql
from psycopg.rows import tuple_row
from pydantic import BaseModel, Field

from litelift.cutover.export import ExportFile
from litelift.cutover.mark import TableMark
from litelift.plan.match import ColumnMatch, TableMatch
from litelift.postgres.connect import Connection
from litelift.prove.quarantine import Quarantine, load_quarantine, tables_kept_aside
from litelift.prove.source import SourceScan
from litelift.prove.values import expected

KEYS = 5000
"""Keys that are asked for at once."""

_UNIQUE = """
    select i.indisprimary, array_agg(a.attname::text order by k.place),
           array_agg(format_type(a.atttypid, a.atttypmod) order by k.place)
    from pg_index i cross join lateral unnest(i.indkey::int2[]) with ordinality k(number, place)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indrelid = %s and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
      and k.place <= i.indnkeyatts
    group by i.indexrelid, i.indisprimary having bool_and(a.attnotnull)
    order by i.indisprimary desc, count(*), i.indexrelid
"""


class TableSince(BaseModel):
    """What happened in one table. ``keyed`` says that an UPDATE was told from a DELETE and an INSERT."""

    schema_name: str
    table: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    keyed: bool = True
    notes: list[str] = Field(default_factory=list)

    @property
    def written(self) -> int:
        """All of it."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that PostgreSQL holds to, and the source's columns for it: what stood can be asked by it."""

    columns: tuple[ColumnMatch, ...]
    types: tuple[str, ...]
    match: TableMatch

    def json(self, words: Sequence[sql.Composable]) -> sql.Composable:
        pairs = [
            sql.SQL("{}::text, {}").format(sql.Literal(column.target), word)
            for column, word in zip(self.columns, words, strict=True)
        ]
        return sql.SQL("json_build_object({})::text").format(sql.SQL(", ").join(pairs))

    def of_row(self) -> sql.Composable:
        return self.json([sql.Identifier("t", column.target) for column in self.columns])


@dataclass(slots=True)
class Tables:
    """A table with its partitions, as it is now (``now``) and as it was at the mark (``then``)."""

    schema: str
    name: str
    root: int
    now: list[TableMark]
    then: list[TableMark]

    def source(self) -> sql.Composable:
        """Its rows: a partitioned table's are all its partitions', a plain one's are not its children's."""
        only = "" if self.now[0].root != self.now[0].oid else "only "
        return sql.SQL(only) + sql.Identifier(self.schema, self.name)


class Look:
    """Looks at one table after the other, at one snapshot of ``connection``; what was written goes into ``file``."""

    def __init__(
        self, connection: Connection, file: ExportFile, source: sqlite3.Connection | None, late: sql.Composable
    ) -> None:
        """``source`` is the kept SQLite file; ``late`` says as SQL whether a row of ``t`` was written since."""
        self.connection = connection
        self.file = file
        self.source = source
        self.late = late

    def at(self, table: Tables, match: TableMatch | None) -> TableSince:
        """What was written to ``table``; ``match`` says what was moved to it. Raises psycopg.Error, ExportFailed."""
        since = TableSince(schema_name=table.schema, table=table.name)
        stood = sum(part.rows for part in table.then)
        if not table.now:
            since.deleted = stood
            since.notes.append("the table was dropped; its rows are in the SQLite file")
            self.file.line(self._head(since, "dropped"), None, None)
            return since
        late = self._late(table)
        new, old = self._count(table, late)
        gone = max(stood - old, 0)
        if not new and not gone:
            return since
        key = self._key(table, match) if match is not None and self.source is not None else None
        since.keyed = key is not None or not gone or not new
        if not table.then:
            since.notes.append("the table is new since the switch")
        if sum(part.wrapped for part in table.then):
            since.notes.append("rows that are very old may be among those that count as written")
        if new and not old and stood and self._rewritten(table):
            since.notes.append("the table was written anew as a whole (ALTER TABLE): all its rows count as updated")
        with closing(sqlite3.connect("")) as updated:
            # Without a name it is a private file that goes by itself; memory stays flat.
            updated.execute("create table updated (key text primary key) without rowid")
            named = 0
            if key is not None and gone:
                named = self._changed(table, key, late, updated, since)
            self._written(table, key, late, updated, since)
        since.deleted = gone - since.updated if key is not None else gone
        if since.deleted < 0:
            # Rows of the file that did not stand at the switch, and were inserted since under their old key.
            since.inserted, since.updated, since.deleted = since.inserted - since.deleted, gone, 0
        if key is None and gone:
            since.notes.append(
                "it has no key that both sides hold to: a changed row counts as one deleted and one inserted, and "
                "deleted rows are not named"
            )
        elif named != since.deleted:
            since.notes.append(
                f"{since.deleted:,} rows were deleted, and {named:,} keys of the SQLite file are not there: rows were "
                "added or deleted between the move and the switch"
            )
        return since

    def _late(self, table: Tables) -> sql.Composable:
        """Whether a row was written since: by its transaction, or because the whole table (partition) is new."""
        known = {part.oid for part in table.then}
        if all(part.oid in known for part in table.now):
            return self.late
        return sql.SQL("({} or t.tableoid <> all ({}::oid[]))").format(
            self.late, sql.Literal([str(oid) for oid in known])
        )

    def _count(self, table: Tables, late: sql.Composable) -> tuple[int, int]:
        query = sql.SQL("select count(*) filter (where {late}), count(*) from {table} as t").format(
            late=late, table=table.source()
        )
        with self.connection.cursor(row_factory=tuple_row) as cursor:
            new, rows = cursor.execute(query).fetchone() or (0, 0)
        return new, rows - new

    @staticmethod
    def _rewritten(table: Tables) -> bool:
        before = {part.oid: part.filenode for part in table.then}
        return all(before.get(part.oid) != part.filenode for part in table.now)

    def _key(self, table: Tables, match: TableMatch) -> _Key | None:
        places = {column.target: column for column in match.columns}
        with self.connection.cursor(row_factory=tuple_row) as cursor:
            for _, names, types in cursor.execute(_UNIQUE, (table.root,)):
                if all(name in places for name in names):
                    columns = tuple(places[name] for name in names)
                    # The source's own key names its rows in the quarantine; it is read too.
                    wanted = [*columns, *(c for c in match.columns if c.source in match.key and c not in columns)]
                    return _Key(columns, tuple(types), replace(match, columns=tuple(wanted)))
        return None

    def _changed(
        self, table: Tables, key: _Key, late: sql.Composable, updated: sqlite3.Connection, since: TableSince
    ) -> int:
        """Look for the kept file's keys: keep those of changed rows, write those of deleted ones; count the latter."""
        words = [sql.Identifier("v", f"k{place}") for place in range(len(key.columns))]
        cast = [sql.SQL("{}::{}").format(word, sql.SQL(kind)) for word, kind in zip(words, key.types, strict=True)]
        before = sql.SQL(
            "select t.tableoid is null, case when t.tableoid is null then {} else {} end from unnest("
        ).format(key.json(cast), key.of_row())
        after = sql.SQL(
            ") with ordinality as v({names}, n) left join {table} as t on {same}"
            " where t.tableoid is null or {late} order by v.n"
        ).format(
            names=sql.SQL(", ").join(sql.Identifier(f"k{place}") for place in range(len(words))),
            table=table.source(),
            same=sql.SQL(" and ").join(
                sql.SQL("{} = {}").format(sql.Identifier("t", column.target), word)
                for column, word in zip(key.columns, cast, strict=True)
            ),
            late=late,
        )
        deleted, head = 0, self._head(since, "deleted")
        # Some thousand look-ups by the key's index at a time, whatever the planner holds of the table's size.
        self.connection.execute("set local enable_hashjoin = off; set local enable_mergejoin = off")
        for keys in self._stood(key):
            with self.connection.cursor(row_factory=tuple_row) as cursor:
                # Not as parameters: then a % in a name would begin one.
                arrays = [sql.SQL("{}::text[]").format(list(part)) for part in zip(*keys, strict=True)]
                for absent, found in cursor.execute(before + sql.SQL(", ").join(arrays) + after):
                    if absent:
                        self.file.line(head, found, None)
                        deleted += 1
                    else:
                        updated.execute("insert or ignore into updated values (?)", (found,))
        return deleted

    def _stood(self, key: _Key) -> Iterator[list[tuple[str, ...]]]:
        """The kept file's keys as PostgreSQL writes them, without the rows that were not loaded."""
        if self.source is None:
            return
        match = key.match
        aside = tables_kept_aside(self.connection, [match.target])
        quarantine = load_quarantine(self.connection, match, None) if aside else Quarantine()
        width = len(key.columns)
        keys: list[tuple[str, ...]] = []
        for batch in SourceScan(self.source, match, quarantine).batches():
            for row in batch.rows:
                words = [expected(value, column) for value, column in zip(row[:width], key.columns, strict=True)]
                if all(word is not None and "\0" not in word for word in words):
                    keys.append(tuple(word for word in words if word is not None))
            if len(keys) >= KEYS:
                yield keys
                keys = []
        if keys:
            yield keys

    def _written(
        self, table: Tables, key: _Key | None, late: sql.Composable, updated: sqlite3.Connection, since: TableSince
    ) -> None:
        query = sql.SQL("copy (select {key}, row_to_json(t.*)::text from {table} as t where {late}) to stdout").format(
            key=key.of_row() if key is not None else self._own_key(table), table=table.source(), late=late
        )
        inserted, changed = self._head(since, "inserted"), self._head(since, "updated")
        with self.connection.cursor() as cursor, cursor.copy(query) as copy:
            for name, row in copy.rows():
                stood = key is not None and updated.execute("select 1 from updated where key = ?", (name,)).fetchone()
                since.updated += bool(stood)
                since.inserted += not stood
                self.file.line(changed if stood else inserted, name, row)

    def _own_key(self, table: Tables) -> sql.Composable:
        """The key of a table that the source does not have, or has by other columns."""
        with self.connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(_UNIQUE, (table.root,)).fetchone()
        if row is None:
            return sql.SQL("null::text")
        pairs = [sql.SQL("{}::text, {}").format(sql.Literal(name), sql.Identifier("t", name)) for name in row[1]]
        return sql.SQL("json_build_object({})::text").format(sql.SQL(", ").join(pairs))

    @staticmethod
    def _head(since: TableSince, change: str) -> str:
        words = {"schema": since.schema_name, "table": since.table, "change": change}
        return json.dumps(words, ensure_ascii=False)[:-1]
