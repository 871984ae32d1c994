"""Writes what the floor is given: a loaded database's DDL, and its tables as files of binary COPY."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from benchmarks.speed.ready import Ready, ReadyTable, Statement

PARTS = 4
SPLIT_BYTES = 32 << 20

_TABLES: LiteralString = """
select c.oid, n.nspname, c.relname, pg_table_size(c.oid), c.relpages,
       array(select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             and a.attgenerated = '' order by a.attnum)::text[]
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'litelift') order by c.relname
"""
_INDEXES: LiteralString = """
select i.indrelid, pg_get_indexdef(i.indexrelid), o.contype::text, o.conname, x.relname, pg_get_constraintdef(o.oid)
from pg_index i join pg_class x on x.oid = i.indexrelid
left join pg_constraint o on o.conindid = i.indexrelid and o.contype in ('p', 'u', 'x') and o.conrelid = i.indrelid
where i.indrelid = any(%s) order by i.indexrelid
"""
_CONSTRAINTS: LiteralString = """
select conrelid, conname, pg_get_constraintdef(oid), convalidated from pg_constraint
where conrelid = any(%s) and (contype = 'f' or contype = 'c' and not convalidated) order by oid
"""


def make(url: str, programs: Path, folder: Path) -> None:
    """Write a loaded database's DDL and rows into ``folder``, which is emptied. Raises CalledProcessError."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    dumped = subprocess.run(
        [programs / "pg_dump", "--section=pre-data", "--no-owner", "--no-comments", url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # pg_dump guards its output with meta-commands of psql.
    create = "\n".join(line for line in dumped.splitlines() if not line.startswith(("\\", "--")))
    with psycopg.connect(url, autocommit=True) as connection:
        # With nothing on the path, the server writes every name with its schema.
        connection.execute("set search_path = ''")
        tables: list[ReadyTable] = []
        names: dict[int, str] = {}
        orders: list[str] = []
        for oid, schema, name, size, pages, columns in connection.execute(_TABLES).fetchall():
            whole = sql.Identifier(schema, name).as_string(connection)
            names[oid] = whole
            files, copies = _copies(whole, columns, size, pages, folder / str(len(tables)), connection)
            orders += copies
            tables.append(ReadyTable(name, schema, name, columns, size, files))
        indexes, attach = _indexes(connection, names)
        constraints, validate = _constraints(connection, names)
    script = folder / "export.sql"
    script.write_text("\n".join(orders), encoding="utf-8")
    words = [str(programs / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), url]
    subprocess.run(words, check=True, capture_output=True)
    ready = Ready(create, tables, indexes, attach, constraints, validate)
    (folder / "ready.json").write_text(json.dumps(asdict(ready)), encoding="utf-8")


def _copies(
    table: str,
    columns: list[str],
    size: int,
    pages: int,
    stem: Path,
    connection: psycopg.Connection[tuple[object, ...]],
) -> tuple[list[str], list[str]]:
    listed = ", ".join(sql.Identifier(column).as_string(connection) for column in columns)
    parts = PARTS if size > SPLIT_BYTES and pages >= PARTS else 1
    files, orders = [], []
    for part in range(parts):
        where = ""
        if parts > 1:
            low, high = pages * part // parts, pages * (part + 1) // parts
            where = f" where ctid >= '({low},0)'" + (f" and ctid < '({high},0)'" if part < parts - 1 else "")
        file = f"{stem}.{part}"
        files.append(file)
        orders.append(f"\\copy (select {listed} from {table}{where}) to '{file}' with (format binary)")  # noqa: S608
    return files, orders


def _indexes(
    connection: psycopg.Connection[tuple[object, ...]], names: dict[int, str]
) -> tuple[list[Statement], list[Statement]]:
    indexes, attach = [], []
    for table, definition, kind, constraint, index, key in connection.execute(_INDEXES, (list(names),)).fetchall():
        whole = names[table]  # type: ignore[index]
        if kind is None:
            indexes.append(Statement(whole, str(definition)))
            continue
        quoted = sql.Identifier(str(constraint)).as_string(connection)
        if kind == "x" or "NULLS NOT DISTINCT" in str(definition):
            attach.append(Statement(whole, f"alter table {whole} add constraint {quoted} {key}"))
            continue
        # A constraint cannot take an index of another name along; renamed with it, it has this name either way.
        word = "primary key" if kind == "p" else "unique"
        later = " deferrable initially deferred" if "INITIALLY DEFERRED" in str(key) else ""
        by = sql.Identifier(str(index)).as_string(connection)
        indexes.append(Statement(whole, str(definition)))
        attach.append(Statement(whole, f"alter table {whole} add constraint {quoted} {word} using index {by}{later}"))
    return indexes, attach


def _constraints(
    connection: psycopg.Connection[tuple[object, ...]], names: dict[int, str]
) -> tuple[list[Statement], list[Statement]]:
    constraints, validate = [], []
    for table, name, definition, valid in connection.execute(_CONSTRAINTS, (list(names),)).fetchall():
        whole = names[table]  # type: ignore[index]
        quoted = sql.Identifier(str(name)).as_string(connection)
        late = "" if str(definition).endswith("NOT VALID") else " not valid"
        constraints.append(Statement(whole, f"alter table {whole} add constraint {quoted} {definition}{late}"))
        if valid:
            validate.append(Statement(whole, f"alter table {whole} validate constraint {quoted}"))
    return constraints, validate
