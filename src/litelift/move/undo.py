"""Takes back what a whole move made: its own when it fails, another's that was killed, or one that a person names."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg import sql

from litelift.move.dependants import refuse_dependants
from litelift.move.journal import OWN_COMMENT
from litelift.move.made import Made, read_made
from litelift.postgres.connect import Connection
from litelift.postgres.locks import MADE, locks_at_once, packed
from litelift.translate import FUNCTIONS

AT_ONCE = 200
_JOURNAL = ("untranslated", "notice", "quarantine", "unit", "run")
_SUPPORT = {
    "text search configuration": ("porter", "select from pg_ts_config where cfgnamespace = %s and cfgname = %s"),
    "text search dictionary": ("porter", "select from pg_ts_dict where dictnamespace = %s and dictname = %s"),
    "collation": ("nocase", "select from pg_collation where collnamespace = %s and collname = %s"),
}


def remove_made(connection: Connection, run: str) -> int:
    """Drop exactly what a whole run made, and its lines here; the number of its tables.

    Nothing is dropped with CASCADE: what others have put on it stays, and is an error. Its line goes last, with what
    it tells of, and says meanwhile that the run is being removed: what ends this halfway leaves the rest to the next.

    Raises:
        DependantsFound: something of others depends on it; nothing was removed.
        NotUndoable: the run was not made in this database.
        TargetRights: something of it is another role's.
    """
    # What a session of the run still has to commit is noted in the line first: this waits for it.
    connection.execute("select from litelift.run where run_id = %s for update", (run,))
    made = read_made(connection, run)
    if made is None:
        return 0
    refuse_dependants(connection, made)
    connection.execute("update litelift.run set state = 'undoing' where run_id = %s", (run,))
    _drop(connection, "view", ((one.schema, one.name, one.depending) for one in made.views))
    _drop_tables(connection, made)
    _drop(connection, "type", ((one.schema, one.name, 0) for one in made.types))
    _drop_functions(connection, [one.oid for one in made.functions])
    with connection.transaction():
        connection.execute("delete from litelift.run where run_id = %s", (run,))
        if made.namespace is not None and not _hand_on_schema(connection, made):
            name = connection.execute(
                "select nspname from pg_namespace where oid = %s::bigint::oid", (made.namespace,)
            ).fetchone()
            if name:
                _drop_if_unused(connection, [sql.SQL("drop schema {}").format(sql.Identifier(name[0]))])
        if made.journal and not _hand_on_journal(connection):
            _drop_journal(connection)
    return len(made.tables)


def remove_views_and_functions(connection: Connection, run: str) -> None:
    """Drop the views, functions and triggers that a run has made: an attempt that was interrupted does not know all."""
    made = connection.execute("select made from litelift.run where run_id = %s", (run,)).fetchone()
    noted = (made and made[0]) or {}
    views, functions = noted.get("views", []), noted.get("functions", [])
    if not views and not functions:
        return
    with connection.transaction():
        # The last first: a view may read those before it.
        rows = connection.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.oid = any(%s::bigint[]::oid[]) order by c.oid desc",
            (views,),
        ).fetchall()
        _drop(connection, "view", ((schema, name, 0) for schema, name in rows))
        triggers = connection.execute(
            "select n.nspname, c.relname, t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid"
            " join pg_namespace n on n.oid = c.relnamespace where t.tgfoid = any(%s::bigint[]::oid[])"
            " and t.tgrelid = any(%s::bigint[]::oid[])",
            (functions, noted.get("tables", [])),
        ).fetchall()
        for schema, table, name in triggers:
            place = sql.Identifier(schema, table)
            connection.execute(sql.SQL("drop trigger {} on {}").format(sql.Identifier(name), place))
        _drop_functions(connection, functions)
        connection.execute("update litelift.run set made = made - 'views' - 'functions' where run_id = %s", (run,))


def _drop(connection: Connection, kind: str, names: Iterable[tuple[str, str, int]]) -> None:
    weighed = ((sql.Identifier(schema, name), MADE + 3 * depending) for schema, name, depending in names)
    for group in packed(weighed, locks_at_once(connection), AT_ONCE):
        connection.execute(sql.SQL("drop {} if exists {}").format(sql.SQL(kind), sql.SQL(", ").join(group)))


def _drop_tables(connection: Connection, made: Made) -> None:
    """Drop the tables in batches, before them the foreign keys between one batch and a later one."""
    room = locks_at_once(connection)
    # Each table, and about how many locks its end takes: of all that depends on it, and of its TOAST table.
    groups = list(packed(((one, MADE + 3 * one.depending) for one in made.tables), room, AT_ONCE))
    batch = {one.oid: number for number, group in enumerate(groups) for one in group}
    keys = connection.execute(
        "select n.nspname, c.relname, k.conname, k.conrelid::bigint, k.confrelid::bigint from pg_constraint k"
        " join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace"
        " where k.contype = 'f' and k.conrelid = any(%(ours)s::bigint[]::oid[])"
        " and k.confrelid = any(%(ours)s::bigint[]::oid[]) order by k.oid",
        {"ours": list(batch)},
    ).fetchall()
    words = (
        sql.SQL("alter table {} drop constraint {}").format(sql.Identifier(schema, table), sql.Identifier(name))
        for schema, table, name, child, parent in keys
        if batch[child] > batch[parent]
    )
    # Both tables, their indexes, the constraint and its triggers.
    for statements in packed(((one, 4 * MADE) for one in words), room, AT_ONCE):
        connection.execute(sql.SQL("; ").join(statements))
    for group in groups:
        names = sql.SQL(", ").join(sql.Identifier(one.schema, one.name) for one in group)
        connection.execute(sql.SQL("drop table if exists {}").format(names))


def _drop_functions(connection: Connection, oids: list[int]) -> None:
    rows = connection.execute(
        "select oid::regprocedure::text from pg_proc where oid = any(%s::bigint[]::oid[])", (oids,)
    ).fetchall()
    # The server's own spelling of each, quoted where it must be.
    for group in packed(((sql.SQL(name), MADE) for (name,) in rows), locks_at_once(connection), AT_ONCE):
        connection.execute(sql.SQL("drop function {}").format(sql.SQL(", ").join(group)))


def _hand_on_schema(connection: Connection, made: Made) -> bool:
    """Another run into the schema that this one made has it from now on; whether there is one."""
    done = connection.execute(
        "update litelift.run set made = made || '{\"schema\": true}' where run_id = (select run_id from litelift.run"
        " where (made->>'namespace')::bigint = %s order by started_at limit 1)",
        (made.namespace,),
    )
    return bool(done.rowcount)


def _hand_on_journal(connection: Connection) -> bool:
    """Another run has the schema litelift from now on; whether there is one."""
    done = connection.execute(
        "update litelift.run set made = coalesce(made, '{}') || '{\"journal\": true}' where run_id ="
        " (select run_id from litelift.run order by mode desc, started_at limit 1)"
    )
    return bool(done.rowcount)


def _drop_journal(connection: Connection) -> None:
    functions = connection.execute(
        "select oid::regprocedure::text from pg_proc where pronamespace = 'litelift'::regnamespace"
        " and proname = any(%s)",
        (list(FUNCTIONS),),
    ).fetchall()
    words = [sql.SQL("drop table litelift.{}").format(sql.Identifier(table)) for table in _JOURNAL]
    words += [sql.Composed([sql.SQL("drop function "), sql.SQL(name)]) for (name,) in functions]
    words += _support(connection)
    comment = connection.execute("select obj_description('litelift'::regnamespace, 'pg_namespace')").fetchone()
    if comment == (OWN_COMMENT,):
        words.append(sql.Composed([sql.SQL("drop schema litelift")]))
    _drop_if_unused(connection, words)


def _support(connection: Connection) -> list[sql.Composed]:
    (schema,) = connection.execute("select 'litelift'::regnamespace::oid").fetchone() or (None,)
    return [
        sql.SQL("drop {} litelift.{}").format(sql.SQL(kind), sql.Identifier(name))
        for kind, (name, query) in _SUPPORT.items()
        if connection.execute(query, (schema, name)).fetchone() is not None
    ]


def _drop_if_unused(connection: Connection, words: list[sql.Composed]) -> None:
    try:
        with connection.transaction():
            for statement in words:
                connection.execute(statement)
    except psycopg.errors.DependentObjectsStillExist:
        # Someone has put things of their own there, and they stay.
        return
