"""What a step may use of the run that it is a part of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from litelift.cutover.commands import run_commands
from litelift.cutover.credentials import Login, kept_login
from litelift.cutover.journal import Journal
from litelift.cutover.settings import Command, Runbook
from litelift.cutover.step import Facts
from litelift.errors import LiteliftError

if TYPE_CHECKING:
    from litelift.move.progress import OnProgress


@dataclass
class Context:
    """A run of the runbook, as its steps see it."""

    runbook: Runbook
    journal: Journal
    step: str = ""
    """The step at work."""
    tell: Callable[[str], None] = lambda said: None
    """Shows a line to whoever looks on."""
    rehearsal: bool = False
    """Whether this run only tries, beside the serving application."""
    on_progress: OnProgress | None = None
    """Gets the move's signs of life."""

    @property
    def folder(self) -> Path:
        """The run's own folder: for what it keeps."""
        return self.journal.folder

    def facts(self, step: str) -> Facts:
        """The facts of another step of this run; empty where it has not begun."""
        return self.journal.facts(step)

    def note(self, **facts: object) -> None:
        """Put facts of the step at work on disk at once."""
        self.journal.write("noted", step=self.step, facts=facts)

    def issue(self, message: str, resolved: str = "") -> None:
        """An issue that was met, and how it was resolved: told, and kept for the report."""
        self.journal.write("issue", step=self.step, message=message, resolved=resolved)
        self.tell(message + (f": {resolved}" if resolved else ""))

    def run(self, commands: Sequence[Command], environment: Mapping[str, str] | None = None) -> None:
        """Run commands of the project in its folder. Raises CommandFailed."""
        run_commands(
            commands,
            self.runbook.folder,
            self.folder / "output" / f"{self.step}.log",
            self.runbook.project.command_timeout,
            environment,
        )

    @property
    def login_path(self) -> Path:
        """The file of the application's login in PostgreSQL (0600)."""
        return self.folder / "credentials.json"

    @property
    def login(self) -> Login:
        """The application's login in PostgreSQL, once PostgreSQL is set up."""
        found = kept_login(self.login_path)
        if found is None:
            raise LiteliftError(message=f"there is no login in {self.login_path}: PostgreSQL is not set up")
        return found

    @property
    def in_maintenance(self) -> bool:
        """Whether the application is closed now."""
        return self.journal.stands("maintenance-on") and not self.journal.stands("maintenance-off")
