"""What a move has at hand: its options, both ends, the crew, and how to speak."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from litelift.move import journal
from litelift.move.crew import Crew
from litelift.move.progress import Phase, Progress, Timeline
from litelift.plan.file import PlanFile
from litelift.plan.types import Rule
from litelift.postgres import embedded
from litelift.postgres.connect import Connection, Server
from litelift.postgres.retry import AGAIN, PATIENCE_SECONDS, attempts_for, persist
from litelift.postgres.sessions import Sessions
from litelift.result import Notice
from litelift.sqlite.identity import Identity
from litelift.sqlite.open import Source
from litelift.sqlite.schema import Schema

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Options:
    """How to move. ``differences`` to keep of each table (None: all); ``jobs`` None: by the source's size.

    ``resume`` goes on with a move that did not end; ``patience``: seconds to wait for a server that is away.
    """

    plan: PlanFile
    data_only: bool = False
    on_misfit: Rule | None = None
    jobs: int | None = None
    differences: int | None = 20
    postgres: int = embedded.DEFAULT_VERSION
    resume: bool = False
    patience: float = PATIENCE_SECONDS

    def as_json(self) -> dict[str, Any]:
        """What was decided by them, as the journal keeps it.

        The plan as text: jsonb keeps neither the order of keys, which is that of an enum's labels, nor a NUL ("JSON
        Types", section 8.14).
        """
        plan = self.plan.model_dump_json(by_alias=True, exclude_unset=True)
        return {"plan": plan, "on_misfit": self.on_misfit}

    def as_decided(self, kept: dict[str, Any]) -> Options:
        """The same with what the journal has kept, where nothing else was said this time."""
        plan = self.plan if self.plan != PlanFile() else PlanFile.model_validate_json(kept.get("plan", "{}"))
        return replace(self, plan=plan, on_misfit=self.on_misfit or kept.get("on_misfit"))


@dataclass(slots=True)
class Context:
    """One move. ``connection`` holds the lock on the target; ``notices`` are those that belong to no plan.

    ``identity`` is the source's at its snapshot, or before. ``kept`` says that an interrupted move stays.
    """

    path: Path
    options: Options
    timeline: Timeline
    source: Source
    schema: Schema
    identity: Identity
    server: Server
    connection: Connection
    sessions: Sessions
    crew: Crew
    embedded: embedded.EmbeddedServer | None = None
    notices: list[Notice] = field(default_factory=list)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    interruptions: int = 0
    kept: bool = False

    @property
    def source_json(self) -> dict[str, Any]:
        """The source, as the journal keeps it."""
        return {
            "path": str(self.path.absolute()),
            "bytes": self.source.bytes,
            "identity": self.identity.as_json(),
        }

    def persist(self, phase: Phase, work: Callable[[], Result]) -> Result:
        """Do what can be done again from its beginning, once more where the connection was lost meanwhile."""
        return persist(work, self.renew, lambda words: self.hear(words, phase), attempts=self.attempts)

    @property
    def attempts(self) -> int:
        """How often one piece of work is tried."""
        return attempts_for(self.options.patience)

    def hear(self, words: str, phase: Phase = "load") -> None:
        """Hand on what was said of an interruption."""
        self.interruptions += AGAIN in words
        self.timeline.tell(Progress(phase, message=words))

    def close(self) -> None:
        """End the connection."""
        with suppress(psycopg.Error):
            self.connection.close()

    def renew(self) -> None:
        """Connect anew, with the lock on the target. Raises TargetUnreachable, TargetBusy."""
        self.close()
        self.connection = self.sessions.open()
        journal.lock(self.connection)
