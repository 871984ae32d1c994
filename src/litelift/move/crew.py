"""The crew: runs units of work, in this process or in several, all at one snapshot of the source.

A task is a plain value and a function of a module; its result is a value. So the work can be handed to any process that
reaches both ends. The processes are made before either end is open: what is forked then shares nothing but memory, and
is there at once.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from litelift.move.processes import Processes
from litelift.move.worker import Worker
from litelift.postgres.retry import Tell
from litelift.postgres.sessions import Sessions
from litelift.sqlite.identity import Identity, identity
from litelift.sqlite.open import Source, writers_held

Task = TypeVar("Task")
Result = TypeVar("Result")

PARALLEL_BYTES = 64 << 20
MAX_JOBS = 8
TOLD_SECONDS = 0.5
"""How often what workers say is heard while none has a result."""
FINISH_SECONDS = 10.0
"""How long what is under way may take to its end, once the rest is given up."""
ALONE = 50
"""Tasks of a worker that are handed out one by one: each costs a millisecond on its way."""


def _bundles(tasks: Sequence[Task], jobs: int) -> list[Sequence[Task]]:
    """Tasks as they are handed out: the first, which are the longest, one by one, and of many the others together."""
    alone = jobs * ALONE
    together = max(1, -(-(len(tasks) - alone) // alone))
    return [
        *(tasks[at : at + 1] for at in range(min(alone, len(tasks)))),
        *(tasks[at : at + together] for at in range(alone, len(tasks), together)),
    ]


@dataclass(slots=True)
class Crew:
    """Workers, all at one snapshot once the crew is `open`. Without processes the work is done in this one."""

    jobs: int
    processes: Processes | None = None
    _worker: Worker | None = None
    _begun: dict[Any, int] = field(default_factory=dict)

    @property
    def worker(self) -> Worker:
        """What this process itself works with."""
        assert self._worker is not None, "the crew is not open yet"
        return self._worker

    @property
    def parallel(self) -> bool:
        """Whether other processes do the work."""
        return self.processes is not None

    def open(self, source: Source, sessions: Sessions | None, *, held: bool) -> None:
        """Bring all to the snapshot of ``source``, which was opened while writers were `held` out, as they are now.

        Where they could not be held out, or where a process cannot open the source, this one works alone.
        """
        self._worker = Worker(source, sessions)
        if self.processes is None:
            return
        given = None if sessions is None else (sessions.dsn, sessions.mark, sessions.patience)
        try:
            if not (held and self.processes.open((source.path, given))):
                self.stop()
                self.jobs = 1
        except BaseException:
            self.stop()
            raise

    def open_together(self, source: Source, sessions: Sessions | None) -> Identity | None:
        """Open all at the snapshot of this moment, in which nobody can write.

        Returns what the source is known by at it, and what was read of it before is to be read again; None where it
        stays at the snapshot that it had, for this process works alone.
        """
        renewed = None
        with writers_held(source.path) as held:
            if self.parallel and held:
                renewed = identity(source.path)
                source.renew()
            self.open(source, sessions, held=held)
        return renewed

    def begin(self, function: Callable[[Worker, Task], Result], tasks: Sequence[Task]) -> None:
        """Let other processes begin with tasks of a class of their own, which `run` is to be given among its others.

        Without other processes nothing is begun.
        """
        if self.processes is not None:
            for task in tasks:
                self._begun[function, task] = self.processes.submit(function, [task])

    def run(
        self,
        function: Callable[[Worker, Task], Result],
        tasks: Iterable[Task],
        on_rows: Callable[[int], None] | None = None,
        *,
        finish: bool = False,
    ) -> Iterator[tuple[Task, Result]]:
        """Carry out every task; results come as they are done. The first error stops the rest and is raised.

        ``finish`` leaves what is under way at a Ctrl-C to the caller, who calls `finish`.
        """
        processes = self.processes
        if processes is None:
            self.worker.on_rows = on_rows
            for task in tasks:
                yield task, self.worker.carry_out(function, task)
            return
        try:
            pending, others = self._among(function, list(tasks))
            for bundle in _bundles(others, self.jobs):
                pending[processes.submit(function, bundle)] = bundle
            while pending:
                outcome = processes.outcome(pending, TOLD_SECONDS)
                processes.hear(self.tell)
                if outcome is None:
                    continue
                if outcome.error is not None:
                    raise outcome.error
                yield from zip(pending.pop(outcome.ticket), outcome.results, strict=True)
        except KeyboardInterrupt:
            if not finish:
                self.stop()
            raise
        except BaseException:
            # What the others are at is not wanted any more, and would keep its locks until it is done.
            self.stop()
            raise

    def finish(self) -> None:
        """Begin no other task, wait a little for those that are under way, and end the processes.

        A second Ctrl-C does not wait.
        """
        if self.processes is not None and self.processes.busy:
            self.tell("stopping: what is under way is brought to its end (Ctrl-C once more: at once)")
            with suppress(KeyboardInterrupt):
                self.processes.settle(FINISH_SECONDS)
        self.stop()

    @property
    def tell(self) -> Tell:
        """Where it says what the user should hear."""
        sessions = self.worker.sessions
        return sessions.tell if sessions is not None else lambda words: None

    def _among(
        self, function: Callable[[Worker, Task], Result], tasks: list[Task]
    ) -> tuple[dict[int, Sequence[Task]], list[Task]]:
        """Those of the tasks that are begun already, by their tickets, and the others."""
        kinds = {type(task) for asked, task in self._begun if asked is function}
        begun: dict[int, Sequence[Task]] = {}
        others: list[Task] = []
        for task in tasks:
            ticket = self._begun.pop((function, task), None) if type(task) in kinds else None
            if ticket is None:
                others.append(task)
            else:
                begun[ticket] = [task]
        return begun, others

    def stop(self) -> None:
        """End the processes at once, in the middle of what they do."""
        self._begun.clear()
        # Only then forgotten: a signal's exception may come in between, and it is stopped again.
        if (processes := self.processes) is not None:
            processes.end()
            self.processes = None

    def close(self) -> None:
        """End the workers."""
        self.stop()
        if self._worker is not None:
            self._worker.close()


def default_jobs(size: int) -> int:
    """How many workers a source of ``size`` bytes is worth: one below 64 MB, else one for each core, at most eight."""
    return 1 if size < PARALLEL_BYTES else max(1, min(MAX_JOBS, os.cpu_count() or 1))


def gather(jobs: int) -> Crew:
    """A crew of ``jobs`` workers, before anything is open that they must not share."""
    if jobs <= 1:
        return Crew(1)
    try:
        # What is frozen the collector does not look at, in the workers either: so it stays shared.
        gc.freeze()
        return Crew(jobs, Processes(jobs))
    finally:
        gc.unfreeze()
