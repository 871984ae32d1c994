"""Carries out the steps of a run, one after the other: check, do, confirm; and goes back where one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from litelift.cutover.again import Again
from litelift.cutover.context import Context
from litelift.cutover.explain import said, step_failed
from litelift.cutover.rollback import go_back, reopen
from litelift.cutover.runs import Run
from litelift.cutover.settings import Runbook
from litelift.cutover.signs import OnSign, Sign, as_long_as_heard
from litelift.cutover.step import Facts, Step
from litelift.cutover.steps.server import wake
from litelift.errors import LiteliftError, StepFailed
from litelift.move.progress import OnProgress


class Runner:
    """One run at work."""

    def __init__(
        self,
        runbook: Runbook,
        run: Run,
        steps: Sequence[Step],
        on_sign: OnSign | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """``on_sign`` gets what happens to the steps, ``on_progress`` the move's own signs of life."""
        self.run = run
        self.sign: Callable[[Sign], None] = as_long_as_heard(on_sign)
        self.context = Context(
            runbook,
            run.journal,
            tell=lambda said: self.sign(Sign("told", said=said)),
            rehearsal=run.mode == "rehearsal",
            on_progress=as_long_as_heard(on_progress),
        )
        # What was begun is undone also where the runbook does not ask for it any more.
        self.steps = [step for step in steps if step.wanted(self.context) or run.journal.last(step.name) is not None]

    def forward(self, until: int | None = None) -> None:
        """Do what is not done yet, to the end of the phase ``until`` (0 to 6).

        Raises StepFailed. Before the switch all is then undone; after it, as the runbook says. An interruption opens
        the application again, where it is not switched yet, and leaves the rest to be gone on with.
        """
        journal = self.run.journal
        try:
            again = Again(self.context, self.steps)
            for step in self.steps:
                if until is not None and step.phase > until:
                    journal.write("paused", phase=until)
                    return
                if step.wanted(self.context) and (not journal.stands(step.name) or again(step)):
                    self._carry_out(step)
        except KeyboardInterrupt as error:
            for note in reopen(self):
                error.add_note(note)
            raise
        except StepFailed as error:
            self._failed(error)
            raise
        except OSError as error:
            # The journal has no room.
            told = step_failed(self.context, step, error)
            self._failed(told)
            raise told from error
        journal.write("finished")

    def wake(self) -> None:
        """Start what the run made of PostgreSQL again: the machine may have been restarted since.

        Where that cannot be done it is told; the step that needs it says the rest.
        """
        context = self.context
        context.step = "server"
        try:
            if wake(context):
                context.issue("PostgreSQL had stopped since", "it was started again")
        except Exception as error:
            context.issue(f"PostgreSQL cannot be started again: {said(context, error)[0]}")

    def _carry_out(self, step: Step) -> None:
        context, journal = self.context, self.run.journal
        context.step = step.name
        self.sign(Sign("begun", step))
        began = time.monotonic()
        try:
            if journal.last(step.name) != "started":
                journal.write("started", step=step.name, phase=step.phase, facts=step.check(context))
            found: Facts = {}
            for act in (step.do, step.confirm):
                # Anew each time: what a step notes while it works overrules what it began with.
                found |= act(context, {**journal.facts(step.name), **found}) or {}
            facts = {**journal.facts(step.name), **found}
            seconds = time.monotonic() - began
            journal.write("done", step=step.name, phase=step.phase, facts=facts, seconds=round(seconds, 3))
        except Exception as error:
            told = step_failed(context, step, error)
            seconds = time.monotonic() - began
            journal.write(
                "failed",
                step=step.name,
                phase=step.phase,
                message=told.message,
                hint=told.hint,
                seconds=round(seconds, 3),
            )
            self.sign(Sign("failed", step, told.message, seconds))
            raise told from error
        self.sign(Sign("done", step, seconds=seconds))

    @property
    def switched(self) -> bool:
        """Whether the application's configuration names PostgreSQL."""
        return self.run.journal.stands("switch")

    def _failed(self, error: StepFailed) -> None:
        context = self.context
        if self.switched and context.runbook.failure.after_switch == "stop":
            if context.in_maintenance:
                off = next(step for step in self.steps if step.name == "maintenance-off")
                with_told(error, lambda: self._carry_out(off))
            self.run.journal.write("stopped")
            error.add_note("The runbook says to stop here: the application is configured for PostgreSQL.")
            error.add_note("Go on with: litelift cutover FILE --resume   or back: litelift cutover rollback FILE")
            return
        self.sign(Sign("told", said="Going back: what was done is undone."))
        with_told(error, lambda: go_back(self, error.message))
        if self.run.state == "rolled back":
            error.add_note("All that was done was undone; the application is as it was, on SQLite.")


def with_told(error: BaseException, act: Callable[[], Facts | None]) -> None:
    """Do something on the way out of ``error``; what goes wrong with it joins the error's notes."""
    try:
        act()
    except LiteliftError as second:
        error.add_note(second.message)
        for note in getattr(second, "__notes__", ()):
            error.add_note(note)
        if second.hint:
            error.add_note(second.hint)
