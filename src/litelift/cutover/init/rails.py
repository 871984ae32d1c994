"""Ruby on Rails."""

from __future__ import annotations

import re
from pathlib import Path

from litelift.cutover.configuration import database_yml
from litelift.cutover.init.databases import named, pointing
from litelift.cutover.init.proposal import Project, Proposal, read

CONFIG = "config/database.yml"
_KEYS = {
    "adapter": "postgresql",
    "host": "{host}",
    "port": "{port}",
    "database": "{database}",
    "username": "{user}",
    "password": "{password}",
}


def is_there(folder: Path) -> bool:
    """Whether the project is one."""
    return (folder / CONFIG).is_file() and ((folder / "bin/rails").exists() or "rails" in read(folder / "Gemfile"))


def database(project: Project) -> Path | None:
    """The production database: by DATABASE_URL, else by config/database.yml."""
    found = pointing(project.env, project.folder)
    if "DATABASE_URL" in found:
        return found["DATABASE_URL"]
    text = read(project.folder / CONFIG)
    section, _ = _section(text)
    if section is None:
        return None
    try:
        held = {**database_yml.tags(text, section, ["database"]), **database_yml.values(text, section)}
        tag = database_yml.tags(text, section, ["database"]).get("database")
    except ValueError:
        return None
    texts = re.findall(r"['\"]([^'\"]+)['\"]", tag) if tag else [held.get("database", "")]
    return next((path for words in texts if (path := named(words, project.folder))), None)


def propose(project: Project, source: Path) -> Proposal:
    """Its own schema, and the section production of its database.yml."""
    made = Proposal()
    text = read(project.folder / CONFIG)
    section, others = _section(text)
    load = "db:schema:load" + (f":{section.split('.')[1]}" if section and "." in section else "")
    made.move = {"mode": "data-only", "schema_commands": [f"RAILS_ENV=production bin/rails {load}"]}
    if "DATABASE_URL" in project.env or "DATABASE_URL" in text:
        made.environment = [{"file": ".env", "set": {"DATABASE_URL": "{url}"}}]
        if not project.has_env:
            made.todo.append("there is no .env: name the file in [[environment]] that sets DATABASE_URL")
    else:
        made.environment = [{"file": CONFIG, "kind": "database-yml", "section": section or "production", "set": _KEYS}]
    made.note("maintenance", "on", "Rails has none of its own. Without it, services.stop keeps users from writing.")
    made.note("services", "stop", "Such as: systemctl stop puma sidekiq")
    if "rails/health#show" in read(project.folder / "config/routes.rb"):
        made.paths.append(("up", "/up"))
    if others:
        names = ", ".join(others)
        made.todo.append(
            f"{CONFIG} has more databases in production ({names}): they stay on SQLite, or have runbooks too"
        )
    if not re.search(
        r"^\s*(?:gem\s+['\"]pg['\"]|pg \()",
        read(project.folder / "Gemfile") + read(project.folder / "Gemfile.lock"),
        re.M,
    ):
        made.todo.append("the Gemfile has no pg: have code.update bring it")
    made.todo.append("services.stop and services.start are empty: say how the application is stopped and started")
    return made


def _section(text: str) -> tuple[str | None, list[str]]:
    """The section to change, and the databases beside it where there are several."""
    try:
        database_yml.values(text, "production")
    except ValueError as error:
        several = re.findall(r"production\.(\w+)", str(error)) if "several databases" in str(error) else []
        if not several:
            return None, []
        first = "primary" if "primary" in several else several[0]
        return f"production.{first}", [name for name in several if name != first]
    return "production", []
