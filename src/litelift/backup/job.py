"""What a schedule backs up, as far as it is known without asking the database: a run that cannot reach it is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from litelift.backup.schedule.daily import Daily
from litelift.backup.settings import Backup
from litelift.backup.store import Store
from litelift.backup.subject import FILE, Named, named, store_of
from litelift.backup.telling import Teller
from litelift.errors import UsageError
from litelift.postgres.connect import names_server


@dataclass(frozen=True, slots=True)
class Job:
    """What is backed up by a schedule."""

    project: str
    folder: Path
    """Where the project's commands run."""
    store: Store
    settings: Backup

    @property
    def environment_file(self) -> Path | None:
        """What `read_environment` reads for a run."""
        named = self.settings.environment_file
        return self.folder / named if named is not None else None

    @property
    def teller(self) -> Teller:
        """Who is told."""
        return Teller(self.settings.tell, self.project, self.folder, self.store.path)


def job_of(what: str | None, folder: Path | None = None) -> Job:
    """The job that the words of the command name, as `subject` takes them. Raises UsageError and RunbookError."""
    found = _named(what)
    return Job(found.label, found.folder, store_of(what, folder), found.settings)


def daily_of(what: str | None, folder: Path | None = None) -> Daily:
    """The same as it is scheduled: by absolute names. Raises UsageError and RunbookError.

    A link on the way to a file stays one: what it leads to may be another tomorrow.
    """
    found = _named(what)
    place = ("--folder", str(folder.absolute())) if folder is not None else ()
    if what is None or not names_server(what):
        file = str(Path(what or FILE).absolute())
        return Daily(found.label, file, (file, *place), found.settings.at)
    if conninfo_to_dict(what).get("password"):
        raise UsageError(
            message="a URL with a password in it cannot be scheduled: everybody could read it",
            hint="Put the password into ~/.pgpass, and leave it out.",
        )
    place = ("--folder", str(store_of(what, folder).path))
    return Daily(found.label, f"{what} {place[1]}", (what, *place), found.settings.at)


def _named(what: str | None) -> Named:
    if what is None and not FILE.is_file():
        raise UsageError(message=f"there is no {FILE} here", hint="Name one, or a server's URL with --folder DIR.")
    return named(what)
