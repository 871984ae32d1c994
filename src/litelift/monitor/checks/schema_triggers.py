"""Triggers that are off: what a load turned off for its time, and nobody turned on again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import sql

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.finding import Finding, Limit, worst
from litelift.monitor.look import Look

# Foreign keys are watched by triggers of the server's own, which DISABLE TRIGGER ALL turns off too ("ALTER TABLE").
_TRIGGERS = """
    select n.nspname as schema, t.relname as table, g.tgisinternal as internal,
           array_agg(g.tgname::text order by g.tgname) as names
    from pg_trigger g join pg_class t on t.oid = g.tgrelid join pg_namespace n on n.oid = t.relnamespace
    where g.tgenabled = 'D' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'litelift')
    group by 1, 2, 3 order by 3 desc, 1, 2
"""
# A role or a database with this setting has none fire ("Client Connection Defaults", session_replication_role).
_SILENT = """
    select r.rolname as role, d.datname as database
    from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
    where 'session_replication_role=replica' = any(s.setconfig)
      and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    order by 1, 2
"""


def _triggers(look: Look) -> Iterator[Finding]:
    items = [
        {"object": " ".join(filter(None, (one.role, one.database))), "triggers": "ALL", "enable": _reset(one)}
        for one in look.rows(_SILENT)
    ]
    for one in look.rows(_TRIGGERS):
        if look.shown(f"{one.schema}.{one.table}"):
            names = "FOREIGN KEY" if one.internal else ", ".join(one.names)
            items.append({"object": f"{one.schema}.{one.table}", "triggers": names, "enable": _enable(one)})
    keys = sum(item["triggers"] in ("ALL", "FOREIGN KEY") for item in items)
    yield look.finding(
        worst([look.limit("foreign_keys").state(keys), look.limit("objects").state(len(items))]),
        ("keys" if keys else "some") if items else "none",
        "enable",
        n=len(items),
        object=items[0]["object"] if items else None,
        triggers=items[0]["triggers"] if items else None,
        enable=items[0]["enable"] if items else None,
        measures=[look.measure("objects", len(items)), look.measure("foreign_keys", keys)],
        items=items,
    )


def _enable(one: Any) -> str:
    table = sql.Identifier(one.schema, one.table)
    # Those of the server's own have names that it made up, and only a superuser may turn them on.
    names = [sql.SQL("ALL")] if one.internal else [sql.Identifier(name) for name in one.names]
    statement = sql.SQL("ALTER TABLE {} {};")
    parts = sql.SQL(", ").join(sql.SQL("ENABLE TRIGGER {}").format(name) for name in names)
    return statement.format(table, parts).as_string(None)


def _reset(one: Any) -> str:
    if one.role is None:
        statement = sql.SQL("ALTER DATABASE {}").format(sql.Identifier(one.database or ""))
        if one.database is None:
            statement = sql.SQL("ALTER ROLE ALL").format()
    else:
        statement = sql.SQL("ALTER ROLE {}").format(sql.Identifier(one.role))
        if one.database is not None:
            statement += sql.SQL(" IN DATABASE {}").format(sql.Identifier(one.database))
    return (statement + sql.SQL(" RESET session_replication_role;")).as_string(None)


CHECKS = (
    Check(
        "disabled-triggers",
        "schema",
        _triggers,
        every=SELDOM,
        # Without those of its foreign keys a table takes rows that refer to nothing.
        limits={"objects": Limit(1), "foreign_keys": Limit(critical=1)},
    ),
)
