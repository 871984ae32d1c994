"""The way back: every step that was begun is undone, in the order of `Undo`, from any point, again after a kill."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from litelift.cutover.explain import said
from litelift.cutover.signs import Sign
from litelift.cutover.step import Step, Undo
from litelift.errors import RollbackIncomplete, RollbackRefused

if TYPE_CHECKING:
    from litelift.cutover.runner import Runner

_SERVING = (Undo.CLOSE, Undo.STOP, Undo.START, Undo.OPEN)


def go_back(runner: Runner, reason: str, *, export: bool = True) -> None:
    """Undo all that was begun, and note ``reason``. Ctrl-C does not end it.

    What cannot be undone is noted, and the rest is undone all the same; but nothing of PostgreSQL is removed then, so
    that nothing is lost. Where the rows written since the switch cannot be exported, the application is started again
    on PostgreSQL and nothing is undone, unless ``export`` is false.

    Raises RollbackRefused, RollbackIncomplete.
    """
    journal = runner.run.journal
    with _undisturbed(runner):
        journal.write("rolling-back", reason=reason)
        began = time.monotonic()
        failed: list[str] = []
        for step in _order(runner):
            stage = step.undo_stage
            if stage == Undo.TARGET and failed:
                failed.append(f"{step.name}: left as it is, until the others are undone")
                continue
            if stage == Undo.EXPORT and not export:
                _without_export(runner, step, "as asked")
                continue
            problem = _undo(runner, step)
            if problem is None:
                continue
            if stage == Undo.EXPORT:
                if _written_to(runner):
                    _serve_again(runner)
                    raise RollbackRefused(message=problem)
                _without_export(runner, step, f"nobody could write there yet ({problem})")
                continue
            failed.append(f"{step.name}: {problem}")
        if failed:
            told = RollbackIncomplete(number=len(failed))
            for line in failed:
                told.add_note(line)
            raise told
        journal.write("rolled-back", seconds=round(time.monotonic() - began, 3))


def reopen(runner: Runner) -> list[str]:
    """After an interruption: let the application serve again if it is still on SQLite. What holds now, in words."""
    run = runner.run
    run.journal.write("interrupted", step=runner.context.step)
    if runner.switched:
        where = "The application is configured for PostgreSQL."
    else:
        with _undisturbed(runner):
            for step in _order(runner):
                # A switch that was cut off may have changed a file already.
                if step.undo_stage in _SERVING or step.name == "switch":
                    _undo(runner, step)
        where = "The application serves on SQLite, as before."
    return [where, "What else was done stays. Go on with --resume, or go back with: litelift cutover rollback"]


def _order(runner: Runner) -> list[Step]:
    begun = [step for step in runner.steps if runner.run.journal.last(step.name) in ("started", "done", "undoing")]
    return sorted((step for step in reversed(begun) if step.undo_stage != Undo.NONE), key=lambda step: step.undo_stage)


def _undo(runner: Runner, step: Step) -> str | None:
    """Undo one step. What stands in the way, in words; None where it is undone."""
    journal, context = runner.run.journal, runner.context
    context.step = step.name
    runner.sign(Sign("undoing", step))
    facts = journal.facts(step.name)
    journal.write("undoing", step=step.name, phase=step.phase)
    began = time.monotonic()
    try:
        found = step.undo(context, facts)
    except Exception as error:
        message, hint = said(context, error)
        journal.write("not-undone", step=step.name, phase=step.phase, message=message, hint=hint)
        runner.sign(Sign("not undone", step, message, time.monotonic() - began))
        return f"{message} {hint}".strip()
    seconds = time.monotonic() - began
    journal.write("undone", step=step.name, phase=step.phase, facts=found or {}, seconds=round(seconds, 3))
    runner.sign(Sign("undone", step, seconds=seconds))
    return None


def _without_export(runner: Runner, step: Step, why: str) -> None:
    runner.context.step = step.name
    runner.context.issue("the rows written to PostgreSQL since the switch were not exported", why)
    runner.run.journal.write("undone", step=step.name, phase=step.phase, facts={}, seconds=0.0)


def _written_to(runner: Runner) -> bool:
    """Whether anyone but the runbook may have written to PostgreSQL: the application was open on it."""
    journal = runner.run.journal
    opened = "maintenance-off" if runner.context.runbook.maintenance.on else "services-start"
    return journal.last(opened) is not None


def _serve_again(runner: Runner) -> None:
    """Start what the way back has stopped, with the configuration as it is: PostgreSQL's."""
    for step in runner.steps:
        if step.undo_stage in (Undo.CLOSE, Undo.STOP) and runner.run.journal.last(step.name) == "undone":
            runner.context.step = step.name
            facts = runner.run.journal.facts(step.name)
            step.do(runner.context, facts)
            runner.run.journal.write("done", step=step.name, phase=step.phase, facts=facts, seconds=0.0)
    runner.run.journal.write("stopped")


@contextmanager
def _undisturbed(runner: Runner) -> Iterator[None]:
    """Let no Ctrl-C stop the way back in its middle."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def told(number: int, frame: FrameType | None) -> None:
        runner.sign(Sign("told", said="The way back is not stopped half-way: it ends by itself in a moment."))

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, told)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
