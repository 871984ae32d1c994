"""The application's role and database: made with the least rights, and taken away exactly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from litelift import errors
from litelift.cutover.step import Facts
from litelift.postgres.connect import Connection, connect, stopped

GONE_SECONDS = 10.0
"""How long ended sessions may take to leave the database that they hold."""
_ROLE = """
    select oid, shobj_description(oid, 'pg_authid'), rolsuper, rolcanlogin,
           (select array_agg(d.datname::text order by d.datname) from pg_database d where d.datdba = r.oid)
    from pg_roles r where rolname = %s
"""
_DATABASE = """
    select d.oid, pg_get_userbyid(d.datdba)::text, pg_encoding_to_char(d.encoding)::text, d.datcollate::text
    from pg_database d where d.datname = %s
"""
_MAY = "select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user"
_LEAST = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run makes; ``run`` is its mark, which the role's comment holds."""

    database: str
    role: str
    run: str

    @property
    def mark(self) -> str:
        """The comment on the role: what is made in one transaction with it, and says whose it is."""
        return f"made by litelift cutover, run {self.run}"


def refuse_without_rights(admin: Connection) -> None:
    """Raise TargetRights where ``admin`` may not make roles and databases."""
    superuser, roles, databases = admin.execute(_MAY).fetchone() or (False, False, False)
    lacks = [word for word, has in (("CREATEROLE", roles), ("CREATEDB", databases)) if not (has or superuser)]
    if lacks:
        name = sql.Identifier(admin.info.user).as_string(admin)
        grant = f"ALTER ROLE {name} {' '.join(lacks)}; or have the role and the database made, and name them by url"
        raise errors.TargetRights(role=admin.info.user, action="make a role and its database", grant=grant)


def refuse_taken(admin: Connection, wanted: Wanted) -> None:
    """Raise NameTaken where there is a role or a database of that name that this run has not made."""
    role = admin.execute(_ROLE, (wanted.role,)).fetchone()
    ours = role is not None and role[1] == wanted.mark
    if role is not None and not ours:
        _, comment, superuser, login, owned = role
        found = "a superuser" if superuser else "an ordinary role" if login else "a role that may not log in"
        found += f", owner of {', '.join(owned)}" if owned else ", owner of no database"
        found += f" ({comment})" if comment else ""
        raise errors.NameTaken(what=f"a role {wanted.role}", found=found, hint=_TAKEN)
    database = admin.execute(_DATABASE, (wanted.database,)).fetchone()
    if database is not None and not (ours and database[1] == wanted.role):
        found = f"{database[1]}'s, encoding {database[2]}"
        raise errors.NameTaken(what=f"a database {wanted.database}", found=found, hint=_TAKEN)


_TAKEN = (
    "Nothing of it was touched. Choose other names ([target] role and database); or, if they are this application's, "
    "name them by [target] url in the place of admin; or drop them, if nobody needs them."
)


def make(admin: Connection, wanted: Wanted, password: str) -> Facts:
    """Make the role and its database, as far as they are not there yet; what was decided of the database.

    The password goes as a SCRAM-SHA-256 verifier (RFC 5803): the server, its log and pg_stat_statements see no other.

    Raises:
        NameTaken, TargetRights, TargetError.
    """
    with _said():
        refuse_taken(admin, wanted)
        verifier = admin.pgconn.encrypt_password(password.encode(), wanted.role.encode(), b"scram-sha-256").decode()
        role = sql.Identifier(wanted.role)
        with admin.transaction():
            verb = "ALTER" if admin.execute(_ROLE, (wanted.role,)).fetchone() else "CREATE"
            words = "{} ROLE {} " + _LEAST if verb == "CREATE" else "{} ROLE {} LOGIN"
            statement = sql.SQL(words + " PASSWORD {}").format(sql.SQL(verb), role, sql.Literal(verifier))
            admin.execute(statement)
            admin.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(wanted.mark)))
        with _member(admin, wanted):
            if not admin.execute(_DATABASE, (wanted.database,)).fetchone():
                _make_database(admin, wanted)
            admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(wanted.database)))
            _give_schema(admin, wanted)
        found = admin.execute(_DATABASE, (wanted.database,)).fetchone()
        return {"encoding": found[2], "locale": found[3]} if found else {}


