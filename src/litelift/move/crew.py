"""The crew: runs units of work, in this process or in several, all at one snapshot of the source.

A task is a plain value and a function of a module; its result is a value. So the work can be handed to any process that
reaches both ends. The processes are made before either end is open: what is forked then shares nothing but memory, and
is there at once.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import BrokenBarrierError
from typing import Any, TypeVar

from litelift.errors import WorkerDied
from litelift.move.worker import OPEN_SECONDS, Worker, carry_out_all, start_worker
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


@contextmanager
def _interrupts_kept_out() -> Iterator[None]:
    """Processes that start in it never see a Ctrl-C, which the terminal sends to all: the parent ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _idle() -> int:
    return os.getpid()


def _bundles(tasks: Sequence[Task], jobs: int) -> list[Sequence[Task]]:
    """Tasks as they are handed out: the first, which are the longest, one by one, and of many the others together."""
    alone = jobs * ALONE
    together = max(1, -(-(len(tasks) - alone) // alone))
    return [
        *(tasks[at : at + 1] for at in range(min(alone, len(tasks)))),
        *(tasks[at : at + together] for at in range(alone, len(tasks), together)),
    ]


@dataclass(slots=True)
class _Processes:
    """Worker processes, and how they are told what to open."""

    pool: ProcessPoolExecutor
    orders: Any
    said: Any
    barrier: Any

    def hear(self, tell: Tell) -> None:
        """Hand on what the workers have said."""
        while not self.said.empty():
            tell(self.said.get())


@dataclass(slots=True)
class Crew:
    """Workers, all at one snapshot once the crew is `open`. Without processes the work is done in this one."""

    jobs: int
    processes: _Processes | None = None
    _worker: Worker | None = None
    _pending: Mapping[Future[Any], Any] = field(default_factory=dict)
    _begun: dict[Any, Future[Any]] = field(default_factory=dict)

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
        try:
            if not held:
                self._alone()
                return
            given = None if sessions is None else (sessions.dsn, sessions.mark, sessions.patience)
            for _ in range(self.jobs):
                self.processes.orders.put((source.path, given))
            self.processes.barrier.wait(OPEN_SECONDS)
        except (BrokenBarrierError, BrokenProcessPool):
            self._alone()
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

    def _alone(self) -> None:
        self.stop()
        self.jobs = 1

    def begin(self, function: Callable[[Worker, Task], Result], tasks: Sequence[Task]) -> None:
        """Let other processes begin with tasks of a class of their own, which `run` is to be given among its others.

        Without other processes nothing is begun.
        """
        if self.processes is not None:
            # Where a process is gone already, `run` meets it too.
            with suppress(BrokenProcessPool):
                for task in tasks:
                    self._begun[function, task] = self.processes.pool.submit(carry_out_all, function, [task])

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
        if self.processes is None:
            self.worker.on_rows = on_rows
            for task in tasks:
                yield task, self.worker.carry_out(function, task)
            return
        processes = self.processes
        pool = processes.pool
        pending: dict[Future[Any], Sequence[Task]] = {}
        self._pending = pending
        try:
            begun, others = self._among(function, list(tasks))
            pending |= begun
            pending |= {pool.submit(carry_out_all, function, bundle): bundle for bundle in _bundles(others, self.jobs)}
            while pending:
                done, _ = wait(pending, TOLD_SECONDS, return_when=FIRST_COMPLETED)
                processes.hear(self.tell)
                for future in done:
                    yield from zip(pending.pop(future), future.result(), strict=True)
        except BrokenProcessPool:
            self.stop()
            raise WorkerDied from None
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
        running = [future for future in self._pending if not future.cancel()]
        if running and self.processes is not None:
            self.tell("stopping: what is under way is brought to its end (Ctrl-C once more: at once)")
            with suppress(KeyboardInterrupt):
                wait(running, FINISH_SECONDS)
        self.stop()

    @property
    def tell(self) -> Tell:
        """Where it says what the user should hear."""
        sessions = self.worker.sessions
        return sessions.tell if sessions is not None else lambda words: None

    def _among(
        self, function: Callable[[Worker, Task], Result], tasks: list[Task]
    ) -> tuple[dict[Future[Any], Sequence[Task]], list[Task]]:
        """Those of the tasks that are begun already, and the others."""
        kinds = {type(task) for asked, task in self._begun if asked is function}
        begun: dict[Future[Any], Sequence[Task]] = {}
        others: list[Task] = []
        for task in tasks:
            future = self._begun.pop((function, task), None) if type(task) in kinds else None
            if future is None:
                others.append(task)
            else:
                begun[future] = [task]
        return begun, others

    def stop(self) -> None:
        """End the processes at once, in the middle of what they do."""
        self._begun.clear()
        if self.processes is not None:
            pool, self.processes = self.processes.pool, None
            # A process that has ended is None or gone from the dictionary.
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """End the workers."""
        if self._worker is None or self._begun:
            # Nobody has told them what to open, and they wait for it; or nobody wants what they are at.
            self.stop()
        if self._worker is None:
            return
        self._worker.close()
        if self.processes is not None:
            self.processes.pool.shutdown(wait=True, cancel_futures=True)
            self.processes = None


def default_jobs(size: int) -> int:
    """How many workers a source of ``size`` bytes is worth: one below 64 MB, else one for each core, at most eight."""
    return 1 if size < PARALLEL_BYTES else max(1, min(MAX_JOBS, os.cpu_count() or 1))


def _context() -> Any:
    """How processes are made: forked where that is safe, for it takes no time and shares what is imported.

    A fork takes over the locks that other threads hold, but not the threads ("Contexts and start methods" in the manual
    of multiprocessing); macOS's own libraries do not stand it.
    """
    safe = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if safe else "spawn")


def gather(jobs: int) -> Crew:
    """A crew of ``jobs`` workers, before anything is open that they must not share."""
    if jobs <= 1:
        return Crew(1)
    context = _context()
    orders, said, barrier = context.SimpleQueue(), context.SimpleQueue(), context.Barrier(jobs + 1)
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=start_worker, initargs=(orders, said, barrier))
    crew = Crew(jobs, _Processes(pool, orders, said, barrier))
    try:
        # What is frozen the collector does not look at, in the workers either: so it stays shared.
        gc.freeze()
        with _interrupts_kept_out():
            for _ in range(jobs):
                pool.submit(_idle)
    except BaseException:
        crew.stop()
        raise
    finally:
        gc.unfreeze()
    return crew
