"""The roles that a database names, which no pg_dump holds: read, and compared with those of another server."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql
from psycopg.rows import dict_row
from pydantic import Field

from litelift.backup.manifest import Part
from litelift.backup.rights import Label, Note, Setting, setting_of
from litelift.postgres.connect import Connection

MEMBER_OPTIONS = 160000
"""The version from which on a membership has options of its own ("Role Membership", section 22.3)."""
POWERS = ("superuser", "replication", "bypassrls")
"""The attributes that reach beyond every right ("CREATE ROLE")."""
ATTRIBUTES = ("login", "inherit", "createdb", "createrole", *POWERS)


class Membership(Part):
    """A role that a role is a member of; what several have granted is one. Who granted it is not kept."""

    role: str
    admin: bool
    inherit: bool | None = None
    """None where the server was older than 16: then the member's own attribute decides."""
    set: bool | None = None


class Role(Part):
    """A role."""

    name: str
    named: bool
    """Whether the database itself names it; else it is a member of one that it names, or the other way round."""
    owns: bool = False
    """Whether something in the database is its own, or the database."""
    superuser: bool
    inherit: bool
    createrole: bool
    createdb: bool
    login: bool
    replication: bool
    bypassrls: bool
    connection_limit: int
    valid_until: str | None
    """Of the password, in UTC; or "infinity"."""
    member_of: list[Membership] = Field(default_factory=list)
    settings: list[Setting] = Field(default_factory=list)
    """Those for all databases."""
    comment: str | None = None
    labels: list[Label] = Field(default_factory=list)
    has_password: bool | None = None
    """None where the login might not look."""
    password: str | None = Field(default=None, repr=False)
    """What the server checks a password against (SCRAM), where it was asked for."""


# Objects of the role that initdb made are in no pg_shdepend, for it cannot be dropped. What comes with a range type is
# always that role's.
_OF_THE_FIRST = """
    select from (
        select 'pg_class'::regclass as class, oid, relowner as owner, relacl as acl from pg_class
        union all select 'pg_class'::regclass, attrelid, null, attacl from pg_attribute where attacl is not null
        union all select 'pg_proc'::regclass, oid, proowner, proacl from pg_proc
        union all select 'pg_type'::regclass, oid, typowner, typacl from pg_type
        union all select 'pg_namespace'::regclass, oid, nspowner, nspacl from pg_namespace
        union all select 'pg_language'::regclass, oid, lanowner, lanacl from pg_language
        union all select 'pg_largeobject_metadata'::regclass, oid, lomowner, lomacl from pg_largeobject_metadata
        union all select 'pg_default_acl'::regclass, oid, defaclrole, defaclacl from pg_default_acl
        union all select 'pg_foreign_data_wrapper'::regclass, oid, fdwowner, fdwacl from pg_foreign_data_wrapper
        union all select 'pg_foreign_server'::regclass, oid, srvowner, srvacl from pg_foreign_server
        union all select 'pg_user_mapping'::regclass, umid, umuser, null from pg_user_mappings
        union all select 'pg_operator'::regclass, oid, oprowner, null from pg_operator
        union all select 'pg_opclass'::regclass, oid, opcowner, null from pg_opclass
        union all select 'pg_opfamily'::regclass, oid, opfowner, null from pg_opfamily
        union all select 'pg_conversion'::regclass, oid, conowner, null from pg_conversion
        union all select 'pg_collation'::regclass, oid, collowner, null from pg_collation
        union all select 'pg_statistic_ext'::regclass, oid, stxowner, null from pg_statistic_ext
        union all select 'pg_ts_dict'::regclass, oid, dictowner, null from pg_ts_dict
        union all select 'pg_ts_config'::regclass, oid, cfgowner, null from pg_ts_config
        union all select 'pg_event_trigger'::regclass, oid, evtowner, null from pg_event_trigger
        union all select 'pg_publication'::regclass, oid, pubowner, null from pg_publication
    ) object
    where oid >= 16384
      and (owner = 10 or acl is not null
           and exists (select from aclexplode(acl) item where 10 in (item.grantee, item.grantor)))
      and not exists (select from pg_depend d
                      where d.classid = object.class and d.objid = object.oid and d.deptype in ('e', 'i'))
"""

_FIND = """
with recursive this as (
    select oid, datdba, datacl from pg_database where datname = current_database()
), named(oid) as (
    select refobjid from this join pg_shdepend s
      on s.dbid = this.oid or s.classid = 'pg_database'::regclass and s.objid = this.oid
    where s.refclassid = 'pg_authid'::regclass
    union select datdba from this
    union select unnest(array[item.grantor, item.grantee]) from this, aclexplode(this.datacl) item
    union select setrole from this join pg_db_role_setting s on s.setdatabase = this.oid
    union select 10 where exists ({of_the_first})
), below(oid) as (
    select oid from named
    union select m.member from below join pg_roles r on r.oid = below.oid
    join pg_auth_members m on m.roleid = r.oid join pg_roles member on member.oid = m.member
    where not r.rolsuper and not member.rolsuper and r.rolname not like 'pg\\_%%' and {effective}
), above(oid) as (
    select oid from below union select m.roleid from above join pg_auth_members m on m.member = above.oid
)
select r.oid, named.oid is not null,
       named.oid is not null and (r.oid in (10, (select datdba from this)) or exists (
           select from this join pg_shdepend s on s.dbid = this.oid
           where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid and s.deptype = 'o'))
from above join pg_roles r using (oid) left join named using (oid)
where r.rolname not like 'pg\\_%%'
"""

