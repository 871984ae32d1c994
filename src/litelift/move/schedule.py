"""The order of building: which job may run beside which, so that every connection has something to do.

Jobs on one table exclude each other only as far as PostgreSQL's table locks do ("Explicit Locking", section 13.3.1):
two indexes of one table can be built at once, a validation and an index cannot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
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


@dataclass
class Schedule(Generic[Lane]):
    """Jobs that are to be carried out, and those that run. Shared by the lanes' threads."""

    jobs: Iterable[Job[Lane]]
    _waiting: list[Job[Lane]] = field(init=False)
    _running: list[Job[Lane]] = field(init=False, default_factory=list)
    _done: set[int] = field(init=False, default_factory=set)
    _stopped: bool = field(init=False, default=False)
    _changed: threading.Condition = field(init=False, default_factory=threading.Condition)

    def __post_init__(self) -> None:
        """Order the jobs by what depends on them."""
        jobs = list(self.jobs)
        weights = _weights(jobs)
        self._waiting = sorted(jobs, key=lambda job: -weights[id(job)])

    def take(self) -> Job[Lane] | None:
        """The next job that can start, waiting for one if need be; None when nothing is left, or all is stopped."""
        with self._changed:
            while self._waiting and not self._stopped:
                for place, job in enumerate(self._waiting):
                    if self._can_start(job):
                        self._running.append(job)
                        return self._waiting.pop(place)
                if not self._running:
                    raise RuntimeError(f"jobs that wait for each other: {[job.name for job in self._waiting[:10]]}")
                self._changed.wait()
            return None

    def done(self, job: Job[Lane]) -> None:
        """Say that a job has ended."""
        with self._changed:
            self._running.remove(job)
            self._done.add(id(job))
            self._changed.notify_all()

    def stop(self) -> None:
        """Start nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _can_start(self, job: Job[Lane]) -> bool:
        return all(id(other) in self._done for other in job.after) and all(
            compatible(job.locks, other.locks) for other in self._running
        )


def _weights(jobs: Sequence[Job[Any]]) -> dict[int, float]:
    """The cost of each job and of the longest chain of jobs that wait for it."""
    following: dict[int, list[Job[Any]]] = {}
    for job in jobs:
        for other in job.after:
            following.setdefault(id(other), []).append(job)
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
    jobs: Sequence[Job[Lane]],
    lanes: Sequence[Lane],
    on_done: Callable[[Job[Lane]], None] | None = None,
    cancel: Callable[[Lane], None] | None = None,
) -> None:
    """Carry out all jobs, each on one of the lanes.

    The first error stops the rest: ``cancel`` is called for every lane, and the error is raised when they have ended.
    """
    schedule = Schedule(jobs)

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
