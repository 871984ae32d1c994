"""The order of building: nothing runs beside what it excludes, everything runs once, and the first error stops it."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litelift.move.schedule import Job, Lock, Schedule, compatible, run

LOCKS: list[Lock] = ["row share", "share", "share update exclusive", "exclusive"]
PLANS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(LOCKS), max_size=2),
        st.floats(0, 100),
        st.sets(st.integers(0, 30), max_size=3),
    ),
    max_size=20,
)


@given(PLANS, st.integers(1, 4))
def test_every_job_runs_once_after_what_it_waits_for_and_never_beside_what_it_excludes(
    plan: list[tuple[dict[str, Lock], float, set[int]]], lanes: int
) -> None:
    guard = threading.Lock()
    running: list[Job[int]] = []
    ended: list[Job[int]] = []
    faults: list[str] = []
    jobs: list[Job[int]] = []

    def job(number: int, locks: dict[str, Lock], cost: float, after: set[int]) -> Job[int]:
        def work(_: int) -> None:
            with guard:
                own = jobs[number]
                faults.extend(f"{own.name} beside {o.name}" for o in running if not compatible(own.locks, o.locks))
                faults.extend(f"{own.name} before {o.name}" for o in own.after if o not in ended)
                running.append(own)
            with guard:
                running.remove(own)
                ended.append(own)

        return Job(f"job {number}", work, locks, cost, [jobs[at] for at in after if at < number])

    for number, (locks, cost, after) in enumerate(plan):
        jobs.append(job(number, locks, cost, after))
    told: list[str] = []
    run(Schedule(jobs), list(range(lanes)), on_done=lambda done: told.append(done.name))
    assert not faults
    assert Counter(map(id, ended)) == Counter(map(id, jobs))
    assert sorted(told) == sorted(job.name for job in jobs)


def test_two_indexes_of_one_table_are_built_at_once_and_a_validation_waits() -> None:
    assert compatible({"t": "share"}, {"t": "share"})
    assert not compatible({"t": "share"}, {"t": "share update exclusive"})
    assert compatible({"t": "share update exclusive", "p": "row share"}, {"p": "share"})
    assert not compatible({"t": "exclusive"}, {"t": "row share"})


def test_the_costliest_chain_starts_first() -> None:
    order: list[str] = []
    small: Job[int] = Job("small", lambda _: order.append("small"), {}, 2.0)
    head: Job[int] = Job("head", lambda _: order.append("head"), {}, 1.0)
    tail: Job[int] = Job("tail", lambda _: order.append("tail"), {}, 5.0, [head])
    run(Schedule([small, tail, head]), [0])
    assert order == ["head", "tail", "small"]


@pytest.mark.parametrize("lanes", [1, 3])
def test_the_first_error_stops_the_rest_and_cancels_every_lane(lanes: int) -> None:
    ran: list[int] = []
    cancelled: list[int] = []

    def fail(_: int) -> None:
        raise ValueError("refused")

    first: Job[int] = Job("first", fail, {"t": "exclusive"}, 10.0)
    rest: list[Job[int]] = [Job(f"rest {n}", lambda _, n=n: ran.append(n), {"t": "exclusive"}) for n in range(5)]  # type: ignore[misc]
    with pytest.raises(ValueError, match="refused"):
        run(Schedule([first, *rest]), list(range(lanes)), cancel=cancelled.append)
    assert not ran
    assert lanes == 1 or cancelled == list(range(lanes))


def test_a_job_waits_for_its_gate_and_the_others_do_not() -> None:
    order: list[str] = []
    gate = Job[int]("gate", lambda lane: order.append("never"), {})
    schedule: Schedule[int]

    def open_gate(lane: int) -> None:
        order.append("free")
        schedule.open(gate)
        schedule.open(gate)

    behind = Job[int]("behind", lambda lane: order.append("behind"), {}, cost=9, after=[gate])
    last = Job[int]("last", lambda lane: order.append("last"), {}, after=[behind])
    schedule = Schedule([behind, Job[int]("free", open_gate, {}), last])
    run(schedule, [0])
    assert order == ["free", "behind", "last"]


def test_a_schedule_that_is_stopped_does_not_wait_for_its_gates() -> None:
    gate = Job[int]("gate", lambda lane: None, {})
    order: list[str] = []
    schedule = Schedule([Job[int]("behind", lambda lane: order.append("behind"), {}, after=[gate])])
    waiting = threading.Thread(target=run, args=(schedule, [0, 1]))
    waiting.start()
    schedule.stop()
    waiting.join(30)
    assert not waiting.is_alive()
    assert order == []