_READ = """
select r.oid, r.rolname as name, r.rolsuper as superuser, r.rolinherit as inherit, r.rolcreaterole as createrole,
       r.rolcreatedb as createdb, r.rolcanlogin as login, r.rolreplication as replication,
       r.rolbypassrls as bypassrls, r.rolconnlimit as connection_limit,
       case when isfinite(r.rolvaliduntil) then to_char(r.rolvaliduntil at time zone 'UTC',
            'YYYY-MM-DD HH24:MI:SS.US"+00"') else r.rolvaliduntil::text end as valid_until,
       r.rolconfig as config, shobj_description(r.oid, 'pg_authid') as comment,
       (select json_agg(json_build_object('provider', l.provider, 'label', l.label) order by l.provider)
        from pg_shseclabel l where l.classoid = 'pg_authid'::regclass and l.objoid = r.oid) as labels,
       (select json_agg(to_jsonb(m) order by m.role) from (
            select g.rolname collate "C" as role, bool_or(m.admin_option) as admin {options}
            from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid group by 1
        ) m) as member_of,
       {password} as password
from pg_roles r {authid} where {which} order by r.rolname collate "C"
"""

_BY_OID = sql.SQL("r.oid = any(%s::oid[])")
_BY_NAME = sql.SQL("r.rolname = any(%s::name[])")


def capture_roles(connection: Connection, *, passwords: bool = False) -> list[Role]:
    """The roles that the database names, by name.

    Those are the owners, grantors and grantees of all in it, whom its default rights, policies and settings name; the
    members of these groups, who get their rights there; and all groups above. Roles that come with PostgreSQL are left
    out, as is a superuser's membership, who needs none. Any login may read them, but for passwords.

    Args:
        passwords: Keep what a superuser can read of them, too. The manifest is plain text: with that, someone who has
            a copy can try passwords, as many as they like.
    """
    options = connection.info.server_version >= MEMBER_OPTIONS
    effective = sql.SQL("(m.inherit_option or m.set_option)" if options else "true")
    found = connection.execute(
        sql.SQL(_FIND).format(effective=effective, of_the_first=sql.SQL(_OF_THE_FIRST)), ()
    ).fetchall()
    facts = {oid: {"named": named, "owns": owns} for oid, named, owns in found}
    return _read(connection, _BY_OID, list(facts), facts, passwords=passwords)


def read_roles(connection: Connection, names: Sequence[str]) -> dict[str, Role]:
    """The roles of these names that the server has."""
    return {role.name: role for role in _read(connection, _BY_NAME, list(names), {}, passwords=False)}


def _read(
    connection: Connection,
    which: sql.SQL,
    values: Sequence[object],
    facts: dict[int, dict[str, bool]],
    *,
    passwords: bool,
) -> list[Role]:
    (may,) = connection.execute("select has_table_privilege('pg_catalog.pg_authid', 'select')").fetchone() or (False,)
    options = ", bool_or(m.inherit_option) as inherit, bool_or(m.set_option) as set"
    query = sql.SQL(_READ).format(
        options=sql.SQL(options if connection.info.server_version >= MEMBER_OPTIONS else ""),
        password=sql.SQL("a.rolpassword" if may else "null"),
        authid=sql.SQL("left join pg_authid a on a.oid = r.oid" if may else ""),
        which=which,
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, (values,)).fetchall()
    return [
        Role(
            **{
                **row,
                "named": False,
                **facts.get(row["oid"], {}),
                "settings": [setting_of(entry) for entry in row["config"] or []],
                "labels": row["labels"] or [],
                "member_of": row["member_of"] or [],
                "has_password": row["password"] is not None if may else None,
                "password": row["password"] if passwords else None,
            }
        )
        for row in rows
    ]


def unread(roles: Sequence[Role]) -> list[Note]:
    """What the login could not read of them."""
    logins = [role.name for role in roles if role.login and role.has_password is None]
    if not logins:
        return []
    return [Note(message=f"whether these roles have a password only a superuser can see: {', '.join(logins)}")]


def role_differences(before: Role, after: Role) -> list[str]:
    """How a role of the server is not what it was: its attributes, settings, comment and labels.

    Memberships are compared where they are granted; passwords are not, for a new one is no fault.
    """
    said = []
    for name in (*ATTRIBUTES, "connection_limit", "valid_until", "comment"):
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            said.append(f"role {before.name}: {name.replace('_', ' ')} is {_word(now)}, and was {_word(was)}")
    for was, now in ((before.settings, after.settings), (before.labels, after.labels)):
        gone, more = [each for each in was if each not in now], [each for each in now if each not in was]
        said += [f"role {before.name}: without {_said(each)}" for each in gone]
        said += [f"role {before.name}: with {_said(each)}" for each in more]
    return said


def _said(part: Setting | Label) -> str:
    return f"{part.name} = {part.value}" if isinstance(part, Setting) else f"the label {part.label} of {part.provider}"


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
