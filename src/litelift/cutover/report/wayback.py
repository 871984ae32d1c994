"""The way back: its steps as they would be run, and how long they took when they were tried."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from litelift.cutover.context import Context
from litelift.cutover.overview import Overview
from litelift.cutover.report.content import BackStep, WayBack
from litelift.cutover.runs import Run, runs
from litelift.cutover.step import Step, Undo
from litelift.report.format import duration, moment


def way_back(context: Context, overview: Overview, steps: Sequence[Step]) -> WayBack:
    """The plan of the way back: of what was begun, or of all where nothing is undone any more."""
    tried = _tried(context)
    journal = context.journal
    begun = [step for step in steps if journal.last(step.name) is not None]
    undone = sorted((step for step in reversed(begun) if step.undo_stage != Undo.NONE), key=lambda s: s.undo_stage)
    told = []
    for step in undone:
        seconds, when = tried.get(step.name, (None, ""))
        told.append(BackStep(step.name, step.back or f"Undo: {step.title}", seconds, when))
    return WayBack(
        command=shlex.join(["litelift", "cutover", "rollback", str(context.runbook.path)]),
        steps=told,
        tried=_tried_words(context, overview),
        done=overview.state == "rolled back",
    )


def _tried(context: Context) -> dict[str, tuple[float | None, str]]:
    """For each step the seconds of its last undoing in any run, and in which."""
    found: dict[str, tuple[float | None, str]] = {}
    for run in runs(context.runbook.state):
        for line in run.journal.events("undone"):
            found[line.values["step"]] = (line.values.get("seconds"), f"{run.mode} {run.number}")
    return found


def _tried_words(context: Context, overview: Overview) -> str:
    if overview.state == "rolled back" and overview.mode == "cutover":
        return f"This run was taken back, in {duration(overview.rollback_seconds or 0.0)}."
    back = [(run, seconds) for run in runs(context.runbook.state) if (seconds := _back_seconds(run)) is not None]
    cutovers = [one for one in back if one[0].mode == "cutover"]
    if cutovers:
        run, seconds = cutovers[-1]
        when = moment(run.journal.lines[-1].at)
        return f"The whole of it was last gone in run {run.number}, on {when}, and took {duration(seconds)}."
    rehearsals = [one for one in back if one[0].mode == "rehearsal"]
    if rehearsals:
        run, seconds = rehearsals[-1]
        when = moment(run.journal.lines[-1].at)
        return (
            f"What a rehearsal makes was taken back in run {run.number}, on {when}, in {duration(seconds)}. "
            "A rehearsal leaves the application alone: how long its services and its configuration take is not in that."
        )
    return "It has not been tried. A rehearsal (litelift cutover FILE --rehearse) tries and times what it can."


def _back_seconds(run: Run) -> float | None:
    ends = list(run.journal.events("rolled-back"))
    return float(ends[-1].values["seconds"]) if ends else None
