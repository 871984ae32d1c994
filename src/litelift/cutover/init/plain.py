"""A project of no framework that is known here."""

from __future__ import annotations

from pathlib import Path

from litelift.cutover.init.databases import pointing
from litelift.cutover.init.proposal import Project, Proposal

_FLASK = "instance"  # Flask-SQLAlchemy's place for relative paths.


def is_there(folder: Path) -> bool:
    """Every project is one."""
    return True


def database(project: Project) -> Path | None:
    """The database that .env names."""
    return next(iter(pointing(project.env, project.folder, project.folder / _FLASK).values()), None)


def propose(project: Project, source: Path) -> Proposal:
    """A whole move; and the keys of .env that name the database."""
    made = Proposal(move={"mode": "whole"})
    keys = pointing(project.env, project.folder, project.folder / _FLASK)
    if project.has_env:
        made.environment = [{"file": ".env", "set": dict.fromkeys(keys or ["DATABASE_URL"], "{url}")}]
    else:
        made.todo.append("[[environment]] is empty: name the file that says which database the application uses")
    made.todo.append("services.stop and services.start are empty: say how the application is stopped and started")
    return made
