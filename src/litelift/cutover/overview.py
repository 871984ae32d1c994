"""What became of a run, from its journal: phases, steps, times, issues, and how long the application was down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from litelift.cutover.journal import Journal
from litelift.cutover.runs import Mode, Run, State
from litelift.cutover.step import PHASES, Step

_OPENS = {"maintenance-off": "maintenance-on", "services-start": "services-stop"}
"""The steps that open and start the application, each with the one that it answers."""
StepState = Literal["to do", "begun", "done", "failed", "being undone", "undone"]
_STATES: dict[str | None, StepState] = {
    None: "to do",
    "started": "begun",
    "done": "done",
    "undoing": "being undone",
    "undone": "undone",
}


class StepView(BaseModel):
    """A step. ``seconds`` are those of its last doing, ``undo_seconds`` those of its undoing."""

    name: str
    title: str
    state: StepState
    seconds: float | None = None
    undo_seconds: float | None = None
    message: str | None = None


class PhaseView(BaseModel):
    """A phase with its steps. ``seconds`` is the sum of theirs."""

    number: int
    title: str
    seconds: float
    steps: list[StepView]


class IssueView(BaseModel):
    """Something that was met, and what was done about it."""

    at: datetime
    step: str
    message: str
    resolved: str


class Overview(BaseModel):
    """A run. ``down_seconds`` is how long the application was closed or stopped, for the move and for the way back."""

    run: int
    mode: Mode
    state: State
    folder: Path
    began: datetime
    ended: datetime
    phases: list[PhaseView]
    issues: list[IssueView] = Field(default_factory=list)
    down_seconds: float | None = None
    closed_since: datetime | None = None
    """Since when users have been shut out, where they are."""
    rollback_seconds: float | None = None
    rollback_down_seconds: float | None = None
    report: Path | None = None

    @property
    def exit_code(self) -> int:
        """0, or 3 where something needs a person."""
        return (
            3
            if self.state == "finished" and any(issue.step in ("move", "baseline", "report") for issue in self.issues)
            else 0
        )


def overview(run: Run, steps: Sequence[Step]) -> Overview:
    """Read a run's journal. ``steps`` are those that its runbook asks for."""
    journal = run.journal
    phases = []
    for number, title in enumerate(PHASES):
        views = [_step(journal, step) for step in steps if step.phase == number]
        if views:
            seconds = sum(view.seconds or 0.0 for view in views)
            phases.append(PhaseView(number=number, title=title, seconds=round(seconds, 3), steps=views))
    issues = [
        IssueView(
            at=line.at,
            step=line.values.get("step", ""),
            message=line.values["message"],
            resolved=line.values.get("resolved", ""),
        )
        for line in journal.events("issue")
    ]
    back = next(reversed(list(journal.events("rolled-back"))), None)
    report = run.folder / "report.html"
    return Overview(
        run=run.number,
        mode=run.mode,
        state=run.state,
        folder=run.folder,
        began=journal.lines[0].at,
        ended=journal.lines[-1].at,
        phases=phases,
        issues=issues,
        down_seconds=_down(journal, ("maintenance-on", "services-stop"), ("maintenance-off", "services-start")),
        closed_since=_closed_since(journal) if run.open else None,
        rollback_seconds=back.values["seconds"] if back else None,
        rollback_down_seconds=_down_again(journal) if back else None,
        report=report if report.exists() else None,
    )


def _step(journal: Journal, step: Step) -> StepView:
    view = StepView(name=step.name, title=step.title, state=_STATES[journal.last(step.name)])
    for line in journal.lines:
        if line.values.get("step") != step.name:
            continue
        if line.event in ("done", "failed"):
            view.seconds = line.values.get("seconds")
        if line.event == "undone":
            view.undo_seconds = line.values.get("seconds")
        if line.event in ("failed", "not-undone"):
            view.message = line.values.get("message")
        elif line.event in ("started", "undone", "done"):
            view.message = None
    last = [line.event for line in journal.lines if line.values.get("step") == step.name]
    if view.state == "begun" and "failed" in last and last.index("failed") > last.index("started"):
        view.state = "failed"
    return view


def _down(journal: Journal, close: tuple[str, ...], opened: tuple[str, ...]) -> float | None:
    """Seconds from the first step that closed the application to the last that opened it."""
    first = [line.at for name in close for line in journal.events("started", name)]
    last = [line.at for name in opened for line in journal.events("done", name)]
    return round((max(last) - min(first)).total_seconds(), 3) if first and last else None


def _closed_since(journal: Journal) -> datetime | None:
    """When the application was closed or stopped, where nothing has opened and started it since."""
    closed: dict[str, datetime] = {}
    for line in journal.lines:
        step = line.values.get("step", "")
        if step in _OPENS.values():
            if line.event == "started":
                closed.setdefault(step, line.at)
            elif line.event == "undone":
                closed.pop(step, None)
        elif step in _OPENS:
            if line.event == "undoing":
                closed.setdefault(_OPENS[step], line.at)
            elif line.event == "done":
                closed.pop(_OPENS[step], None)
    return min(closed.values(), default=None)


def _down_again(journal: Journal) -> float | None:
    """The same of the way back: from the first undoing of what opened it to the last of what closed it."""
    first = [line.at for name in ("maintenance-off", "services-start") for line in journal.events("undoing", name)]
    last = [line.at for name in ("maintenance-on", "services-stop") for line in journal.events("undone", name)]
    return round((max(last) - min(first)).total_seconds(), 3) if first and last else None
