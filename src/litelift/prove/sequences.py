"""Sequences: each must go on above what the target holds, and where SQLite would have gone on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from litelift.plan.match import TableMatch
from litelift.postgres.locks import locks_at_once, packed
from litelift.result import SequenceProof
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Schema

TABLES_AT_ONCE = 500
STATES_AT_ONCE = 100
LOCKS = 8
"""About what a query of a sequence and its table holds, the table's indexes with it."""
_State = tuple[int, bool, int | None, int | None]

# Owned (serial and identity: pg_depend of the sequence on the column), used by a default (pg_depend of the default on
# the sequence, or the name as text, which leaves no dependency), or tied by its name alone.
_SEQUENCES = """
with here as (
    select asked.place, c.oid, a.attnum, a.attname, n.nspname, c.relname, y.typcategory
    from unnest(%s::text[], %s::text[]) with ordinality as asked(schema_name, table_name, place)
    join pg_namespace n on n.nspname = asked.schema_name
    join pg_class c on c.relnamespace = n.oid and c.relname = asked.table_name and c.relkind in ('r', 'p', 'f')
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type y on y.oid = a.atttypid
), tied as (
    select h.place, h.typcategory, h.attname, h.attnum, d.objid as sequence
    from here h
    join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = h.oid and d.refobjsubid = h.attnum
        and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    union
    select h.place, h.typcategory, h.attname, h.attnum, d.refobjid
    from here h
    join pg_attrdef f on f.adrelid = h.oid and f.adnum = h.attnum
    join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid and d.refclassid = 'pg_class'::regclass
    union
    select h.place, h.typcategory, h.attname, h.attnum, to_regclass(substring(pg_get_expr(f.adbin, f.adrelid)
        from 'nextval\\(\\(?''((?:[^'']|'''')*)''::text'))::oid
    from here h
    join pg_attrdef f on f.adrelid = h.oid and f.adnum = h.attnum
    union
    select h.place, h.typcategory, h.attname, h.attnum, s.oid
    from here h
    join pg_namespace n on n.nspname = h.nspname
    join pg_class s on s.relnamespace = n.oid and s.relname = h.relname || '_' || h.attname || '_seq'
)
select t.place, t.attname, n.nspname, s.relname, q.seqincrement, t.typcategory <> 'N'
from tied t
join pg_class s on s.oid = t.sequence and s.relkind = 'S'
join pg_namespace n on n.oid = s.relnamespace
join pg_sequence q on q.seqrelid = s.oid
order by t.place, t.attnum, n.nspname, s.relname
"""


def prove_sequences(
    source: sqlite3.Connection, target: psycopg.Connection[Any], matches: Sequence[TableMatch], schema: Schema
) -> list[SequenceProof]:
    """Check every sequence behind a column of the matched tables: the next value that it gives, and the least allowed.

    The least is one more than the column's largest value, than the table's largest rowid, and than what sqlite_sequence
    has recorded (sections 2 and 3 of SQLite's "Autoincrement"), and never below 1. The source's part counts where the
    column is the rowid alias. Raises psycopg.Error and sqlite3.Error where a side cannot be read.
    """
    recorded = _recorded(source)
    proofs = []
    with target.cursor(row_factory=tuple_row) as cursor:
        room = locks_at_once(target)
        for group in packed(((match, 1) for match in matches), room, TABLES_AT_ONCE):
            found = _tied(cursor, group)
            for some in packed(((tied, LOCKS) for tied in found), room, STATES_AT_ONCE):
                for tied, state in zip(some, _states(cursor, some), strict=True):
                    match = tied.match
                    last, called, largest, smallest = state
                    upcoming = last + tied.increment if called else last
                    if tied.increment < 0:
                        least = min(-1 if smallest is None else smallest - 1, -1)
                        ok = upcoming <= least
                    else:
                        after = _after_source(source, recorded, match, tied.column, schema)
                        least = max((largest or 0) + 1, after, 1)
                        ok = upcoming >= least
                    proofs.append(
                        SequenceProof(
                            name=tied.name if tied.schema == match.schema else f"{tied.schema}.{tied.name}",
                            table=match.target,
                            column=tied.column,
                            next_value=upcoming,
                            expected=least,
                            ok=ok,
                        )
                    )
    return proofs


@dataclass(frozen=True, slots=True)
class _Tied:
    """A sequence and the column that it feeds; ``text`` says that this is no number."""

    match: TableMatch
    column: str
    schema: str
    name: str
    increment: int
    text: bool


def _tied(cursor: psycopg.Cursor[Any], matches: Sequence[TableMatch]) -> list[_Tied]:
    names = ([match.schema for match in matches], [match.target for match in matches])
    return [_Tied(matches[place - 1], *rest) for place, *rest in cursor.execute(_SEQUENCES, names).fetchall()]


def _states(cursor: psycopg.Cursor[Any], sequences: Sequence[_Tied]) -> Iterator[_State]:
    """Of each sequence its last value and whether it was given, of its column the largest and the smallest."""
    states = sql.SQL(" union all ").join(_state(place, tied) for place, tied in enumerate(sequences))
    for _, last, called, largest, smallest in cursor.execute(states + sql.SQL(" order by 1")).fetchall():
        yield last, called, _whole(largest), _whole(smallest)


def _state(place: int, tied: _Tied) -> sql.Composed:
    name = sql.Identifier(tied.column)
    value: sql.Composable = name
    if tied.text:
        # A sequence may feed a text column (an invoice number): then only its whole numbers count.
        value = sql.SQL("case when {}::text ~ '^-?[0-9]{{1,19}}$' then {}::text::numeric end").format(name, name)
    table = sql.Identifier(tied.match.schema, tied.match.target)
    extremes = [
        sql.SQL("(select {}({})::text::numeric from {})").format(sql.SQL(which), value, table)
        for which in ("max", "min")
    ]
    return sql.SQL("select {}, last_value, is_called, {}, {} from {}").format(
        sql.Literal(place), *extremes, sql.Identifier(tied.schema, tied.name)
    )


def _whole(value: Decimal | None) -> int | None:
    return None if value is None else int(value)


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
