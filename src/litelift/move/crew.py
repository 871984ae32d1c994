"""The crew: runs units of work, in this process or in several, all at one snapshot of the source.

A task is a plain value and a function of a module; its result is a value. So the work can be handed to any process that
reaches both ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection as pipes
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any, TypeVar

from litelift.errors import WorkerDied
from litelift.postgres.connect import Connection, Judge, connect
from litelift.sqlite.open import Source, open_source, writers_held

Task = TypeVar("Task")
Result = TypeVar("Result")

PARALLEL_BYTES = 64 << 20
MAX_JOBS = 8
OPEN_SECONDS = 60.0


@dataclass(slots=True)
class Worker:
    """What a task works with: the source at its snapshot, and a connection to the target."""

    source: Source
    dsn: str | None
    on_rows: Callable[[int], None] | None = None
    _target: Connection | None = None
    _judge: Judge | None = None

    @property
    def target(self) -> Connection:
        """A connection to the target, opened with the first use."""
        if self._target is None:
            assert self.dsn is not None
            self._target = connect(self.dsn)
            self._target.execute("set synchronous_commit = off")
        return self._target

    @property
    def judge(self) -> Judge | None:
        """The server's judgement on texts, where there is a server."""
        if self._judge is None and self.dsn is not None:
            self._judge = Judge(self.dsn)
        return self._judge

    def close(self) -> None:
        """End the worker's connections; the source stays its opener's."""
        for connection in (self._target, self._judge):
            if connection is not None:
                connection.close()
        self._target = self._judge = None


_worker: Worker | None = None


def _open_worker(path: Path, dsn: str | None, barrier: Any) -> None:
    global _worker
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The default, whatever the parent has made of them: a worker ends at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        _worker = Worker(open_source(path, check=False), dsn)
        barrier.wait(OPEN_SECONDS)
    except BaseException:
        # An exception here would be printed with its traceback; the parent does the work alone, and meets it itself.
        barrier.abort()
        os._exit(1)


def _end_with_parent() -> None:
    """End this process when its parent is gone, killed perhaps: else it would go on with its work for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        pipes.wait([parent.sentinel])
        os._exit(1)


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


def _carry_out(function: Callable[[Worker, Any], Any], task: Any) -> Any:
    assert _worker is not None
    return function(_worker, task)


@dataclass(slots=True)
class Crew:
    """Workers at one snapshot. ``pool`` is None where the work is done in this process."""

    worker: Worker
    jobs: int
    pool: ProcessPoolExecutor | None = None
    _started: list[Future[Any]] = field(default_factory=list)

    def run(
        self,
        function: Callable[[Worker, Task], Result],
        tasks: Iterable[Task],
        on_rows: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[Task, Result]]:
        """Carry out every task; results come as they are done. The first error stops the rest and is raised."""
        if self.pool is None:
            self.worker.on_rows = on_rows
            for task in tasks:
                yield task, function(self.worker, task)
            return
        try:
            pending: dict[Future[Any], Task] = {self.pool.submit(_carry_out, function, task): task for task in tasks}
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    task = pending.pop(future)
                    yield task, future.result()
        except BrokenProcessPool:
            self.stop()
            raise WorkerDied from None
        except BaseException:
            # What the others are at is not wanted any more, and would keep its locks until it is done.
            self.stop()
            raise

    def stop(self) -> None:
        """End the workers at once, in the middle of what they do."""
        if self.pool is not None:
            # A process that has ended is None or gone from the dictionary.
            processes = list((self.pool._processes or {}).values())
            for process in processes:
                process.kill()
            self.pool.shutdown(wait=True, cancel_futures=True)
            self.pool = None

    def close(self) -> None:
        """End the workers."""
        self.worker.close()
        if self.pool is not None:
            self.pool.shutdown(wait=True, cancel_futures=True)


def default_jobs(size: int) -> int:
    """How many workers a source of ``size`` bytes is worth: one below 64 MB, else one for each core, at most eight."""
    return 1 if size < PARALLEL_BYTES else max(1, min(MAX_JOBS, os.cpu_count() or 1))


def gather(path: Path, dsn: str | None, jobs: int, source: Source) -> Crew:
    """A crew of ``jobs`` workers, all at the snapshot of ``source``, which was opened under the same `writers_held`."""
    worker = Worker(source, dsn)
    if jobs <= 1:
        return Crew(worker, 1)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(jobs + 1)
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_open_worker, initargs=(path, dsn, barrier))
    crew = Crew(worker, jobs, pool)
    try:
        with _interrupts_kept_out():
            crew._started = [pool.submit(_idle) for _ in range(jobs)]
        barrier.wait(OPEN_SECONDS)
    except (BrokenBarrierError, BrokenProcessPool):
        crew.stop()
        return Crew(worker, 1)
    except BaseException:
        crew.stop()
        raise
    return crew


def open_crew(path: Path, dsn: str | None, jobs: int | None) -> Crew:
    """Open and check the source, and gather a crew at its snapshot."""
    with writers_held(path) as held:
        source = open_source(path, check=False)
        wanted = default_jobs(source.bytes) if jobs is None else jobs
        return gather(path, dsn, wanted if held else 1, source)
