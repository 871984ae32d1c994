"""Reads a schema that the application made, from the system catalogues of PostgreSQL 12 to 18."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from litelift.postgres import existing_queries as queries
from litelift.postgres.existing_types import (
    ColumnName,
    TargetColumn,
    TargetConstraint,
    TargetIndex,
    TargetRule,
    TargetSchema,
    TargetSequence,
    TargetTable,
    TargetTrigger,
)
from litelift.postgres.types import PgType

Row = dict[str, Any]

# nextval() over text leaves no line in pg_depend (section 9.17 of the manual, "Sequence Manipulation Functions").
_NEXTVAL_OF_TEXT = re.compile(r"nextval\(\(?'((?:[^']|'')+)'::text")


def read_target(conn: psycopg.Connection[Any], schema: str) -> TargetSchema:
    """Read the schema ``schema`` as the server describes it; a schema that is not there reads as an empty one.

    Names in definitions are written with their schema, so that they mean the same under any ``search_path``.
    """
    # Rolled back at the end, so that the caller's search_path is what it was.
    with conn.transaction(force_rollback=True):
        conn.execute("set local search_path = pg_catalog")
        found = _all(conn, "select oid from pg_namespace where nspname = %(schema)s", {"schema": schema})
        if not found:
            return TargetSchema(schema, (), server_version=conn.info.server_version)
        namespace = found[0]["oid"]
        tables = _all(conn, queries.TABLES, {"namespace": namespace})
        about: dict[str, object] = {"namespace": namespace, "tables": [t["oid"] for t in tables]}
        columns = _columns(conn, about)
        constraints: dict[int, list[TargetConstraint]] = defaultdict(list)
        for row in _all(conn, queries.CONSTRAINTS, {**about, "onto": False}):
            # Each partition of a referenced table has a constraint of its own, which is not the application's.
            if not row["conparentid"]:
                constraints[row["conrelid"]].append(_constraint(row))
        indexes = _grouped(_all(conn, queries.INDEXES, about), "indrelid")
        triggers = _grouped(_all(conn, queries.TRIGGERS, about), "tgrelid")
        rules = _grouped(_all(conn, queries.RULES, about), "ev_class")
        views = _all(conn, queries.VIEWS, about)[0]["views"]
        read = tuple(
            TargetTable(
                oid=t["oid"],
                name=t["relname"],
                columns=tuple(columns[t["oid"]]),
                constraints=tuple(constraints[t["oid"]]),
                indexes=tuple(_index(row) for row in indexes[t["oid"]]),
                triggers=tuple(TargetTrigger(row["tgname"], row["tgenabled"]) for row in triggers[t["oid"]]),
                rules=tuple(TargetRule(row["rulename"], row["ev_enabled"]) for row in rules[t["oid"]]),
                partitioned=t["partitioned"],
                row_security=("forced" if t["relforcerowsecurity"] else "on") if t["relrowsecurity"] else "off",
                owner=t["owner"],
                # -1 from version 14 on, 0 before, says that nobody has counted (pg_class.reltuples).
                estimate=int(t["reltuples"]) if t["reltuples"] > 0 else None,
            )
            for t in tables
        )
        sequences = _sequences(conn, schema, about, read)
        return TargetSchema(schema, read, sequences, views, conn.info.server_version)


def read_type(conn: psycopg.Connection[Any], schema: str, asked: PgType) -> PgType | None:
    """What the server says of a type that is not built in: an enum, a domain, an extension's. None where it has none.

    A type without a schema is looked for in ``schema``, in public, and where extensions are.
    """
    schemas = [asked.schema] if asked.schema else list(dict.fromkeys([schema, "public"]))
    name = asked.element if asked.kind == "array" else asked.base
    with conn.transaction(force_rollback=True):
        conn.execute("set local search_path = pg_catalog")
        found = _all(conn, queries.FIND_TYPE, {"name": name, "schemas": schemas, "anywhere": asked.schema is None})
        if not found:
            return None
        row = found[0]
        modifiers = (asked.written or "").partition("(")[1:]
        if modifiers[0]:
            place = sql.Identifier(row["nspname"], name or "").as_string(None)
            return PgType(asked.base, asked.kind, element=asked.element, written=place + "".join(modifiers))
        array = asked.kind == "array"
        oid, shown = (row["typarray"], row["shown_array"]) if array else (row["oid"], row["shown"])
        types = {row["oid"]: row for row in _all(conn, queries.TYPES, {"tables": [], "types": [oid]})}
        return _type(types, oid, -1, shown)


def read_constraints(conn: psycopg.Connection[Any], tables: Sequence[int], *, onto: bool) -> list[TargetConstraint]:
    """The constraints of the relations with these oids; with ``onto`` the foreign keys that refer to them too."""
    with conn.transaction(force_rollback=True):
        conn.execute("set local search_path = pg_catalog")
        return [_constraint(row) for row in _all(conn, queries.CONSTRAINTS, {"tables": list(tables), "onto": onto})]


def _all(conn: psycopg.Connection[Any], query: str, values: Mapping[str, object]) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def _grouped(rows: list[Row], key: str) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def _constraint(row: Row) -> TargetConstraint:
    return TargetConstraint(
        oid=row["oid"],
        schema=row["nspname"],
        table=row["relname"],
        name=row["conname"],
        kind=row["contype"],
        definition=row["definition"],
        columns=tuple(row["columns"] or ()),
        foreign_schema=row["foreign_schema"],
        foreign_table=row["foreign_table"],
        foreign_columns=tuple(row["foreign_columns"] or ()),
        operators=tuple((schema, name) for schema, name in row["operators"] or ()),
        match_full=row["match_full"],
        period=row["period"],
        validated=row["convalidated"],
        enforced=row["enforced"],
        deferrable=row["condeferrable"],
        initially_deferred=row["condeferred"],
        comment=row["comment"],
        parent_oid=row["conparentid"],
        inherited=row["inherited"],
    )


def _index(row: Row) -> TargetIndex:
    plain = None not in row["columns"]
    return TargetIndex(
        name=row["relname"],
        definition=row["definition"],
        unique=row["indisunique"],
        columns=tuple(row["columns"]) if plain else (),
        where=row["predicate"],
        valid=row["indisvalid"],
        nulls_distinct=row["nulls_distinct"],
        constraint=row["backs"],
    )


def _columns(conn: psycopg.Connection[Any], about: Mapping[str, object]) -> dict[int, list[TargetColumn]]:
    types = {row["oid"]: row for row in _all(conn, queries.TYPES, {**about, "types": []})}
    columns: dict[int, list[TargetColumn]] = defaultdict(list)
    for row in _all(conn, queries.COLUMNS, about):
        not_null, default = row["attnotnull"], row["expression"]
        level = types[row["atttypid"]]
        while level["typtype"] == "d":
            not_null = not_null or level["typnotnull"]
            default = level["typdefault"] if default is None else default
            level = types[level["typbasetype"]]
        columns[row["attrelid"]].append(
            TargetColumn(
                name=row["attname"],
                type=_type(types, row["atttypid"], row["atttypmod"], row["shown"]),
                not_null=not_null,
                default=None if row["attgenerated"] else default,
                generated={"s": "stored", "v": "virtual"}.get(row["attgenerated"]),  # type: ignore[arg-type]
                identity={"a": "always", "d": "by default"}.get(row["attidentity"]),  # type: ignore[arg-type]
            )
        )
    return columns


def _type(types: Mapping[int, Row], oid: int, typmod: int, shown: str) -> PgType:
    """The type with this oid and modifier, which format_type() shows as ``shown``."""
    level = types[oid]
    domain = shown if level["typtype"] == "d" else None
    while level["typtype"] == "d":
        typmod = level["typtypmod"]
        level = types[level["typbasetype"]]
    base = level["typname"]
    schema = None if level["nspname"] == "pg_catalog" else level["nspname"]
    labels = tuple(level["labels"] or ())
    if level["is_array"]:
        element = types[level["typelem"]]
        while element["typtype"] == "d":
            element = types[element["typbasetype"]]
        written = None if domain else shown
        labels = tuple(element["labels"] or ())
        name = element["typname"]
        return PgType(base, "array", schema=schema, labels=labels, element=name, domain=domain, written=written)
    if level["typtype"] == "e":
        return PgType(base, "enum", schema=schema, labels=labels, domain=domain)
    length, precision, scale = _modifier(base, typmod)
    kind = "base" if level["typtype"] == "b" else "other"
    plain = PgType(base, kind, length, precision, scale, schema)  # type: ignore[arg-type]
    written = None if domain or plain.display == shown else shown
    return PgType(base, kind, length, precision, scale, schema, domain=domain, written=written)  # type: ignore[arg-type]


def _modifier(base: str, typmod: int) -> tuple[int | None, int | None, int | None]:
    """Length, precision and scale out of pg_attribute.atttypmod; each type packs it in its own way (its typmodout)."""
    if typmod < 0:
        return None, None, None
    if base in {"varchar", "bpchar"}:
        return typmod - 4, None, None
    if base in {"bit", "varbit"}:
        return typmod, None, None
    if base == "numeric":
        # The scale has eleven bits with a sign since version 15; before, it was never above 1000, and reads the same.
        packed = typmod - 4
        return None, packed >> 16 & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024
    if base in {"time", "timetz", "timestamp", "timestamptz"}:
        return None, typmod, None
    if base == "interval":
        precision = typmod & 0xFFFF
        return None, None if precision == 0xFFFF else precision, None
    return None, None, None


def _sequences(
    conn: psycopg.Connection[Any], schema: str, about: Mapping[str, object], tables: Sequence[TargetTable]
) -> tuple[TargetSequence, ...]:
    used: dict[int, list[ColumnName]] = defaultdict(list)
    for row in _all(conn, queries.USED_BY, about):
        used[row["refobjid"]].append(ColumnName(row["nspname"], row["relname"], row["attname"]))
    rows = _all(conn, queries.SEQUENCES, {**about, "used": list(used)})
    by_text: dict[str, list[ColumnName]] = defaultdict(list)
    for table in tables:
        for column in table.columns:
            for name in _NEXTVAL_OF_TEXT.findall(column.default or ""):
                by_text[_unquoted(name)].append(ColumnName(schema, table.name, column.name))
    for row in rows:
        used[row["oid"]].extend(by_text[f"{row['nspname']}.{row['relname']}"])
        if row["nspname"] == schema:
            used[row["oid"]].extend(by_text[row["relname"]])
    state = _state(conn, [row for row in rows if row["readable"]])
    return tuple(
        TargetSequence(
            oid=row["oid"],
            schema=row["nspname"],
            name=row["relname"],
            data_type=row["data_type"],
            start=row["seqstart"],
            increment=row["seqincrement"],
            minimum=row["seqmin"],
            maximum=row["seqmax"],
            cycle=row["seqcycle"],
            last_value=state.get(row["oid"], (None, None))[0],
            is_called=state.get(row["oid"], (None, None))[1],
            owner=ColumnName(row["owner_schema"], row["owner_table"], row["owner_column"]) if row["deptype"] else None,
            identity=row["deptype"] == "i",
            used_by=tuple(used[row["oid"]]),
        )
        for row in rows
    )


def _unquoted(words: str) -> str:
    """A sequence's name as nextval() reads it from text: parts in quotes keep their case, others are folded."""
    parts = re.findall(r'"((?:[^"]|"")*)"|([^".]+)', words.replace("''", "'"))
    return ".".join(quoted.replace('""', '"') or plain.strip().lower() for quoted, plain in parts)


def _state(conn: psycopg.Connection[Any], rows: list[Row]) -> dict[int, tuple[int, bool]]:
    if not rows:
        return {}
    one = sql.SQL("select {}::oid as oid, last_value, is_called from {}")
    asked = sql.SQL(" union all ").join(
        one.format(sql.Literal(row["oid"]), sql.Identifier(row["nspname"], row["relname"])) for row in rows
    )
    with conn.cursor(row_factory=dict_row) as cursor:
        return {row["oid"]: (row["last_value"], row["is_called"]) for row in cursor.execute(asked)}
