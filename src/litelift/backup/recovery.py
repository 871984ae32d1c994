"""litelift backup runbook: what to do when the database is lost, with this system's names, times and keys."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from psycopg.conninfo import conninfo_to_dict

from litelift import __version__
from litelift.backup.history import Event, events
from litelift.backup.manifest import Manifest
from litelift.backup.store import Backup
from litelift.backup.subject import Subject
from litelift.backup.wal import WalArchiving
from litelift.cutover.commands import shown
from litelift.cutover.settings import Runbook
from litelift.postgres.login import where
from litelift.redact import text as redact
from litelift.report.format import age
from litelift.report.render import environment

LATE_HOURS = 26
"""A daily backup that is older than this was missed."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Where copies are."""

    name: str
    url: str
    newest: str
    """The newest backup that is there; empty for none."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the document is made of."""

    label: str
    host: str
    made: datetime
    of: str
    """The words that name the subject in each command; empty where the folder's litelift.toml is meant."""
    live: str
    where: str
    folder: Path
    file: Path | None
    newest: Manifest | None
    good: int
    proved: Backup | None
    """The newest that a drill has restored."""
    drill: Event | None
    """The last drill that went well, of whichever backup."""
    restore_rate: float | None
    """Bytes of the database that a restore brings back in a second, by that drill."""
    copies: list[Copied]
    recipients: list[str]
    wal: WalArchiving | None
    warnings: list[str]
    logins: list[str]
    """Roles that log in, whose passwords no backup holds."""
    files: list[tuple[str, list[str]]]
    """Files that hold the login, and their keys."""
    stop: list[str]
    start: list[str]
    checks: list[str]
    version: str = __version__

    @property
    def rpo(self) -> float | None:
        """Seconds of work that would be lost now: the age of the newest good backup."""
        return (self.made - self.newest.started).total_seconds() if self.newest is not None else None

    @property
    def rto(self) -> float | None:
        """Seconds that a restore took, when it was last tried."""
        return self.drill.seconds if self.drill is not None else None

    @property
    def extensions(self) -> list[str]:
        """Those that do not come with every server."""
        return [name for name in self.newest.server.extensions if name != "plpgsql"] if self.newest is not None else []

    @property
    def words(self) -> str:
        """What follows a command."""
        return f" {self.of}" if self.of else ""


def recovery(
    of: Subject, what: str | None, runbook: Runbook | None, wal: WalArchiving | None, now: datetime | None = None
) -> Recovery:
    """Everything that the document says.

    Args:
        of: the system.
        what: the words that named it.
        runbook: of its move, if there was one.
        wal: its WAL archive; None where the server could not be asked.
        now: the moment.
    """
    now = now or datetime.now(UTC)
    found = of.store.backups()
    good = [backup for backup in found if backup.good]
    proved = [backup for backup in good if backup.standing.proved]
    newest = max((backup.read() for backup in good), key=lambda manifest: manifest.started, default=None)
    drills = [event for event in events(of.store.path) if event.what == "drill" and event.ok]
    drill = drills[-1] if drills else None
    copies = [Copied(copy.name, redact(copy.url), _newest_copy(good, copy.name)) for copy in of.settings.copy_to]
    warnings = list(_warnings(of, newest, proved, copies, wal, now))
    return Recovery(
        label=of.label,
        host=platform.node(),
        made=now,
        of=quote(redact(what)) if what is not None else "",
        live=str(conninfo_to_dict(of.dsn).get("dbname") or ""),
        where=where(of.dsn),
        folder=of.store.path,
        file=of.file.absolute() if of.file is not None else None,
        newest=newest,
        good=len(good),
        proved=proved[-1] if proved else None,
        drill=drill,
        restore_rate=_rate(found, drill),
        copies=copies,
        recipients=list(newest.encryption.recipients) if newest is not None and newest.encryption is not None else [],
        wal=wal,
        warnings=warnings,
        logins=_logins(newest),
        files=[(str(runbook.folder / one.file), sorted(one.set)) for one in runbook.environment] if runbook else [],
        stop=[shown(command) for command in runbook.services.stop] if runbook else [],
        start=[shown(command) for command in runbook.services.start] if runbook else [],
        checks=[check.name for check in runbook.health] if runbook else [],
    )


def document(made: Recovery) -> str:
    """The document, as Markdown."""
    return environment("md").get_template("recovery.md.j2").render(r=made, age=age)


def summary(made: Recovery) -> dict[str, object]:
    """The same in numbers, for --json."""
    return {
        "label": made.label,
        "made": made.made.isoformat(),
        "database": made.where,
        "newest_good": made.newest.name if made.newest is not None else None,
        "rpo_seconds": made.rpo,
        "rto_seconds": made.rto,
        "rto_at": made.drill.at.isoformat() if made.drill is not None else None,
        "drilled": made.drill.backup if made.drill is not None else None,
        "good": made.good,
        "copies": [{"name": copy.name, "url": copy.url, "newest": copy.newest} for copy in made.copies],
        "warnings": made.warnings,
    }


def _warnings(
    of: Subject,
    newest: Manifest | None,
    proved: list[Backup],
    copies: list[Copied],
    wal: WalArchiving | None,
    now: datetime,
) -> Iterator[str]:
    """What would make a recovery fail, the gravest first."""
    if newest is None:
        yield "There is no good backup. Make one now: litelift backup create"
        return
    old = (now - newest.started).total_seconds()
    if old > LATE_HOURS * 3600:
        yield f"The newest good backup is {age(old)} old: has the schedule stopped?"
    if not proved:
        yield "No backup was ever restored. Nobody knows whether one can be: litelift backup drill"
    if newest.encryption is not None and not any(backup.read().encryption is not None for backup in proved):
        yield "No encrypted backup was restored with the secret key yet: litelift backup drill --identity FILE"
    if not copies:
        yield "There is no copy on another machine: what takes this one takes the backups too ([[backup.copy]])."
    for copy in copies:
        if not copy.newest:
            yield f"Nothing was copied to {copy.name} yet: litelift backup copy"
    if _same_disk(of):
        yield "The backups are on the same disk as the database."
    if wal is not None:
        yield from (f"Point in time: {problem.message}" for problem in wal.problems)


def _same_disk(of: Subject) -> bool:
    """Whether the backups lie where an embedded server has its data."""
    host = str(conninfo_to_dict(of.dsn).get("host") or "")
    try:
        return (
            host.startswith("/")
            and Path(host, "PG_VERSION").exists()
            and (Path(host).stat().st_dev == of.store.path.stat().st_dev)
        )
    except OSError:
        return False


def _logins(newest: Manifest | None) -> list[str]:
    roles = newest.roles if newest is not None else []
    return [str(role["name"]) for role in roles if role.get("login") and not role.get("superuser")]


def _newest_copy(good: list[Backup], name: str) -> str:
    there = [backup.name for backup in good if name in backup.standing.copies]
    return there[-1] if there else ""


def _rate(found: list[Backup], drill: Event | None) -> float | None:
    if drill is None or not drill.seconds:
        return None
    of = next((backup.manifest for backup in found if backup.name == drill.backup and backup.manifest), None)
    return of.database_bytes / drill.seconds if of is not None else None
