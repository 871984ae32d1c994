"""litelift cutover: begin, go on with, rehearse or take back a run of a runbook."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litelift.cutover.context import Context
from litelift.cutover.explain import step_failed
from litelift.cutover.journal import Journal
from litelift.cutover.overview import Overview, overview
from litelift.cutover.read import read_runbook
from litelift.cutover.rehearsal import rehearsed
from litelift.cutover.rollback import go_back
from litelift.cutover.runner import Runner
from litelift.cutover.runs import Mode, Run, go_on, held, last_run, new_run, runs
from litelift.cutover.settings import Runbook
from litelift.cutover.signs import OnSign, Sign
from litelift.cutover.step import Step
from litelift.cutover.steps import all_steps
from litelift.cutover.switched import replaced
from litelift.errors import CutoverFinished, CutoverUnfinished, NothingToResume, NothingToRollBack
from litelift.move.progress import OnProgress

ROLLBACK = "asked for"


def cutover(
    path: Path,
    *,
    until: int | None = None,
    resume: bool = False,
    rehearse: bool = False,
    confirm: Callable[[Runbook], bool] | None = None,
    on_sign: OnSign | None = None,
    on_progress: OnProgress | None = None,
) -> Overview | None:
    """Carry out the runbook in ``path``.

    Args:
        path: a litelift.toml.
        until: the last phase to do, 0 to 6; None does all.
        resume: go on with the run that was interrupted, or paused by ``until``.
        rehearse: do it beside the serving application, with a database of its own, and take it back at the end.
        confirm: is told what will be carried out, and says whether to begin; None begins.
        on_sign: gets what happens to the steps.
        on_progress: gets the move's signs of life.

    Returns:
        What became of the run; None where ``confirm`` said no.

    Raises:
        UsageError: the file, or the words, are wrong.
        CutoverHeld, CutoverUnfinished, CutoverFinished, NothingToResume, RunbookChanged: it cannot begin.
        StepFailed: a step failed; its notes say what became of the application.
    """
    runbook = read_runbook(path)
    mode: Mode = "rehearsal" if rehearse else "cutover"
    with held(runbook.state):
        run = _run_to_do(runbook, path, resume=resume, mode=mode)
        if run is not None and run.mode == "rehearsal":
            rehearse = True
        told = rehearsed(runbook) if rehearse else runbook
        if confirm is not None and not confirm(told):
            return None
        if run is None:
            run = new_run(told, mode)
        else:
            go_on(run, told)
            run.journal.write("resumed")
        runner = Runner(told, run, all_steps(), on_sign, on_progress)
        try:
            if resume:
                if runner.switched and not replaced(runner.context):
                    hint = "Its files are as they were before the switch. Go back: litelift cutover rollback"
                    raise NothingToResume(path=path, hint=hint)
                runner.wake()
            runner.forward(until)
            if rehearse and run.state == "finished":
                go_back(runner, "a rehearsal")
        finally:
            _report(runner)
        return overview(run, runner.steps)


def roll_back(
    path: Path,
    *,
    export: bool = True,
    confirm: Callable[[Runbook, Run], bool] | None = None,
    on_sign: OnSign | None = None,
) -> Overview | None:
    """Take the last run back, from whatever point it has come to; go on where the way back was interrupted.

    Args:
        path: a litelift.toml.
        export: put the rows that were written to PostgreSQL since the switch into a file first.
        confirm: is told what will be taken back, and says whether to; None does.
        on_sign: gets what happens to the steps.

    Returns:
        What became of the run; None where ``confirm`` said no.

    Raises:
        UsageError: the file is wrong, or of another database.
        CutoverHeld, NothingToRollBack, RollbackRefused, RollbackIncomplete.
    """
    runbook = read_runbook(path)
    with held(runbook.state):
        run = last_run(runbook.state)
        if run is None or run.state == "rolled back":
            raise NothingToRollBack(path=path)
        told = rehearsed(runbook) if run.mode == "rehearsal" else runbook
        if confirm is not None and not confirm(told, run):
            return None
        go_on(run, told)
        runner = Runner(told, run, all_steps(), on_sign)
        try:
            runner.wake()
            go_back(runner, ROLLBACK, export=export)
        finally:
            _report(runner)
        return overview(run, runner.steps)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found: how many steps were looked at, and what a person should look at."""

    steps: int
    issues: list[str]

    @property
    def exit_code(self) -> int:
        """0, or 3 where something needs a person."""
        return 3 if self.issues else 0


