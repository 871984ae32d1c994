"""Sets sequences forward, past the rows that came back: never back, for what was given once must not be given again."""

from __future__ import annotations

from collections.abc import Collection

import psycopg
from psycopg import sql

from litelift.postgres.connect import Connection
from litelift.postgres.existing_types import ColumnName, TargetSchema, TargetSequence
from litelift.postgres.sequences import next_value
from litelift.result import Notice

_WHOLE = ("int2", "int4", "int8", "numeric")


def set_forward(connection: Connection, target: TargetSchema, tables: Collection[str]) -> list[Notice]:
    """Set the sequences of these tables so that the next value is beyond all rows and beyond what was given.

    Call it in the transaction that brought the rows, as its last step. Told is what needs a person.
    """
    notices = []
    for sequence in target.sequences:
        tied = dict.fromkeys([*([sequence.owner] if sequence.owner else []), *sequence.used_by])
        columns = [one for one in tied if one.schema == target.name and one.table in tables and _counts(target, one)]
        if columns and not sequence.cycle:
            try:
                with connection.transaction():
                    notice = _forward(connection, sequence, columns)
            except psycopg.errors.InsufficientPrivilege:
                message = f"the sequence {sequence.name} may not be set by this role: see that it is beyond the rows"
                notice = Notice(level="attention", kind="sequence", table=columns[0].table, message=message)
            if notice is not None:
                notices.append(notice)
    return notices


def _forward(connection: Connection, sequence: TargetSequence, columns: list[ColumnName]) -> Notice | None:
    name = sql.Identifier(sequence.schema, sequence.name)
    down = sequence.increment < 0
    held = []
    for column in columns:
        query = sql.SQL("select trunc({}({})::numeric)::text from {}").format(
            sql.SQL("min" if down else "max"),
            sql.Identifier(column.column),
            sql.Identifier(column.schema, column.table),
        )
        (value,) = connection.execute(query).fetchone() or (None,)
        if value is not None and value not in ("NaN", "Infinity", "-Infinity"):
            held.append(int(value))
    if not held:
        return None
    outermost = min(held) if down else max(held)
    # Nobody takes a value meanwhile, and what is set is taken back with the transaction: the same increment once more
    # locks the sequence, and gives it a new storage ("ALTER SEQUENCE", Notes).
    connection.execute(sql.SQL("alter sequence {} increment by {}").format(name, sql.Literal(sequence.increment)))
    last, called = connection.execute(sql.SQL("select last_value, is_called from {}").format(name)).fetchone() or (0, 0)
    now = last + sequence.increment if called else last
    following = next_value(sequence, outermost, 0)
    if (following >= now) if down else (following <= now):
        return None
    ended = not sequence.minimum <= following <= sequence.maximum
    position = min(max(following, sequence.minimum), sequence.maximum)
    # One that has ended stands at its end as called: it then says so, and gives no value twice.
    setval = sql.SQL("select setval({}::regclass, {}, {})")
    connection.execute(setval.format(name.as_string(connection), position, ended))
    if not ended:
        return None
    message = f"the sequence {sequence.name} has no more values for {columns[0].table}.{columns[0].column}"
    return Notice(level="attention", kind="sequence-spent", table=columns[0].table, message=message)


def _counts(target: TargetSchema, place: ColumnName) -> bool:
    return target.table(place.table).column(place.column).type.base in _WHOLE
