"""When what was done, and how long the application was closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from litelift.cutover.journal import Journal, Line
from litelift.cutover.overview import Overview, StepView
from litelift.cutover.report.content import Bar, Closed, PhaseBars, Timeline
from litelift.cutover.step import Step
from litelift.report.format import duration

_CLOSE = ("maintenance-on", "services-stop")
_OPEN = ("maintenance-off", "services-start")
_FORWARD = ("started", "noted", "done", "failed", "issue", "paused", "finished", "stopped", "interrupted")


def forward(journal: Journal, overview: Overview) -> Timeline:
    """The way there: from the beginning to the end, or to where it turned back."""
    turned = next((line.at for line in reversed(journal.lines) if line.event == "rolling-back"), None)
    lines = [line for line in journal.lines if turned is None or line.at < turned]
    ends = [line.at for line in lines if line.event in _FORWARD]
    began, ended = overview.began, max([overview.began, *ends])
    scale = max((ended - began).total_seconds(), 1e-9)
    phases = []
    for phase in overview.phases:
        bars = [_forward_bar(lines, view, began, scale) for view in phase.steps]
        phases.append(PhaseBars(phase.number, _whole(phase.title, bars, phase.seconds), bars))
    return Timeline(
        began=began,
        ended=ended,
        seconds=(ended - began).total_seconds(),
        phases=phases,
        closed=_closed(lines, "started", "done", _CLOSE, _OPEN, began, scale),
    )


def back(journal: Journal, steps: Sequence[Step]) -> Timeline | None:
    """The way back, in the order in which it went; None where there was none."""
    turns = [line for line in journal.lines if line.event == "rolling-back"]
    if not turns:
        return None
    began = turns[0].at
    lines = [line for line in journal.lines if line.at >= began]
    ended = max(line.at for line in lines)
    scale = max((ended - began).total_seconds(), 1e-9)
    titles = {step.name: step.back or step.title for step in steps}
    bars: dict[str, Bar] = {}
    for line in lines:
        name = line.values.get("step", "")
        if line.event == "undoing" and name not in bars:
            bars[name] = _bar(titles.get(name, name), "being undone", line.at, None, began, scale)
        elif line.event in ("undone", "not-undone") and name in bars:
            seconds = line.values.get("seconds")
            width = 100 * (seconds or 0.0) / scale
            state = "undone" if line.event == "undone" else "failed"
            old = bars[name]
            message = line.values.get("message", "") if state == "failed" else ""
            bars[name] = Bar(old.title, state, old.at, seconds, old.left, width, message)
    every = list(bars.values())
    before = [line for line in journal.lines if line.at < began]
    if _closed(before, "started", "done", _CLOSE, _OPEN, began, scale) is not None:
        closed = _closed(lines, "undoing", "undone", _OPEN, _CLOSE, began, scale)
    else:
        # It turned back while the application was closed for the move.
        starts = [line for line in before if line.event == "started"]
        closed = _closed([*starts, *lines], "started", "undone", _CLOSE, _CLOSE, began, scale)
    if still_closed(journal):
        closed = None
    whole = PhaseBars(0, _whole("the way back", every, sum(bar.seconds or 0.0 for bar in every)), every)
    return Timeline(
        began=began,
        ended=ended,
        seconds=(ended - began).total_seconds(),
        phases=[whole],
        closed=closed,
    )


def still_closed(journal: Journal) -> bool:
    """Whether the application was closed or stopped, and neither the way there nor the way back has opened it."""
    for close, opened in zip(_CLOSE, _OPEN, strict=True):
        if journal.last(close) in ("started", "done", "undoing") and not journal.stands(opened):
            return True
    return False


def said(line: Line) -> str:
    """Why a step failed, without the step's own name before it."""
    message = str(line.values.get("message", ""))
    return message.removeprefix(f"phase {line.values.get('phase')}, {line.values.get('step')}: ")


def _forward_bar(lines: Sequence[Line], view: StepView, began: datetime, scale: float) -> Bar:
    started = [line.at for line in lines if line.event == "started" and line.values.get("step") == view.name]
    state: str = {"being undone": "done", "undone": "done"}.get(view.state, view.state)
    failed = [line for line in lines if line.event == "failed" and line.values.get("step") == view.name]
    done = [line for line in lines if line.event == "done" and line.values.get("step") == view.name]
    message = ""
    if failed and (not done or failed[-1].at > done[-1].at):
        state, message = "failed", said(failed[-1])
    elif not done and state == "done":
        state = "begun"
    if not started:
        # A check that refuses stands before anything is begun.
        at = failed[-1].at if failed else None
        return _bar(view.title, state, at, view.seconds, began, scale, message)
    return _bar(view.title, state, started[-1], view.seconds, began, scale, message)


def _bar(
    title: str, state: str, at: datetime | None, seconds: float | None, began: datetime, scale: float, message: str = ""
) -> Bar:
    if at is None:
        return Bar(title, state, "", seconds, 0.0, 0.0, message)
    offset = max((at - began).total_seconds(), 0.0)
    left = min(100 * offset / scale, 100.0)
    width = min(100 * (seconds or 0.0) / scale, 100.0 - left)
    return Bar(title, state, "+" + duration(offset), seconds, left, width, message)


def _whole(title: str, bars: Sequence[Bar], seconds: float) -> Bar:
    """A phase: from its first step to the end of its last."""
    drawn = [bar for bar in bars if bar.at]
    title = title[:1].upper() + title[1:]
    if not drawn:
        return Bar(title, "to do", "", None, 0.0, 0.0)
    left = min(bar.left for bar in drawn)
    right = max(bar.left + bar.width for bar in drawn)
    states = {bar.state for bar in bars}
    state = "failed" if "failed" in states else "done" if states <= {"done", "undone"} else "begun"
    return Bar(title, state, min(drawn, key=lambda bar: bar.left).at, seconds, left, right - left)


def _closed(
    lines: Sequence[Line],
    begins: str,
    ends: str,
    close: tuple[str, ...],
    opens: tuple[str, ...],
    began: datetime,
    scale: float,
) -> Closed | None:
    first = [line.at for line in lines if line.event == begins and line.values.get("step") in close]
    last = [line.at for line in lines if line.event == ends and line.values.get("step") in opens]
    if not first or not last or max(last) < min(first):
        return None
    since, until = min(first), max(last)
    drawn = max(since, began)
    left, width = (100 * part.total_seconds() / scale for part in (drawn - began, until - drawn))
    return Closed((until - since).total_seconds(), since, until, left, width)
