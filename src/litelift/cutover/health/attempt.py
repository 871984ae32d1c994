"""One attempt at a check: what it may use, and what it leaves to be cleaned up."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from litelift.cutover.credentials import Login
from litelift.cutover.health.secret import Secrets

if TYPE_CHECKING:
    from litelift.cutover.health.browser import Session


@dataclass
class Surroundings:
    """What all checks of a run share."""

    folder: Path
    """The project's: paths and commands are relative to it."""
    output: Path
    """The file that gets what commands print."""
    secrets: Secrets
    login: Login | None = None
    """The application's own in PostgreSQL."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that the application's maintenance lets through."""
    sessions: dict[str, Session] = field(default_factory=dict)
    """By the name of the login check."""


@dataclass
class Attempt:
    """One attempt. What is pushed on ``stack`` is done when it has ended, however it did, also after its time-out."""

    surroundings: Surroundings
    stack: AsyncExitStack
    stage: str = "nothing was sent"
    """How far it has come, for whoever asks why it took too long."""
    milliseconds: list[float] = field(default_factory=list)
    """Of each answer."""
    left: list[str] = field(default_factory=list)
    """What it made and could not remove."""
