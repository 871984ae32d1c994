"""A database's whole catalogue, by name: what must be the same before a move and after its undo."""

from __future__ import annotations

from collections import Counter

import psycopg
from psycopg import sql

# The server makes the schemas of temporary objects when a session first needs one, and keeps them. Statistics come and
# go with autovacuum.
_TRANSIENT = ("pg_namespace", "pg_statistic")
_NAMED = (
    "pg_class",
    "pg_type",
    "pg_proc",
    "pg_namespace",
    "pg_constraint",
    "pg_collation",
    "pg_trigger",
    "pg_rewrite",
    "pg_ts_config",
    "pg_ts_dict",
    "pg_operator",
    "pg_opclass",
    "pg_cast",
    "pg_extension",
)


def whole_catalogue(url: str) -> Counter[str]:
    """The identity of every object of the kinds that have a name, and how many rows each catalogue of its own has."""
    found: Counter[str] = Counter()
    with psycopg.connect(url) as connection:
        for catalogue in _NAMED:
            query = sql.SQL(
                "select format('%%s %%s', i.type, i.identity)"
                " from {} c, pg_identify_object(%s::regclass, c.oid, 0) i where i.identity !~ '^pg_(toast_)?temp_'"
            ).format(sql.Identifier("pg_catalog", catalogue))
            found.update(row[0] for row in connection.execute(query, (catalogue,)).fetchall())
        tables = connection.execute(
            "select relname from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r'"
            " and not relisshared and relname <> all(%s)",
            (list(_TRANSIENT),),
        ).fetchall()
        for (table,) in tables:
            count = sql.SQL("select count(*) from {}").format(sql.Identifier("pg_catalog", table))
            (rows,) = connection.execute(count).fetchone() or (0,)
            found[f"rows of {table}"] = rows
    return found
