"""The order of building: which job may run beside which, so that every connection has something to do.

Jobs on one table exclude each other only as far as PostgreSQL's table locks do ("Explicit Locking", section 13.3.1):
two indexes of one table can be built at once, a validation and an index cannot.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Lock = Literal["row share", "share", "share update exclusive", "exclusive"]
"""What a job holds on a table, by the names of PostgreSQL; "exclusive" stands for all that exclude writers and more."""

_CONFLICTS: dict[Lock, frozenset[Lock]] = {
    "row share": frozenset({"exclusive"}),
    "share": frozenset({"share update exclusive", "exclusive"}),
    "share update exclusive": frozenset({"share", "share update exclusive", "exclusive"}),
    "exclusive": frozenset({"row share", "share", "share update exclusive", "exclusive"}),
}

Lane = TypeVar("Lane")


@dataclass(frozen=True, eq=False)
class Job(Generic[Lane]):
    """One thing to build.

    ``run`` gets the lane that carries it out (a connection); ``locks`` are by table; ``after`` are the jobs that must
    have ended; ``cost`` is in any unit: the costliest that can start starts first.
    """

    name: str
    run: Callable[[Lane], None]
    locks: Mapping[str, Lock]
    cost: float = 0.0
    after: Sequence[Job[Any]] = ()


def compatible(first: Mapping[str, Lock], second: Mapping[str, Lock]) -> bool:
    """Whether jobs that hold these locks can run at one time."""
    shorter, longer = sorted((first, second), key=len)
    return not any(table in longer and longer[table] in _CONFLICTS[lock] for table, lock in shorter.items())


class Schedule(Generic[Lane]):
    """Jobs that are to be carried out, and those that run. Shared by the lanes' threads."""

    def __init__(self, jobs: Iterable[Job[Lane]]) -> None:
        """Order the jobs by what depends on them."""
        self._jobs = list(jobs)
        self._left = len(self._jobs)
        self._running: list[Job[Lane]] = []
        self._stopped = False
        self._changed = threading.Condition()
        self._following = _following(self._jobs)
        self._weights = _weights(self._jobs, self._following)
        self._places = {id(job): place for place, job in enumerate(self._jobs)}
        # How many others each still waits for; those that wait for none, the heaviest first.
        self._awaited = {id(job): len(job.after) for job in self._jobs}
        self._ready: list[tuple[float, int]] = []
        # Gates are waited for, and are nobody's to carry out.
        self._shut = {id(other) for job in self._jobs for other in job.after} - self._places.keys()
        for job in self._jobs:
            if not job.after:
                self._make_ready(job)

    def take(self) -> Job[Lane] | None:
        """The next job that can start, waiting for one if need be; None when nothing is left, or all is stopped."""
        with self._changed:
            while self._left and not self._stopped:
                job = self._next()
                if job is not None:
                    self._left -= 1
                    self._running.append(job)
                    return job
                if not self._running and not self._shut:
                    waiting = [job.name for job in self._jobs if self._awaited[id(job)]]
                    raise RuntimeError(f"jobs that wait for each other: {waiting[:10]}")
                self._changed.wait()
            return None

    def done(self, job: Job[Lane]) -> None:
        """Say that a job has ended."""
        with self._changed:
            self._running.remove(job)
            self._release(job)

    def open(self, gate: Job[Lane]) -> None:
        """Let the jobs start that wait for a gate: a job that is waited for, and is not one of the schedule's."""
        with self._changed:
            if id(gate) in self._shut:
                self._shut.remove(id(gate))
                self._release(gate)

    def _release(self, job: Job[Lane]) -> None:
        for other in self._following.get(id(job), ()):
            self._awaited[id(other)] -= 1
            if not self._awaited[id(other)]:
                self._make_ready(other)
        self._changed.notify_all()

    def stop(self) -> None:
        """Start nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _make_ready(self, job: Job[Lane]) -> None:
        heapq.heappush(self._ready, (-self._weights[id(job)], self._places[id(job)]))

    def _next(self) -> Job[Lane] | None:
        """Take the heaviest job that can run beside those that do."""
        passed = []
        found = None
        while self._ready and found is None:
            entry = heapq.heappop(self._ready)
            job = self._jobs[entry[1]]
            if all(compatible(job.locks, other.locks) for other in self._running):
                found = job
            else:
                passed.append(entry)
        for entry in passed:
            heapq.heappush(self._ready, entry)
        return found


def _following(jobs: Sequence[Job[Any]]) -> dict[int, list[Job[Any]]]:
    """The jobs that wait for each."""
    following: dict[int, list[Job[Any]]] = {}
    for job in jobs:
        for other in job.after:
            following.setdefault(id(other), []).append(job)
    return following


def _weights(jobs: Sequence[Job[Any]], following: Mapping[int, list[Job[Any]]]) -> dict[int, float]:
    """The cost of each job and of the longest chain of jobs that wait for it."""
    weights: dict[int, float] = {}
    # Whatever comes after a job stands after it in no particular order: depth first, without recursion.
    for first in jobs:
        stack = [first]
        while stack:
            job = stack[-1]
            open_ = [other for other in following.get(id(job), ()) if id(other) not in weights]
            if open_:
                stack += open_
                continue
            stack.pop()
            weights[id(job)] = job.cost + max((weights[id(o)] for o in following.get(id(job), ())), default=0.0)
    return weights


def run(
    schedule: Schedule[Lane],
    lanes: Sequence[Lane],
    on_done: Callable[[Job[Lane]], None] | None = None,
    cancel: Callable[[Lane], None] | None = None,
) -> None:
    """Carry out all jobs of a schedule, each on one of the lanes.

    The first error stops the rest: ``cancel`` is called for every lane, and the error is raised when they have ended.
    """

    def work(lane: Lane) -> None:
        while (job := schedule.take()) is not None:
            try:
                job.run(lane)
            except BaseException:
                schedule.stop()
                raise
            schedule.done(job)
            if on_done:
                on_done(job)

    if len(lanes) == 1:
        work(lanes[0])
        return
    with ThreadPoolExecutor(len(lanes)) as pool:
        futures = [pool.submit(work, lane) for lane in lanes]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            schedule.stop()
            if cancel:
                for lane in lanes:
                    cancel(lane)
            raise