def check(path: Path, *, on_sign: OnSign | None = None, on_progress: OnProgress | None = None) -> Checked:
    """Do phase 0, and look whether each later step could begin. Changes nothing.

    Raises UsageError, StepFailed, CutoverHeld.
    """
    runbook = read_runbook(path)
    sign: Callable[[Sign], None] = on_sign or (lambda sign: None)
    with tempfile.TemporaryDirectory(prefix="litelift-") as folder:
        journal = Journal(Path(folder))
        context = Context(runbook, journal, tell=lambda said: sign(Sign("told", said=said)), on_progress=on_progress)
        looked = 0
        for step in all_steps():
            if not step.wanted(context) or (step.phase > 0 and not step.early):
                continue
            context.step = step.name
            sign(Sign("begun", step))
            began = time.monotonic()
            try:
                facts = step.check(context)
                # What would be decided otherwise than asked is told by `do`, which is not done here.
                for message, resolved in facts.get("told", ()):
                    context.issue(message, resolved)
                if step.phase == 0:
                    step.do(context, facts)
            except Exception as error:
                raise step_failed(context, step, error) from error
            looked += 1
            sign(Sign("done", step, seconds=time.monotonic() - began))
        return Checked(looked, [_issue(line.values) for line in journal.events("issue")])


def _issue(values: Mapping[str, Any]) -> str:
    return f"{values['message']}: {values['resolved']}" if values["resolved"] else str(values["message"])


def status(path: Path) -> tuple[Runbook, Overview | None]:
    """The runbook, and what became of its last run; None where it has none. Writes nothing."""
    runbook = read_runbook(path)
    run = last_run(runbook.state)
    if run is None:
        return runbook, None
    told = rehearsed(runbook) if run.mode == "rehearsal" else runbook
    return runbook, overview(run, steps_of(told, run))


def steps_of(runbook: Runbook, run: Run) -> list[Step]:
    """The steps that a run of the runbook has."""
    context = Context(runbook, run.journal, rehearsal=run.mode == "rehearsal")
    return [step for step in all_steps() if step.wanted(context) or run.journal.last(step.name) is not None]


def seconds_before(runbook: Runbook) -> dict[str, float]:
    """How long each step took when it was last done, in a rehearsal or a cutover."""
    found: dict[str, float] = {}
    for run in runs(runbook.state):
        for line in run.journal.events("done"):
            found[line.values["step"]] = float(line.values["seconds"])
    return found


def _run_to_do(runbook: Runbook, path: Path, *, resume: bool, mode: Mode) -> Run | None:
    run = last_run(runbook.state)
    if resume:
        if run is None or not run.open or run.state == "rolling back":
            if run is not None and run.state == "rolling back":
                raise CutoverUnfinished(state=run.state, number=run.number, path=path)
            if run is not None and run.state == "finished" and run.mode == "cutover":
                raise CutoverFinished(number=run.number, path=path)
            raise NothingToResume(path=path)
        return run
    if run is not None and run.open:
        raise CutoverUnfinished(state=run.state, number=run.number, path=path)
    if run is not None and run.state == "finished" and run.mode == "cutover" and mode == "cutover":
        raise CutoverFinished(number=run.number, path=path)
    return None


def _report(runner: Runner) -> None:
    """Write the report of the run, as far as it came; what hinders that is told, and hides nothing else."""
    # The templates are not needed until now, and take long to import.
    from litelift.cutover.report.render import write_report

    try:
        write_report(runner.context.runbook, runner.run, runner.steps)
    except Exception as error:
        said = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        told = f"the report could not be made: {said or type(error).__name__}"
        again = f"make it again with: litelift report {runner.run.folder}"
        with contextlib.suppress(OSError):
            runner.run.journal.write("issue", step="report", message=told, resolved=again)
        runner.sign(Sign("told", said=f"{told}; {again}"))
