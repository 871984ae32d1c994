"""Node: Prisma, Knex, Sequelize, TypeORM, or SQLite by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from litelift.cutover.init.databases import named, pointing
from litelift.cutover.init.proposal import Project, Proposal, read

_SCHEMA = "prisma/schema.prisma"
_MIGRATIONS = {
    "prisma": "npx prisma migrate deploy",
    "knex": "npx knex migrate:latest",
    "sequelize": "npx sequelize-cli db:migrate",
}
_PLACES = [
    f"{folder}*.{kind}" for folder in ("", "config/", "src/", "db/") for kind in ("js", "ts", "mjs", "cjs", "json")
]


def is_there(folder: Path) -> bool:
    """Whether the project is one."""
    return (folder / "package.json").is_file()


def database(project: Project) -> Path | None:
    """The database that .env, Prisma's schema or a configuration in JavaScript names."""
    folder = project.folder
    found = pointing(project.env, folder, folder / "prisma")
    if found:
        return found.get("DATABASE_URL") or next(iter(found.values()))
    texts = re.findall(r'url\s*=\s*"(file:[^"]+)"', read(folder / _SCHEMA))
    for pattern in _PLACES:
        for file in sorted(folder.glob(pattern)):
            if file.name != "package-lock.json":
                texts += re.findall(r"['\"`]([^'\"`\n]+\.(?:sqlite3?|db3?))['\"`]", read(file))
    return next((path for words in texts if (path := named(words, folder / "prisma", folder))), None)


def propose(project: Project, source: Path) -> Proposal:
    """The migrations of the library that it uses; without one, litelift makes the tables."""
    made = Proposal()
    library = _library(project.folder)
    if library in _MIGRATIONS:
        made.move = {"mode": "data-only", "schema_commands": [_MIGRATIONS[library]]}
    if library == "prisma" and 'provider = "sqlite"' in re.sub(r"\s*=\s*", " = ", read(project.folder / _SCHEMA)):
        made.todo.append(
            f'{_SCHEMA} says provider = "sqlite": have code.update bring one for "postgresql", with migrations of its '
            "own, and the client generated from it"
        )
    if library not in ("prisma", "") and "pg" not in _dependencies(project.folder):
        made.todo.append("package.json has no pg: have code.update bring it")
    if library not in _MIGRATIONS:
        made.todo.append("the application's own code must speak PostgreSQL: have code.update bring what does")
    keys = pointing(project.env, project.folder, project.folder / "prisma")
    made.environment = [{"file": ".env", "set": dict.fromkeys(keys or ["DATABASE_URL"], "{url}")}]
    if not project.has_env:
        made.todo.append("there is no .env: name the file in [[environment]] that holds the application's environment")
    made.note("services", "stop", "Such as: pm2 stop app, or systemctl stop app")
    made.todo.append("services.stop and services.start are empty: say how the application is stopped and started")
    return made


def _dependencies(folder: Path) -> dict[str, Any]:
    try:
        held = json.loads(read(folder / "package.json"))
    except ValueError:
        return {}
    if not isinstance(held, dict):
        return {}
    parts = [held.get(name) for name in ("dependencies", "devDependencies")]
    return {name: version for part in parts if isinstance(part, dict) for name, version in part.items()}


def _library(folder: Path) -> str:
    """The library by which it uses its database."""
    known = _dependencies(folder)
    if "prisma" in known or "@prisma/client" in known:
        return "prisma"
    return next((name for name in ("knex", "sequelize", "typeorm", "better-sqlite3", "sqlite3") if name in known), "")
