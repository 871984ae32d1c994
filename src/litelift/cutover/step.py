"""A step of the runbook: check, do, confirm, undo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from litelift.cutover.context import Context

Facts = dict[str, Any]
"""What a step found, decided and made, as JSON that the journal keeps. Never a secret."""

PHASES = (
    "pre-migration checks",
    "code update",
    "PostgreSQL set-up",
    "start and wait until ready",
    "data migration",
    "application start and testing",
    "post-migration set-up",
)


class Undo(IntEnum):
    """The order of the way back: not the steps' reverse, for the application starts once all that it reads is back."""

    CLOSE = 0
    """Maintenance on."""
    STOP = 1
    """Services down."""
    EXPORT = 2
    """What was written to PostgreSQL is put into a file: when nobody writes any more, and before anything is undone."""
    SOURCE = 3
    """The SQLite file."""
    FILES = 4
    """Files of configuration, the compose file."""
    CODE = 5
    START = 6
    """Services up."""
    OPEN = 7
    """Maintenance off."""
    HEALTH = 8
    """The application is looked at, as its users find it."""
    TARGET = 9
    """What was made in PostgreSQL, and PostgreSQL itself: last, when the application serves without it."""
    NONE = 10
    """Nothing to undo."""


class Step(ABC):
    """One step. ``do`` and ``undo`` may be cut off at any moment (kill -9), and are called again with the same facts.

    So whatever ``do`` makes is decided by ``check``, whose facts are on disk before ``do`` begins: names, ports, what
    the file was. ``do`` makes what is not there yet; ``undo`` takes away what is there of it, and does nothing where
    nothing is. What only ``do`` can know (an id that a server gave out) it puts down with ``context.note`` at once.
    """

    name: ClassVar[str]
    """Its name in the journal, as "maintenance-on"."""
    title: ClassVar[str]
    """What it does, as a person reads it: "Stop the application's services"."""
    back: ClassVar[str] = ""
    """What its undoing does, as a person reads it: "Start the application's services"."""
    phase: ClassVar[int]
    """0 to 6: see PHASES."""
    undo_stage: ClassVar[Undo] = Undo.NONE
    early: ClassVar[bool] = False
    """Whether ``check`` needs nothing of the steps before it, so that it can be asked long before."""

    def wanted(self, context: Context) -> bool:
        """Whether the runbook asks for it."""
        return True

    def plan(self, context: Context) -> list[str]:
        """What it would do here, line by line, for ``--dry-run``. Writes nothing, and asks no server."""
        return []

    def estimate(self, context: Context) -> float | None:
        """Seconds that it may take; None where nobody knows."""
        return None

    def check(self, context: Context) -> Facts:
        """Look whether it can be done, and decide what it will make. Writes nothing. Raises what is in the way."""
        return {}

    @abstractmethod
    def do(self, context: Context, facts: Facts) -> Facts | None:
        """Do it; what is returned joins the facts."""

    def confirm(self, context: Context, facts: Facts) -> Facts | None:
        """Look, by another way than ``do``'s own word, that it holds. Raises where it does not."""
        return None

    def undo(self, context: Context, facts: Facts) -> Facts | None:
        """Take back what ``do`` made, as far as it came; what is returned is kept as the undoing's facts."""
        return None
