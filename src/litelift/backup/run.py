"""The scheduled run: create, copy, drill every n-th, prune; whatever fails, the rest is done where that is safe."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from litelift.backup.environment import read_environment, readable_by_others
from litelift.backup.history import events, write_event
from litelift.backup.job import Job
from litelift.backup.stages import Done, Made, Stages, drill_is_due
from litelift.backup.status import RunRecord, Status, last_due, next_due, read_status, run_held, write_status
from litelift.ended import Ended
from litelift.errors import BackupBusy, LiteliftError
from litelift.report.format import count, duration
from litelift.report.format import moment as said_moment

WINDOW = timedelta(minutes=10)
"""After the time of day that ``at`` names, in which a run that was called for it begins."""
LOOKS = 50
"""How often the status of another run is looked for, in tenths of a second: it writes it when it has the lock."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class StageRun:
    """How a stage went."""

    name: str
    ok: bool
    seconds: float
    message: str


OnStage = Callable[[StageRun], None]


@dataclass
class _Run:
    """A run under way."""

    job: Job
    stages: Stages
    on_stage: OnStage
    began: datetime
    started: float = field(default_factory=time.monotonic)
    backup: str | None = None
    done: list[StageRun] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    now_at: str = ""
    asked_before: int | None = field(default_factory=lambda: Ended.asked)

    def all_stages(self) -> None:
        """Do them, each for itself; only a signal comes out."""
        settings = self.job.settings
        if (file := self.job.environment_file) is not None:
            self._try("environment", partial(self._have_environment, file))
        made = self._try("create", self.stages.create)
        self.backup = made.backup if isinstance(made, Made) else None
        reached = []
        for place in settings.copy_to:
            if self._try(f"copy to {place.name}", partial(self.stages.copy, place.name, self.backup)):
                reached.append(place.name)
        if (new := self.backup) is None:
            # The older ones are all that there is.
            return
        drilled = True
        if self._drill_is_due():
            drilled = self._try("drill", partial(self.stages.drill, new)) is not None
        if not drilled:
            # What cannot be restored stands for those that are made like it; an older one may be the last that can.
            return
        self._try("prune", partial(self.stages.prune, None))
        for name in reached:
            self._try(f"prune {name}", partial(self.stages.prune, name))

    def fail(self, failure: str) -> None:
        """Note a failure."""
        self.failures.append(self.job.teller.clean(failure))

    def record(self) -> RunRecord:
        """It, as it ended."""
        ok = not self.failures
        return RunRecord(
            began=self.began,
            process=os.getpid(),
            ended=datetime.now(UTC),
            ok=ok,
            exit_status=1 if not ok else 3 if self.notes else 0,
            backup=self.backup,
            message="; ".join(self.failures) or self._said(),
            failures=self.failures,
            notes=self.notes,
        )

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.started

    def _have_environment(self, file: Path) -> Done:
        found = read_environment(file)
        os.environ.update(found)
        notes = [f"others than its owner may read {file}"] if readable_by_others(file) else []
        return Done(f"{count(len(found), 'variable')} of {file}", notes)

    def _drill_is_due(self) -> bool:
        try:
            history = events(self.job.store.path)
        except OSError as error:
            self.fail(f"drill: {_said_by(error)}")
            return False
        return drill_is_due(history, self.job.settings.drill_every)

    def _try(self, name: str, stage: Callable[[], Done]) -> Done | None:
        self.now_at = name
        began = time.monotonic()
        done, message = None, ""
        try:
            done = stage()
            message = self.job.teller.clean(done.message)
            self.untried += [] if done.tried else [name]
            self.notes += [self.job.teller.clean(f"{name}: {note}") for note in done.notes]
        except Exception as error:
            if Ended.asked != self.asked_before and Ended.asked is not None:
                # One that a signal raises inside the interpreter's own locks may come out as another (bpo-45274).
                raise Ended(Ended.asked) from error
            self.fail(f"{name}: {_said_by(error)}")
            message = self.failures[-1].removeprefix(f"{name}: ")
        self.done.append(StageRun(name, done is not None, time.monotonic() - began, message))
        # A terminal that has gone ends no backup.
        with contextlib.suppress(OSError):
            self.on_stage(self.done[-1])
        self.now_at = ""
        return done

    def _said(self) -> str:
        names = ", ".join(stage.name for stage in self.done if stage.name not in ("environment", *self.untried))
        return f"{self.backup} made in {duration(self.seconds)}: {names}"


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that came to its end by itself."""

    record: RunRecord
    stages: list[StageRun]


def run(
    job: Job,
    stages: Stages,
    *,
    at: str | None = None,
    on_stage: OnStage = lambda stage: None,
    clock: Clock = lambda: datetime.now(UTC),
) -> Ran | None:
    """Do all stages, and tell.

    Args:
        job: what is backed up.
        stages: its parts.
        at: the time of day in UTC ("02:00") that the run is for: it does nothing where that is not now, or where that
            day's run has begun already. cron(8) calls it at each local time that this may be.
        on_stage: is told of each stage when it has ended.
        clock: what time it is.

    Returns None where ``at`` is not now. A failure is in the result, and told already. A signal is told, and raised.
    """
    moment = clock()
    due = last_due(at, moment) if at is not None else None
    if due is not None and moment - due > WINDOW:
        return None
    run = _Run(job, stages, on_stage, moment)
    folder = job.store.path
    try:
        job.store.make()
        with run_held(folder):
            with contextlib.suppress(OSError):
                if due is not None and _begun(folder, due):
                    return None
            return _held(run, next_due(job.settings.at, moment))
    except (BackupBusy, OSError) as error:
        if isinstance(error, BackupBusy) and due is not None and _begins(folder, due):
            return None
        # The status is that of the run that has the lock, or cannot be written.
        run.fail(f"begin: {_said_by(error)}")
        return _tell(run, None)


def _held(run: _Run, due: datetime) -> Ran:
    folder, teller = run.job.store.path, run.job.teller
    record = RunRecord(began=run.began, process=os.getpid())
    known = {"project": run.job.project, "last": record, "next_due": due}
    status = Status.model_validate(known)
    try:
        try:
            before = read_status(folder)
            if before.last is not None and before.last.ended is None:
                run.notes.append(f"the run that began {said_moment(before.last.began)} was cut off")
            status = before.model_copy(update=known)
            write_status(folder, status)
        except OSError as error:
            # It says so where it ends; that it cannot be seen to have begun is no reason to make no backup.
            run.untold.append(teller.clean(f"the status file: {_said_by(error)}"))
        teller.begun(record)
        run.all_stages()
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Ended) else signal.SIGINT
        during = f" during {run.now_at}" if run.now_at else ""
        run.fail(f"interrupted by {signal.Signals(number).name}{during}")
        _tell(run, status, stopped=128 + number)
        raise
    return _tell(run, status)


def _tell(run: _Run, status: Status | None, *, stopped: int | None = None) -> Ran:
    """Tell of the end, the surest first."""
    folder, teller = run.job.store.path, run.job.teller
    record = run.record()
    if stopped is not None:
        record = record.model_copy(update={"exit_status": stopped})
    untold = run.untold
    try:
        if status is not None:
            _write(folder, status, record)
    except OSError as error:
        if not untold:
            untold.append(teller.clean(f"the status file: {_said_by(error)}"))
    try:
        facts = {"stages": {stage.name: round(stage.seconds, 3) for stage in run.done}}
        known = {"backup": record.backup, "seconds": round(run.seconds, 3), "message": record.message, "facts": facts}
        write_event(folder, "run", ok=not run.failures, **known)
    except OSError as error:
        untold.append(teller.clean(f"the history: {_said_by(error)}"))
    untold += teller.ended(record, hurry=stopped is not None)
    if untold:
        record = record.model_copy(update={"untold": untold, "exit_status": record.exit_status or 3})
        if status is not None:
            # A file that cannot be written is among them already.
            with contextlib.suppress(OSError):
                _write(folder, status, record)
    return Ran(record, run.done)


def _write(folder: Path, status: Status, record: RunRecord) -> None:
    success = record if record.ok else status.last_success
    write_status(folder, status.model_copy(update={"last": record, "last_success": success}))


def _begun(folder: Path, due: datetime) -> bool:
    last = read_status(folder).last
    return last is not None and last.began >= due


def _begins(folder: Path, due: datetime) -> bool:
    """Whether the run that has the lock is the one of this moment: cron may call two at once when the clocks change."""
    for _ in range(LOOKS):
        with contextlib.suppress(OSError):
            if _begun(folder, due):
                return True
        time.sleep(0.1)
    return False


def _said_by(error: Exception) -> str:
    if isinstance(error, LiteliftError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{error.strerror}"
    return f"{type(error).__name__}: {error}"
