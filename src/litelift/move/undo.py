"""Takes back what a whole move made: its own when it fails, and another's that was killed.

A run notes its tables and types by their oids, in the transaction that makes them: a name can be dropped and be
another's table later, and of that nothing may be touched.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from litelift.plan.plan import MovePlan
from litelift.postgres.connect import Connection
from litelift.postgres.locks import MADE, locks_at_once, packed

TABLES_AT_ONCE = 200
_JOURNAL = ("untranslated", "notice", "quarantine", "unit", "run")


def note_made(connection: Connection, run: str, plan: MovePlan, *, schema: bool, journal: bool) -> None:
    """Write down what a run made before its tables: types, whether the schema, and whether litelift's own schema."""
    connection.execute(
        "update litelift.run set made = jsonb_build_object('schema', %s::boolean, 'journal', %s::boolean,"
        " 'tables', '[]'::jsonb,"
        " 'enums', (select coalesce(jsonb_agg(t.oid::bigint), '[]') from pg_type t"
        "           where t.typnamespace = n.oid and t.typtype = 'e' and t.typname = any(%s)))"
        " from pg_namespace n where n.nspname = %s and run_id = %s",
        (schema, journal, list(plan.enums), plan.schema, run),
    )


def note_tables(connection: Connection, run: str, schema: str, names: list[str]) -> None:
    """Write down tables that a run made; in the transaction that makes them."""
    connection.execute(
        "update litelift.run set made = jsonb_set(made, '{tables}', made->'tables' ||"
        " (select coalesce(jsonb_agg(c.oid::bigint), '[]')"
        "  from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        "  where n.nspname = %s and c.relkind = 'r' and c.relname = any(%s))) where run_id = %s",
        (schema, names, run),
    )


def note_functions(connection: Connection, run: str, schema: str, names: list[str]) -> None:
    """Write down functions that a run made in its schema after its tables; in the transaction that makes them."""
    connection.execute(
        "update litelift.run set made = jsonb_set(made, '{functions}', coalesce(made->'functions', '[]') ||"
        " (select coalesce(jsonb_agg(p.oid::bigint), '[]') from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        "  where n.nspname = %s and p.proname = any(%s))) where run_id = %s",
        (schema, names, run),
    )


def note_views(connection: Connection, run: str, schema: str, names: list[str]) -> None:
    """Write down views that a run made; in the transaction that makes them."""
    connection.execute(
        "update litelift.run set made = jsonb_set(made, '{views}', coalesce(made->'views', '[]') ||"
        " (select coalesce(jsonb_agg(c.oid::bigint), '[]')"
        "  from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        "  where n.nspname = %s and c.relkind = 'v' and c.relname = any(%s))) where run_id = %s",
        (schema, names, run),
    )


def remains(connection: Connection, schema: str) -> list[tuple[str, str, str]]:
    """Whole moves that never ended: their ids, their sources, and when they began. Ask only while holding the lock."""
    if not _journaled(connection):
        return []
    rows = connection.execute(
        "select run_id::text, coalesce(source->>'path', ''), to_char(started_at, 'YYYY-MM-DD HH24:MI UTC')"
        " from litelift.run where state = 'running' and mode = 'whole' and schema_name = %s order by started_at",
        (schema,),
    ).fetchall()
    return [(run, path, began) for run, path, began in rows]


def last_move(connection: Connection, schema: str) -> tuple[str, str] | None:
    """The source of the last whole move into ``schema`` that ended, and when it ended."""
    if not _journaled(connection):
        return None
    row = connection.execute(
        "select coalesce(source->>'path', ''), to_char(finished_at, 'YYYY-MM-DD HH24:MI UTC') from litelift.run"
        " where state <> 'running' and mode = 'whole' and schema_name = %s order by started_at desc limit 1",
        (schema,),
    ).fetchone()
    return (row[0], row[1]) if row else None


def remove_made(connection: Connection, run: str) -> int:
    """Drop exactly what a whole run made, with all that hangs on it, and its lines here; the number of its tables.

    Its line goes last, with what it tells of: what ends this in the middle leaves the rest to the next.
    """
    # What a session of the run still has to commit is noted in the line first.
    found = connection.execute(
        "select schema_name, made from litelift.run where run_id = %s for update", (run,)
    ).fetchone()
    if found is None:
        return 0
    schema, made = found[0], found[1] or {}
    # Each table, and about how many locks its end takes: of all that depends on it, and of its TOAST table.
    tables = connection.execute(
        "select n.nspname, c.relname, (select count(*) from pg_depend d where d.refclassid = 'pg_class'::regclass"
        " and d.refobjid = c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.oid = any(%s::bigint[]::oid[])",
        (made.get("tables", []),),
    ).fetchall()
    weighed = ((sql.Identifier(*names), MADE + 3 * depending) for *names, depending in tables)
    for group in packed(weighed, locks_at_once(connection), TABLES_AT_ONCE):
        connection.execute(sql.SQL("drop table if exists {} cascade").format(sql.SQL(", ").join(group)))
    with connection.transaction():
        enums = connection.execute(
            "select n.nspname, t.typname from pg_type t join pg_namespace n on n.oid = t.typnamespace"
            " where t.oid = any(%s::bigint[]::oid[])",
            (made.get("enums", []),),
        ).fetchall()
        for names in enums:
            connection.execute(sql.SQL("drop type if exists {}").format(sql.Identifier(*names)))
        functions = connection.execute(
            "select oid::regprocedure::text from pg_proc where oid = any(%s::bigint[]::oid[])",
            (made.get("functions", []),),
        ).fetchall()
        for (name,) in functions:
            connection.execute(sql.Composed([sql.SQL("drop function "), sql.SQL(name)]))
        connection.execute("delete from litelift.run where run_id = %s", (run,))
        if made.get("schema"):
            _drop_if_unused(connection, [sql.SQL("drop schema {}").format(sql.Identifier(schema))])
        if made.get("journal") and not connection.execute("select 1 from litelift.run limit 1").fetchone():
            _drop_journal(connection)
    return len(tables)


def _drop_journal(connection: Connection) -> None:
    functions = connection.execute(
        "select oid::regprocedure::text from pg_proc where pronamespace = 'litelift'::regnamespace"
    ).fetchall()
    words = [sql.SQL("drop table litelift.{}").format(sql.Identifier(table)) for table in _JOURNAL]
    words += [sql.Composed([sql.SQL("drop function "), sql.SQL(name)]) for (name,) in functions]
    words += _support(connection)
    _drop_if_unused(connection, [*words, sql.Composed([sql.SQL("drop schema litelift")])])


def _support(connection: Connection) -> list[sql.Composed]:
    kinds = {
        "text search configuration": "select cfgname from pg_ts_config where cfgnamespace = 'litelift'::regnamespace",
        "text search dictionary": "select dictname from pg_ts_dict where dictnamespace = 'litelift'::regnamespace",
        "collation": "select collname from pg_collation where collnamespace = 'litelift'::regnamespace",
    }
    return [
        sql.SQL("drop {} litelift.{}").format(sql.SQL(kind), sql.Identifier(name))
        for kind, query in kinds.items()
        for (name,) in connection.execute(query).fetchall()
    ]


def _drop_if_unused(connection: Connection, words: list[sql.Composed]) -> None:
    try:
        with connection.transaction():
            for statement in words:
                connection.execute(statement)
    except psycopg.errors.DependentObjectsStillExist:
        # Someone has put things of their own there, and they stay.
        return


def _journaled(connection: Connection) -> bool:
    present = connection.execute("select to_regclass('litelift.run')").fetchone()
    return bool(present and present[0])
