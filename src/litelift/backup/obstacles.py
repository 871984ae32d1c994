"""What speaks against putting one database in the place of another: looked at before anybody is disturbed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from litelift.backup.beside import NAME_BYTES
from litelift.errors import LiteliftError
from litelift.postgres.connect import Connection, connect, refuse_read_only
from litelift.result import Notice

_DATABASES = """
    select d.oid::bigint as oid, d.datname, d.datistemplate, d.datallowconn, d.datconnlimit, d.datacl::text as rights,
           pg_get_userbyid(d.datdba) as owner, pg_encoding_to_char(d.encoding) as encoding,
           d.datcollate as collation, pg_has_role(d.datdba, 'usage') as ours,
           shobj_description(d.oid, 'pg_database') as comment,
           (select array_agg(s.setconfig::text order by s.setrole) from pg_db_role_setting s
            where s.setdatabase = d.oid) as settings
    from pg_database d where d.datname = any(%s)
"""
_ROLE = """
    select rolsuper, rolcreatedb or rolsuper as creates, pg_has_role('pg_signal_backend', 'member') as ends
    from pg_roles where rolname = current_user
"""
_PREPARED = "select gid, database from pg_prepared_xacts where database = any(%s) order by gid"
_SLOTS = "select slot_name, active from pg_replication_slots where database = %s order by slot_name"
_SUBSCRIPTIONS = "select subname, subenabled from pg_subscription where subdbid = %s order by subname"
# A logical walsender is of one database; those programs keep the log, and serve nobody.
_STANDBYS = """
    select count(*) as number from pg_stat_replication r
    where r.application_name not in ('pg_receivewal', 'pg_basebackup') and not exists (
        select from pg_replication_slots s where s.active_pid = r.pid and s.slot_type = 'logical')
"""
_SESSIONS = """
    select a.pid, a.usename, a.application_name, a.client_addr::text as address, a.backend_type,
           coalesce(r.rolsuper, false) as super, a.usesysid is not null and pg_has_role(a.usesysid, 'usage') as ours
    from pg_stat_activity a left join pg_roles r on r.oid = a.usesysid
    where a.datid::bigint = %s and a.pid <> pg_backend_pid() order by a.backend_start
"""
_IN_THE_WAY = """
    select a.pid, a.usename, a.application_name, a.client_addr::text as address, a.backend_type from pg_stat_activity a
    where (a.datid::bigint = any(%(oids)s) or a.pid in (
            select pid from pg_locks where locktype = 'object' and classid = 'pg_database'::regclass
            and objid::bigint = any(%(oids)s) and granted))
      and a.pid <> pg_backend_pid() and a.backend_type is distinct from 'autovacuum worker'
    order by a.datid::bigint = any(%(oids)s), a.backend_start
"""
_INSIDE = """
    select array(select pubname::text from pg_publication order by 1) as publications,
           array(select evtname::text from pg_event_trigger
                 where evtevent::text = 'login' and evtenabled <> 'D' order by 1) as logins
"""
_ACCESS = """
    select line_number, database::text[] as names from pg_hba_file_rules where database::text[] && %s::text[]
    order by line_number
"""
_PROPERTIES = {
    "owner": "owner",
    "datconnlimit": "connection limit",
    "datistemplate": "template flag",
    "rights": "rights",
    "settings": "settings",
    "encoding": "encoding",
    "collation": "collation",
}


@dataclass(slots=True)
class Looked:
    """Both databases as they stand. ``obstacles`` refuse the switch; ``notices`` are told with its result."""

    live: int | None = None
    new: int | None = None
    comment: str | None = None
    """Of the live one."""
    new_comment: str | None = None
    entered: set[int] = field(default_factory=set)
    """The look's own sessions in both, which may not have gone yet."""
    obstacles: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def oids(self) -> list[int]:
        """Of both."""
        return [oid for oid in (self.live, self.new) if oid is not None]


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the server's, as the one who is in the way is told."""

    pid: int
    user: str | None
    application: str
    address: str | None
    kind: str | None

    def __str__(self) -> str:
        """For instance: the user app (psql) from 10.0.0.7, process 4711."""
        who = f"the user {self.user}" if self.user else self.kind or "a process of the server's own"
        named = f" ({self.application})" if self.application else ""
        return f"{who}{named} from {self.address or 'the server itself'}, process {self.pid}"


