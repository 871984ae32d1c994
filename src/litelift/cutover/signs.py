"""Signs of life of a run, for whoever looks on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from litelift.cutover.step import Step

Event = Literal["begun", "done", "failed", "undoing", "undone", "not undone", "told"]


@dataclass(frozen=True, slots=True)
class Sign:
    """Something happened: to a step, or something is ``said``. ``seconds`` are the step's, where it has ended."""

    event: Event
    step: Step | None = None
    said: str = ""
    seconds: float = 0.0


OnSign = Callable[[Sign], None]
