"""litelift by its command, as a user runs it: the compiled path where it is there, and the pure one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from benchmarks.speed.datasets import Dataset
from benchmarks.speed.processes import Measured
from benchmarks.speed.tool import Span, Tool
from litelift.move.carry import APART as ALONE

COMPILED = "litelift"
PURE = "litelift-pure"
APART = "litelift-apart"
"""The compiled path with nothing built before all is loaded."""

# What is installed has its bytecode beside it.
_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}


def tools() -> list[Tool]:
    """litelift compiled, with its load alone too, and pure; only the pure one where nothing is compiled here."""
    pure = Tool(
        PURE,
        "litelift, pure Python",
        _words,
        _spans,
        _trouble,
        environment={**_INSTALLED, "LITELIFT_PURE": "1"},
        passed=frozenset({0, 3}),
    )
    if "compiled" not in version():
        return [pure]
    compiled = Tool(
        COMPILED, "litelift, compiled", _words, _spans, _trouble, environment=_INSTALLED, passed=frozenset({0, 3})
    )
    apart = replace(
        compiled, name=APART, title="litelift, compiled, the load alone", environment={**_INSTALLED, ALONE: "1"}
    )
    return [compiled, apart, pure]


def version() -> str:
    """What ``litelift --version`` prints."""
    environment = {name: value for name, value in os.environ.items() if name != "LITELIFT_PURE"}
    said = subprocess.run(
        [sys.executable, "-m", "litelift", "--version"], capture_output=True, text=True, check=True, env=environment
    )
    return said.stdout.strip()


def _words(dataset: Dataset, url: str, ready: Path) -> list[str]:
    report = ready.parent / "report"
    return [
        *(sys.executable, "-m", "litelift", "migrate", str(dataset.path), url),
        *("--json", "--quiet", "--report", str(report)),
    ]


def _spans(measured: Measured) -> list[Span]:
    """The steps one after the other: of two that ran side by side, the later to end has what it took longer."""
    found: list[Span] = []
    ended = 0.0
    for step in json.loads(measured.output)["steps"]:
        started = datetime.fromisoformat(step["started"]).timestamp()
        end = started + step["seconds"]
        started = min(max(started, ended), end)
        found.append(Span(step["name"], started, end - started))
        ended = max(ended, end)
    return found


def _trouble(measured: Measured) -> list[str]:
    try:
        result = json.loads(measured.output)
    except ValueError:
        return []
    trouble = []
    if result.get("quarantined_total"):
        trouble.append(f"{result['quarantined_total']:,} kept aside in quarantine, each with its key and its bytes")
    if result.get("untranslated"):
        trouble.append(f"{len(result['untranslated']):,} not carried, each listed with its SQL and the reason")
    return trouble
