"""The database beside the live one into which a backup is restored; the mark by which it is known, also after a kill.

The mark is the database's comment: it goes with the database whatever that is called, and is changed in the same
transaction as its name ("COMMENT" in the PostgreSQL manual). Whose run still goes on holds an advisory lock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from litelift.backup.create_database import create_database
from litelift.backup.properties import read_properties
from litelift.errors import TargetError, TargetUnreachable
from litelift.postgres.connect import Connection, connect, normalized
from litelift.postgres.sessions import CLASS, new_mark

PREFIX = "litelift_restore_"
NAME_BYTES = 63
"""PostgreSQL cuts longer names (NAMEDATALEN - 1; section 4.1.1 of the manual)."""
_SAYS = "litelift "

_MARKED = """
    select d.datname, shobj_description(d.oid, 'pg_database') as comment, pg_get_userbyid(d.datdba) as owner,
           case when has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'member')
                then pg_database_size(d.oid) end as bytes,
           (select count(*) from pg_stat_activity a where a.datid = d.oid and a.usesysid is not null) as sessions
    from pg_database d order by d.datname
"""
# That one database is to be read only (ALTER DATABASE ... SET) says nothing of the others.
_WRITABLE = """
    select set_config(name, 'off', false) from pg_settings
    where name = 'default_transaction_read_only' and setting = 'on' and source in ('database', 'database user')
"""
_RUNS = "select objid::bigint as mark from pg_locks where locktype = 'advisory' and classid = %s and objsubid = 2"


class Mark(BaseModel):
    """What litelift says of a database: it was restored to take another's place, or was kept when one took its."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["restored", "kept"]
    of: str
    """The live database's name."""
    run: str
    """The run that made it: eight hexadecimal digits."""
    at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    comment: str | None = None
    """The comment that the database has had of its own."""

    def words(self) -> str:
        """As it is written into the comment."""
        return _SAYS + self.model_dump_json()


def read_mark(comment: str | None) -> Mark | None:
    """The mark in a database's comment; None where that is somebody else's."""
    if comment is None or not comment.startswith(_SAYS):
        return None
    try:
        return Mark.model_validate_json(comment.removeprefix(_SAYS))
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class Beside:
    """An empty database beside ``live``, to be filled. ``dsn`` leads into it."""

    name: str
    live: str
    run: str
    dsn: str


@dataclass(frozen=True, slots=True)
class MarkedDatabase:
    """A database of litelift's. ``busy``: its run goes on, or somebody is connected. ``bytes``: None if unknown."""

    name: str
    mark: Mark
    owner: str
    bytes: int | None
    busy: bool


@contextmanager
def beside(admin_dsn: str, live: str, make: Callable[[Connection, str], None] | None = None) -> Iterator[Beside]:
    """A new database for a restore that may take ``live``'s place; it goes where the block raises.

    Args:
        admin_dsn: any database of the server, with a login that may make databases.
        live: the database whose place it may take; it need not be there.
        make: creates the database of that name; by default with the locale of ``live``.

    Raises:
        TargetUnreachable, TargetAuthFailed, psycopg.Error.
    """
    mark = new_mark()
    run = f"{mark:08x}"
    place = Beside(PREFIX + run, live, run, make_conninfo(normalized(admin_dsn), dbname=PREFIX + run))
    with ExitStack() as stack:
        connection = stack.enter_context(maintenance(admin_dsn, live))
        # Before there is a database to be found: what has the lock's run is not left over.
        connection.execute("select pg_advisory_lock_shared(%s, %s)", (CLASS, mark))
        try:
            (make or (lambda conn, name: make_like(conn, name, live)))(connection, place.name)
            comment = sql.SQL("comment on database {} is {}")
            words = Mark(kind="restored", of=live, run=run).words()
            connection.execute(comment.format(sql.Identifier(place.name), sql.Literal(words)))
            yield place
        except BaseException:
            if connection.closed:
                with suppress(TargetError, psycopg.Error), maintenance(admin_dsn, live) as again:
                    _drop(again, place.name)
            else:
                with suppress(psycopg.Error):
                    _drop(connection, place.name)
            raise


