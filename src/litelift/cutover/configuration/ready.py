"""Whether the application's files can be switched, and whether it would see it: asked before anything is done."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence

from litelift.cutover.commands import shown
from litelift.cutover.configuration import database_yml, dotenv
from litelift.cutover.configuration.edit import ConfigurationFile
from litelift.cutover.settings import Runbook
from litelift.errors import ConfigurationError

_LARAVEL_CACHE = "bootstrap/cache/config.php"
_POSTGRESQL = re.compile(r"(?:\w+\.)*(?:postgres|postgresql|pgsql|postgis|psycopg)(?:\+\w+)?(?::.*)?", re.DOTALL)
"""A value that says PostgreSQL: a URL, Laravel's driver, Rails' adapter, Django's engine."""


def ready(file: ConfigurationFile, runbook: Runbook) -> None:
    """Raise ConfigurationError where the file cannot be replaced, or where the application would not read it."""
    path = file.path
    if not path.exists():
        raise ConfigurationError(path=file.name, message="there is no such file")
    if not path.is_file():
        raise ConfigurationError(path=file.name, message="this is no file")
    if not os.access(path, os.R_OK):
        raise ConfigurationError(path=file.name, message="this user may not read it")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigurationError(path=file.name, message=f"this user may not write into its folder, {path.parent}")
    facts = path.stat()
    mine = os.geteuid() in (0, facts.st_uid) and (os.geteuid() == 0 or facts.st_gid in (os.getegid(), *os.getgroups()))
    if not mine:
        said = "it is another user's, and whoever replaces it would become its owner"
        raise ConfigurationError(path=file.name, message=said, hint="Run the cutover as its owner, or as root.")
    _unshadowed(file, runbook)


def on_sqlite(files: Sequence[ConfigurationFile]) -> None:
    """Raise ConfigurationError where every key that says which database is used says PostgreSQL already.

    What the SQLite file holds is then older than what the application serves: moving it would lose what was written
    since. A run knows of one before it only as long as its folder is there.
    """
    told: list[tuple[ConfigurationFile, str, bool]] = []
    for file in files:
        content = file.read().decode("utf-8", "surrogateescape")
        for part in file.parts:
            there = dotenv.values(content) if part.kind == "env" else database_yml.values(content, part.section)
            told += [(file, key, False) for key in part.remove if key in there]
            for key, new in part.set.items():
                if new.startswith("{url}") or _POSTGRESQL.fullmatch(new):
                    told.append((file, key, bool(_POSTGRESQL.fullmatch(str(there.get(key) or "")))))
    if told and all(says for _, _, says in told):
        file, key, _ = told[0]
        raise ConfigurationError(
            path=file.name,
            message=f"{key} says PostgreSQL already: the application does not serve on the SQLite file any more",
            hint="If it does serve on SQLite, take that line out of the file; else there is nothing to move.",
        )


def notes(file: ConfigurationFile, content: bytes, runbook: Runbook) -> Iterator[str]:
    """What a person should know of the switch of this file, though it can be done."""
    text = content.decode("utf-8", "surrogateescape")
    words = " ".join(value for part in file.parts for value in part.set.values())
    if ("{password}" in words or "{url}" in words) and file.path.stat().st_mode & stat.S_IROTH:
        yield f"{file.name} will hold the password, and every user of this machine may read it: chmod o-r {file.name}"
    for part in file.parts:
        if part.kind == "database-yml":
            for key, tag in database_yml.tags(text, part.section, part.set).items():
                yield f"{file.name}: {part.section}.{key} was read from {tag}; now its value stands there"
    rails = any(part.kind == "database-yml" for part in file.parts)
    env = runbook.folder / ".env"
    if rails and env.is_file() and "DATABASE_URL" in _env(env.read_bytes()):
        set_there = any(part.kind == "env" and "DATABASE_URL" in part.set for part in runbook.environment)
        if not set_there:
            yield f".env has DATABASE_URL, which Rails takes before {file.name}: set it in [[environment]] too"


def _unshadowed(file: ConfigurationFile, runbook: Runbook) -> None:
    """A cached configuration of Laravel's is read instead of .env, until it is cleared."""
    cache = file.path.parent / _LARAVEL_CACHE
    if file.path.name != ".env" or not (file.path.parent / "artisan").exists() or not cache.exists():
        return
    commands = " ".join(shown(command) for command in runbook.services.start)
    if any(word in commands for word in ("config:clear", "config:cache", "artisan optimize")):
        return
    raise ConfigurationError(
        path=file.name,
        message=f"the application does not read it: {_LARAVEL_CACHE} holds the configuration of before",
        hint='Put "php artisan config:clear" (or config:cache) first into services.start; a rollback runs that too.',
    )


def _env(content: bytes) -> dict[str, str]:
    return dotenv.values(content.decode("utf-8", "surrogateescape"))
