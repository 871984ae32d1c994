"""What the floor is given: a loaded database's DDL, and its tables as ready-made files of binary COPY."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReadyTable:
    """A table, and its files. ``source`` is its name in the SQLite file."""

    source: str
    schema: str
    name: str
    columns: list[str]
    bytes: int
    files: list[str]


@dataclass(frozen=True)
class Statement:
    """A statement of DDL on a table."""

    table: str
    text: str


@dataclass(frozen=True)
class Ready:
    """All that a fast load needs. The steps are in the order in which they have to be done.

    ``indexes`` hold the unique ones of keys too: as indexes several of them can be built on one table at the same time;
    ``attach`` makes them keys. ``constraints`` are not yet valid until ``validate``.
    """

    create: str
    tables: list[ReadyTable]
    indexes: list[Statement]
    attach: list[Statement]
    constraints: list[Statement]
    validate: list[Statement]

    @classmethod
    def read(cls, folder: Path) -> Ready:
        """Read what `export.make` wrote."""
        found = json.loads((folder / "ready.json").read_text("utf-8"))
        return cls(
            found["create"],
            [ReadyTable(**each) for each in found["tables"]],
            *([Statement(**each) for each in found[name]] for name in ("indexes", "attach", "constraints", "validate")),
        )
