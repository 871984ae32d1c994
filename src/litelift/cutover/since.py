"""What was written to PostgreSQL since the switch: counted per table, and put into one file before it is undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import datetime
from pathlib import Path

from psycopg.rows import tuple_row
from pydantic import BaseModel, Field

from litelift.cutover.export import ExportFile
from litelift.cutover.mark import Mark, TableMark, looking, read_tables, snapshot, written_after
from litelift.cutover.written import Look, Tables, TableSince
from litelift.errors import ExportFailed, SourceError, UsageError
from litelift.move.journal import last_matches
from litelift.plan.match import TableMatch
from litelift.postgres.connect import Connection
from litelift.shorten import shortened
from litelift.sqlite.open import Source, open_source


class Since(BaseModel):
    """What happened since the mark, and where it is. ``tables`` are those in which something did."""

    mark_at: datetime
    at: datetime
    path: str
    sha256: str
    bytes: int
    looked_at: int
    """Tables that were looked at."""
    tables: list[TableSince]
    notes: list[str] = Field(default_factory=list)
    """What a person should know: tables that cannot be read, transactions that were still at work."""

    @property
    def inserted(self) -> int:
        """In all tables."""
        return sum(table.inserted for table in self.tables)

    @property
    def updated(self) -> int:
        """In all tables."""
        return sum(table.updated for table in self.tables)

    @property
    def deleted(self) -> int:
        """In all tables."""
        return sum(table.deleted for table in self.tables)


def written_since(
    connection: Connection,
    mark: Mark,
    source_path: Path | None,
    folder: Path,
    matches: Sequence[TableMatch] | None = None,
) -> Since:
    """Count what was written since ``mark``, and put it into ``folder`` as ``written-since-cutover.jsonl`` (0600).

    Beside it ``written-since-cutover.json`` has the counts and the file's SHA-256. An older file is replaced when the
    new one is whole. Nothing should be writing meanwhile: it is one snapshot, and what comes after is not in it.

    Args:
        connection: of the role that owns the tables; not within a transaction.
        mark: what `mark` returned at the switch.
        source_path: the SQLite file as it was moved; None, or one that is not there, is told, and updates count as
            rows deleted and inserted.
        folder: where the file goes.
        matches: what was moved to what; None asks litelift's journal in the database.

    Raises:
        MarkLost: the database is not the one of the mark, or was set back.
        ExportFailed: a table cannot be read, or the file cannot be written.
    """
    notes: list[str] = []
    with snapshot(connection) as now, ExportFile(folder) as file:
        late = written_after(mark, now)
        if matches is None:
            matches = (last_matches(connection) or ("", []))[1]
        by_target = {(match.schema, match.target): match for match in matches}
        current, unread = read_tables(connection)
        marked = {f"{table.schema_name}.{table.name}" for table in mark.tables}
        if shut := [name for name in unread if name in marked]:
            raise ExportFailed(message=f"the role may no longer read {shortened(shut, 5)}")
        with _opened(source_path, notes) as source:
            tables = list(_together(mark.tables, current))
            look = Look(connection, file, source.connection if source else None, late)
            found: list[TableSince] = []
            for table in tables:
                first = table.then[0] if table.then else table.now[0]
                match = by_target.get((first.root_schema, first.root_name))
                with looking(connection):
                    since = look.at(table, match)
                if since.written or since.notes:
                    found.append(since)
        notes += [f"{name} may not be read: what was written to it is not in the file" for name in unread]
        notes += _at_work(connection)
        counts = {
            "since": mark.at.isoformat(),
            "at": now.at.isoformat(),
            "database": now.database,
            "inserted": sum(table.inserted for table in found),
            "updated": sum(table.updated for table in found),
            "deleted": sum(table.deleted for table in found),
            "tables": [table.model_dump() for table in found],
            "notes": notes,
        }
        sha256 = file.finish(counts)
        return Since(
            mark_at=mark.at,
            at=now.at,
            path=str(file.path),
            sha256=sha256,
            bytes=file.bytes,
            looked_at=len(tables),
            tables=found,
            notes=notes,
        )


def _opened(path: Path | None, notes: list[str]) -> AbstractContextManager[Source | None]:
    why = "is not known"
    if path is not None:
        try:
            return closing(open_source(path, check=False))
        except (SourceError, UsageError) as error:
            why = f"cannot be read ({error.message})"
    notes.append(f"the SQLite file {why}: a changed row counts as one deleted and one inserted, and no key is named")
    return nullcontext()


def _at_work(connection: Connection) -> list[str]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        prepared, open_ = cursor.execute(
            "select (select count(*) from pg_prepared_xacts where database = current_database()),"
            " (select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and backend_xid is not null)"
        ).fetchone() or (0, 0)
    told = []
    if prepared:
        told.append(f"prepared transactions that nobody has ended: {prepared}; what they wrote is not in the file")
    if open_:
        told.append(f"transactions that were still writing: {open_}; what they wrote is not in the file")
    return told


def _together(then: Sequence[TableMark], now: Sequence[TableMark]) -> Iterator[Tables]:
    """Tables with their partitions. One that has become, or was, another's partition belongs to that one now."""
    tables: dict[int, Tables] = {}
    home: dict[int, int] = {}
    for part in now:
        home[part.oid] = part.root
        table = tables.setdefault(part.root, Tables(part.root_schema, part.root_name, part.root, [], []))
        table.now.append(part)
    for part in then:
        root = home.get(part.oid, part.root)
        table = tables.setdefault(root, Tables(part.root_schema, part.root_name, root, [], []))
        table.then.append(part)
    yield from tables.values()
