"""What is proposed for a project, in the shape of its runbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Framework = Literal["laravel", "django", "rails", "node", "plain"]


@dataclass(frozen=True, slots=True)
class Project:
    """A project as a framework's module sees it."""

    folder: Path
    env: Mapping[str, str]
    """What its .env says; empty where there is none."""
    has_env: bool


@dataclass
class Proposal:
    """What a framework's way of working asks of the runbook."""

    move: dict[str, Any] = field(default_factory=dict)
    maintenance: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    environment: list[dict[str, Any]] = field(default_factory=list)
    paths: list[tuple[str, str]] = field(default_factory=list)
    """Addresses of the application that answer when it is well: how the check is called, and the path."""
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    """What the file says of a key for this framework: ("maintenance", "headers")."""
    todo: list[str] = field(default_factory=list)
    """What only a person can do."""

    def note(self, table: str, key: str, words: str) -> None:
        """Say something of a key."""
        self.notes[table, key] = words


def read(path: Path, most: int = 2_000_000) -> str:
    """A text file of the project, as far as it can be read; nothing where it cannot."""
    try:
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""
