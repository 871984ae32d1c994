"""The crew shares work among processes, and nothing waits for one that is killed, whatever it was at."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing import connection as pipes
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest

from litelift.errors import WorkerDied
from litelift.move.crew import Crew, gather
from litelift.move.worker import Worker
from litelift.sqlite.open import open_source

JOBS = 3
LARGE = 1 << 20
"""Bytes of a result that no pipe takes at once."""
HANG_SECONDS = 100


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(HANG_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    for process in multiprocessing.active_children():
        process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("create table t(a); insert into t values (1), (2), (3)")
    return path


def rows(worker: Worker, task: int) -> tuple[int, int]:
    """What a worker reads, and which process it is."""
    found = worker.source.connection.execute("select count(*) from t").fetchone()[0]
    return int(found), os.getpid()


def double(worker: Worker, task: int) -> int:
    return 2 * task


def fail(worker: Worker, task: int) -> NoReturn:
    raise LookupError(task)


def die(worker: Worker, task: int) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def told_by_half(then: Callable[[], object]) -> bytes:
    """A result of which only half is written, and then something happens."""

    def half(self: Any, message: Any, write: object = None) -> None:
        os.write(self.fileno(), bytes(message[: len(message) // 2]))
        then()

    setattr(pipes.Connection, "_send", half)  # noqa: B010
    return bytes(LARGE)


def die_telling(worker: Worker, task: int) -> bytes:
    return told_by_half(lambda: os.kill(os.getpid(), signal.SIGKILL))


def stay_telling(worker: Worker, task: str) -> bytes:
    """Where the task names a file, be in the middle of telling the result, as the file shows, and stay there."""

    def stay() -> None:
        Path(task).touch()
        signal.pause()

    return told_by_half(stay) if task else b""


def until(reached: Callable[[], bool]) -> None:
    while not reached():
        time.sleep(0.001)


@contextlib.contextmanager
def opened(crew: Crew, path: Path) -> Iterator[Crew]:
    with closing(open_source(path)) as source:
        crew.open_together(source, None)
        try:
            yield crew
        finally:
            crew.close()


def read_by(crew: Crew, path: Path) -> set[tuple[int, bool]]:
    """What all of the crew read, and whether other processes did."""
    with opened(crew, path):
        return {(count, process != os.getpid()) for _, (count, process) in crew.run(rows, range(20))}


def test_all_read_once_each_is_open(path: Path) -> None:
    assert read_by(gather(JOBS), path) == {(3, True)}
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("killed", [1, JOBS])
def test_a_process_that_is_killed_before_it_is_open_is_done_without(path: Path, killed: int) -> None:
    crew = gather(JOBS)
    for process in multiprocessing.active_children()[:killed]:
        process.kill()
        process.join()
    assert read_by(crew, path) == {(3, False)}
    assert crew.jobs == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a process has open is only seen in /proc")
def test_a_process_that_is_killed_while_the_others_wait_for_it_is_done_without(path: Path) -> None:
    crew = gather(JOBS)
    late, *others = multiprocessing.active_children()
    assert late.pid is not None
    os.kill(late.pid, signal.SIGSTOP)

    def kill() -> None:
        until(lambda: all(has_open(other.pid, path) for other in others))
        late.kill()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    assert read_by(crew, path) == {(3, False)}
    killer.join()


def has_open(process: int | None, path: Path) -> bool:
    """Whether a process has a file open."""
    for link in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(OSError):
            if link.readlink() == path:
                return True
    return False


@pytest.mark.parametrize("function", [die, die_telling])
def test_a_process_that_is_killed_in_the_middle_of_its_work_or_of_telling_it_stops_the_rest(
    path: Path, function: Callable[[Worker, int], object]
) -> None:
    with opened(gather(JOBS), path) as crew, pytest.raises(WorkerDied):
        list(crew.run(function, range(20)))


def test_who_is_ended_in_the_middle_of_a_result_is_not_waited_for(path: Path, tmp_path: Path) -> None:
    marker = tmp_path / "telling"
    with opened(gather(2), path) as crew:
        results = crew.run(stay_telling, ["", str(marker)])
        assert next(results) == ("", b"")
        until(marker.exists)
        crew.stop()
        assert not multiprocessing.active_children()


def test_a_process_that_is_killed_when_all_is_done_keeps_nobody(path: Path) -> None:
    with opened(gather(JOBS), path) as crew:
        assert len(list(crew.run(double, range(20)))) == 20
        multiprocessing.active_children()[0].kill()


def test_a_process_that_is_killed_between_two_classes_of_tasks_stops_the_second(path: Path) -> None:
    with opened(gather(JOBS), path) as crew:
        assert dict(crew.run(double, range(20))) == {task: 2 * task for task in range(20)}
        process = multiprocessing.active_children()[0]
        process.kill()
        process.join()
        with pytest.raises(WorkerDied):
            list(crew.run(double, range(20)))


def test_what_was_begun_is_there_when_it_is_asked_for_whatever_runs_before(path: Path) -> None:
    with opened(gather(JOBS), path) as crew:
        crew.begin(double, range(10))
        assert len(list(crew.run(rows, range(20)))) == 20
        assert dict(crew.run(double, range(20))) == {task: 2 * task for task in range(20)}


def test_an_error_names_where_the_process_met_it(path: Path) -> None:
    with opened(gather(JOBS), path) as crew, pytest.raises(LookupError) as raised:
        list(crew.run(fail, range(20)))
    assert "in fail" in str(raised.value.__cause__)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Puts back what the signals did."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_no_handler_of_the_parents_meets_a_signal_to_a_process_however_early(tmp_path: Path) -> None:
    met = tmp_path / "met"
    signal.signal(signal.SIGTERM, lambda number, frame: met.touch())
    for _ in range(20):
        crew = gather(JOBS)
        processes = multiprocessing.active_children()
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        crew.close()
        assert not met.exists()


@pytest.mark.usefixtures("handlers")
def test_an_interrupt_and_a_hangup_that_nohup_ignores_leave_the_processes_alone(path: Path) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    crew = gather(JOBS)
    for process in multiprocessing.active_children():
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGHUP)
    assert read_by(crew, path) == {(3, True)}


def test_processes_that_are_not_forked_do_the_same(path: Path) -> None:
    # Where another thread runs, a fork might copy a lock that it holds.
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        crew = gather(2)
        for process in multiprocessing.active_children():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGINT)
        assert read_by(crew, path) == {(3, True)}
    finally:
        done.set()
        thread.join()
