"""What the watch is about: the database, its logins, its backups, and what stands around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from litelift.backup.subject import Subject, parts_of, subject
from litelift.cutover.health.settings import HealthCheck
from litelift.cutover.settings import EmbeddedTarget, Runbook
from litelift.monitor.settings import Monitor
from litelift.postgres.connect import normalized


@dataclass(frozen=True, slots=True)
class Watched:
    """A moved database and what belongs to it. Only ``logins`` may hold a password."""

    label: str
    """How it is called."""
    settings: Monitor
    folder: Path
    """Where the baseline and the samples lie; it may not be there yet."""
    logins: tuple[str, ...]
    """To the application's database: the one that sees most first."""
    backups: Subject
    """The same database, as the backup commands have it."""
    health: tuple[HealthCheck, ...] = ()
    """The project's own checks."""
    runbook: Runbook | None = None
    """Of the move, if there was one."""
    embedded: Path | None = None
    """The SQLite file that was moved, where the server is its embedded one."""
    project: Path = Path()
    """The project's folder: paths of its checks are relative to it."""


def watched(what: str | None, folder: Path | None = None) -> Watched:
    """What the words of the command name.

    Args:
        what: a litelift.toml, a server's URL or keywords, or a SQLite file whose embedded PostgreSQL is meant. None:
            the litelift.toml of this folder.
        folder: of the samples, in the place of the file's.

    Raises:
        UsageError, RunbookError: there is no such file, or what is in it does not lead to a database, or names checks
            that there are not. EmbeddedServerError: there never was a server, or its folder may not be read.
    """
    # Imported now: the checks may import this module.
    from litelift.monitor.against import refuse_unknown

    of = subject(what, as_is=True)
    parts = parts_of(of)
    if of.file is not None:
        refuse_unknown(of.file)
    settings = parts.monitor
    logins = [_into(of.dsn, of.admin)] if of.admin else []
    logins = [normalized(settings.url)] if settings.url else [*logins, of.dsn]
    place = folder.absolute() if folder else (parts.folder / settings.folder).resolve()
    runbook = parts.runbook
    embedded = of.settings.url is None and (runbook is None or isinstance(runbook.target, EmbeddedTarget))
    source = of.source if embedded else None
    return Watched(of.label, settings, place, tuple(logins), of, tuple(parts.health), runbook, source, parts.folder)


def _into(dsn: str, admin: str) -> str:
    """The administrator's login, to the application's database."""
    database = conninfo_to_dict(dsn).get("dbname")
    return make_conninfo(admin, dbname=database) if database else admin
