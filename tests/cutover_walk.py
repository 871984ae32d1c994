"""Kills a cutover at every line of its journal, and goes on or back each time: cutover_walk.py ADMIN FOLDER SHARD OF.

Each attempt is a process of its own, forked from this one, which has everything imported. Prints one JSON object for
each point: where it was killed, and what is wrong afterwards.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import litelift
from cutover_project import Project, a_project
from forked import import_all
from litelift.cutover.journal import Journal, Line
from litelift.cutover.run import cutover, roll_back

WRITE = Journal.write
# A kill takes nothing that was written from the disk's cache: only a power cut would.
os.fsync = lambda handle: None  # type: ignore[assignment]


def killed_at(number: int) -> None:
    """Have this process killed at the line of this number.

    What announces a step is on the disk then, and nothing of it is done; what ends one is not, and all of it is done.
    """
    count = 0

    def write(self: Journal, event: str, **values: Any) -> Line:
        nonlocal count
        count += 1
        if count == number and event in ("done", "finished"):
            os.kill(os.getpid(), signal.SIGKILL)
        line = WRITE(self, event, **values)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return line

    setattr(Journal, "write", write)  # noqa: B010


def killed_when(event: str, step: str | None) -> None:
    """Have this process killed once this line is on the disk."""

    def write(self: Journal, now: str, **values: Any) -> Line:
        line = WRITE(self, now, **values)
        if (now, values.get("step")) == (event, step):
            os.kill(os.getpid(), signal.SIGKILL)
        return line

    setattr(Journal, "write", write)  # noqa: B010


def apart(act: Callable[[], object]) -> int:
    """Do it in a process of its own: 0, 1 with the error on stderr, or minus the signal that ended it."""
    process = os.fork()
    if process == 0:
        code = 0
        try:
            act()
        except BaseException as error:
            traceback.print_exception(error)
            code = 1
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def begin(project: Project, number: int) -> int:
    """Begin a cutover that is killed there."""

    def act() -> None:
        killed_at(number)
        cutover(project.file)

    return apart(act)


def moved(project: Project) -> list[str]:
    """What is not as it must be after a cutover."""
    wrong = []
    if "postgresql://" not in (project.folder / ".env").read_text():
        wrong.append("the configuration is not switched")
    if project.trace[-1:] != ["open"] or "started on postgresql" not in project.trace:
        wrong.append(f"the application was not started and opened: {project.trace}")
    if (project.folder / "code.txt").read_text() != "release 2\n":
        wrong.append("the code is not the new one")
    if not litelift.verify(project.source, project.target).ok:
        wrong.append("the rows differ")
    return wrong


def back(project: Project, before: dict[str, object]) -> list[str]:
    """What is not as it was, and whether the application serves."""
    wrong = [
        f"{what}: expected {was!r}; got {now!r}"
        for what, was in before.items()
        if (now := project.before()[what]) != was
    ]
    trace = project.trace
    if "stopped" in trace and trace[-2:] != ["started on sqlite", "open"]:
        wrong.append(f"the application does not serve: {trace}")
    if trace.count("closed") and trace[-1] != "open":
        wrong.append(f"the application is closed: {trace}")
    return wrong


def walk(admin: str, folder: Path, shard: int, of: int) -> None:
    """Every ``of``-th point, from ``shard`` on."""
    for number in itertools.count(shard + 1, of):
        for way in ("resume", "rollback"):
            with a_project(folder / f"{number}-{way}", admin) as project:
                was = project.before()
                if begin(project, number) != -signal.SIGKILL:
                    return
                last = project.journal.lines[-1]
                if way == "resume":
                    wrong = ["--resume failed"] * apart(lambda: cutover(project.file, resume=True)) + moved(project)
                else:
                    wrong = ["rollback failed"] * apart(lambda: roll_back(project.file)) + back(project, was)
                print(json.dumps({"at": [last.event, last.values.get("step")], "way": way, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    import_all()
    walk(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
