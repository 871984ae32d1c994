"""What `litelift inspect` tells: what is in a source, what will be hard, what is proposed. It writes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from litelift.plan.plan import MovePlan
from litelift.plan.request import CensusRequest
from litelift.result import Notice, Untranslated
from litelift.sqlite.census import ColumnCensus, TableCensus, shown
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.open import Source
from litelift.sqlite.schema import ForeignKey, Schema, Table

ENUM_ROWS = 10
ENUM_VALUES = 12
LOAD_TO_CENSUS = (2.5, 8.0)
LEAST_SECONDS = (0.05, 1.5)
"""What a whole move takes: so many seconds, and so many times the census. Measured on both demos, TPC-H and the sample
databases, into a server on the same machine."""


class TableLook(BaseModel):
    """One table: how much is in it, and what hangs on it."""

    name: str
    rows: int
    bytes: int
    key: list[str]
    columns: int
    indexes: int
    foreign_keys: int
    checks: int


class ColumnLook(BaseModel):
    """One column: its declared type, the proposed one, and why they differ."""

    table: str
    name: str
    declared: str
    proposed: str
    why: str | None = None


class EnumLook(BaseModel):
    """A column that looks like an enum: its values and how often each is there."""

    table: str
    column: str
    values: dict[str, int]
    has_check: bool


class OrphanLook(BaseModel):
    """A foreign key that rows break: how many, and the first of them by key and dangling value."""

    table: str
    columns: list[str]
    parent: str
    count: int
    examples: list[str]


class FormLook(BaseModel):
    """A column whose values have a form that its type does not say: times kept as numbers, JSON kept as text."""

    table: str
    column: str
    form: str
    example: str


class Inspection(BaseModel):
    """Everything that an inspection found. Seconds are wall time; the estimate is from the census of this very file."""

    path: str
    bytes: int
    encoding: str
    journal_mode: str
    sqlite_version: str
    tables: list[TableLook]
    columns: list[ColumnLook]
    enums: list[EnumLook] = Field(default_factory=list)
    forms: list[FormLook] = Field(default_factory=list)
    orphans: list[OrphanLook] = Field(default_factory=list)
    notices: list[Notice] = Field(default_factory=list)
    untranslated: list[Untranslated] = Field(default_factory=list)
    census_seconds: float
    estimate_seconds: tuple[float, float]

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def needs_a_person(self) -> bool:
        """Whether a move would end with something for a person."""
        return bool(self.untranslated or self.orphans or any(n.level == "attention" for n in self.notices))


@dataclass(frozen=True, slots=True)
class Looked:
    """An inspection and what it was made from, for the plan file's proposals."""

    inspection: Inspection
    schema: Schema
    censuses: Mapping[str, TableCensus]
    plan: MovePlan


def inspection_of(
    source: Source,
    schema: Schema,
    requests: list[CensusRequest],
    censuses: Mapping[str, TableCensus],
    plan: MovePlan,
    seconds: float,
) -> Inspection:
    """What the census of a source tells; ``seconds`` is what it took."""
    return Inspection(
        path=str(source.path),
        bytes=source.bytes,
        encoding=source.encoding,
        journal_mode=source.journal_mode,
        sqlite_version=sqlite3.sqlite_version,
        tables=[_table(request.table, censuses[request.table.name]) for request in requests],
        columns=_columns(schema, plan),
        enums=_enums(schema, censuses),
        forms=_forms(schema, censuses),
        orphans=find_orphans(source.connection, schema, plan),
        notices=plan.notices,
        untranslated=plan.untranslated,
        census_seconds=seconds,
        estimate_seconds=move_seconds(seconds),
    )


def move_seconds(census: float) -> tuple[float, float]:
    """The least and the longest that a move and its proof may take, by the seconds of its census."""
    least, longest = LOAD_TO_CENSUS
    return LEAST_SECONDS[0] + census * least, LEAST_SECONDS[1] + census * longest


def _table(table: Table, census: TableCensus) -> TableLook:
    return TableLook(
        name=table.name,
        rows=census.rows,
        bytes=census.bytes,
        key=list(table.primary_key),
        columns=len(table.columns),
        indexes=len(table.indexes),
        foreign_keys=len(table.foreign_keys),
        checks=len(table.checks),
    )


def _columns(schema: Schema, plan: MovePlan) -> list[ColumnLook]:
    why = {(n.table, n.column): n.message for n in plan.notices if n.kind == "type"}
    return [
        ColumnLook(
            table=table.source,
            name=column.source,
            declared=schema.table(table.source).column(column.source).declared,
            proposed=column.type.display,
            why=why.get((table.target, column.target)),
        )
        for table in plan.tables
        for column in table.columns
    ]


