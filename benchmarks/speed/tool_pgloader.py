"""pgloader with its defaults, by its plain command."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.fidelity.tools import pgloader_url
from benchmarks.speed.datasets import Dataset
from benchmarks.speed.processes import Measured
from benchmarks.speed.tool import Span, Tool

NAME = "pgloader"
MANY_TABLES = 1000
"""Tables from which on its heap, 1 GB where Debian built it, is exhausted before the first row has arrived."""
HEAP_MEGABYTES = 8000


def tool(version: str) -> Tool:
    """pgloader. It exits 0 whatever it lost; what it says of errors is in its log."""
    return Tool(NAME, f"pgloader {version.rpartition(' ')[2].partition('-')[0]}", _words, _spans, _trouble)


def _words(dataset: Dataset, url: str, ready: Path) -> list[str]:
    rejected = ready.parent / "pgloader"
    rejected.mkdir(exist_ok=True)
    heap = ["--dynamic-space-size", str(HEAP_MEGABYTES)] if dataset.tables > MANY_TABLES else []
    return ["pgloader", *heap, "--root-dir", str(rejected), f"sqlite://{dataset.path}", pgloader_url(url)]


def _spans(measured: Measured) -> list[Span]:
    # It tells how long the COPYs took together, and not when they began: no step, but a time.
    found = re.search(r"COPY Threads Completion\s+\d+\s+\d+\s+(?:[\d.]+ \w+\s+)?(?:(\d+)m)?([\d.]+)s", measured.output)
    if found is None:
        return []
    return [Span("load", measured.samples[0].at, int(found[1] or 0) * 60 + float(found[2]))]


def _trouble(measured: Measured) -> list[str]:
    text = measured.output + measured.errors
    errors = len(re.findall(r"^\S+ (?:ERROR|FATAL|CRITICAL) ", text, re.MULTILINE))
    trouble = [f"{errors:,} errors in its log, exit status {measured.status}"] if errors else []
    if "Heap exhausted" in text:
        trouble.append("its heap was exhausted")
    return trouble
