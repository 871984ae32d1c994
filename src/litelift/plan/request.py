"""What the census is asked: each table's scan, its key, and the types to try on each column."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from litelift.plan.file import PlanFile
from litelift.plan.match import Numbers
from litelift.plan.probe import Candidate
from litelift.plan.spans import span_numbers
from litelift.plan.types import candidates
from litelift.postgres import types as pg
from litelift.postgres.matching import TableNames
from litelift.postgres.types import PgType
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.scan import Scan, key_columns
from litelift.sqlite.schema import Column, Schema, Table


@dataclass(frozen=True, slots=True)
class CensusRequest:
    """One table's share of the census, as plain data."""

    table: Table
    scan: Scan
    key: tuple[str, ...]
    candidates: dict[str, tuple[Candidate, ...]]


def request(
    table: Table, columns: list[Column], where: str | None, tried: dict[str, tuple[Candidate, ...]]
) -> CensusRequest:
    """The request for a table of which ``columns`` are moved. The rowid names a row where no moved key does."""
    names = tuple(column.name for column in columns)
    key = key_columns(table)
    if not set(key) <= set(names):
        key = ()
    with_rowid = not key and table.rowid is not None
    return CensusRequest(table, Scan(table.name, names, table.rowid, with_rowid, where), key, tried)


def check_filters(connection: sqlite3.Connection, schema: Schema, file: PlanFile) -> None:
    """Raise PlanFileError, with its line, for a row filter that SQLite does not understand."""
    for table in schema.tables:
        where = file.table(table.name).where
        if where is None:
            continue
        try:
            connection.execute(f"SELECT 1 FROM {quote_identifier(table.name)} WHERE ({where}\n) LIMIT 0")  # noqa: S608
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise file.error(("tables", table.name, "where"), f"SQLite refuses this filter: {error}") from None


def whole_requests(schema: Schema, file: PlanFile) -> list[CensusRequest]:
    """The census before a whole move: the candidates of the contract, and those of a foreign key's parent."""
    requests = []
    for table in schema.tables:
        section = file.table(table.name)
        if section.exclude:
            continue
        moved = [column for column in table.columns if not section.column(column.name).exclude]
        tried = {column.name: _tried(schema, table, column, file) for column in moved}
        requests.append(request(table, moved, section.where, tried))
    return requests


def _tried(schema: Schema, table: Table, column: Column, file: PlanFile) -> tuple[Candidate, ...]:
    section = file.column(table.name, column.name)
    values = section.value_map
    if section.enum or values or section.pg_type:
        return (Candidate(_asked(section.pg_type), lenient=section.pg_type is not None, values=values),)
    tried = candidates(column)
    for key in table.foreign_keys:
        for child, parent in zip(key.columns, key.parent_columns, strict=False):
            if child == column.name:
                tried += _parents(schema, key.parent, parent, file)
    return tuple({candidate.name: candidate for candidate in tried}.values())


def _asked(asked: PgType | None) -> PgType:
    return asked or pg.TEXT


def _parents(schema: Schema, table: str, column: str, file: PlanFile) -> list[Candidate]:
    try:
        parent = schema.table(table).column(column)
    except KeyError:
        return []
    asked = file.column(table, column).pg_type
    return [Candidate(asked)] if asked else candidates(parent)


def filling_requests(matched: tuple[TableNames, ...], file: PlanFile) -> list[CensusRequest]:
    """The census before filling the target's own tables: each column is tried on the target's type."""
    requests = []
    for names in matched:
        if not names.loaded:
            continue
        table = names.source
        places = {column.source: column for column in names.columns}
        # A column without a place is counted too: it is an error only where a value would be lost.
        counted = [column for column in table.columns if places[column.name].state in ("matched", "missing")]
        tried: dict[str, tuple[Candidate, ...]] = {}
        for column in counted:
            place = places[column.name].target
            if place is not None:
                values = file.value_map(table.name, column.name)
                numbers: Numbers = span_numbers(column.declared) if place.type.base == "interval" else "epoch"
                tried[column.name] = (Candidate(place.type, lenient=True, values=values, numbers=numbers),)
        requests.append(request(table, counted, file.table(table.name).where, tried))
    return requests
