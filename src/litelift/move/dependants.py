"""What others have that would not stand without what a run made: found before anything is dropped."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from litelift import errors
from litelift.move.made import Made
from litelift.postgres.connect import Connection
from litelift.shorten import shortened

LISTED = 30

# Ours is what was noted, and all that goes with it without being named ("Dependency Tracking", section 5.14, and
# pg_depend, section 53.18 of the PostgreSQL manual): indexes, constraints, defaults, row types, identities, triggers.
_OURS = sql.SQL("""
    with recursive ours(classid, objid) as (
        select 'pg_class'::regclass::oid, unnest(%(relations)s::bigint[])::oid
        union select 'pg_type'::regclass::oid, unnest(%(types)s::bigint[])::oid
        union select 'pg_proc'::regclass::oid, unnest(%(functions)s::bigint[])::oid
        union select d.classid, d.objid from ours
            join pg_depend d on d.refclassid = ours.classid and d.refobjid = ours.objid
            where d.deptype in ('a', 'i', 'P', 'S') and d.objsubid = 0
    )
""")
_OTHERS = _OURS + sql.SQL(""",
    others as (
        select distinct d.classid, d.objid, d.objsubid from ours
        join pg_depend d on d.refclassid = ours.classid and d.refobjid = ours.objid
        where not exists (select from ours o where o.classid = d.classid and o.objid = d.objid)
    )
    select distinct case when r.oid is not null then pg_describe_object('pg_class'::regclass, r.ev_class, 0)
                else pg_describe_object(o.classid, o.objid, o.objsubid) end as described
    from others o left join pg_rewrite r on o.classid = 'pg_rewrite'::regclass and r.oid = o.objid
        and r.rulename = '_RETURN'
    order by 1
""")
_HOLDS = _OURS + sql.SQL("""
    select distinct pg_describe_object(d.classid, d.objid, 0) as described from pg_depend d
    where d.refclassid = 'pg_namespace'::regclass and d.refobjid = %(namespace)s::bigint::oid
      and not exists (select from ours o where o.classid = d.classid and o.objid = d.objid)
    order by 1
""")


def _oids(made: Made) -> dict[str, Any]:
    return {
        "relations": [one.oid for one in [*made.tables, *made.views]],
        "types": [one.oid for one in made.types],
        "functions": [one.oid for one in made.functions],
        "namespace": made.namespace,
    }


def dependants(connection: Connection, made: Made) -> list[str]:
    """What others have that would not stand without what the run made, in the server's words."""
    return [row[0] for row in connection.execute(_OTHERS, _oids(made)).fetchall()]


def also_held(connection: Connection, made: Made) -> list[str]:
    """What else is in the schema that the run made, in the server's words."""
    return [row[0] for row in connection.execute(_HOLDS, _oids(made)).fetchall()]


def refuse_dependants(connection: Connection, made: Made) -> None:
    """Raise DependantsFound where something of others stands on what the run made; TargetRights where a thing of it is
    another role's by now."""
    others = dependants(connection, made)
    if others:
        raise errors.DependantsFound(objects=shortened(others, LISTED))
    foreign = [one.shown for one in made.objects if not one.owned]
    if foreign:
        role = connection.info.user
        raise errors.TargetRights(
            role=role,
            action=f"drop {shortened(foreign, LISTED)}, which another role owns",
            grant="membership in that role, or run it as that role",
        )
