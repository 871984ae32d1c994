"""What to compare with what in a database that another tool has filled: names and types read from its catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from litelift.errors import AmbiguousName
from litelift.plan.match import ColumnMatch, TableMatch
from litelift.postgres.bookkeeping import is_bookkeeping
from litelift.postgres.types import PgType
from litelift.result import Notice
from litelift.sqlite.schema import Schema, Table

"""Tables, case-folded, in which migration tools keep their own state; they differ between engines."""

_COLUMNS = """
with recursive base as (
    select c.oid as relation, c.relname, a.attnum, a.attname, a.atttypid as type, a.atttypmod as typmod, 0 as depth,
        case when t.typtype = 'd' then format_type(a.atttypid, null) end as domain
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    where n.nspname = %(schema)s and c.relkind in ('r', 'p', 'f') and not c.relispartition
    union all
    select b.relation, b.relname, b.attnum, b.attname, t.typbasetype,
        case when t.typtypmod <> -1 then t.typtypmod else b.typmod end, b.depth + 1, b.domain
    from base b join pg_type t on t.oid = b.type and t.typtype = 'd'
)
select distinct on (b.relation, b.attnum) b.relname, b.attname, t.typname, b.typmod, t.typtype, n.nspname, e.typname,
    b.domain,
    (select array_agg(l.enumlabel order by l.enumsortorder) from pg_enum l
        where l.enumtypid = case when t.typtype = 'e' then t.oid else t.typelem end)
from base b
join pg_type t on t.oid = b.type
join pg_namespace n on n.oid = t.typnamespace
left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
order by b.relation, b.attnum, b.depth desc
"""


def matches_from_target(
    schema: Schema,
    target: psycopg.Connection[Any],
    pg_schema: str,
    *,
    table_names: Mapping[str, str] | None = None,
    column_names: Mapping[tuple[str, str], str] | None = None,
    skip_bookkeeping: bool = False,
) -> tuple[list[TableMatch], list[Notice]]:
    """Pair every source table and column with one of the target, by exact name, else without regard to case.

    ``table_names`` renames source tables, ``column_names`` columns by (source table, source column).
    ``skip_bookkeeping`` leaves out the tables of migration tools. What has no place in the target is an attention
    notice. Raises AmbiguousName where two names fit, and psycopg.Error.
    """
    tables = _target_tables(target, pg_schema)
    matches: list[TableMatch] = []
    notices: list[Notice] = []
    for table in schema.tables:
        if skip_bookkeeping and is_bookkeeping(table.name, [column.name for column in table.columns]):
            notices.append(
                Notice(
                    kind="bookkeeping",
                    table=table.name,
                    message=f"{table.name} is a migration tool's own and was not compared",
                )
            )
            continue
        wanted = (table_names or {}).get(table.name, table.name)
        name = _find(wanted, list(tables), table.name)
        if name is None:
            notices.append(
                Notice(
                    level="info" if table.virtual else "attention",
                    kind="missing_table",
                    table=table.name,
                    message=f"{table.name}: the target has no table {wanted}; it was not compared",
                )
            )
            continue
        match, told = _match(table, pg_schema, name, tables[name], column_names or {})
        matches.append(match)
        notices.extend(told)
    return matches, notices


def _match(
    table: Table,
    pg_schema: str,
    name: str,
    types: Mapping[str, PgType],
    column_names: Mapping[tuple[str, str], str],
) -> tuple[TableMatch, list[Notice]]:
    columns: list[ColumnMatch] = []
    notices: list[Notice] = []
    for column in table.columns:
        wanted = column_names.get((table.name, column.name), column.name)
        found = _find(wanted, list(types), f"{table.name}.{column.name}")
        if found is None:
            notices.append(
                Notice(
                    level="attention",
                    kind="missing_column",
                    table=table.name,
                    column=column.name,
                    message=f"{table.name}.{column.name}: the target has no column {wanted}; it was not compared",
                )
            )
        else:
            columns.append(ColumnMatch(column.name, found, types[found]))
    paired = {column.source for column in columns}
    key = tuple(table.column(part).name for part in table.primary_key)
    return TableMatch(table.name, pg_schema, name, tuple(columns), key if paired.issuperset(key) else ()), notices


def _find(wanted: str, names: Sequence[str], subject: str) -> str | None:
    if wanted in names:
        return wanted
    alike = [name for name in names if name.casefold() == wanted.casefold()]
    if len(alike) > 1:
        raise AmbiguousName(name=subject, candidates=", ".join(sorted(alike)))
    return alike[0] if alike else None


def _target_tables(target: psycopg.Connection[Any], pg_schema: str) -> dict[str, dict[str, PgType]]:
    tables: dict[str, dict[str, PgType]] = {}
    with target.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select relname from pg_class c where relnamespace = to_regnamespace(quote_ident(%s))"
            " and relkind in ('r', 'p', 'f') and not relispartition",
            (pg_schema,),
        )
        for (name,) in cursor.fetchall():
            tables[name] = {}
        for table, column, base, typmod, typtype, schema, element, domain, labels in cursor.execute(
            _COLUMNS, {"schema": pg_schema}
        ):
            tables[table][column] = _type(base, typmod, typtype, schema, element, domain, labels)
    return tables


def _type(
    base: str,
    typmod: int,
    typtype: str,
    schema: str,
    element: str | None,
    domain: str | None,
    labels: list[str] | None,
) -> PgType:
    length = precision = scale = None
    name = element or base
    if typmod >= 0:
        # How each type packs its modifier: the typmodin functions of the server's numeric.c, varchar.c and timestamp.c.
        if name in ("varchar", "bpchar"):
            length = typmod - 4
        elif name in ("bit", "varbit"):
            length = typmod
        elif name == "numeric":
            precision = (typmod - 4) >> 16 & 0xFFFF
            scale = ((typmod - 4 & 0x7FF) ^ 0x400) - 0x400
        elif name in ("timestamp", "timestamptz", "time", "timetz"):
            precision = typmod
    kind = "array" if element else "enum" if typtype == "e" else "base"
    return PgType(
        base,
        kind=kind,  # type: ignore[arg-type]
        length=length,
        precision=precision,
        scale=scale,
        schema=schema if typtype == "e" or labels else None,
        labels=tuple(labels or ()),
        element=element,
        domain=domain,
    )
