"""Sequences: each must go on above what the target holds, and where SQLite would have gone on."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from litelift.plan.match import TableMatch
from litelift.result import SequenceProof
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Schema

# Owned (serial and identity: pg_depend of the sequence on the column), used by a default (pg_depend of the default on
# the sequence, or the name as text, which leaves no dependency), or tied by its name alone.
_SEQUENCES = """
with here as (
    select c.oid, a.attnum, a.attname, n.nspname, c.relname
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname = %(schema)s and c.relname = %(table)s and c.relkind in ('r', 'p', 'f')
), tied as (
    select h.attname, h.attnum, d.objid as sequence
    from here h
    join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = h.oid and d.refobjsubid = h.attnum
        and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    union
    select h.attname, h.attnum, d.refobjid
    from here h
    join pg_attrdef f on f.adrelid = h.oid and f.adnum = h.attnum
    join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid and d.refclassid = 'pg_class'::regclass
    union
    select h.attname, h.attnum, to_regclass(substring(pg_get_expr(f.adbin, f.adrelid)
        from 'nextval\\(\\(?''((?:[^'']|'''')*)''::text'))::oid
    from here h
    join pg_attrdef f on f.adrelid = h.oid and f.adnum = h.attnum
    union
    select h.attname, h.attnum, s.oid
    from here h
    join pg_namespace n on n.nspname = h.nspname
    join pg_class s on s.relnamespace = n.oid and s.relname = h.relname || '_' || h.attname || '_seq'
)
select t.attname, n.nspname, s.relname, q.seqincrement
from tied t
join pg_class s on s.oid = t.sequence and s.relkind = 'S'
join pg_namespace n on n.oid = s.relnamespace
join pg_sequence q on q.seqrelid = s.oid
order by t.attnum, n.nspname, s.relname
"""


def prove_sequences(
    source: sqlite3.Connection, target: psycopg.Connection[Any], matches: Sequence[TableMatch], schema: Schema
) -> list[SequenceProof]:
    """Check every sequence behind a column of the matched tables: the next value that it gives, and the least allowed.

    The least is one more than the column's largest value, than the table's largest rowid, and than what sqlite_sequence
    has recorded (sections 2 and 3 of SQLite's "Autoincrement"), and never below 1. The source's part counts where the
    column is the rowid alias. Raises psycopg.Error and sqlite3.Error where a side cannot be read.
    """
    proofs = []
    recorded = _recorded(source)
    with target.cursor(row_factory=tuple_row) as cursor:
        for match in matches:
            found = cursor.execute(_SEQUENCES, {"schema": match.schema, "table": match.target}).fetchall()
            for column, sequence_schema, sequence, increment in found:
                last, called, largest, smallest = _state(cursor, match, column, sequence_schema, sequence)
                upcoming = last + increment if called else last
                if increment < 0:
                    least = min(-1 if smallest is None else smallest - 1, -1)
                    ok = upcoming <= least
                else:
                    least = max(largest + 1, _after_source(source, recorded, match, column, schema), 1)
                    ok = upcoming >= least
                proofs.append(
                    SequenceProof(
                        name=sequence if sequence_schema == match.schema else f"{sequence_schema}.{sequence}",
                        table=match.target,
                        column=column,
                        next_value=upcoming,
                        expected=least,
                        ok=ok,
                    )
                )
    return proofs


def _state(
    cursor: psycopg.Cursor[Any], match: TableMatch, column: str, sequence_schema: str, sequence: str
) -> tuple[int, bool, int, int | None]:
    statement = sql.SQL("select last_value, is_called from {}").format(sql.Identifier(sequence_schema, sequence))
    state = cursor.execute(statement).fetchone()
    table, name = sql.Identifier(match.schema, match.target), sql.Identifier(column)
    # A sequence may feed a text column (an invoice number): then only its whole numbers count.
    extremes = cursor.execute(
        sql.SQL(
            "select max(v), min(v) from (select"
            " case when {name}::text ~ '^-?[0-9]{{1,19}}$' then {name}::text::numeric end as v from {table}) as x"
        ).format(name=name, table=table)
        if _is_text(cursor, match, column)
        else sql.SQL("select max({name}), min({name}) from {table}").format(name=name, table=table)
    ).fetchone()
    assert state is not None and extremes is not None
    largest, smallest = extremes
    return state[0], state[1], 0 if largest is None else int(largest), None if smallest is None else int(smallest)


def _is_text(cursor: psycopg.Cursor[Any], match: TableMatch, column: str) -> bool:
    row = cursor.execute(
        "select t.typcategory <> 'N' from pg_attribute a join pg_type t on t.oid = a.atttypid"
        " join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and c.relname = %s and a.attname = %s",
        (match.schema, match.target, column),
    ).fetchone()
    return row is not None and bool(row[0])


def _recorded(source: sqlite3.Connection) -> dict[str, int]:
    # sqlite_sequence is an ordinary table that an application may fill as it likes.
    if not source.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return {}
    rows = source.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
    found: dict[str, int] = {}
    for name, value in rows:
        if isinstance(name, str) and isinstance(value, int):
            found[name.lower()] = max(value, found.get(name.lower(), value))
    return found


def _after_source(
    source: sqlite3.Connection, recorded: dict[str, int], match: TableMatch, column: str, schema: Schema
) -> int:
    try:
        table = schema.table(match.source)
    except KeyError:
        return 1
    alias = table.rowid_alias
    if alias is None or not any(c.target == column and c.source.lower() == alias.lower() for c in match.columns):
        return 1
    query = f"SELECT max({quote_identifier(alias)}) FROM {quote_identifier(match.source)}"  # noqa: S608
    largest = source.execute(query).fetchone()[0]
    return max(largest or 0, recorded.get(match.source.lower(), 0)) + 1
