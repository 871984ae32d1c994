"""Runs litelift and does something to it in the middle of a phase: python hooked.py PHASE ACTION ARGUMENT WORDS...

What is done is real: a signal to the process (or to its group, as a terminal's Ctrl-C), an ended session of the server.
Only the moment is chosen, by listening to the signs of life.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg

_met = threading.Event()


def note_signals() -> None:
    """Know when a handler of litelift's has a signal: the system may give it to another thread than the one that sent
    it, and the interpreter handles it in its main thread alone."""
    register = signal.signal

    def registered(number: int, handler: Any) -> Any:
        def noting(caught: int, frame: Any) -> Any:
            _met.set()
            return handler(caught, frame)

        return register(number, noting if callable(handler) else handler)

    setattr(signal, "signal", registered)  # noqa: B010


def wait_until_met() -> None:
    """Wait until a signal that was sent has its handler, which may raise here."""
    deadline = time.monotonic() + 120
    while not _met.wait(0.02):
        assert time.monotonic() < deadline, "the signal is ignored"


def send_again() -> None:
    """A second Ctrl-C as soon as the first is met."""
    wait_until_met()
    os.killpg(0, signal.SIGINT)


def act(action: str, argument: str) -> None:
    """Do it."""
    if action == "group":
        os.killpg(0, signal.Signals[argument])
        wait_until_met()
    elif action == "self":
        os.kill(os.getpid(), signal.Signals[argument])
        wait_until_met()
    elif action == "twice":
        threading.Thread(target=send_again, daemon=True).start()
        os.killpg(0, signal.SIGINT)
        wait_until_met()
    elif action == "sessions":
        with psycopg.connect(argument) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'litelift' and datname = current_database()"
            )
    elif action == "statement":
        with psycopg.connect(argument, autocommit=True) as connection:
            connection.execute(Path(os.environ["STATEMENT"]).read_text())
    elif action == "hold":
        Path(argument).touch()
        while Path(argument).exists():
            time.sleep(0.02)
    elif action == "worker":
        import multiprocessing

        multiprocessing.active_children()[0].kill()


def hook(phase: str, action: str, argument: str) -> None:
    """Have it happen once litelift runs."""
    from litelift.cli.backup_view import BackupView
    from litelift.move import progress

    tell, show = progress.Timeline.tell, BackupView.__call__
    waiting = [True]

    def hooked(self: progress.Timeline, sign: progress.Progress) -> None:
        tell(self, sign)
        inside = sign.table is not None or sign.done or phase in ("open", "server", "plan", "create")
        if waiting and sign.phase == phase and not sign.finished and inside:
            waiting.clear()
            act(action, argument)

    def shown(self: BackupView, sign: Any) -> None:
        show(self, sign)
        if waiting and sign.phase == phase and not sign.finished:
            waiting.clear()
            act(action, argument)

    setattr(progress.Timeline, "tell", hooked)  # noqa: B010
    setattr(BackupView, "__call__", shown)  # noqa: B010
    note_signals()


def main() -> None:
    """Hook and run."""
    phase, action, argument, *words = sys.argv[1:]
    hook(phase, action, argument)
    sys.argv = ["litelift", *words]
    from litelift.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
