"""What the watch costs: ``python -m benchmarks.monitor litelift.toml``, and a simulated year of samples."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.monitor_page import page
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.samples import FILE, opened

FINE_DAYS, COARSE = 3, 600
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


# What is installed has its bytecode; where a source is not to be written beside, each start would compile it.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def check_run(what: str, runs: int) -> dict[str, Any]:
    """Seconds of `litelift monitor check`, from its start to its end, and the processor's, after one for its files."""
    command = [sys.executable, "-m", "litelift", "monitor", "check", what, "--json"]
    seconds, inside, cpu = [], [], []
    for _ in range(runs + 1):
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
        seconds.append(time.monotonic() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        inside.append(json.loads(done.stdout)["seconds"])
    return {
        "runs": runs,
        "seconds": round(median(seconds[1:]), 2),
        "longest_seconds": round(max(seconds[1:]), 2),
        "processor_seconds": round(median(cpu[1:]), 2),
        "checks_seconds": round(median(inside[1:]), 2),
        "load": round(os.getloadavg()[0], 1),
    }


def watch_run(what: str, seconds: float, every: float) -> dict[str, float]:
    """What `litelift monitor watch` takes, once its first look is over."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["watch", what, "--folder", folder, "--quiet", "--every", str(every)]
        return process_run(words, seconds, min(30.0, seconds / 3))


def serve_run(what: str, seconds: float) -> dict[str, float]:
    """What `litelift monitor serve` takes while nobody has the page open."""
    with tempfile.TemporaryDirectory() as folder:
        return process_run(["serve", what, "--folder", folder, "--port", "0", "--quiet"], seconds, min(30.0, seconds))


def process_run(words: list[str], seconds: float, first: float) -> dict[str, float]:
    """The share of one core and the memory of a command, with its children.

    Args:
        words: of `litelift monitor`.
        seconds: that it is looked at.
        first: seconds of its beginning that are not counted.
    """
    command = [sys.executable, "-m", "litelift", "monitor", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    watched = psutil.Process(process.pid)
    try:
        time.sleep(first)
        before, began = _cpu(watched), time.monotonic()
        most = 0
        while time.monotonic() - began < seconds:
            family = [watched, *watched.children(recursive=True)]
            most = max(most, sum(_memory(one) for one in family))
            time.sleep(0.5)
        used, lasted = _cpu(watched) - before, time.monotonic() - began
    finally:
        process.terminate()
        process.wait()
    return {
        "cpu_percent": round(100 * used / lasted, 2),
        "most_memory_mb": round(most / 1e6, 1),
        "seconds": round(lasted),
        "load": round(os.getloadavg()[0], 1),
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def year(series: int, days: int, every: int) -> dict[str, Any]:
    """The size of a samples file after so many days, and what writing and reading it takes."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), write=True) as samples:
        file = Path(folder) / FILE
        most = 0
        began = resource.getrusage(resource.RUSAGE_SELF)
        samples.connection.execute("pragma synchronous = off")
        looks = 0
        for looks, at in enumerate(_moments(days, every), 1):
            findings = [
                Finding(f"check-{n}", "ok", "used", {"n": looks}, measures=_measures(n, looks))
                for n in range(series // 4)
            ]
            samples.add(at, findings, every=every, who="benchmark")
            if at.minute == 0 and at.second == 0:
                samples.prune(at)
                most = max(most, file.stat().st_size + file.with_name(f"{FILE}-wal").stat().st_size)
        ended = resource.getrusage(resource.RUSAGE_SELF)
        samples.connection.execute("pragma wal_checkpoint(truncate)")
        now = BEGAN + timedelta(days=days)
        asked = time.monotonic()
        samples.points("check-1.m1", now - timedelta(days=1), now, 60)
        chart = time.monotonic() - asked
        cpu = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
        return {
            "looks": looks,
            "series": len(samples.series()),
            "size_mb": round(file.stat().st_size / 1e6, 1),
            "most_mb": round(most / 1e6, 1),
            "cpu_ms_of_a_look": round(1000 * cpu / looks, 2),
            "chart_of_a_day_ms": round(1000 * chart, 1),
        }


def _moments(days: int, every: int) -> Iterator[datetime]:
    """All of the last three days, and one each ten minutes before: what is finer is not kept for longer."""
    fine = max(0, days - FINE_DAYS) * 86400
    for second in (*range(0, fine, COARSE), *range(fine, days * 86400, every)):
        yield BEGAN + timedelta(seconds=second)


def _measures(check: int, look: int) -> tuple[Measure, ...]:
    return tuple(Measure(f"m{n}", ((look * (check + 7 * n)) % 1009) / 7, "seconds") for n in range(4))


def main() -> None:
    """Measure, and print what was measured as JSON, or make the page of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor", description=__doc__)
    parser.add_argument("what", nargs="?", help="as litelift monitor has it; left out: the samples file alone")
    parser.add_argument("--runs", type=int, default=10, help="of the check")
    parser.add_argument("--seconds", type=float, default=1000, help="of the watch; its rarest checks come each 900")
    parser.add_argument("--every", type=float, default=15, help="seconds between two looks of the watch")
    parser.add_argument("--serve-seconds", type=float, default=120, help="of the dashboard")
    parser.add_argument("--days", type=int, default=365, help="of the simulated samples")
    parser.add_argument("--sample", type=int, default=15, help="seconds between two of them")
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("-o", "--output", type=Path, help="write the page, docs/reference/monitor-cost.md, to it")
    parser.add_argument("--page-of", type=Path, metavar="RESULTS", help="of the JSON of an earlier run")
    words = parser.parse_args()
    found: dict[str, Any] = {"cores": os.cpu_count(), "python": sys.version.split()[0]}
    if words.page_of:
        found = json.loads(words.page_of.read_text(encoding="utf-8"))
    else:
        if words.what:
            found["check"] = check_run(words.what, words.runs)
            found["watch"] = watch_run(words.what, words.seconds, words.every)
            found["serve"] = serve_run(words.what, words.serve_seconds)
        if words.days:
            found["samples"] = year(words.series, words.days, words.sample)
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if words.output:
        words.output.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
