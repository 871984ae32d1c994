"""A service: started in a session of its own, known by its process and when that began, stopped and waited for."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from examples.atis.stack.folder import Folder, StackError, environment

READY_SECONDS = 60.0
STOP_SECONDS = 40.0
LINES = 15


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
            same = process.create_time() == kept["created"] and process.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None
        return process if same else None

    def start(self) -> bool:
        """Start it and wait until it is ready; False where it ran already. Raises StackError with the log's end."""
        if self.process() is not None:
            return False
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
                if started.poll() is not None:
                    raise StackError(self._told(f"{self.name} ended with status {started.returncode}", before))
                if time.monotonic() > deadline:
                    raise StackError(self._told(f"{self.name} is not ready after {READY_SECONDS:.0f} s", before))
                time.sleep(0.05)
            # Another program's answer on the same port is not this one's.
            if started.poll() is not None:
                raise StackError(self._told(f"{self.name} ended with status {started.returncode}", before))
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
            _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
            for each in alive:
                each.kill()
            psutil.wait_procs(alive, timeout=STOP_SECONDS)
        self.record.unlink(missing_ok=True)
        return process is not None

    def _told(self, message: str, before: int) -> str:
        log = self.folder.log(self.name)
        said = log.read_bytes()[before:].decode("utf-8", "replace").rstrip().splitlines()[-LINES:]
        told = "\n".join(f"  {line}" for line in said) or "  (nothing)"
        return f"{message}. Its log, {log}, says:\n{told}"
