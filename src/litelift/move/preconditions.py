"""What a target must grant, and must not hold yet, before a move makes anything in it."""

from __future__ import annotations

from psycopg import sql

from litelift import errors
from litelift.move.journal import last_move
from litelift.postgres.connect import Connection
from litelift.shorten import shortened

SHOWN = 20

_OCCUPANTS = """
    select c.relname from pg_class c
    where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                      and d.deptype = 'e')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                      and d.deptype in ('a', 'i') and c.relkind = 'S')
    order by c.relkind, c.relname
"""


def refuse_occupied(connection: Connection, schema: str) -> None:
    """Raise TargetNotEmpty where the schema holds anything but an extension's objects."""
    quoted = sql.Identifier(schema).as_string(connection)
    names = [row[0] for row in connection.execute(_OCCUPANTS, (quoted,)).fetchall()]
    if names:
        moved = last_move(connection, schema)
        hint = None
        if moved is not None:
            hint = (
                f"litelift moved {moved[0]} here on {moved[1]}: see litelift report, litelift verify. To move once "
                "more, name another schema in the plan ([defaults] schema = ...) or another database, or remove that "
                "move first by litelift undo, which says what has been written to its tables since."
            )
        raise errors.TargetNotEmpty(schema=schema, objects=shortened(names, SHOWN), hint=hint)


# Not to_regclass: it refuses to look into a schema that the role may not use.
_RIGHTS = """
    select has_database_privilege(current_database(), 'create'),
           (select has_schema_privilege(n.oid, 'usage')
                   and coalesce((select has_table_privilege(c.oid, 'insert') from pg_class c
                                 where c.relnamespace = n.oid and c.relname = 'run'),
                                has_schema_privilege(n.oid, 'create'))
            from pg_namespace n where n.nspname = 'litelift'),
           (select has_schema_privilege(n.oid, 'create') from pg_namespace n where n.nspname = %s)
"""


def refuse_without_rights(connection: Connection, schema: str | None) -> None:
    """Raise TargetRights, with all that lacks: to keep litelift's journal, and to make tables in ``schema``."""
    quoted = sql.Identifier(schema or "litelift").as_string(connection)
    creates, journal, fills = connection.execute(_RIGHTS, (schema,)).fetchone() or (True, True, True)
    role = sql.Identifier(connection.info.user).as_string(connection)
    lacks: list[tuple[str, str]] = []
    if journal is None and not creates:
        lacks.append(
            (
                f"create the schema litelift in the database {connection.info.dbname}",
                f"CREATE SCHEMA litelift AUTHORIZATION {role}",
            )
        )
    elif journal is False:
        grant = f"GRANT ALL ON SCHEMA litelift TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA litelift TO {role}"
        lacks.append(("write to the schema litelift", grant))
    if schema is not None and fills is None and not creates:
        lacks.append((f"create the schema {schema}", f"CREATE SCHEMA {quoted} AUTHORIZATION {role}"))
    elif schema is not None and fills is False:
        lacks.append((f"make tables in the schema {schema}", f"GRANT CREATE ON SCHEMA {quoted} TO {role}"))
    if lacks:
        grants = "; ".join(dict.fromkeys(grant for _, grant in lacks))
        raise errors.TargetRights(
            role=connection.info.user, action=", nor ".join(what for what, _ in lacks), grant=grants
        )


def taken_names(connection: Connection, schema: str) -> frozenset[str]:
    """The names that a new table, index or sequence of the schema cannot have: of its relations and types."""
    query = """
        select relname::text from pg_class where relnamespace = to_regnamespace(%(name)s)
        union select typname::text from pg_type where typnamespace = to_regnamespace(%(name)s)
    """
    quoted = sql.Identifier(schema).as_string(connection)
    return frozenset(row[0] for row in connection.execute(query, {"name": quoted}).fetchall())
