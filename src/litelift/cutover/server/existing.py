"""A PostgreSQL server that runs already: the role and database are made there, or are there."""

from __future__ import annotations

from secrets import token_hex

import psycopg

from litelift import errors
from litelift.cutover.context import Context
from litelift.cutover.credentials import Login, keep_login, kept_login, new_password
from litelift.cutover.server import rights, roles
from litelift.cutover.server.roles import Wanted
from litelift.cutover.settings import ExistingTarget
from litelift.cutover.step import Facts
from litelift.move.preconditions import refuse_without_rights
from litelift.postgres.connect import OLDEST, Connection, connect, normalized, open_server, refuse_read_only
from litelift.postgres.login import where
from litelift.preflight.server import read_state
from litelift.preflight.target import refuse_few_connections

SETTINGS = (
    "TimeZone",
    "archive_mode",
    "fsync",
    "full_page_writes",
    "max_connections",
    "max_locks_per_transaction",
    "max_wal_size",
    "wal_level",
)


class Existing:
    """[target] kind = "existing"."""

    def __init__(self, target: ExistingTarget) -> None:
        """Of these settings."""
        self.target = target

    def plan(self, context: Context) -> list[str]:
        """What it would do."""
        target = self.target
        if target.url is not None:
            return [f"use the database at {where(normalized(target.url))}, which is there"]
        return [
            f"make the role {target.role} on {where(normalized(target.admin or ''))}: a generated password (SCRAM), "
            "no rights beyond its database",
            f"make the database {target.database}: UTF-8, its owner {target.role}, closed to every other role",
            f"keep the login in {context.login_path} (0600)",
        ]

    def estimate(self, context: Context) -> float | None:
        """Seconds."""
        return 1.0

    def check(self, context: Context) -> Facts:
        """Look at the server."""
        if self.target.url is not None:
            return self._check_url(context, self.target.url)
        wanted = Wanted(self.target.database, self.target.role, token_hex(8))
        with self._admin() as admin:
            info = admin.info
            if info.server_version < OLDEST:
                version = info.parameter_status("server_version") or str(info.server_version)
                raise errors.TargetTooOld(version=version, where=where(normalized(self.target.admin or "")))
            refuse_read_only(admin)
            roles.refuse_without_rights(admin)
            roles.refuse_taken(admin, wanted)
            return {
                "kind": "existing",
                "makes": True,
                "run": wanted.run,
                "host": self.target.host or info.host,
                "port": info.port,
                "database": wanted.database,
                "role": wanted.role,
                "admin": info.user,
                **_settings(context, admin),
            }

    def _check_url(self, context: Context, url: str) -> Facts:
        server, connection = open_server(normalized(url), writable=True)
        with connection:
            refuse_without_rights(connection, "public" if context.runbook.move.mode == "whole" else None)
            return {
                "kind": "existing",
                "makes": False,
                "host": server.host,
                "port": server.port,
                "database": server.database,
                "role": server.user,
                **_settings(context, connection),
            }

    def do(self, context: Context, facts: Facts) -> Facts:
        """Make the role and the database; keep the login."""
        if not facts["makes"]:
            with connect(normalized(self.target.url or "")) as connection:
                # From the URL, PGPASSWORD, a password file or a service: libpq knows which.
                password = connection.info.password
            keep_login(context.login_path, _login(facts, password))
            return {"credentials": str(context.login_path)}
        wanted = _wanted(facts)
        with self._admin() as admin:
            login = kept_login(context.login_path) or _login(facts, new_password())
            keep_login(context.login_path, login)
            context.note(begun=True)
            return {"credentials": str(context.login_path), **roles.make(admin, wanted, login.password)}

    def confirm(self, context: Context, facts: Facts) -> Facts:
        """Log in as the application."""
        login = context.login
        if not facts["makes"]:
            return rights.look(login)
        try:
            return rights.confirm_least(login)
        except errors.TargetAuthFailed as error:
            hint = (
                f"{error.hint} The role was made, and the server refuses the way to it. Say by [target] host how "
                "the application reaches the server (such as 127.0.0.1 in the place of a socket), or mend pg_hba.conf."
            )
            raise errors.TargetAuthFailed(**error.facts, hint=hint) from None

    def undo(self, context: Context, facts: Facts) -> Facts:
        """Drop what was made."""
        dropped: list[str] = []
        if facts.get("begun"):
            with self._admin() as admin:
                dropped = roles.drop(admin, _wanted(facts))
        context.login_path.unlink(missing_ok=True)
        return {"dropped": dropped}

    def wake(self, context: Context, facts: Facts) -> bool:
        """Nothing: the server is its administrators'."""
        return False

    def _admin(self) -> Connection:
        return connect(normalized(self.target.admin or ""))


def _wanted(facts: Facts) -> Wanted:
    return Wanted(facts["database"], facts["role"], facts["run"])


def _login(facts: Facts, password: str) -> Login:
    return Login(facts["host"], facts["port"], facts["database"], facts["role"], password)


def _settings(context: Context, connection: Connection) -> Facts:
    """What the server is set to; raises where a move would run out of sessions."""
    try:
        state = read_state(connection)
        method = connection.execute("show password_encryption").fetchone()
    except psycopg.errors.InsufficientPrivilege as error:
        raise errors.TargetError(message=f"PostgreSQL refused: {error}") from error
    move = context.runbook.move
    refuse_few_connections(state, move.jobs or 1, move.mode == "data-only")
    settings = {name: state.settings[name] for name in SETTINGS if name in state.settings}
    return {
        "version": connection.info.parameter_status("server_version"),
        "connections_free": state.connections.free,
        "settings": settings | {"password_encryption": method[0] if method else ""},
    }
