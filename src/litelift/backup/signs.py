"""Signs of life of long work on backups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["dump", "read", "sum", "test", "restore", "compare", "copy", "switch", "take", "pack", "back"]
TITLES: dict[Phase, str] = {
    "dump": "Dump the database",
    "read": "Read what every table holds",
    "sum": "Compare the checksums",
    "test": "Read the archive",
    "restore": "Restore it",
    "compare": "Compare every table",
    "copy": "Copy it",
    "switch": "Switch over",
    "take": "Copy the SQLite files",
    "pack": "Compress them",
    "back": "Read the archive back",
}


@dataclass(frozen=True, slots=True)
class Sign:
    """How far a phase is. ``total`` 0: nobody knows. ``finished``: the phase has ended, and ``message`` sums it up."""

    phase: Phase
    done: int = 0
    total: int = 0
    unit: Literal["bytes", "tables"] = "bytes"
    message: str = ""
    finished: bool = False


OnSign = Callable[[Sign], None]


def silent(sign: Sign) -> None:
    """Show nothing."""
