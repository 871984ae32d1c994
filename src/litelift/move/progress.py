"""What a move says of itself while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from litelift.result import Step

Phase = Literal["open", "server", "census", "plan", "create", "load", "build", "prove", "report"]

TITLES: dict[Phase, str] = {
    "open": "Check the source",
    "server": "Reach PostgreSQL",
    "census": "Read every value (census)",
    "plan": "Decide types, rules and names",
    "create": "Make the tables",
    "load": "Load the rows",
    "build": "Build keys, indexes and constraints",
    "prove": "Compare every row",
    "report": "Write the report",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """One sign of life. ``done`` of ``total`` rows of ``table``, about ``bytes`` of it, in ``phase``.

    Without a table the counts are the whole phase's. ``finished`` ends the phase; ``message`` is then its result.
    """

    phase: Phase
    table: str | None = None
    done: int = 0
    total: int = 0
    bytes: int = 0
    finished: bool = False
    message: str = ""


OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class Timeline:
    """Times the steps of a move, and hands every sign of life on."""

    on_progress: OnProgress | None = None
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, phase: Phase) -> Iterator[list[str]]:
        """Time a step. The list that it yields takes the words that sum the step up."""
        started, clock = datetime.now(UTC), time.perf_counter()
        said: list[str] = []
        self.tell(Progress(phase))
        yield said
        seconds = time.perf_counter() - clock
        detail = "; ".join(said)
        self.steps.append(Step(name=phase, title=TITLES[phase], started=started, seconds=seconds, detail=detail))
        self.tell(Progress(phase, finished=True, message=detail))

    def tell(self, progress: Progress) -> None:
        """Hand a sign of life on."""
        if self.on_progress is not None:
            self.on_progress(progress)