def look(connection: Connection, dsn: str, live: str, new: str, kept: str) -> Looked:
    """Look at everything that speaks against ``new`` taking ``live``'s place.

    Args:
        connection: to neither of them.
        dsn: leads to the server; each of them is entered once.

    Raises:
        TargetReadOnly, psycopg.Error.
    """
    refuse_read_only(connection)
    looked = Looked(obstacles=_names(live, new, kept))
    if looked.obstacles:
        return looked
    with connection.cursor(row_factory=dict_row) as cursor:
        found = {row["datname"]: row for row in cursor.execute(_DATABASES, ([live, new, kept],))}
        role = cursor.execute(_ROLE).fetchone() or {"rolsuper": False, "creates": False, "ends": False}
        looked.obstacles += [f"there is no database {name}" for name in (live, new) if name not in found]
        if kept in found:
            looked.obstacles.append(f"there is a database {kept} already, which is what the old one would be called")
        if looked.obstacles:
            return looked
        looked.live, looked.new = found[live]["oid"], found[new]["oid"]
        looked.comment, looked.new_comment = found[live]["comment"], found[new]["comment"]
        looked.obstacles += _rights(connection, role, found[live], found[new])
        looked.obstacles += _closed(found[new])
        looked.obstacles += _bound(cursor, live, new, looked)
        for row in cursor.execute(_SESSIONS, (looked.live,)).fetchall() if not role["rolsuper"] else ():
            if row["usename"] and not row["ours"] and (row["super"] or not role["ends"]):
                needed = "a superuser" if row["super"] else f"{row['usename']}, pg_signal_backend or a superuser"
                looked.obstacles.append(f"{session(row)} may be ended only by {needed}")
        looked.notices += _properties(found[live], found[new])
        looked.notices += _standbys(cursor)
        looked.notices += _access(connection, live, new, kept)
    _enter(dsn, live, new, looked)
    return looked


