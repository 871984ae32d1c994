"""Matches the source's tables and columns with those of a schema that the application made, by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from litelift.errors import AmbiguousName, UsageError
from litelift.postgres.bookkeeping import bookkeeping_tool
from litelift.postgres.existing_types import TargetColumn, TargetSchema, TargetTable
from litelift.sqlite.schema import Schema, Table

# PostgreSQL cuts longer names at this many bytes (NAMEDATALEN - 1; section 4.1.1 of the manual).
_NAME_BYTES = 63

_Place = TypeVar("_Place")


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """A source column and its place. ``state`` says why ``target`` is None, or that the server generates its values."""

    source: str
    target: TargetColumn | None
    state: Literal["matched", "generated", "missing", "excluded"]


@dataclass(frozen=True, slots=True)
class TableNames:
    """A source table and its place.

    ``bookkeeping`` is the migration tool whose table it is: then the target's rows stay, and the table need
    not be there.
    """

    source: Table
    target: TargetTable | None
    columns: tuple[ColumnNames, ...] = ()
    excluded: bool = False
    bookkeeping: str | None = None

    @property
    def loaded(self) -> bool:
        """Whether the source's rows go into the target's table."""
        return self.target is not None and not self.excluded and self.bookkeeping is None


def match_names(
    source: Schema,
    target: TargetSchema,
    *,
    table_names: Mapping[str, str] | None = None,
    column_names: Mapping[tuple[str, str], str] | None = None,
    excluded_tables: Collection[str] = (),
    excluded_columns: Collection[tuple[str, str]] = (),
    load_bookkeeping: Collection[str] = (),
) -> tuple[TableNames, ...]:
    """Match every table of ``source``, and its columns, with ``target``: exactly, else without regard to case.

    The plan's words use the source's names: ``table_names`` and ``column_names`` say where something goes under another
    name, ``load_bookkeeping`` names migration tools' tables whose rows are to be loaded after all. Raises AmbiguousName
    where two of the target match, UsageError where two of the source would go to one place.
    """
    renamed, renamed_columns = table_names or {}, column_names or {}
    matches = []
    for table in source.tables:
        if table.name in excluded_tables:
            matches.append(TableNames(table, None, excluded=True))
            continue
        tool = None
        if table.name not in load_bookkeeping:
            tool = bookkeeping_tool(table.name, [column.name for column in table.columns])
        wanted = renamed.get(table.name, table.name)
        place = _find(wanted, {t.name: t for t in target.tables}, table.name)
        columns: tuple[ColumnNames, ...] = ()
        if place is not None:
            columns = _columns(table, place, renamed_columns, excluded_columns)
            if table.virtual is not None and not _has_columns(table, columns):
                place, columns = None, ()
        matches.append(TableNames(table, place, columns, bookkeeping=tool))
    _no_two("tables", ((m.source.name, m.target.name) for m in matches if m.target is not None))
    return tuple(matches)


def _columns(
    table: Table,
    place: TargetTable,
    renamed: Mapping[tuple[str, str], str],
    excluded: Collection[tuple[str, str]],
) -> tuple[ColumnNames, ...]:
    there = {column.name: column for column in place.columns}
    matches = []
    for column in table.columns:
        if (table.name, column.name) in excluded:
            matches.append(ColumnNames(column.name, None, "excluded"))
            continue
        wanted = renamed.get((table.name, column.name), column.name)
        found = _find(wanted, there, f"{table.name}.{column.name}")
        if found is None:
            matches.append(ColumnNames(column.name, None, "missing"))
        else:
            matches.append(ColumnNames(column.name, found, "generated" if found.generated else "matched"))
    if table.virtual is not None:
        matches = [_rowid_as_key(match, table, place, matches) for match in matches]
    pairs = ((f"{table.name}.{m.source}", f"{place.name}.{m.target.name}") for m in matches if m.target is not None)
    _no_two("columns", pairs)
    return tuple(matches)


def _has_columns(table: Table, columns: Iterable[ColumnNames]) -> bool:
    """Whether a place is the virtual table's: one of its columns, other than the rowid, has a place in it."""
    return any(match.target is not None and match.source != table.rowid_alias for match in columns)


def _rowid_as_key(match: ColumnNames, table: Table, place: TargetTable, matches: list[ColumnNames]) -> ColumnNames:
    """A virtual table's rowid has no name of its own: it goes to the target's one whole-number key, if that is free."""
    if match.state != "missing" or match.source != table.rowid_alias or len(place.primary_key) != 1:
        return match
    key = next(column for column in place.columns if column.name == place.primary_key[0])
    taken = {other.target.name for other in matches if other.target is not None}
    if key.name in taken or key.generated or key.type.base not in ("int2", "int4", "int8"):
        return match
    return ColumnNames(match.source, key, "matched")


def _find(wanted: str, there: Mapping[str, _Place], asked: str) -> _Place | None:
    cut = wanted.encode("utf-8", "surrogateescape")[:_NAME_BYTES].decode("utf-8", "ignore")
    for name in (wanted, cut):
        if name in there:
            return there[name]
        alike = [known for known in there if known.casefold() == name.casefold()]
        if len(alike) > 1:
            raise AmbiguousName(name=asked, candidates=", ".join(alike))
        if alike:
            return there[alike[0]]
    return None


def _no_two(kind: str, pairs: Iterable[tuple[str, str]]) -> None:
    taken: dict[str, str] = {}
    for source, target in pairs:
        if target in taken:
            raise UsageError(
                message=f"the source {kind} {taken[target]} and {source} would both go to {target}",
                hint="Give one of them another name = ..., or exclude = true, in the plan.",
            )
        taken[target] = source
