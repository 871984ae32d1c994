"""A worker: what a task works with, in this process or in one of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection as pipes
from typing import Any, TypeVar

from litelift.postgres.connect import Connection
from litelift.postgres.judge import Judge
from litelift.postgres.retry import attempts_for, persist
from litelift.postgres.sessions import Sessions
from litelift.sqlite.open import Source, open_source

Task = TypeVar("Task")
Result = TypeVar("Result")

OPEN_SECONDS = 60.0


@dataclass(slots=True)
class Worker:
    """What a task works with: the source at its snapshot, and a connection to the target."""

    source: Source
    sessions: Sessions | None
    on_rows: Callable[[int], None] | None = None
    _target: Connection | None = None
    _judge: Judge | None = None

    @property
    def target(self) -> Connection:
        """A connection to the target, opened with the first use."""
        if self._target is None:
            assert self.sessions is not None
            # Its commits are waited for: what the journal says to be loaded must survive a crash of the server.
            self._target = self.sessions.open_now()
        return self._target

    @property
    def judge(self) -> Judge | None:
        """The server's judgement on texts, where there is a server."""
        if self._judge is None and self.sessions is not None:
            self._judge = Judge(self.sessions.dsn)
        return self._judge

    def carry_out(self, function: Callable[[Worker, Task], Result], task: Task) -> Result:
        """Do a task, once more from its beginning where the connection was lost."""
        if self.sessions is None:
            return function(self, task)
        counted, on_rows = 0, self.on_rows

        def count(rows: int) -> None:
            nonlocal counted
            counted += rows
            assert on_rows is not None
            on_rows(rows)

        def renew() -> None:
            nonlocal counted
            self.close()
            if on_rows is not None:
                on_rows(-counted)
            counted = 0
            assert self.sessions is not None
            self._target = self.sessions.open()

        self.on_rows = None if on_rows is None else count
        try:
            attempts = attempts_for(self.sessions.patience)
            return persist(partial(function, self, task), renew, self.sessions.tell, attempts=attempts)
        finally:
            self.on_rows = on_rows

    def close(self) -> None:
        """End the worker's connections; the source stays its opener's."""
        for connection in (self._target, self._judge):
            if connection is not None:
                connection.close()
        self._target = self._judge = None


_worker: Worker | None = None


def start_worker(orders: Any, said: Any, barrier: Any) -> None:
    """Wait in a new process for what to open, and open it.

    Args:
        orders: gives the source's path, and what the target's sessions are made with (None: no target).
        said: takes what the user should hear.
        barrier: where all of the crew wait until each has opened its own.
    """
    global _worker
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The default, whatever the parent has made of them: a worker ends at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        path, given = orders.get()
        sessions = None
        if given is not None:
            dsn, mark, patience = given
            sessions = Sessions(dsn, mark, patience, said.put)
        _worker = Worker(open_source(path, check=False), sessions)
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


def carry_out_all(function: Callable[[Worker, Any], Any], tasks: Sequence[Any]) -> list[Any]:
    """Do tasks, one after the other, in a process that was started."""
    assert _worker is not None
    return [_worker.carry_out(function, task) for task in tasks]
