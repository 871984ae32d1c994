"""What a move has at hand: its options, both ends, the crew, and how to speak."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from litelift.move.crew import Crew
from litelift.move.progress import Timeline
from litelift.plan.file import PlanFile
from litelift.plan.types import Rule
from litelift.postgres import embedded
from litelift.postgres.connect import Connection, Server
from litelift.result import Notice
from litelift.sqlite.open import Source
from litelift.sqlite.schema import Schema


@dataclass(frozen=True, slots=True)
class Options:
    """How to move. ``differences`` to keep of each table (None: all); ``jobs`` None: by the source's size."""

    plan: PlanFile
    data_only: bool = False
    on_misfit: Rule | None = None
    jobs: int | None = None
    differences: int | None = 20
    postgres: int = embedded.DEFAULT_VERSION


@dataclass(slots=True)
class Context:
    """One move. ``connection`` holds the lock on the target; ``notices`` are those that belong to no plan."""

    path: Path
    options: Options
    timeline: Timeline
    source: Source
    schema: Schema
    server: Server
    connection: Connection
    crew: Crew
    embedded: embedded.EmbeddedServer | None = None
    notices: list[Notice] = field(default_factory=list)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def source_json(self) -> dict[str, Any]:
        """The source, as the journal keeps it."""
        return {"path": str(self.path.absolute()), "bytes": self.source.bytes}
