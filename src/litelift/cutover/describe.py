"""What a runbook would do, with estimated times, before anything is done."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel

from litelift.cutover.context import Context
from litelift.cutover.journal import Journal
from litelift.cutover.read import read_runbook
from litelift.cutover.rehearsal import rehearsed
from litelift.cutover.run import seconds_before
from litelift.cutover.runs import next_number
from litelift.cutover.step import PHASES, Step, Undo
from litelift.cutover.steps import all_steps
from litelift.errors import UsageError

CLOSED = ("maintenance-on", "services-stop")
OPENED = ("maintenance-off", "services-start")


class DescribedStep(BaseModel):
    """A step, what it would do line by line, and the seconds it may take (None: nobody knows)."""

    name: str
    title: str
    lines: list[str]
    seconds: float | None
    as_before: bool
    """Whether the seconds are those of an earlier run, rather than an estimate."""


class DescribedPhase(BaseModel):
    """A phase. ``seconds`` leaves out steps of which nobody knows."""

    number: int
    title: str
    seconds: float
    steps: list[DescribedStep]


class Described(BaseModel):
    """A whole runbook. ``way_back`` are the titles of what would be undone, in that order."""

    name: str
    phases: list[DescribedPhase]
    seconds: float
    down_seconds: float | None
    way_back: list[str]


def describe(path: Path, *, rehearse: bool = False) -> Described:
    """What `litelift cutover` would do with the runbook in ``path``. Writes nothing, and asks no server."""
    runbook = read_runbook(path)
    before = seconds_before(runbook)
    told = rehearsed(runbook) if rehearse else runbook
    context = Context(told, Journal(told.state / str(next_number(told.state))), rehearsal=rehearse)
    steps = [step for step in all_steps() if step.wanted(context)]
    phases = []
    for number, title in enumerate(PHASES):
        found = [_described(context, step, before) for step in steps if step.phase == number]
        if found:
            seconds = sum(step.seconds or 0.0 for step in found)
            phases.append(DescribedPhase(number=number, title=title, seconds=seconds, steps=found))
    every = [step for phase in phases for step in phase.steps]
    back = sorted((step for step in reversed(steps) if step.undo_stage != Undo.NONE), key=lambda step: step.undo_stage)
    return Described(
        name=told.project.name,
        phases=phases,
        seconds=sum(step.seconds or 0.0 for step in every),
        down_seconds=_down(every),
        way_back=[step.back for step in back],
    )


def phase_number(words: str) -> int:
    """The phase that ``words`` name: its number, or a beginning of its name. Raises UsageError."""
    if words.isdigit() and int(words) < len(PHASES):
        return int(words)
    fits = [number for number, title in enumerate(PHASES) if title.lower().startswith(words.lower())]
    if len(fits) == 1:
        return fits[0]
    near = get_close_matches(words.lower(), [title.lower() for title in PHASES], 1)
    names = ", ".join(f"{number} {title}" for number, title in enumerate(PHASES))
    raise UsageError(
        message=f'there is no phase "{words}"' + (f"; did you mean {near[0]!r}?" if near else ""),
        hint=f"They are: {names}",
    )


def _described(context: Context, step: Step, before: dict[str, float]) -> DescribedStep:
    known = before.get(step.name)
    return DescribedStep(
        name=step.name,
        title=step.title,
        lines=step.plan(context),
        seconds=known if known is not None else step.estimate(context),
        as_before=known is not None,
    )


def _down(steps: list[DescribedStep]) -> float | None:
    """Seconds from the first step that closes the application to the last that opens it."""
    names = [step.name for step in steps]
    first = [names.index(name) for name in CLOSED if name in names]
    last = [names.index(name) for name in OPENED if name in names]
    if not first or not last:
        return None
    return sum(step.seconds or 0.0 for step in steps[min(first) : max(last) + 1])
