"""Signs of life of a run, for whoever looks on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

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

_Told = TypeVar("_Told")


def as_long_as_heard(tell: Callable[[_Told], object] | None) -> Callable[[_Told], None]:
    """``tell``, until it cannot: a terminal that has gone, or a pipe's reader, must not end a run half-way."""
    heard = tell is not None

    def told(said: _Told) -> None:
        nonlocal heard
        if not heard or tell is None:
            return
        try:
            tell(said)
        except (OSError, SystemExit):
            # rich ends the process where it meets a broken pipe.
            heard = False

    return told
