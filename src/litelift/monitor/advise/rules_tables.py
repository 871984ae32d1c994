"""Tables that autovacuum leaves alone, or comes to too late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from psycopg import sql

from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.server_settings import ServerSettings
from litelift.monitor.advise.tables import Table
from litelift.postgres.connect import Connection
from litelift.report.format import count

LARGE = 10_000_000
"""Rows from which on the part that has to be dead first is too many: at 20 % two million."""
PART = 0.02
_OPTIONS = """
    select c.oid::int8, coalesce(c.reloptions, '{}') from pg_class c where c.oid = any(%s) and c.relkind in ('r', 'm')
"""
_SOURCE = '25.1.6 "The Autovacuum Daemon", "CREATE TABLE" (Storage Parameters)'


def table_rules(connection: Connection, tables: Mapping[int, Table], settings: ServerSettings) -> Iterator[Advice]:
    """What the tables' own settings lack. Raises psycopg.Error."""
    for oid, words in connection.execute(_OPTIONS, (list(tables),)).fetchall():
        table, options = tables[oid], dict(word.split("=", 1) for word in words)
        blocked = None if table.owned else "the login does not own the table: let its owner run it"
        name = "autovacuum_enabled"
        if options.get(name, "true").lower() in ("false", "off", "0", "no", "f", "n"):
            why = (
                "Autovacuum leaves it alone: its dead rows are never removed, and the planner does not "
                "learn of new ones"
            )
            yield _advice(table, name, options[name], None, why, "safety", blocked)
        name = "autovacuum_vacuum_scale_factor"
        part = float(settings[name].setting)
        # From PostgreSQL 18 on autovacuum_vacuum_max_threshold bounds what has to be dead first.
        if (
            table.rows >= LARGE
            and name not in options
            and part * table.rows >= LARGE * 0.1
            and settings.version < 180000
        ):
            why = (
                f"It has {count(table.rows, 'row')}, {count(int(part * table.rows), 'dead row')} of which "
                "have to be there before autovacuum comes"
            )
            yield _advice(table, name, settings[name].setting, str(PART), why, "setting", blocked)


def _advice(
    table: Table, name: str, current: str, proposed: str | None, why: str, kind: str, blocked: str | None
) -> Advice:
    target = sql.SQL("ALTER TABLE {} ").format(sql.Identifier(table.schema, table.name))
    option = sql.Identifier(name)
    reset = target + sql.SQL("RESET ({})").format(option)

    def put(value: str) -> sql.Composed:
        return target + sql.SQL("SET ({} = {})").format(option, sql.Literal(value))

    change, back = (put(proposed), reset) if proposed is not None else (reset, put(current))
    return Advice(
        kind,  # type: ignore[arg-type]
        f"{name} of {table.place}",
        why,
        current,
        proposed or "as the server does for all tables",
        "dead rows are removed in time",
        48.0,
        (change.as_string(None),),
        (back.as_string(None),),
        _SOURCE,
        blocked=blocked,
    )
