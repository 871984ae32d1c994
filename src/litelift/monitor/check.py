"""A check, as a value: its name, what it needs, how often it is worth a look, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look

Group = Literal[
    "server", "activity", "storage", "upkeep", "replication", "move", "schema", "backup", "machine", "services"
]
Needs = Literal["database", "outside"]
"""A session in the database; or nothing of it, so that it is made beside the others."""

OFTEN = 15.0
SOMETIMES = 60.0
SELDOM = 900.0
"""Seconds between two looks of the watch."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check."""

    name: str
    """In kebab-case; the words of the same name say what it is."""
    group: Group
    look: Callable[[Look], Iterable[Finding]]
    """Gives at least one finding. An error of the server's becomes one of the state "unknown"."""
    needs: Needs = "database"
    every: float = OFTEN
    """Seconds between two looks of the watch, which makes none more often than it samples."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """By the name of the measure that they bound; litelift.toml may say others."""
