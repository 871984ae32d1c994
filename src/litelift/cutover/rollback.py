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
from litelift.cutover.steps.written import MarkMoment
from litelift.cutover.switched import replaced
from litelift.errors import RollbackIncomplete, RollbackRefused

if TYPE_CHECKING:
    from litelift.cutover.runner import Runner

_SERVING = (Undo.CLOSE, Undo.STOP, Undo.START, Undo.OPEN)
_ANEW = (*_SERVING, Undo.EXPORT, Undo.HEALTH)


def go_back(runner: Runner, reason: str, *, export: bool = True) -> None:
    """Undo all that was begun, and note ``reason``. Ctrl-C does not end it.

    What cannot be undone is noted, and the rest is undone all the same; but nothing of PostgreSQL is removed then, so
    that nothing is lost. Where the rows written since the switch cannot be exported, the application is started again
    on PostgreSQL and nothing is undone, unless ``export`` is false.

    Where an earlier way back could not bring the configuration back, the application was started again as it is, and
    may have written to PostgreSQL since: it is closed, stopped and exported from once more.

    Raises RollbackRefused, RollbackIncomplete.
    """
    journal = runner.run.journal
    with _undisturbed(runner):
        journal.write("rolling-back", reason=reason)
        began = time.monotonic()
        failed: list[str] = []
        looked = not export
        for step in _order(runner):
            stage = step.undo_stage
            if stage == Undo.TARGET and not failed and not looked:
                looked = True
                failed += _written_meanwhile(runner)
            if stage == Undo.TARGET and (failed or journal.unsaved):
                failed.append(f"{step.name}: left as it is, until the others are undone")
                continue
            if stage == Undo.EXPORT and not export:
                _without_export(runner, step, "as asked", exported=False)
                continue
            problem = _undo(runner, step)
            if problem is None:
                continue
            if stage == Undo.EXPORT:
                if _written_to(runner):
                    raise _refused(runner, problem)
                _without_export(runner, step, f"nobody could write there yet ({problem})")
                continue
            failed.append(f"{step.name}: {problem}")
        if journal.unsaved:
            failed.append(f"{journal.path}: there is no room to write down what was undone")
        if failed:
            told = RollbackIncomplete(number=len(failed))
            for line in failed:
                told.add_note(line)
            raise told
        journal.write("rolled-back", seconds=round(time.monotonic() - began, 3))


def reopen(runner: Runner) -> list[str]:
    """After an interruption: let the application serve again if it is still on SQLite. What holds now, in words."""
    run, failed = runner.run, []
    with _undisturbed(runner):
        run.journal.write("interrupted", step=runner.context.step)
        if runner.switched:
            where = ["The application is configured for PostgreSQL" + _closed(runner)]
        else:
            for step in _order(runner):
                # A switch that was cut off may have changed a file already.
                if step.undo_stage in _SERVING or step.name == "switch":
                    problem = _undo(runner, step)
                    failed += [f"{step.name}: {problem}"] if problem else []
            where = ["The application serves on SQLite, as before."]
            if failed:
                where = ["The application does NOT serve: not all of it could be opened again.", *failed]
    return [*where, "What else was done stays. Go on with --resume, or go back with: litelift cutover rollback"]


def _closed(runner: Runner) -> str:
    """What users find, at the end of a sentence."""
    stands = runner.run.journal.stands
    begun = any(step.name == "services-start" for step in runner.steps) and not stands("services-start")
    if runner.context.in_maintenance or (stands("services-stop") and begun):
        return ", and still closed for its users."
    return "."


def _order(runner: Runner) -> list[Step]:
    journal, anew = runner.run.journal, replaced(runner.context)
    begun = [
        step
        for step in runner.steps
        if (last := journal.last(step.name)) in ("started", "done", "undoing")
        or (last == "undone" and anew and step.undo_stage in _ANEW)
    ]
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


def _without_export(runner: Runner, step: Step, why: str, **facts: object) -> None:
    runner.context.step = step.name
    runner.context.issue("the rows written to PostgreSQL since the switch were not exported", why)
    runner.run.journal.write("undone", step=step.name, phase=step.phase, facts=facts, seconds=0.0)


def _written_to(runner: Runner) -> bool:
    """Whether anyone but the runbook may have written to PostgreSQL: the application was open on it."""
    journal = runner.run.journal
    names = [step.name for step in runner.steps]
    # Without a maintenance and without services it reads its configuration when it likes.
    opened = next((name for name in ("maintenance-off", "services-start", "switch") if name in names), None)
    return opened is None or journal.last(opened) is not None


def _refused(runner: Runner, problem: str) -> RollbackRefused:
    """Start what the way back has stopped, with the configuration as it is: PostgreSQL's. The refusal to raise."""
    journal, context = runner.run.journal, runner.context
    told = RollbackRefused(message=problem)
    for step in runner.steps:
        facts = journal.facts(step.name)
        if step.undo_stage == Undo.EXPORT:
            # Its moment stays the one of the switch, also for who goes on from here.
            journal.write("done", step=step.name, phase=step.phase, facts=facts, seconds=0.0)
        elif step.undo_stage in (Undo.CLOSE, Undo.STOP) and journal.last(step.name) == "undone":
            context.step = step.name
            try:
                step.do(context, facts)
            except Exception as error:
                message, hint = said(context, error)
                journal.write("failed", step=step.name, phase=step.phase, message=message, hint=hint)
                told.add_note(f"and it could not be started again: {step.name}: {message}")
                continue
            journal.write("done", step=step.name, phase=step.phase, facts=facts, seconds=0.0)
    journal.write("stopped")
    return told


def _written_meanwhile(runner: Runner) -> list[str]:
    """Look once more before PostgreSQL is removed: what was not stopped may have written after the export.

    What an earlier way back was asked to leave out is exported now, where this one was not asked to.
    """
    journal, context = runner.run.journal, runner.context
    last = next(reversed(list(journal.events("undone", MarkMoment.name))), None)
    exported = last.values["facts"] if last is not None else {}
    if not exported:
        return []
    if any(journal.last(s.name) in ("undoing", "undone") for s in runner.steps if s.undo_stage == Undo.TARGET):
        # It was looked before the first of them, and the login may be gone.
        return []
    context.step = MarkMoment.name
    began = time.monotonic()
    try:
        found = MarkMoment.once_more(context, journal.facts(MarkMoment.name), exported)
    except Exception as error:
        return [f"{MarkMoment.name}: {said(context, error)[0]}"]
    if found is not None:
        seconds = round(time.monotonic() - began, 3)
        journal.write("undone", step=MarkMoment.name, phase=MarkMoment.phase, facts=found, seconds=seconds)
    return []


@contextmanager
def _undisturbed(runner: Runner) -> Iterator[None]:
    """Let no Ctrl-C stop the way back in its middle, nor a disk that has no room for the journal."""
    journal = runner.run.journal
    journal.patient = True
    try:
        with _unstopped(runner):
            yield
    finally:
        journal.patient = False


@contextmanager
def _unstopped(runner: Runner) -> Iterator[None]:
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