def leftovers(admin_dsn: str) -> list[MarkedDatabase]:
    """The databases that killed restores have left, those of restores that go on (``busy``) among them."""
    return [one for one in marked(admin_dsn) if one.mark.kind == "restored"]


def marked(admin_dsn: str) -> list[MarkedDatabase]:
    """All databases that litelift restored or kept, by name. One that has taken its place is none of them.

    Raises:
        TargetUnreachable, TargetAuthFailed.
    """
    with maintenance(admin_dsn) as connection, connection.cursor(row_factory=dict_row) as cursor:
        runs = {f"{row['mark']:08x}" for row in cursor.execute(_RUNS, (CLASS,)).fetchall()}
        rows = cursor.execute(_MARKED).fetchall()
    found = [(row, mark) for row in rows if (mark := read_mark(row["comment"]) or _by_name(row)) is not None]
    return [
        MarkedDatabase(row["datname"], mark, row["owner"], row["bytes"], bool(row["sessions"]) or mark.run in runs)
        for row, mark in found
    ]


def remove(admin_dsn: str, name: str) -> None:
    """Drop a database that litelift restored or kept, with its sessions.

    Raises:
        TargetError: it has no mark of litelift's, or its restore goes on; and as `marked`.
    """
    found = next((one for one in marked(admin_dsn) if one.name == name), None)
    if found is None:
        raise TargetError(
            message=f"the database {name} has no mark of litelift's",
            hint="Only what litelift restored or kept is removed. To drop another: DROP DATABASE",
        )
    if found.busy and found.mark.kind == "restored":
        raise TargetError(message=f"the restore into {name} goes on", hint="Wait for its end, or end it first.")
    with maintenance(admin_dsn, name) as connection:
        _drop(connection, name)


def maintenance(admin_dsn: str, *names: str) -> Connection:
    """A session in a database of the server that is none of ``names``: the one that is named, postgres or template1.

    Raises:
        TargetUnreachable, TargetAuthFailed.
    """
    dsn = normalized(admin_dsn)
    asked = conninfo_to_dict(dsn).get("dbname")
    # Without a name libpq takes PGDATABASE or the user's, which may be one of these.
    candidates = [name for name in dict.fromkeys([asked, "postgres", "template1"]) if name and name not in names]
    for number, name in enumerate(candidates):
        try:
            connection = connect(make_conninfo(dsn, dbname=name))
        except TargetUnreachable:
            if number == len(candidates) - 1:
                raise
        else:
            connection.execute(_WRITABLE)
            return connection
    raise TargetError(
        message=f"there is no database to work from beside {', '.join(names)}",
        hint="Make one: CREATE DATABASE postgres",
    )


def cut(name: str, ending: str) -> str:
    """A database's name with an ending, as long as PostgreSQL lets it be."""
    room = NAME_BYTES - len(ending.encode())
    return name.encode()[:room].decode("utf-8", "ignore") + ending


def make_like(connection: Connection, name: str, like: str) -> None:
    """Create an empty database with the locale of another, where that is there. Raises TargetError."""
    properties = read_properties(connection, like)
    if properties is not None:
        create_database(connection, name, properties, like_owner=False)
    else:
        connection.execute(
            sql.SQL("create database {} template template0 encoding 'UTF8'").format(sql.Identifier(name))
        )


def _by_name(row: dict[str, Any]) -> Mark | None:
    """The mark of one whose run was killed before it could write it."""
    named = re.fullmatch(PREFIX + "([0-9a-f]{8})", row["datname"])
    if named is None or row["comment"] is not None:
        return None
    return Mark(kind="restored", of="", run=named[1])


def _drop(connection: Connection, name: str) -> None:
    if connection.info.server_version >= 130000:
        words = sql.SQL("drop database if exists {} with (force)")
    else:
        words = sql.SQL("drop database if exists {}")
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
    connection.execute(words.format(sql.Identifier(name)))
