"""All runs of one ``make bench``: kept as JSON, and asked for medians."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.speed.tool import DONE, Run, Step


@dataclass(frozen=True)
class Moved:
    """A dataset that was moved: what is told of it."""

    name: str
    title: str
    tables: int
    rows: int
    bytes: int


@dataclass(frozen=True)
class Machine:
    """Where it was measured, in general terms."""

    cores: int
    memory: int
    system: str
    python: str
    sqlite: str
    postgres: str
    settings: dict[str, str]


@dataclass
class Results:
    """Everything that was measured. ``tools`` are the titles by name; ``absent`` says what could not take part."""

    machine: Machine
    litelift: str
    tools: dict[str, str] = field(default_factory=dict)
    datasets: list[Moved] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    profile: dict[str, list[str]] = field(default_factory=dict)

    def of(self, tool: str, dataset: str) -> list[Run]:
        """The runs of a tool on a dataset."""
        return [run for run in self.runs if (run.tool, run.dataset) == (tool, dataset)]

    def median(self, tool: str, dataset: str, value: Callable[[Run], float | None]) -> float | None:
        """The median over the runs that ended well; None where there is none."""
        found = [value(run) for run in self.of(tool, dataset) if run.outcome == DONE]
        known = [one for one in found if one is not None]
        return statistics.median(known) if known else None

    def step(self, tool: str, dataset: str, name: str) -> Step | None:
        """A step, each number the median of its own."""
        steps = [found for run in self.of(tool, dataset) if run.outcome == DONE and (found := run.step(name))]
        if not steps:
            return None
        return Step(
            name,
            statistics.median(step.seconds for step in steps),
            statistics.median(step.processor for step in steps),
            statistics.median(step.server for step in steps),
        )

    def write(self, path: Path) -> None:
        """Keep all in a file."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` kept."""
        found = json.loads(path.read_text("utf-8"))
        runs = [
            Run(
                **{
                    **each,
                    "steps": tuple(Step(**step) for step in each["steps"]),
                    "trouble": tuple(each["trouble"]),
                    "lost": tuple(each["lost"]),
                }
            )
            for each in found["runs"]
        ]
        return cls(
            Machine(**found["machine"]),
            found["litelift"],
            found["tools"],
            [Moved(**each) for each in found["datasets"]],
            runs,
            found["absent"],
            found["profile"],
        )
