"""A litelift that runs as its user starts it: its own process group, its phases as it tells them, a limit of time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from broken import members
from chaos.server import PASSWORD
from forked import POSSIBLE, Forked, fork
from litelift.move.progress import TITLES

PHASES = ("start", "open", "server", "census", "plan", "create", "load", "build", "prove", "report")
_BY_TITLE = {title: phase for phase, title in TITLES.items()}
LIMIT = 300.0
GONE_SECONDS = 60.0


@dataclass(frozen=True)
class Moment:
    """A point of time: so far (0 to 1) into a phase, by how long it took undisturbed."""

    phase: str
    part: float

    def __str__(self) -> str:
        """As the log words it."""
        return f"{self.phase}+{self.part:.0%}"


@dataclass
class Ended:
    """How a client ended. ``doing`` is what it was at when it was ended for having hung; else empty."""

    status: int
    out: str
    err: str
    seconds: float
    phase: str
    doing: str = ""

    @property
    def hung(self) -> bool:
        """Whether it had to be ended."""
        return bool(self.doing)


@dataclass
class Client:
    """A running litelift."""

    process: subprocess.Popen[str] | Forked
    begun: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    phase: str = "start"
    _out: list[str] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _readers: list[threading.Thread] = field(default_factory=list)
    _since: float = 0.0

    @classmethod
    def start(
        cls, *words: str | Path, environment: Mapping[str, str] | None = None, undisturbed: bool = False
    ) -> Client:
        """Start ``litelift`` with these words; Python with it, but where it is to be ``undisturbed``."""
        # A SIGABRT makes it say where it is.
        whole = {**os.environ, "COLUMNS": "200", "PYTHONFAULTHANDLER": "1", **(environment or {})}
        process: subprocess.Popen[str] | Forked
        if undisturbed and POSSIBLE:
            process = fork(words, environment=whole, session=True)
        else:
            process = subprocess.Popen(
                [sys.executable, "-m", "litelift", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                env=whole,
            )
        client = cls(process)
        client._since = client.begun
        client._readers = [threading.Thread(target=read, daemon=True) for read in (client._read, client._listen)]
        for reader in client._readers:
            reader.start()
        return client

    def _read(self) -> None:
        assert self.process.stdout is not None
        self._out.append(self.process.stdout.read())

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line)
                if line.startswith("✓ "):
                    title = line[2:38].strip()
                    self._passed(_BY_TITLE.get(title, ""))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def _passed(self, phase: str) -> None:
        if phase not in PHASES:
            return
        now = time.monotonic()
        self.seconds[phase] = now - self._since
        self._since = now
        following = PHASES[min(PHASES.index(phase) + 1, len(PHASES) - 1)]
        # The check of the source has no beginning of its own: it is told when it is done.
        self.phase = max(self.phase, following, key=PHASES.index)

    def ended(self) -> bool:
        """Whether it is over."""
        return self.process.poll() is not None

    def reach(self, moment: Moment, durations: Mapping[str, float]) -> bool:
        """Wait for a moment; whether it came before the end."""
        wanted = PHASES.index(moment.phase)
        with self._news:
            while PHASES.index(self.phase) < wanted and not self.ended() and time.monotonic() - self.begun < LIMIT:
                self._news.wait(0.05)
        if PHASES.index(self.phase) < wanted:
            return False
        return self.sleep(moment.part * durations.get(moment.phase, 0.05))

    def sleep(self, seconds: float) -> bool:
        """Wait so long, or until it is over; whether it still runs."""
        deadline = time.monotonic() + seconds
        while not self.ended():
            left = deadline - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, 0.02))
        return False

    def send(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to it, or to its group as a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self, doing: list[str] | None = None, limit: float = LIMIT) -> Ended:
        """Wait for its end, and for that of all that it started. Beyond ``limit`` seconds it is ended."""
        hung = ""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            hung = self._abort()
        late = time.monotonic() + GONE_SECONDS
        while members(self.process.pid) and time.monotonic() < late:
            time.sleep(0.02)
        if left := members(self.process.pid):
            hung = hung or f"{len(left)} processes went on without their parent"
            self.send(signal.SIGKILL)
        for reader in self._readers:
            reader.join(60)
        return Ended(
            self.process.wait(),
            "".join(self._out),
            "".join(self.lines),
            time.monotonic() - self.begun,
            self.phase,
            hung and "\n".join([hung, f"phase {self.phase}", *(doing or [])]),
        )

    def _abort(self) -> str:
        self.send(signal.SIGCONT)
        before = len(self.lines)
        self.send(signal.SIGABRT)
        time.sleep(1)
        self.send(signal.SIGKILL)
        self.process.wait(30)
        time.sleep(0.5)
        return f"hung for {time.monotonic() - self.begun:.0f} s at:\n" + "".join(self.lines[before:])[-4000:]


def complaints(ended: Ended) -> list[str]:
    """What is not as a clear end: a traceback, no error, several, one without a way out, a password."""
    wrong = []
    said = ended.err + ended.out
    if ended.hung:
        wrong.append(f"HANG: {ended.doing}")
    if "Traceback" in said or "PosixPath" in said or "<class" in said:
        wrong.append(f"a traceback: {said[-1500:]}")
    if "something that litelift does not know" in said:
        wrong.append(f"an error that litelift does not know: {ended.err[-600:]}")
    if PASSWORD in said or "never%2Fshown" in said:
        wrong.append("the password is shown")
    if ended.status in (1, 2) and (ended.err.count("error: ") != 1 or ended.err.count("hint: ") != 1):
        wrong.append(f"not one error with one hint: {ended.err[-800:]}")
    if ended.status in (128 + signal.SIGINT, 128 + signal.SIGTERM) and "stopped" not in ended.err:
        wrong.append(f"stopped, and it does not say so: {ended.err[-800:]}")
    return wrong
