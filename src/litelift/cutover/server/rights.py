"""Looks, through the application's own login, at what the server made of it."""

from __future__ import annotations

from litelift import errors
from litelift.cutover.credentials import Login
from litelift.cutover.step import Facts
from litelift.postgres.connect import connect, normalized

_WHO = """
    select current_setting('server_version'), getdatabaseencoding(),
           (select array_remove(array[case when rolsuper then 'SUPERUSER' end,
                                      case when rolcreaterole then 'CREATEROLE' end,
                                      case when rolcreatedb then 'CREATEDB' end,
                                      case when rolreplication then 'REPLICATION' end,
                                      case when rolbypassrls then 'BYPASSRLS' end], null)
            from pg_roles where rolname = session_user),
           has_database_privilege(current_database(), 'CREATE'),
           (select pg_get_userbyid(datdba)::text from pg_database where datname = current_database()),
           (select has_schema_privilege(oid, 'CREATE') from pg_namespace where nspname = 'public'),
           exists (select from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a
                   where datname = current_database() and a.grantee = 0)
"""
_RELATIONS = """
    select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
      and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
"""


def look(login: Login) -> Facts:
    """What the login is and may. Raises TargetUnreachable, TargetAuthFailed."""
    with connect(normalized(login.url)) as connection:
        row = connection.execute(_WHO).fetchone()
        relations = connection.execute(_RELATIONS).fetchone()
    version, encoding, beyond, creates, owner, fills, public = row or ("", "", [], False, "", False, True)
    return {
        "version": version,
        "encoding": encoding,
        "attributes": beyond,
        "may_create": creates,
        "owner": owner,
        "may_fill_public": bool(fills),
        "open_to_public": public,
        "relations": relations[0] if relations else 0,
    }


def confirm_least(login: Login) -> Facts:
    """Look that the login has what it needs, and no more. Raises TargetError where it is otherwise."""
    found = look(login)
    wrong = []
    if found["encoding"] != "UTF8":
        wrong.append(f"the database's encoding is {found['encoding']}")
    if found["attributes"]:
        wrong.append(f"the role has {', '.join(found['attributes'])}")
    if found["owner"] != login.user:
        wrong.append(f"the database is {found['owner']}'s")
    if not found["may_create"] or not found["may_fill_public"]:
        wrong.append("the role may not make tables there")
    if found["open_to_public"]:
        wrong.append("every role may connect to the database")
    if wrong:
        message = f"the role {login.user} and the database {login.database} are not as they were made: "
        raise errors.TargetError(message=message + "; ".join(wrong))
    return found
