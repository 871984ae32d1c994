"""A small project to move: a SQLite database, a .env, code in git, and an application whose commands leave a trace."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from litelift.cutover.journal import Journal, read_journal

ROWS = 300
_numbers = itertools.count()
RUNBOOK = """
[project]
name = "the school"

[source]
path = "app.sqlite"

[target]
kind = "existing"
admin = "{admin}"
database = "{name}"
role = "{name}"

[maintenance]
on = ["echo closed >> trace"]
off = ["echo open >> trace"]

[services]
stop = ["echo stopped >> trace"]
start = ["echo started on $(cut -d= -f2 .env | tr -d '\\\"' | cut -d: -f1) >> trace"]

[code]
update = [["git", "checkout", "-q", "release-2"]]

[[environment]]
file = ".env"
set = {{ DATABASE_URL = "{{url}}" }}
"""


@dataclass(frozen=True)
class Project:
    """The project in ``folder``; its database and role in PostgreSQL are named ``name``."""

    folder: Path
    admin: str
    name: str

    @property
    def file(self) -> Path:
        """Its runbook."""
        return self.folder / "litelift.toml"

    @property
    def source(self) -> Path:
        """Its SQLite file."""
        return self.folder / "app.sqlite"

    @property
    def target(self) -> str:
        """Its database in PostgreSQL, as the administrator of the server sees it."""
        return self.admin.replace("/postgres?", f"/{self.name}?")

    @property
    def journal(self) -> Journal:
        """The journal of the last run."""
        last = max(int(one.name) for one in (self.folder / "litelift-cutover").iterdir() if one.name.isdigit())
        return read_journal(self.folder / "litelift-cutover" / str(last))

    @property
    def trace(self) -> list[str]:
        """What was done to the application, in order."""
        path = self.folder / "trace"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def commit(self) -> str:
        """The commit of the code."""
        words = ["git", "-C", str(self.folder), "rev-parse", "HEAD"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    def configured(self, **changed: str) -> None:
        """Change lines of the runbook: ``stop = '["false"]'`` is the line that begins with "stop = "."""
        lines = self.file.read_text().splitlines()
        for key, value in changed.items():
            lines = [f"{key} = {value}" if line.startswith(f"{key} = ") else line for line in lines]
        self.file.write_text("\n".join(lines) + "\n")

    def added(self, text: str) -> None:
        """Add to the runbook."""
        with self.file.open("a") as file:
            file.write(text)

    def before(self) -> dict[str, object]:
        """What the way back must bring back: the database, the configuration, the code; and nothing in PostgreSQL."""
        return {
            "source": hashlib.sha256(self.source.read_bytes()).hexdigest(),
            "beside": sorted(one.name for one in self.folder.iterdir() if one.name.startswith("app.")),
            ".env": (self.folder / ".env").read_text(),
            "code": (self.folder / "code.txt").read_text(),
            "commit": self.commit,
            "in PostgreSQL": self.in_postgresql(),
        }

    def in_postgresql(self) -> list[str]:
        """What there is of the project in the server: its database, its role."""
        with psycopg.connect(self.admin) as connection:
            rows = connection.execute(
                "select 'database' from pg_database where datname = %s union all select 'role' from pg_roles"
                " where rolname = %s",
                (self.name, self.name),
            ).fetchall()
        return [row[0] for row in rows]

    def rows(self) -> int:
        """Rows of the table in PostgreSQL."""
        with psycopg.connect(self.target) as connection:
            found = connection.execute("select count(*) from grades").fetchone()
        assert found is not None
        return int(found[0])

    def clear(self) -> None:
        """Remove what is left in the server."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            name = sql.Identifier(self.name)
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
            with contextlib.suppress(psycopg.errors.UndefinedObject):
                connection.execute(sql.SQL("drop role {}").format(name))


def make_project(folder: Path, admin: str, runbook: str = RUNBOOK) -> Project:
    """Make the project in ``folder``; ``admin`` is the URL of the server's administrator."""
    folder.mkdir(parents=True)
    name = f"school_{os.getpid()}_{next(_numbers)}"
    project = Project(folder, admin, name)
    with contextlib.closing(sqlite3.connect(project.source)) as connection, connection:
        connection.executescript(
            "create table pupils(id integer primary key, name text not null);"
            "create table grades(id integer primary key, pupil integer references pupils(id), grade numeric(4,2));"
        )
        connection.executemany("insert into pupils values (?, ?)", [(n, f"Şagird {n}") for n in range(1, 31)])
        rows = [(n, n % 30 + 1, n % 11) for n in range(1, ROWS + 1)]
        connection.executemany("insert into grades values (?, ?, ?)", rows)
    (folder / ".env").write_text("DATABASE_URL=sqlite:///app.sqlite\n")
    (folder / ".env").chmod(0o600)
    (folder / ".gitignore").write_text("app.sqlite*\n.env\ntrace\nlitelift.toml\nlitelift-archive\n")
    _git(folder, "init", "-q", "-b", "main")
    for release in ("1", "2"):
        (folder / "code.txt").write_text(f"release {release}\n")
        _git(folder, "add", "-A")
        _git(folder, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "-m", release)
        _git(folder, "tag", f"release-{release}")
    _git(folder, "reset", "-q", "--hard", "release-1")
    project.file.write_text(runbook.format(admin=admin, name=name))
    return project


@contextlib.contextmanager
def a_project(folder: Path, admin: str, runbook: str = RUNBOOK) -> Iterator[Project]:
    """A project whose database and role are gone afterwards."""
    project = make_project(folder, admin, runbook)
    try:
        yield project
    finally:
        project.clear()


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
