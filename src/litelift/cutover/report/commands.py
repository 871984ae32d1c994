"""Useful commands, filled in for this system. No password is in any of them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from litelift.cutover.commands import shown
from litelift.cutover.context import Context
from litelift.cutover.credentials import kept_login
from litelift.cutover.settings import Command, ContainerTarget, EmbeddedTarget
from litelift.report.nextsteps import Code
from litelift.result import MigrationResult


@dataclass(frozen=True)
class Place:
    """Where the application's database is, without its password; ``login`` is the file that has that."""

    host: str
    port: int
    database: str
    user: str
    login: Path

    @property
    def url(self) -> str:
        """As a URL."""
        user, database = quote(self.user, safe=""), quote(self.database, safe="")
        if self.host.startswith("/"):
            return f"postgresql://{user}@/{database}?host={quote(self.host, safe='/')}&port={self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{user}@{host}:{self.port}/{database}"

    @property
    def password(self) -> str:
        """A line for the shell that takes the password from its file."""
        script = 'import json, sys; print(json.load(open(sys.argv[1]))["password"])'
        return f"export PGPASSWORD=$(python3 -c {shlex.quote(script)} {shlex.quote(str(self.login))})"


def place_of(context: Context, result: MigrationResult | None) -> Place | None:
    """The application's database, from its login, from the set-up's facts, or from the move."""
    login = kept_login(context.login_path)
    if login is not None:
        return Place(login.host, login.port, login.database, login.user, context.login_path)
    facts = context.facts("server")
    if facts.get("host") and facts.get("port"):
        return Place(facts["host"], int(facts["port"]), facts["database"], facts["role"], context.login_path)
    if result is not None:
        target = result.target
        return Place(target.host, target.port, target.database, target.user, context.login_path)
    return None


def commands(context: Context, result: MigrationResult | None) -> list[tuple[str, Code]]:
    """What somebody needs in the days after, each with a title: of what stands, not of what was taken back."""
    runbook = context.runbook
    file = str(runbook.path)
    gone = context.journal.last("server") == "undone" and bool(context.facts("server").get("makes"))
    place = None if gone else place_of(context, result)
    found: list[tuple[str, str]] = []
    if place is not None:
        found.append(
            (
                "Open the database (the password is in the file that the first line reads)",
                f"{place.password}\npsql {shlex.quote(place.url)}",
            )
        )
        kept = context.facts("source-keep").get("copy")
        if kept:
            verify = shlex.join(["litelift", "verify", str(kept), place.url])
            found.append(("Compare every row with the kept SQLite file (what was written since differs)", verify))
        again = shlex.quote(file)
        found.append(
            (
                "Take a backup, prove it by restoring it, and see what there is",
                f"litelift backup create {again}\nlitelift backup drill {again}\nlitelift backup list {again}",
            )
        )
    found += [
        (
            "See how the run stands" + ("" if gone else ", or take it back"),
            f"litelift cutover status {shlex.quote(file)}"
            + ("" if gone else f"\nlitelift cutover rollback {shlex.quote(file)}"),
        ),
        ("Make this report again", shlex.join(["litelift", "report", str(context.folder), "--format", "html"])),
    ]
    found += [] if gone else _server(context)
    found += _application(context)
    logs = shlex.quote(str(context.folder / "output"))
    found.append(
        (
            "Read what the project's commands printed, and the journal",
            f"ls -lt {logs}\ntail -n 100 {logs}/*.log\ntail -f {shlex.quote(str(context.journal.path))}",
        )
    )
    archive = context.facts("archive")
    if "sha256" in archive:
        words = shlex.quote(archive["path"])
        found.append(
            (
                "Look into the archive",
                f"echo {shlex.quote(archive['sha256'] + '  ' + archive['path'])} | sha256sum -c\ntar -tzvf {words}",
            )
        )
    return [(title, Code("sh", text)) for title, text in found]


def _server(context: Context) -> list[tuple[str, str]]:
    target = context.runbook.target
    if isinstance(target, ContainerTarget):
        facts = context.facts("server")
        engine = facts.get("engine") or target.engine
        name = shlex.quote(target.name)
        first = f"export DOCKER_HOST={shlex.quote(str(engine))}\n" if engine else ""
        lines = [f"docker {words} {name}" for words in ("inspect", "logs --tail 100", "stop", "start")]
        lines.append(f"docker exec -it {name} psql -U postgres")
        return [("The container of PostgreSQL (podman takes the same words)", first + "\n".join(lines))]
    if isinstance(target, EmbeddedTarget):
        source = shlex.quote(str(context.runbook.source_path))
        return [
            (
                "The embedded PostgreSQL (after a restart of the machine it has to be started)",
                f"litelift server status {source}\nlitelift server start {source}",
            )
        ]
    return []


def _application(context: Context) -> list[tuple[str, str]]:
    runbook = context.runbook
    there = f"cd {shlex.quote(str(runbook.folder))}"
    found = []
    for title, parts in (
        ("Stop and start the application", [*runbook.services.stop, *runbook.services.start]),
        ("Close and open the application (maintenance)", [*runbook.maintenance.on, *runbook.maintenance.off]),
        ("Back up, as the runbook does", runbook.backup.commands),
        ("Watch, as the runbook does", runbook.monitor.commands),
    ):
        if parts:
            found.append((title, "\n".join([there, *map(_typed, parts)])))
    return found


def _typed(command: Command) -> str:
    return shown(command if isinstance(command, str) else shlex.join(command))
