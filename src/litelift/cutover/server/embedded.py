"""The embedded PostgreSQL, in a folder beside the source: started, and given the application's role and database."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from shlex import quote

from psycopg.conninfo import conninfo_to_dict

from litelift import errors
from litelift.cutover.context import Context
from litelift.cutover.credentials import Login, keep_login, kept_login, new_password
from litelift.cutover.server import rights, roles
from litelift.cutover.server.roles import Wanted
from litelift.cutover.settings import EmbeddedTarget
from litelift.cutover.step import Facts
from litelift.postgres import embedded
from litelift.postgres.connect import connect, normalized
from litelift.postgres.socket_folder import PORT


class Embedded:
    """[target] kind = "embedded"."""

    def __init__(self, target: EmbeddedTarget) -> None:
        """Of these settings."""
        self.target = target

    def plan(self, context: Context) -> list[str]:
        """What it would do."""
        folder = embedded.folder_for(context.runbook.source_path)
        return [
            f"start the embedded PostgreSQL {self.target.version} in {folder}; it listens on a socket alone",
            f"make the role {self.target.role} and its database {self.target.database} (UTF-8)",
            f"keep the login in {context.login_path} (0600)",
        ]

    def estimate(self, context: Context) -> float | None:
        """Seconds."""
        return 3.0

    def check(self, context: Context) -> Facts:
        """Look what is in the folder."""
        folder = embedded.folder_for(context.runbook.source_path)
        there = running = False
        if (folder / "PG_VERSION").exists():
            found = embedded.status(folder)
            there, running = True, found.pid is not None
            if found.version != self.target.version:
                message = f"it holds PostgreSQL {found.version}, and {self.target.version} was asked for"
                hint = f"Say [target] version = {found.version}, or move {folder.parent} away to make a new one."
                raise errors.EmbeddedServerError(folder=folder, action="start", message=message, hint=hint)
            if found.url is not None:
                with connect(normalized(found.url)) as admin:
                    roles.refuse_taken(admin, Wanted(self.target.database, self.target.role, ""))
        return {
            "kind": "embedded",
            "makes": True,
            "run": token_hex(8),
            "folder": str(folder),
            "source": str(context.runbook.source_path),
            "was_there": there,
            "was_running": running,
            "database": self.target.database,
            "role": self.target.role,
        }

    def do(self, context: Context, facts: Facts) -> Facts:
        """Start it, and make the role and the database."""
        wanted = Wanted(facts["database"], facts["role"], facts["run"])
        context.note(begun=True)
        server = embedded.start(Path(facts["folder"]), self.target.version)
        if server.opened:
            opened = ", ".join(map(str, server.opened))
            context.issue(f"PostgreSQL's own user could not reach its folder under {opened}", "given the right to pass")
        where = conninfo_to_dict(server.url or "")
        host, port = str(where["host"]), int(where.get("port") or PORT)
        login = kept_login(context.login_path)
        # A server that was moved meanwhile listens elsewhere.
        login = Login(host, port, wanted.database, wanted.role, login.password if login else new_password())
        keep_login(context.login_path, login)
        with connect(normalized(server.url or "")) as admin:
            made = roles.make(admin, wanted, login.password)
        return {
            "credentials": str(context.login_path),
            "host": host,
            "port": port,
            "pid": server.pid,
            "start_again": f"litelift server start {quote(facts['source'])}",
            **made,
        }

    def confirm(self, context: Context, facts: Facts) -> Facts:
        """Log in as the application."""
        return rights.confirm_least(context.login)

    def undo(self, context: Context, facts: Facts) -> Facts:
        """Drop what was made; stop the server if it was stopped, and remove it if it was not there."""
        folder = Path(facts["folder"])
        dropped: list[str] = []
        if facts.get("begun") and not facts["was_there"]:
            dropped += _discard(folder)
        elif facts.get("begun"):
            dropped += _drop(folder, facts)
        context.login_path.unlink(missing_ok=True)
        return {"dropped": dropped}

    def wake(self, context: Context, facts: Facts) -> bool:
        """Start the server again."""
        return embedded.start(Path(facts["folder"])).started


def _discard(folder: Path) -> list[str]:
    # What an initdb that was cut short left beside it.
    shutil.rmtree(folder.with_name(f"{folder.name}.new"), ignore_errors=True)
    if not (folder / "PG_VERSION").exists():
        folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()
        return []
    embedded.discard(replace(embedded.status(folder), made=True, started=True))
    return [f"the embedded PostgreSQL in {folder}"]


def _drop(folder: Path, facts: Facts) -> list[str]:
    wanted = Wanted(facts["database"], facts["role"], facts["run"])
    server = embedded.start(folder)
    try:
        with connect(normalized(server.url or "")) as admin:
            return roles.drop(admin, wanted)
    finally:
        if not facts["was_running"]:
            embedded.stop(folder)
