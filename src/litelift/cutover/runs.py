"""The runs of a runbook: each in a numbered folder of the project's state folder, one at a time."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from litelift import __version__
from litelift import held as lock
from litelift.atomic import write_whole
from litelift.cutover.journal import RESERVE, RESERVE_BYTES, Journal, read_journal
from litelift.cutover.settings import Runbook
from litelift.errors import CutoverHeld, RunbookChanged

Mode = Literal["cutover", "rehearsal"]
State = Literal["unfinished", "paused", "stopped", "finished", "rolling back", "rolled back"]
_ENDS: dict[str, State] = {
    "begun": "unfinished",
    "resumed": "unfinished",
    "paused": "paused",
    "stopped": "stopped",
    "finished": "finished",
    "rolling-back": "rolling back",
    "rolled-back": "rolled back",
}
KEPT_RUNBOOK = "litelift.toml"


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its number, and its journal."""

    number: int
    journal: Journal

    @property
    def folder(self) -> Path:
        """Where the journal, the login, what is kept and the report lie."""
        return self.journal.folder

    @property
    def state(self) -> State:
        """How far it came. "unfinished" and "rolling back" are also those that work at this moment: see `holder`."""
        for line in reversed(self.journal.lines):
            if line.event in _ENDS:
                return _ENDS[line.event]
        return "unfinished"

    @property
    def mode(self) -> Mode:
        """Whether it moves the application, or only tries."""
        begun = next(self.journal.events("begun"), None)
        return "rehearsal" if begun is not None and begun.values.get("mode") == "rehearsal" else "cutover"

    @property
    def open(self) -> bool:
        """Whether it can be gone on with, or taken back, and nothing else can begin before that."""
        ends = ("finished", "rolled back") if self.mode == "cutover" else ("rolled back",)
        return self.state not in ends


def runs(state: Path) -> list[Run]:
    """All runs, in their order."""
    try:
        numbers = sorted(int(one.name) for one in state.iterdir() if one.name.isdigit())
    except FileNotFoundError:
        return []
    found = [Run(number, read_journal(state / str(number))) for number in numbers]
    return [run for run in found if run.journal.lines]


def read_run(folder: Path) -> Run | None:
    """The run in ``folder``; None where there is none."""
    journal = read_journal(folder)
    begun = next(journal.events("begun"), None)
    return Run(int(folder.name) if folder.name.isdigit() else 0, journal) if begun is not None else None


def last_run(state: Path) -> Run | None:
    """The run that a command means: the open one, else the last cutover, else the last of all."""
    found = runs(state)
    for fits in (lambda run: run.open, lambda run: run.mode == "cutover", lambda run: True):
        for run in reversed(found):
            if fits(run):
                return run
    return None


def next_number(state: Path) -> int:
    """The number that the next run will have."""
    names = [one.name for one in state.iterdir()] if state.is_dir() else []
    return max((int(name) for name in names if name.isdigit()), default=0) + 1


def new_run(runbook: Runbook, mode: Mode) -> Run:
    """Make the folder of the next run, with a copy of the runbook and the journal's first line."""
    state = runbook.state
    make_state(state)
    number = next_number(state)
    folder = state / str(number)
    folder.mkdir(mode=0o700)
    (folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
    run = Run(number, Journal(folder))
    keep_runbook(run, runbook)
    run.journal.write("begun", mode=mode, **_who(), **_what(runbook))
    return run


def keep_runbook(run: Run, runbook: Runbook) -> None:
    """Copy the runbook's file into the run's folder: what it was when this was done."""
    write_whole(run.folder / KEPT_RUNBOOK, runbook.path.read_bytes(), mode=0o600)


def go_on(run: Run, runbook: Runbook) -> None:
    """Note that the run is taken up again. Raises RunbookChanged where it would now be of another database."""
    begun = next(run.journal.events("begun"))
    if begun.values["ends"] != _what(runbook)["ends"]:
        raise RunbookChanged(path=runbook.path, kept=run.folder / KEPT_RUNBOOK)
    keep_runbook(run, runbook)


def make_state(state: Path) -> None:
    """Make the state folder, for its owner alone, and out of sight of git."""
    if not state.is_dir():
        state.mkdir(mode=0o700, parents=True)
        (state / ".gitignore").write_text("*\n")


def _who() -> dict[str, Any]:
    return {"version": __version__, "pid": os.getpid(), "host": socket.gethostname()}


def _what(runbook: Runbook) -> dict[str, Any]:
    # Without defaults: a later litelift, with more keys, takes back what this one has moved.
    target = runbook.target.model_dump_json(exclude_defaults=True)
    ends = f"{runbook.source_path}\n{target}\n{runbook.move.mode}"
    return {"runbook": str(runbook.path), "ends": hashlib.sha256(os.fsencode(ends)).hexdigest()}


@contextmanager
def held(state: Path) -> Iterator[None]:
    """Be the only one at work on the runbook. Raises CutoverHeld, with who is."""
    make_state(state)
    with lock.held(state / "lock", lambda who: CutoverHeld(state=state, who=who)):
        yield


def holder(state: Path) -> str | None:
    """Who works on the runbook now; None where nobody does."""
    return lock.holder(state / "lock")
