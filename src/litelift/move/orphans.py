"""The rows that a foreign key would refuse, which were there before it."""

from __future__ import annotations

import math

from psycopg import sql

from litelift.plan.plan import ForeignKeyPlan, TablePlan
from litelift.plan.tell import key_words
from litelift.postgres.connect import Connection
from litelift.result import Notice
from litelift.shorten import shortened

NAMED = 20


def orphans(connection: Connection, schema: str, key: ForeignKeyPlan, planned: TablePlan) -> list[Notice]:
    """The rows of ``planned`` whose foreign key has no parent: all of them counted, the first of them named."""
    sources = {column.source: column.target for column in planned.columns}
    names = [sources[name] for name in planned.key]
    shown = [*names, *key.columns]
    orphaned = sql.SQL("from {child} c where {filled} and not exists (select from {parent} p where {same})").format(
        child=sql.Identifier(schema, key.table),
        parent=sql.Identifier(schema, key.parent),
        filled=sql.SQL(" and ").join(sql.SQL("c.{} is not null").format(sql.Identifier(c)) for c in key.columns),
        same=sql.SQL(" and ").join(
            sql.SQL("p.{} = c.{}").format(sql.Identifier(p), sql.Identifier(c))
            for p, c in zip(key.parent_columns, key.columns, strict=True)
        ),
    )
    total = (connection.execute(sql.SQL("select count(*) ") + orphaned).fetchone() or (0,))[0]
    listed = sql.SQL(", ").join(
        sql.SQL("c.{}" if place < len(names) else "c.{}::text").format(sql.Identifier(name))
        for place, name in enumerate(shown)
    )
    rows = connection.execute(
        sql.SQL("select {} ").format(listed) + orphaned + sql.SQL(" limit {}").format(sql.Literal(NAMED))
    ).fetchall()
    column = ", ".join(key.columns)
    found = [
        ({name: _told(value) for name, value in zip(names, row, strict=False)}, ", ".join(row[len(names) :]))
        for row in rows
    ]
    words = [f"{key_words(where)}: {dangling}" if where else dangling for where, dangling in found]
    examples = shortened(words, NAMED, separator="; ", total=total)
    message = (
        f"{key.table}.{column} refers to rows of {key.parent} that are not there ({total}): {examples}; "
        f"the foreign key {key.name} is NOT VALID: it holds for new rows"
    ) + (f"; {key.note}" if key.note else "")
    notices = [Notice(level="attention", kind="orphans", message=message, table=key.table, column=column)]
    for where, dangling in found:
        place = f", key {key_words(where)}" if where else ""
        notices.append(
            Notice(
                level="info",
                kind="orphan",
                message=f"{key.table}.{column}{place}: {dangling} is not in {key.parent}",
                table=key.table,
                column=column,
                key=where or None,
            )
        )
    return notices


def _told(value: object) -> str | int | float | None:
    """A value of a key as a notice holds it."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # JSON has no infinity
    if value is None or isinstance(value, str | int | float):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)
