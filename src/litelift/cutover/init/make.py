"""Looks at a project's folder, and makes its runbook of what it finds and of what it is told."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict

from litelift.cutover.configuration import dotenv
from litelift.cutover.init import django, laravel, node, plain, rails
from litelift.cutover.init.databases import databases, is_database
from litelift.cutover.init.emit import emit
from litelift.cutover.init.proposal import Framework, Project, Proposal, read
from litelift.cutover.read import read_runbook
from litelift.errors import RunbookError, UsageError

_FRAMEWORKS: dict[Framework, Any] = {"laravel": laravel, "django": django, "rails": rails, "node": node, "plain": plain}
"""In the order in which they are looked for: a Laravel project has a package.json too."""

_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_URL_KEYS = ("APP_URL", "SITE_URL", "BASE_URL", "PUBLIC_URL", "NEXTAUTH_URL", "NEXT_PUBLIC_APP_URL", "DJANGO_SITE_URL")

TargetKind = Literal["existing", "embedded", "container"]


@dataclass
class Found:
    """What a folder holds."""

    folder: Path
    framework: Framework
    sources: list[Path]
    """Its SQLite databases: the one that it uses, then the others."""
    used: bool
    """Whether the project's configuration names the first of them."""
    compose: str | None
    health: list[str]
    """The address at which it serves."""
    target: TargetKind
    project: Project


@dataclass
class Wanted:
    """What the runbook is made of."""

    source: Path
    framework: Framework
    target: TargetKind
    admin: str | None = None
    url: str | None = None
    compose: str | None = None
    health: Sequence[str] = ()
    stop: Sequence[str] = ()
    start: Sequence[str] = ()


@dataclass
class Made:
    """A runbook that can be read, and what its author must still do."""

    text: str
    todo: list[str] = field(default_factory=list)


def look(folder: Path, framework: Framework | None = None) -> Found:
    """What is in the folder. Nothing of the project is run."""
    env_file = folder / ".env"
    env = dotenv.values(read(env_file)) if env_file.is_file() else {}
    project = Project(folder, env, env_file.is_file())
    known = framework or _framework(folder)
    used: Path | None = _FRAMEWORKS[known].database(project)
    if used is not None and not is_database(used):
        used = None
    sources = [path for path in databases(folder) if path.resolve() != used]
    compose = next((name for name in _COMPOSE if (folder / name).is_file()), None)
    url = next((env[key] for key in _URL_KEYS if _is_address(env.get(key, ""))), None)
    return Found(
        folder,
        known,
        [*([used] if used else []), *sources],
        used is not None,
        compose,
        [url] if url else [],
        "container" if compose else "existing" if _server_here() else "embedded",
        project,
    )


def make(found: Found, wanted: Wanted, output: Path) -> Made:
    """The runbook of a project, to be written to ``output``.

    Raises UsageError for what would make no runbook; it holds no password of what it was told.
    """
    proposal: Proposal = _FRAMEWORKS[wanted.framework].propose(found.project, wanted.source)
    todo = list(proposal.todo)
    services = dict(proposal.services)
    if wanted.stop:
        services["stop"] = list(wanted.stop)
    if wanted.start:
        # The framework's own come first: what starts with a cached configuration would be back on SQLite.
        own = services.get("start", [])
        services["start"] = [*own, *(command for command in wanted.start if command not in own)]
    if wanted.stop or wanted.start:
        todo = [item for item in todo if not item.startswith("services.")]
        if not services.get("stop"):
            todo.append("services.stop is empty: say what stops all that writes to the database")
    health = _health(wanted.health, proposal.paths)
    if not health:
        todo.append("[[health]] is empty: say where the application answers, and what its answer must be")
    values: dict[str, Any] = {
        "project": {
            "name": found.folder.resolve().name or "application",
            "folder": _relative(found.folder, output.parent),
        },
        "source": {"path": _relative(wanted.source, found.folder)},
        "target": _target(found, wanted, todo),
        "move": proposal.move,
        "maintenance": proposal.maintenance,
        "services": services,
        "environment": proposal.environment,
        "health": health,
    }
    text = emit(values, proposal.notes, todo)
    _prove(text)
    return Made(text, todo)


def _framework(folder: Path) -> Framework:
    for name, kind in _FRAMEWORKS.items():
        if kind.is_there(folder):
            return name
    return "plain"


def _target(found: Found, wanted: Wanted, todo: list[str]) -> dict[str, Any]:
    name = _identifier(found.folder.resolve().name)
    target: dict[str, Any] = {"kind": wanted.target, "database": name, "role": name}
    if wanted.target == "existing":
        for option, words in (("--admin", wanted.admin), ("--url", wanted.url)):
            _refuse_password(option, words)
        if wanted.url:
            return {"kind": "existing", "url": wanted.url}
        return {"kind": "existing", "admin": wanted.admin or "dbname=postgres", "database": name, "role": name}
    if wanted.target == "container":
        target |= {"name": f"{name}-postgres", "volume": f"{name}-postgres-data"}
        if wanted.compose:
            target["compose"] = wanted.compose
            todo.append(f"target.compose: does the application itself run in {wanted.compose}? Then see target.network")
    return target


def _refuse_password(option: str, words: str | None) -> None:
    try:
        held = conninfo_to_dict(words or "").get("password")
    except (Error, UnicodeError, ValueError):
        # libpq's message repeats the string, and with it a password.
        raise UsageError(message=f"{option}: neither a PostgreSQL URL nor a libpq keyword string") from None
    if held:
        hint = "Leave it out; PGPASSWORD, PGPASSFILE (~/.pgpass) or a service file hold it."
        raise UsageError(message=f"{option}: a password does not belong into the runbook", hint=hint)


def _health(addresses: Sequence[str], paths: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number, address in enumerate(addresses, 1):
        of = f" {number}" if number > 1 else ""
        made.append({"name": f"answers{of}", "kind": "http", "url": address})
        if number == 1:
            made.append({"name": "page and its scripts", "kind": "page", "url": address})
            made += [{"name": name, "kind": "http", "url": address.rstrip("/") + path} for name, path in paths]
    return made


def _relative(path: Path, folder: Path) -> str:
    path, folder = path.resolve(), folder.resolve()
    if path.is_relative_to(folder):
        return str(path.relative_to(folder))
    return os.path.relpath(path, folder) if folder.is_relative_to(path) else str(path)


def _identifier(name: str) -> str:
    """A name for a role, a database and a container, of the folder's name."""
    plain_name = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:40]
    if not re.match(r"[a-z]", plain_name):
        plain_name = f"app_{plain_name}".rstrip("_")
    reserved = plain_name.startswith("pg_") or plain_name in ("postgres", "public", "none", "template0", "template1")
    return f"app_{plain_name}" if reserved else plain_name


def _is_address(words: str) -> bool:
    try:
        parts = urlsplit(words)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def _server_here() -> bool:
    """Whether a PostgreSQL seems to run here already."""
    return bool(os.environ.get("PGHOST")) or Path("/var/run/postgresql/.s.PGSQL.5432").exists()


def _prove(text: str) -> None:
    """Read the file as it will be read. Raises UsageError."""
    with tempfile.TemporaryDirectory(prefix="litelift-") as folder:
        path = Path(folder) / "litelift.toml"
        path.write_text(text, encoding="utf-8")
        try:
            read_runbook(path)
        except RunbookError as error:
            said = str(error.message).replace(f"{path}:", "line ")
            raise UsageError(
                message=f"this would be no runbook: {said}", hint="Mend the option it came from."
            ) from None
