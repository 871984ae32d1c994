"""Runs litelift and does something to it in the middle of a phase: python hooked.py PHASE ACTION ARGUMENT WORDS...

What is done is real: a signal to the process (or to its group, as a terminal's Ctrl-C), an ended session of the server.
Only the moment is chosen, by listening to the signs of life.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psycopg


def act(action: str, argument: str) -> None:
    """Do it."""
    if action == "group":
        os.killpg(0, signal.Signals[argument])
        time.sleep(5)  # a signal is met between two steps of the interpreter
    elif action == "self":
        os.kill(os.getpid(), signal.Signals[argument])
        time.sleep(5)
    elif action == "twice":
        os.killpg(0, signal.SIGINT)
        os.killpg(0, signal.SIGINT)
        time.sleep(5)
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


def main() -> None:
    """Hook and run."""
    phase, action, argument, *words = sys.argv[1:]
    from litelift.move import progress

    tell = progress.Timeline.tell
    waiting = [True]

    def hooked(self: progress.Timeline, sign: progress.Progress) -> None:
        tell(self, sign)
        inside = sign.table is not None or sign.done or phase in ("open", "server", "plan", "create")
        if waiting and sign.phase == phase and not sign.finished and inside:
            waiting.clear()
            act(action, argument)

    setattr(progress.Timeline, "tell", hooked)  # noqa: B010
    sys.argv = ["litelift", *words]
    from litelift.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