def is_enum(table: Table, name: str, census: ColumnCensus) -> bool:
    """Whether a column looks like an enum: a text with few values, each many times, and no key."""
    distinct = census.distinct
    if distinct is None or not census.texts or census.texts != census.values or name in table.primary_key:
        return False
    if not 2 <= len(distinct) <= ENUM_VALUES or census.values < ENUM_ROWS or census.values < 3 * len(distinct):
        return False
    if any(index.unique and [part.column for part in index.parts] == [name] for index in table.indexes):
        return False
    if any(name in key.columns for key in table.foreign_keys):
        return False
    return all(isinstance(value, str) and len(value) <= 40 and not value[:1].isdigit() for value in distinct if value)


def _enums(schema: Schema, censuses: Mapping[str, TableCensus]) -> list[EnumLook]:
    found = []
    for table in schema.tables:
        census = censuses.get(table.name)
        for name, column in (census.columns if census else {}).items():
            if is_enum(table, name, column):
                counts = sorted((column.distinct or {}).items(), key=lambda item: (-item[1], str(item[0])))
                checked = any(f'"{name}"' in check.sql or name in check.sql for check in table.checks)
                values = {shown(value): count for value, count in counts}
                found.append(EnumLook(table=table.name, column=name, values=values, has_check=checked))
    return found


# Seconds, milliseconds since 1970 between 2001-09-09 and 2065.
_EPOCHS = (("seconds", 10**9, 3 * 10**9), ("milliseconds", 10**12, 3 * 10**12))


def _forms(schema: Schema, censuses: Mapping[str, TableCensus]) -> list[FormLook]:
    found = []
    for table in schema.tables:
        census = censuses.get(table.name)
        for name, column in (census.columns if census else {}).items():
            form, example = _form(column, table.column(name).declared.lower())
            if form:
                found.append(FormLook(table=table.name, column=name, form=form, example=example))
    return found


def _form(census: ColumnCensus, declared: str) -> tuple[str | None, str]:
    if (
        census.integers
        and census.integers == census.values
        and not any(w in declared for w in ("date", "time", "bool"))
    ):
        for unit, first, last in _EPOCHS:
            # A column of keys or counts reaches down to small numbers; one of times does not.
            if first <= census.size.second <= census.size.first < last and census.size.value is not None:
                distinct = [value for value in (census.distinct or {}) if isinstance(value, int)]
                if not distinct or min(distinct) >= first:
                    return f"time kept as {unit} since 1970", shown(census.size.value)
    if census.texts and census.texts == census.values and not any(w in declared for w in ("json", "date", "time")):
        for form in ("JSON", "date and time", "uuid"):
            failures = census.forms.get(form)
            if failures is not None and failures.count <= census.texts * 0.02 and form not in declared:
                return f"{form} kept as text", shown(census.length.value)
    return None, ""


def find_orphans(connection: sqlite3.Connection, schema: Schema, plan: MovePlan) -> list[OrphanLook]:
    """The foreign keys of planned tables that rows break already."""
    found = []
    for table in schema.tables:
        if plan.table(table.name) is None:
            continue
        for key in table.foreign_keys:
            try:
                look = _orphan(connection, table, key)
            except sqlite3.Error:
                # The parent is missing or has no such column: told as a foreign key that is not carried.
                continue
            if look is not None:
                found.append(look)
    return found


def _orphan(connection: sqlite3.Connection, table: Table, key: ForeignKey) -> OrphanLook | None:
    if not key.parent_columns:
        return None
    filled = " AND ".join(f"c.{quote_identifier(name)} IS NOT NULL" for name in key.columns)
    same = " AND ".join(
        f"p.{quote_identifier(parent)} = c.{quote_identifier(child)}"
        for parent, child in zip(key.parent_columns, key.columns, strict=True)
    )
    parents = f"SELECT 1 FROM {quote_identifier(key.parent)} p WHERE {same}"  # noqa: S608
    body = f"FROM {quote_identifier(table.name)} c WHERE {filled} AND NOT EXISTS ({parents})"
    count = connection.execute(f"SELECT count(*) {body}").fetchone()[0]
    if not count:
        return None
    names: list[str] = list(table.primary_key)
    words = [f"c.{quote_identifier(name)}" for name in names] or ([f"c.{table.rowid}"] if table.rowid else [])
    labels = names or (["rowid"] if table.rowid else [])
    values = [f"c.{quote_identifier(name)}" for name in key.columns]
    rows = connection.execute(f"SELECT {', '.join([*words, *values])} {body} LIMIT 20").fetchall()
    examples = [_example(labels, row) for row in rows]
    return OrphanLook(table=table.name, columns=list(key.columns), parent=key.parent, count=count, examples=examples)


def _example(labels: list[str], row: tuple[Any, ...]) -> str:
    key = ", ".join(f"{name}={shown(value)}" for name, value in zip(labels, row, strict=False))
    return f"{key}: {', '.join(shown(value) for value in row[len(labels) :])}"
