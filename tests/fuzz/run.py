"""Runs the targets side by side, and says what each came to; exit 1 where one failed.

python -m fuzz.run [--seconds 600] [--target NAME ...] [--input FILE] [--engine auto|atheris|hypothesis] [--inputs N]
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import fuzz

TIMEOUT = 25
"""Seconds that no input takes, on a busy machine too."""
MEMORY = 4096
"""Megabytes that no target takes."""
LONGEST = 2048
"""Bytes of an input."""
END = 60
"""Seconds that a target may take beyond its own."""
EXIT_FAILED, EXIT_WORDS = 1, 2

_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_EDGES = re.compile(r"\bcov: (\d+)")


@dataclass
class Run:
    """One process on one target."""

    target: str
    command: list[str]
    log: Path
    crashes: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    late: bool = False
    before: set[Path] = field(default_factory=set)

    def start(self) -> None:
        """Start the process."""
        self.before = set(self.crashes.glob("*"))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        self.started = time.monotonic()

    def ended(self, seconds: float) -> bool:
        """Whether it has ended; one that goes on for too long is ended."""
        assert self.process is not None
        if self.process.poll() is None and time.monotonic() - self.started > seconds + END:
            self.late = True
            self.process.kill()
            self.process.wait()
        return self.process.returncode is not None

    @property
    def failed(self) -> bool:
        """Whether the target failed, or did nothing."""
        return self.process is None or self.process.returncode != 0

    def numbers(self) -> tuple[int, int]:
        """Inputs run, and the edges of litelift's code that they reached (0: not known)."""
        said = self.log.read_text(errors="replace")
        executed, edges = _EXECUTED.findall(said), _EDGES.findall(said)
        return int(executed[-1]) if executed else 0, int(edges[-1]) if edges else 0

    def new_crashes(self) -> list[Path]:
        """The inputs that it failed on."""
        return sorted(set(self.crashes.glob("*")) - self.before)


def command(engine: str, target: str, seconds: float, work: Path, seed: int, inputs: int = 0) -> Run:
    """The process for a target; the inputs that it finds go to a folder in ``work``."""
    found, crashes, logs = (work / kind for kind in ("found", "crashes", "logs"))
    for folder in (found / target, crashes / target, logs):
        folder.mkdir(parents=True, exist_ok=True)
    log = logs / f"{target}-{seed}.log"
    if engine == "hypothesis":
        words = [
            sys.executable,
            "-m",
            "fuzz.mutated",
            target,
            str(seconds),
            str(crashes / target),
            str(seed),
            str(inputs),
        ]
        return Run(target, words, log, crashes / target)
    dictionary = logs / f"{target}.dict"
    entries = "".join(f'"{"".join(f"{chr(92)}x{byte:02x}" for byte in word)}"\n' for word in fuzz.target(target)[1])
    dictionary.write_text(entries)
    flags = [
        f"-max_total_time={max(1, round(seconds))}",
        f"-timeout={TIMEOUT}",
        f"-rss_limit_mb={MEMORY}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={crashes / target}/",
        f"-seed={seed}",
        *([f"-runs={inputs}"] if inputs else []),
        "-print_final_stats=1",
        *([f"-dict={dictionary}"] if entries else []),
    ]
    folders = [found / target, *(path / target for path in (fuzz.CORPUS, fuzz.MENDED) if (path / target).is_dir())]
    words = [sys.executable, "-m", "fuzz.guided", target, *flags, *map(str, folders)]
    return Run(target, words, log, crashes / target)


def again(target: str, path: Path) -> int:
    """Run one input."""
    one, _ = fuzz.target(target)
    try:
        one(path.read_bytes())
    except Exception:
        traceback.print_exc()
        return EXIT_FAILED
    print(f"{target}: the contract holds for {path}")
    return 0


def everything(runs: list[Run], jobs: int, seconds: float) -> None:
    """Run them all, so many at a time."""
    waiting, working = list(runs), list[Run]()
    try:
        while waiting or working:
            while waiting and len(working) < jobs:
                working.append(waiting.pop(0))
                working[-1].start()
            time.sleep(0.1)
            working = [run for run in working if not run.ended(seconds)]
    finally:
        for run in working:
            if run.process is not None:
                run.process.kill()
                run.process.wait()


def report(runs: list[Run]) -> int:
    """Say what each run came to, and how to see what failed once more."""
    status = 0
    for run in runs:
        executed, edges = run.numbers()
        reached = f", {edges:,} edges" if edges else ""
        print(f"{run.target:<12}{executed:>12,} inputs{reached}{'   FAILED' if run.failed else ''}")
    for run in runs:
        if not run.failed:
            continue
        status = EXIT_FAILED
        print(f"\n{run.target}: {'it did not end' if run.late else 'the contract is broken'}; see {run.log}")
        for path in run.new_crashes():
            print(f"  once more: make fuzz TARGET={run.target} INPUT={path}")
    return status


def main() -> int:
    """Read the words of the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="for all targets together, on all processors")
    parser.add_argument("--target", action="append", default=[], help=", ".join(fuzz.TARGETS))
    parser.add_argument("--input", type=Path, help="run this file alone")
    parser.add_argument("--engine", choices=["auto", "atheris", "hypothesis"], default="auto")
    parser.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1 << 31))
    parser.add_argument(
        "--inputs", type=int, default=0, help="for each target at most; 0: as many as there is time for"
    )
    parser.add_argument("--work", type=Path, default=Path("build/fuzz"), help="where findings go")
    given = parser.parse_args()
    targets = given.target or list(fuzz.TARGETS)
    unknown = [name for name in targets if name not in fuzz.TARGETS and find_spec(name) is None]
    if unknown:
        print(f"there is no target {', '.join(unknown)}; expected {', '.join(fuzz.TARGETS)}", file=sys.stderr)
        return EXIT_WORDS
    if given.input is not None:
        if len(targets) != 1 or not given.input.is_file():
            print("--input wants one --target and a file", file=sys.stderr)
            return EXIT_WORDS
        return again(targets[0], given.input)
    engine = given.engine
    if engine == "auto":
        engine = "atheris" if find_spec("atheris") else "hypothesis"
        if engine == "hypothesis":
            print("atheris is not installed for this Python: hypothesis changes the kept inputs, without coverage.")
    work = given.work.resolve()
    # A single target takes all processors; of many, each has its share of the time.
    copies = max(1, given.jobs // len(targets))
    rounds = -(-len(targets) * copies // given.jobs)
    seconds = given.seconds / rounds
    runs = [
        command(engine, name, seconds, work, given.seed + copy, given.inputs)
        for name in targets
        for copy in range(copies)
    ]
    print(
        f"{len(targets)} targets for {seconds:.0f} s each by {engine}, {given.jobs} at a time, seed {given.seed}",
        flush=True,
    )
    everything(runs, given.jobs, seconds)
    return report(runs)


if __name__ == "__main__":
    sys.exit(main())