def in_the_way(connection: Connection, oids: list[int]) -> list[Session]:
    """Who works on these databases as a whole, for instance copies one with CREATE DATABASE; then who is connected."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [session(row) for row in cursor.execute(_IN_THE_WAY, {"oids": oids})]


def session(row: dict[str, Any]) -> Session:
    """A session from a row of pg_stat_activity."""
    return Session(row["pid"], row["usename"], row["application_name"] or "", row["address"], row["backend_type"])


def _names(live: str, new: str, kept: str) -> list[str]:
    found = []
    for name in (live, new, kept):
        if not name or "\0" in name or len(name.encode()) > NAME_BYTES:
            found.append(f"{name!r} is no database's name: it has from 1 to {NAME_BYTES} bytes")
        elif name in ("template0", "template1"):
            found.append(f"{name} is the server's own")
    if len({live, new, kept}) < 3:
        found.append("the live database, the restored one and the old one need three names")
    return found


def _rights(connection: Connection, role: dict[str, Any], *databases: dict[str, Any]) -> list[str]:
    user = connection.info.user
    found = [
        f"the role {user} may not rename {one['datname']}, which is {one['owner']}'s"
        for one in databases
        if not one["ours"]
    ]
    if not role["creates"]:
        found.append(f"the role {user} may not rename databases: it takes CREATEDB (ALTER ROLE ... CREATEDB)")
    return found


def _closed(new: dict[str, Any]) -> list[str]:
    if new["datconnlimit"] == -2:
        return [f"{new['datname']} is invalid: a DROP DATABASE of it was cut off"]
    if not new["datallowconn"] or new["datconnlimit"] == 0:
        return [f"{new['datname']} lets nobody in (ALLOW_CONNECTIONS, CONNECTION LIMIT)"]
    return []


def _bound(cursor: psycopg.Cursor[dict[str, Any]], live: str, new: str, looked: Looked) -> list[str]:
    """What is tied to the database itself, and would stay behind with the old one."""
    found = [
        f"{row['database']} has the prepared transaction {row['gid']!r} (COMMIT PREPARED or ROLLBACK PREPARED ends it)"
        for row in cursor.execute(_PREPARED, ([live, new],)).fetchall()
    ]
    found += [
        f"the logical replication slot {row['slot_name']} is bound to {live}, and does not follow the name: whoever "
        "reads from it has to begin anew (pg_drop_replication_slot removes it)"
        for row in cursor.execute(_SLOTS, (live,)).fetchall()
    ]
    for row in cursor.execute(_SUBSCRIPTIONS, (looked.live,)).fetchall():
        if row["subenabled"]:
            found.append(
                f"the subscription {row['subname']} of {live} would go on filling the old database "
                "(ALTER SUBSCRIPTION ... DISABLE stops it)"
            )
        else:
            message = f"the subscription {row['subname']}, which is disabled, stays with the old database"
            looked.notices.append(Notice(level="attention", kind="subscription", message=message))
    return found


def _properties(live: dict[str, Any], new: dict[str, Any]) -> list[Notice]:
    return [
        Notice(
            level="attention",
            kind="database-property",
            message=f"the {word} of the restored database: {_said(new[key])}; of the one before: {_said(live[key])}",
        )
        for key, word in _PROPERTIES.items()
        if live[key] != new[key]
    ]


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def _standbys(cursor: psycopg.Cursor[dict[str, Any]]) -> list[Notice]:
    row = cursor.execute(_STANDBYS).fetchone()
    if not row or not row["number"]:
        return []
    message = f"{row['number']} servers follow this one: their sessions read the old database until they connect anew"
    return [Notice(level="attention", kind="standby", message=message)]


def _access(connection: Connection, live: str, new: str, kept: str) -> list[Notice]:
    try:
        rows = connection.execute(_ACCESS, ([live, new, kept],)).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        message = (
            f"pg_hba.conf cannot be read by this role: whether it has rules for {live} or {kept} by name is unknown"
        )
        return [Notice(kind="access-rule", message=message)]
    return [
        Notice(
            kind="access-rule",
            message=f"line {number} of pg_hba.conf is for {', '.join(names)} by name: it goes by the name, whichever "
            "database has it",
        )
        for number, names in rows
    ]


def _enter(dsn: str, live: str, new: str, looked: Looked) -> None:
    """Enter both: what lets nobody in cannot take the place, and some things are seen only from within."""
    inside: dict[str, Any] = {}
    for name in (live, new):
        try:
            with (
                connect(make_conninfo(dsn, dbname=name)) as connection,
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                looked.entered.add(connection.info.backend_pid)
                inside[name] = cursor.execute(_INSIDE).fetchone()
        except (LiteliftError, psycopg.Error) as error:
            said = error.message if isinstance(error, LiteliftError) else " ".join(str(error).split())
            if name == new:
                looked.obstacles.append(f"{new} cannot be entered: {said}")
            else:
                # A live database that lets nobody in may be the very reason for the restore.
                message = f"{live} cannot be entered, and was not looked at from within: {said}"
                looked.notices.append(Notice(kind="not-entered", message=message))
    if len(inside) < 2:
        return
    lost = [name for name in inside[live]["publications"] if name not in inside[new]["publications"]]
    if lost:
        message = f"the restored database has no publication {', '.join(lost)}, which {live} has"
        looked.notices.append(Notice(level="attention", kind="publication", message=message))
    if inside[live]["logins"] != inside[new]["logins"]:
        message = (
            f"event triggers that act at each login: {', '.join(inside[new]['logins']) or 'none'} in the restored "
            f"database, {', '.join(inside[live]['logins']) or 'none'} before"
        )
        looked.notices.append(Notice(level="attention", kind="login-trigger", message=message))
