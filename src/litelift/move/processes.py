"""Worker processes, each at a pipe of its own.

Nothing is shared among them, no lock and no pipe: one that is killed, whatever it is at, keeps nothing from the others
and from this process, and half a message of it ends with its pipe. (The processes of a ProcessPoolExecutor share its
queues. One that is killed may keep their locks, and the rest of what it was writing is waited for without end.)

This process waits in one thread for what they send. It shares no lock with the main thread either: a signal's exception
may leave one locked, wherever Python's own code takes it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection as pipes
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from typing import Any

from litelift.errors import WorkerDied
from litelift.move.worker import Answer, start_worker
from litelift.postgres.retry import Tell

OPEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the tasks of a ticket: their results, or the error that ended them."""

    ticket: int
    results: Sequence[Any] = ()
    error: BaseException | None = None


@dataclass(slots=True)
class _Member:
    process: BaseProcess
    pipe: Any
    ticket: int | None = None
    """What it is at."""


@contextmanager
def _signals_kept_out() -> Iterator[None]:
    """Keep signals from processes that start in it.

    They never see a Ctrl-C, which the terminal sends to all: the parent ends them. The others they let in once these do
    what they do by default (`start_worker`), and no handler of the parent's can meet one before.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _context() -> Any:
    """How processes are made: forked where that is safe, for it takes no time and shares what is imported.

    A fork takes over the locks that other threads hold, but not the threads ("Contexts and start methods" in the manual
    of multiprocessing); macOS's own libraries do not stand it.
    """
    safe = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if safe else "spawn")


class RaisedElsewhere(Exception):
    """The traceback of an error in the process that raised it: the cause of what is raised here."""


class Processes:
    """So many processes, which wait to be told what to `open`."""

    def __init__(self, jobs: int) -> None:
        """Start them."""
        self._members: list[_Member] = []
        self._queue: deque[tuple[int, Callable[..., Any], Sequence[Any]]] = deque()
        self._tickets = 0
        self._outcomes: SimpleQueue[Outcome | None] = SimpleQueue()
        self._kept: dict[int, Outcome] = {}
        self._said: deque[str] = deque()
        self._thread: threading.Thread | None = None
        self._over = False
        context = _context()
        if context.get_start_method() == "spawn":
            # Where it starts with the first process, it lets SIGINT and SIGTERM in again.
            resource_tracker.ensure_running()
        try:
            with _signals_kept_out():
                for _ in range(jobs):
                    pipe, theirs = context.Pipe()
                    # A daemon: where this process ends without having ended it, it is not waited for.
                    process = context.Process(target=start_worker, args=(theirs,), daemon=True)
                    process.start()
                    self._members.append(_Member(process, pipe))
                    # Before the next is forked, which would keep the pipe open when this one has ended.
                    theirs.close()
            self._wakened, self._waker = context.Pipe(duplex=False)
            os.set_blocking(self._waker.fileno(), False)
        except BaseException:
            self.end()
            raise

    def open(self, order: tuple[Any, Any]) -> bool:
        """Have each open what ``order`` names (`start_worker`). False where one has ended, or takes too long."""
        deadline = time.monotonic() + OPEN_SECONDS
        opening: list[Any] = [member.pipe for member in self._members]
        try:
            for pipe in opening:
                pipe.send(order)
            while opening:
                ready = pipes.wait(opening, max(0.0, deadline - time.monotonic()))
                if not ready:
                    return False
                for pipe in [pipe for pipe in opening if pipe in ready]:
                    pipe.recv_bytes()
                    opening.remove(pipe)
        except (EOFError, OSError):
            return False
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        self._thread = thread
        return True

    def submit(self, function: Callable[..., Any], tasks: Sequence[Any]) -> int:
        """Have tasks carried out by the next process that has nothing else to do. Returns their ticket."""
        self._tickets += 1
        self._queue.append((self._tickets, function, tasks))
        # Where it is full, the thread has enough to wake up for.
        with suppress(BlockingIOError):
            os.write(self._waker.fileno(), b".")
        return self._tickets

    def outcome(self, wanted: Collection[int], seconds: float) -> Outcome | None:
        """The next outcome of one of the tickets; None where none comes within some seconds. Raises WorkerDied."""
        for ticket in self._kept:
            if ticket in wanted:
                return self._kept.pop(ticket)
        try:
            found = self._outcomes.get(timeout=seconds)
        except Empty:
            found = None
        if found is None:
            if self._over:
                raise WorkerDied
            return None
        if found.ticket in wanted:
            return found
        self._kept[found.ticket] = found
        return None

    def hear(self, tell: Tell) -> None:
        """Hand on what the processes have said."""
        while self._said:
            tell(self._said.popleft())

    @property
    def busy(self) -> bool:
        """Whether one of them is at something."""
        return not self._over and any(member.ticket is not None for member in self._members)

    def settle(self, seconds: float) -> None:
        """Begin nothing else, and wait so long for what is under way, whose outcome nobody wants."""
        self._queue.clear()
        deadline = time.monotonic() + seconds
        while self.busy and (left := deadline - time.monotonic()) > 0:
            with suppress(Empty):
                self._outcomes.get(timeout=left)

    def end(self) -> None:
        """End them at once, in the middle of what they do; any thread may."""
        for member in self._members:
            member.process.kill()
        for member in self._members:
            member.process.join()
        if self._thread is not None:
            # All pipes have ended, and it with them.
            self._thread.join()

    def _serve(self) -> None:
        """Hand out tasks and hear what becomes of them, until one of the processes has ended."""
        by_pipe = {member.pipe: member for member in self._members}
        try:
            while True:
                self._hand_out()
                ready = pipes.wait([self._wakened, *by_pipe])
                if self._wakened in ready:
                    os.read(self._wakened.fileno(), 1 << 16)
                for pipe, member in by_pipe.items():
                    if pipe in ready:
                        self._hear(member)
        except (EOFError, OSError):
            pass
        finally:
            self._over = True
            self._outcomes.put(None)

    def _hand_out(self) -> None:
        for member in self._members:
            while member.ticket is None:
                try:
                    ticket, function, tasks = self._queue.popleft()
                except IndexError:
                    return
                try:
                    order = pickle.dumps((function, tasks))
                except Exception as error:
                    self._outcomes.put(Outcome(ticket, error=error))
                    continue
                member.ticket = ticket
                member.pipe.send_bytes(order)

    def _hear(self, member: _Member) -> None:
        message = member.pipe.recv_bytes()
        try:
            answer, value = pickle.loads(message)
        except Exception as unlike:
            # An error's class that is made otherwise than it is called.
            answer, value = Answer.FAILED, (unlike, "")
        if answer is Answer.SAID:
            self._said.append(value)
            return
        assert member.ticket is not None
        ticket, member.ticket = member.ticket, None
        if answer is Answer.DONE:
            self._outcomes.put(Outcome(ticket, value))
        else:
            error, trace = value
            error.__cause__ = RaisedElsewhere(f"\n{trace}")
            self._outcomes.put(Outcome(ticket, error=error))
