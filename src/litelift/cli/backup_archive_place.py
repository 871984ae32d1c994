"""Where the archives and the backups are that the words of a command mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from litelift.backup.store import Store
from litelift.backup.subject import FILE, project_of, store_of
from litelift.cutover.settings import Archive, Runbook
from litelift.postgres.connect import names_server


@dataclass(frozen=True, slots=True)
class Place:
    """An application, where its archives and its backups lie."""

    project: str
    folder: Path
    """The project's."""
    store: Store
    runbook: Runbook | None

    @property
    def settings(self) -> Archive:
        """``[archive]``."""
        return self.runbook.archive if self.runbook is not None else Archive()

    @property
    def archives(self) -> Path:
        """The folder of the archives."""
        return (self.folder / self.settings.folder).resolve()


def place(what: str | None, folder: Path | None) -> Place:
    """The place that ``what`` names, a litelift.toml or a server; None: the litelift.toml here, if there is one.

    ``folder`` is that of the backups, in the place of the file's. Raises UsageError, RunbookError.
    """
    store = store_of(what, folder)
    path = Path(what or FILE)
    if (what is None and not path.is_file()) or (what is not None and names_server(what)):
        return Place("", Path.cwd(), store, None)
    project, runbook = project_of(path)
    here = runbook.folder if runbook is not None else (path.parent / project.folder).resolve()
    return Place(project.name, here, store, runbook)


def is_what(word: str) -> bool:
    """Whether a word names a place, and not a SQLite file."""
    return word.endswith(".toml") or names_server(word)
