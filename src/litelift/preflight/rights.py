"""The rights that filling an application's tables takes (--data-only)."""

from __future__ import annotations

from psycopg import errors as server_errors
from psycopg import sql

from litelift import errors
from litelift.postgres.connect import Connection
from litelift.shorten import shortened

SHOWN = 10

# Foreign keys are dropped and made again, triggers and rules disabled, where they cannot be silenced: an owner's work.
_TABLES = """
    select c.relname,
           has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
           and has_table_privilege(c.oid, 'delete'),
           pg_has_role(c.relowner, 'usage'),
           exists (select from pg_constraint k where k.contype = 'f' and c.oid in (k.conrelid, k.confrelid))
           or exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled <> 'D')
           or exists (select from pg_rewrite w where w.ev_class = c.oid and w.rulename <> '_RETURN')
    from pg_class c
    where c.relnamespace = (select oid from pg_namespace where nspname = %s) and c.relkind in ('r', 'p')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                      and d.deptype = 'e')
    order by c.relname
"""
_USAGE = "select has_schema_privilege(oid, 'usage') from pg_namespace where nspname = %s"


def may_silence(connection: Connection) -> bool:
    """Whether the role may set session_replication_role, which silences triggers and foreign keys."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("set local session_replication_role = replica")
    except server_errors.InsufficientPrivilege:
        return False
    return True


def refuse_without_filling_rights(connection: Connection, schema: str) -> None:
    """Raise TargetRights where the role may not write to the schema's tables, or not silence them."""
    role = sql.Identifier(connection.info.user).as_string(connection)
    quoted = sql.Identifier(schema).as_string(connection)
    if connection.execute(_USAGE, (schema,)).fetchone() == (False,):
        raise errors.TargetRights(
            role=connection.info.user,
            action=f"use the schema {schema}",
            grant=f"GRANT USAGE ON SCHEMA {quoted} TO {role}",
        )
    rows = connection.execute(_TABLES, (schema,)).fetchall()
    shut = [name for name, writes, _, _ in rows if not writes]
    if shut:
        raise errors.TargetRights(
            role=connection.info.user,
            action=f"read and write the tables {shortened(shut, SHOWN)}",
            grant=f"GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA {quoted} TO {role}",
        )
    bound = [name for name, _, owns, acting in rows if acting and not owns]
    if bound and not may_silence(connection):
        raise errors.TargetRights(
            role=connection.info.user,
            action=f"silence the foreign keys and triggers of {shortened(bound, SHOWN)}",
            grant="the ownership of these tables, or (from PostgreSQL 15 on): GRANT SET ON PARAMETER "
            f"session_replication_role TO {role}",
        )
