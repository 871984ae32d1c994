"""Runs a program and measures it and all the processes that it starts: wall time, processor time, memory.

What is read is Linux's /proc (proc(5)); elsewhere the memory is that of the largest process alone, and the processor
time of single steps is not known.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

INTERVAL = 0.04
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """Processor seconds used up to a moment (of ``time.time``), by the program's processes and by the server's."""

    at: float
    client: float
    server: float


@dataclass(frozen=True)
class Measured:
    """What a program did, and what it took.

    ``status`` is None where it was stopped because it took too long. ``memory`` is the most that its processes held
    at one moment, added up: of a page that several of them share each has its part (proportional set size; where the
    system does not tell that, the resident set size, in which such a page counts for each); ``largest`` is the peak of
    the largest one of them, with all that it shares. The server's processes are in neither, nor in ``processor``.
    """

    status: int | None
    output: str
    errors: str
    seconds: float
    processor: float
    server: float
    memory: int
    largest: int
    samples: list[Sample] = field(repr=False)

    def between(self, start: float, end: float) -> tuple[float, float]:
        """Processor seconds of the program and of the server between two moments."""
        first, last = self._at(start), self._at(end)
        return last.client - first.client, last.server - first.server

    def _at(self, moment: float) -> Sample:
        place = bisect.bisect_left(self.samples, moment, key=lambda sample: sample.at)
        if place == 0:
            return self.samples[0]
        if place == len(self.samples):
            return self.samples[-1]
        before, after = self.samples[place - 1], self.samples[place]
        share = (moment - before.at) / (after.at - before.at)
        return Sample(
            moment,
            before.client + share * (after.client - before.client),
            before.server + share * (after.server - before.server),
        )


def run(
    words: Sequence[str], folder: Path, timeout: float, server: int | None = None, environment: Mapping[str, str] = {}
) -> Measured:
    """Run a program in a folder, with variables added to its environment; ``server`` is the postmaster's process."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        started, clock = time.time(), time.monotonic()
        process = subprocess.Popen(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        watch = _Watch(process.pid, server, clock + timeout)
        watch.start()
        # Its processor time with that of all descendants that were waited for; Popen.wait would not tell it.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - clock
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.end()
        processor = usage.ru_utime + usage.ru_stime
        first = Sample(started, 0.0, watch.samples[0].server if watch.samples else 0.0)
        last = Sample(started + seconds, processor, processor_seconds(server) if server else 0.0)
        samples = [first, *(sample for sample in watch.samples if sample.at < last.at), last]
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Measured(
            status=None if watch.stopped else process.returncode,
            output=_content(output),
            errors=_content(errors),
            seconds=seconds,
            processor=processor,
            server=last.server - first.server,
            memory=max(watch.memory, watch.largest) or peak,
            largest=watch.largest or peak,
            samples=samples,
        )


def _content(file: object) -> str:
    file.seek(0)  # type: ignore[attr-defined]
    return file.read().decode("utf-8", "replace")  # type: ignore[attr-defined, no-any-return]


class _Watch(threading.Thread):
    """Looks at the processes again and again; ends them all once it is too late."""

    def __init__(self, process: int, server: int | None, deadline: float) -> None:
        super().__init__(daemon=True)
        self.process, self.server, self.deadline = process, server, deadline
        self.samples: list[Sample] = []
        self.memory = self.largest = 0
        self.stopped = False
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            if time.monotonic() > self.deadline:
                self.stopped = True
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process, signal.SIGKILL)
                return
            self._look()
            self._ended.wait(INTERVAL)

    def end(self) -> None:
        self._ended.set()
        self.join()

    def _look(self) -> None:
        together = 0
        for process in tree(self.process):
            now, peak = _memory(process)
            together += now
            self.largest = max(self.largest, peak)
        self.memory = max(self.memory, together)
        server = processor_seconds(self.server) if self.server else 0.0
        self.samples.append(Sample(time.time(), processor_seconds(self.process), server))


def tree(process: int) -> Iterator[int]:
    """A process and all its descendants."""
    waiting = [process]
    while waiting:
        one = waiting.pop()
        yield one
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())


def processor_seconds(process: int) -> float:
    """What a process, its descendants, and those of them that ended, have used of the processors."""
    total = 0
    for one in tree(process):
        with contextlib.suppress(OSError):
            # The second field is the program's name in parentheses, whatever it holds. utime is the 14th.
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / _TICK


def _memory(process: int) -> tuple[int, int]:
    """What a process holds now, of shared pages its part, and its peak with all of them."""
    status = _kilobytes(Path(f"/proc/{process}/status"), "VmHWM", "VmRSS")
    # Linux 4.14 and newer; of another user's process only root may read it.
    shared = _kilobytes(Path(f"/proc/{process}/smaps_rollup"), "Pss")
    return shared.get("Pss", status.get("VmRSS", 0)), status.get("VmHWM", 0)


def _kilobytes(path: Path, *names: str) -> dict[str, int]:
    """These lines of a file of /proc, in bytes; nothing where it cannot be read."""
    try:
        lines = [line.partition(":") for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {name: int(words.split()[0]) * 1024 for name, _, words in lines if name in names}
