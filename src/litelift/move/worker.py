"""A worker: what a task works with, in this process or in one of its own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from multiprocessing import connection as pipes
from typing import Any, NoReturn, TypeVar

from litelift.postgres.connect import Connection
from litelift.postgres.judge import Judge
from litelift.postgres.retry import attempts_for, persist
from litelift.postgres.sessions import Sessions
from litelift.sqlite.open import Source, open_source

Task = TypeVar("Task")
Result = TypeVar("Result")


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


class Answer(Enum):
    """What a worker's message is: tasks' results, the error that ended them with its traceback, words for the user."""

    DONE = auto()
    FAILED = auto()
    SAID = auto()


def start_worker(pipe: Any) -> NoReturn:
    """Be a worker, in a process of its own, until that is killed or its parent is gone.

    Args:
        pipe: to the parent. From it comes what to open: the source's path, and what the target's sessions are made with
            (None: no target); that it is open is told with an empty message. Then come tasks, functions with what they
            are to be called with, and for each some `Answer`.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        # The default, whatever else the parent has made of them: a worker ends at once. nohup means it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGHUP})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sending = threading.Lock()

    def send(message: bytes) -> None:
        with sending:
            pipe.send_bytes(message)

    try:
        path, given = pipe.recv()
        sessions = None
        if given is not None:
            dsn, mark, patience = given
            sessions = Sessions(dsn, mark, patience, lambda words: send(pickle.dumps((Answer.SAID, words))))
        worker = Worker(open_source(path, check=False), sessions)
        send(b"")
        while True:
            send(_answer(worker, pipe.recv_bytes()))
    except BaseException:
        # An exception here would be printed with its traceback; the parent sees that the process has ended.
        os._exit(1)


def _answer(worker: Worker, order: bytes) -> bytes:
    try:
        function, tasks = pickle.loads(order)
        return pickle.dumps((Answer.DONE, [worker.carry_out(function, task) for task in tasks]))
    except BaseException as error:
        trace = traceback.format_exc()
        try:
            return pickle.dumps((Answer.FAILED, (error, trace)))
        except Exception as unlike:
            return pickle.dumps((Answer.FAILED, (pickle.PicklingError(str(unlike)), trace)))


def _end_with_parent() -> None:
    """End this process when its parent is gone, killed perhaps: else it would go on with its work for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        pipes.wait([parent.sentinel])
        os._exit(1)
