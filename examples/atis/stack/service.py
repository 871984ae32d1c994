"""A service: started in a session of its own, known by its process and when that began, stopped and waited for."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from examples.atis.stack.folder import Folder, StackError, environment, is_free

READY_SECONDS = 60.0
STOP_SECONDS = 40.0
PAUSE = 0.05
LINES = 40
CLOCK_SECONDS = 2.0
"""psutil reckons when a process began from when the system did, which a clock that is set moves a little."""


@dataclass(frozen=True)
class Service:
    """One of the programs that make up ATİS."""

    name: str
    folder: Folder
    port: int
    command: list[str]
    answers: Callable[[], bool]
    """Whether it is ready."""
    stop_signal: signal.Signals = signal.SIGTERM
    """The one on which it ends what it is at first."""
    begin: Path | None = field(default=None)
    """The folder that it works in."""

    @property
    def record(self) -> Path:
        """Where its process is written down."""
        return self.folder.path / "pids" / f"{self.name}.json"

    def process(self) -> psutil.Process | None:
        """Its process while it runs. A number that another program has by now is not it."""
        try:
            kept = json.loads(self.record.read_text("utf-8"))
            process = psutil.Process(kept["pid"])
            same = abs(process.create_time() - kept["created"]) < CLOCK_SECONDS
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None
        return process if same and _runs(process) else None

    def start(self) -> bool:
        """Start it and wait until it is ready; False where it ran already. Raises StackError with the log's end."""
        if self.process() is not None:
            return False
        if not is_free(self.port):
            raise StackError(f"{self.name} cannot start: another program has its port, {self.port}.")
        log = self.folder.log(self.name)
        for folder in (log.parent, self.record.parent):
            folder.mkdir(parents=True, exist_ok=True)
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            started = subprocess.Popen(
                self.command,
                cwd=self.begin or self.folder.path,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        created = psutil.Process(started.pid).create_time()
        self.record.write_text(json.dumps({"pid": started.pid, "created": created}), "utf-8")
        deadline = time.monotonic() + READY_SECONDS
        try:
            while not self.answers():
                try:
                    status = started.wait(PAUSE)
                except subprocess.TimeoutExpired:
                    status = None
                if status is not None:
                    raise StackError(self._told(f"{self.name} ended with status {status}", before))
                if time.monotonic() > deadline:
                    raise StackError(self._told(f"{self.name} is not ready after {READY_SECONDS:.0f} s", before))
        except BaseException:
            self.stop()
            raise
        return True

    def stop(self) -> bool:
        """Stop it and wait for its end; False where it did not run."""
        process = self.process()
        if process is not None:
            family = [process, *process.children(recursive=True)]
            process.send_signal(self.stop_signal)
            for each in _left(family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            if _left(family):
                raise StackError(f"{self.name} cannot be stopped: process {process.pid}")
        self.record.unlink(missing_ok=True)
        return process is not None

    def _told(self, message: str, before: int) -> str:
        log = self.folder.log(self.name)
        said = log.read_bytes()[before:].decode("utf-8", "replace").rstrip().splitlines()[-LINES:]
        told = "\n".join(f"  {line}" for line in said) or "  (nothing)"
        return f"{message}. Its log, {log}, says:\n{told}"


def _left(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that do not end in time. One that ended and whose parent has not asked for it yet has ended."""
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        left = [each for each in family if _runs(each)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(PAUSE)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