def _make_database(admin: Connection, wanted: Wanted) -> None:
    """Make it with C.UTF-8: texts sort as in SQLite, by code point, and an upgrade of the system changes no index.

    From PostgreSQL 17 on that is the server's own; before, the system's, where it has it. Else the server's default
    locale: litelift's columns say COLLATE "C" themselves.
    """
    made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' ").format(
        sql.Identifier(wanted.database), sql.Identifier(wanted.role)
    )
    locales = ["LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", "LC_COLLATE 'C.utf8' LC_CTYPE 'C.utf8'", ""]
    if admin.info.server_version >= 150000:
        locales[:2] = [f"LOCALE_PROVIDER libc {words}" for words in locales[:2]]
    if admin.info.server_version >= 170000:
        locales.insert(0, "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
    for words in locales:
        try:
            admin.execute(made + sql.SQL(words))
            return
        except psycopg.errors.DuplicateDatabase:
            # Somebody made one since it was looked for.
            refuse_taken(admin, wanted)
            return
        except (psycopg.errors.WrongObjectType, psycopg.errors.InvalidParameterValue):
            if not words:
                raise


def _give_schema(admin: Connection, wanted: Wanted) -> None:
    # From PostgreSQL 15 on public is the database owner's, and nobody else's to make tables in.
    if admin.info.server_version >= 150000 or not _is_superuser(admin):
        return
    with connect(make_conninfo(admin.info.dsn, password=admin.info.password, dbname=wanted.database)) as inside:
        inside.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        inside.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(wanted.role)))


def drop(admin: Connection, wanted: Wanted) -> list[str]:
    """Drop what `make` made, and end the application's sessions; what was dropped. Nothing of anybody else's.

    Raises:
        TargetInUse: others are in the database. DependantsFound: the role owns more by now.
    """
    dropped: list[str] = []
    with _said():
        role = admin.execute(_ROLE, (wanted.role,)).fetchone()
        if role is None or role[1] != wanted.mark:
            return dropped
        name = sql.Identifier(wanted.role)
        with _member(admin, wanted, stays=True):
            admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
            database = admin.execute(_DATABASE, (wanted.database,)).fetchone()
            if database is not None and database[1] == wanted.role:
                _drop_database(admin, wanted)
                dropped.append(f"the database {wanted.database}")
        try:
            admin.execute(sql.SQL("DROP ROLE {}").format(name))
        except psycopg.errors.DependentObjectsStillExist as error:
            objects = " ".join((error.diag.message_detail or str(error)).split())
            raise errors.DependantsFound(objects=objects) from None
        dropped.append(f"the role {wanted.role}")
    return dropped


def _drop_database(admin: Connection, wanted: Wanted) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while True:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s and pid <> pg_backend_pid()",
            (wanted.role,),
        )
        try:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(wanted.database)))
            return
        except psycopg.errors.ObjectInUse as error:
            if time.monotonic() > deadline:
                others = _sessions(admin, wanted.database) or " ".join((error.diag.message_detail or "").split())
                raise errors.TargetInUse(sessions=others) from None
        time.sleep(0.1)


def _sessions(admin: Connection, database: str) -> str:
    rows = admin.execute(
        "select pid, usename, application_name from pg_stat_activity where datname = %s order by pid", (database,)
    ).fetchall()
    return ", ".join(f"{user} ({program or 'unnamed'}, process {pid})" for pid, user, program in rows)


@contextmanager
def _member(admin: Connection, wanted: Wanted, *, stays: bool = False) -> Iterator[None]:
    """Make ``admin`` a member of the role meanwhile: who is no superuser owns a database for others only then.

    ``stays``: the role goes next, and the membership with it.
    """
    if _is_superuser(admin):
        yield
        return
    role = sql.Identifier(wanted.role)
    admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    yield
    if not stays:
        admin.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(role))


def _is_superuser(admin: Connection) -> bool:
    return bool((admin.execute(_MAY).fetchone() or (False,))[0])


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise stopped(error) from error
