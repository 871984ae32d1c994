"""What a tool is to these measurements, and what one run of it gave."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.speed.datasets import Dataset
from benchmarks.speed.processes import Measured

DONE = "done"
FAILED = "failed"
TOO_LONG = "too long"


@dataclass(frozen=True)
class Span:
    """A step as the tool itself tells it: when it began (as ``time.time``), and its wall time."""

    name: str
    started: float
    seconds: float


@dataclass(frozen=True)
class Step:
    """A step with what it took of the processors."""

    name: str
    seconds: float
    processor: float
    server: float


@dataclass(frozen=True)
class Tool:
    """How to run a tool and to read what it says.

    ``words`` makes the command of a dataset, a target's URL, and the folder of what `ready` made; ``uses_ready`` says
    whether that is needed. ``passed`` are the exit statuses of success.
    """

    name: str
    title: str
    words: Callable[[Dataset, str, Path], list[str]]
    spans: Callable[[Measured], list[Span]] = lambda measured: []
    trouble: Callable[[Measured], list[str]] = lambda measured: []
    environment: Mapping[str, str] = field(default_factory=dict)
    passed: frozenset[int] = frozenset({0})
    uses_ready: bool = False


@dataclass(frozen=True)
class Run:
    """One run of one tool. ``outcome`` is done, failed or too long; ``trouble`` is what it said went wrong."""

    tool: str
    dataset: str
    outcome: str
    seconds: float
    processor: float
    server: float
    memory: int
    largest: int
    steps: tuple[Step, ...] = ()
    trouble: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def step(self, *names: str) -> Step | None:
        """These steps added up; None where one of them is missing."""
        found = [step for step in self.steps if step.name in names]
        if len(found) < len(names):
            return None
        return Step(
            names[0],
            sum(step.seconds for step in found),
            sum(step.processor for step in found),
            sum(step.server for step in found),
        )


def outcome(tool: Tool, dataset: Dataset, measured: Measured, lost: list[str]) -> Run:
    """What a run gave. A tool that calls itself done and has lost every row has failed."""
    status = TOO_LONG if measured.status is None else DONE if measured.status in tool.passed else FAILED
    if status == DONE and not set(lost).isdisjoint(("the row", f"all {dataset.rows:,} rows")):
        status = FAILED
    spans = tool.spans(measured) if status == DONE else []
    trouble = tool.trouble(measured)
    if status == FAILED and not trouble:
        last = [line for line in measured.errors.splitlines() if line.strip()][-1:]
        trouble = [f"exit status {measured.status}: {last[0].strip() if last else ''}"]
    return Run(
        tool.name,
        dataset.name,
        status,
        measured.seconds,
        measured.processor,
        measured.server,
        measured.memory,
        measured.largest,
        tuple(
            Step(span.name, span.seconds, *measured.between(span.started, span.started + span.seconds))
            for span in spans
        ),
        tuple(trouble),
        tuple(lost),
    )


class Timed:
    """The steps of a program of this folder, and what went wrong in it: printed at its end, read by `told_spans`."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.spans: list[Span] = []
        self.trouble: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step."""
        started, clock = time.time(), time.monotonic()
        yield
        self.spans.append(Span(name, started, time.monotonic() - clock))

    def tell(self) -> None:
        """Print all."""
        json.dump(
            {"spans": [[span.name, span.started, span.seconds] for span in self.spans], "trouble": self.trouble},
            sys.stdout,
        )


def told_spans(measured: Measured) -> list[Span]:
    """The steps that a `Timed` printed."""
    return [Span(*each) for each in json.loads(measured.output)["spans"]]


def told_trouble(measured: Measured) -> list[str]:
    """The trouble that a `Timed` printed."""
    try:
        return [str(each) for each in json.loads(measured.output)["trouble"]]
    except ValueError:
        return []
