"""The run: every tool on every dataset, in turns."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fidelity.tools import pgloader_version
from benchmarks.speed import (
    export,
    losses,
    profile,
    tool_duckdb,
    tool_floor,
    tool_litelift,
    tool_pgloader,
    tool_write_row,
)
from benchmarks.speed.datasets import Dataset
from benchmarks.speed.machine import machine
from benchmarks.speed.processes import run
from benchmarks.speed.recipes import Recipe
from benchmarks.speed.results import Moved, Results
from benchmarks.speed.server import BenchServer
from benchmarks.speed.tool import FAILED, TOO_LONG, Run, Tool, outcome

ROOT = Path(__file__).parents[2]
DATABASE = "bench"
LARGE_BYTES = 600_000_000
_OURS = (tool_litelift.COMPILED, tool_litelift.PURE)


@dataclass(frozen=True)
class Settings:
    """What to run. ``only`` are names of tools and beginnings of datasets' names; empty: all of them."""

    folder: Path
    runs: int
    timeout: float
    only: tuple[str, ...]
    rest: float
    perf: bool


class Bench:
    """Runs the tools on one server. ``results`` grow with each run, and are kept in the folder."""

    def __init__(self, settings: Settings, server: BenchServer, say: Callable[[str], None]) -> None:
        """See the class; ``say`` shows a line of progress."""
        self.settings, self.server, self.say = settings, server, say
        self.results = Results(machine(server), tool_litelift.version())
        self.tools = self._tools()
        self.results.tools = {tool.name: tool.title for tool in self.tools}
        self.work = settings.folder / "work"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.profiled = False

    def _tools(self) -> list[Tool]:
        found = tool_litelift.tools()
        absent = self.results.absent
        if all(tool.name != tool_litelift.COMPILED for tool in found):
            absent.append("litelift compiled (nothing is compiled here)")
        version = pgloader_version()
        if version is None:
            absent.append("pgloader (not installed)")
        else:
            found.append(tool_pgloader.tool(version))
        if missing := tool_duckdb.missing():
            absent.append(f"DuckDB (not installed: {', '.join(missing)})")
        else:
            found.append(tool_duckdb.tool())
        found += [tool_write_row.tool(), tool_floor.tool(self.server.programs)]
        names = {tool.name for tool in found}
        wanted = {word for word in self.settings.only if word in names or word == "litelift"}
        if "litelift" in wanted and tool_litelift.APART in names:
            wanted.add(tool_litelift.APART)
        if "litelift" in wanted and "litelift" not in names:
            wanted.add(tool_litelift.PURE)
        return [tool for tool in found if not wanted or tool.name in wanted]

    def measure(self, recipes: Iterable[Recipe]) -> None:
        """Run all; a dataset whose program is missing is told."""
        for recipe in recipes:
            if missing := recipe.missing():
                self.results.absent.append(f"{recipe.title} ({missing} is not installed)")
                self.say(f"{recipe.title}: left out, for {missing} is not installed")
                continue
            self.say(f"{recipe.title}: make or find the file")
            self._dataset(recipe.dataset(self.settings.folder))

    def _dataset(self, dataset: Dataset) -> None:
        self.results.datasets.append(Moved(dataset.name, dataset.title, dataset.tables, dataset.rows, dataset.bytes))
        source = losses.source_holdings(dataset.path)
        place = self.work / "ready"
        shutil.rmtree(place, ignore_errors=True)
        stopped: set[str] = set()
        for turn in range(self.settings.runs):
            for tool in self.tools:
                if tool.name in stopped or turn >= self._turns(tool, dataset):
                    continue
                if tool.uses_ready and not place.exists():
                    self._prepare(dataset, place)
                done = self._run(tool, dataset, place, source if turn == 0 else None)
                if done.outcome in (FAILED, TOO_LONG):
                    stopped.add(tool.name)
                self.results.runs.append(done)
                self.results.write(self.settings.folder / "results.json")
                self._tell(done, turn)
        if (
            self.settings.perf
            and dataset.name.startswith("tpch-")
            and self.tools[0].name in _OURS
            and not self.profiled
        ):
            self._profile(dataset)
        shutil.rmtree(place, ignore_errors=True)

    def _turns(self, tool: Tool, dataset: Dataset) -> int:
        """Promises about the large files are of litelift alone; the other tools are there to be looked at.

        The load alone is a promise about TPC-H.
        """
        if tool.name == tool_litelift.APART and not dataset.name.startswith("tpch-"):
            return 0
        looked_at = dataset.bytes > LARGE_BYTES and tool.name != self.tools[0].name
        return 1 if looked_at else self.settings.runs

    def _run(self, tool: Tool, dataset: Dataset, place: Path, source: dict[str, losses.Holding] | None) -> Run:
        needed = any(other.uses_ready for other in self.tools)
        with self.server.database(DATABASE, self.settings.rest) as url:
            _read(dataset.path)
            measured = run(
                tool.words(dataset, url, place), ROOT, self.settings.timeout, self.server.process, tool.environment
            )
            found = losses.lost(source, losses.target_holdings(url)) if source is not None else []
            if needed and not place.exists() and tool.name in _OURS and measured.status in tool.passed:
                export.make(url, self.server.programs, place)
            return outcome(tool, dataset, measured, found)

    def _prepare(self, dataset: Dataset, place: Path) -> None:
        """Load once, unmeasured, for the tools that need what is ready-made."""
        tool = tool_litelift.tools()[0]
        with self.server.database(DATABASE, 0.0) as url:
            measured = run(tool.words(dataset, url, place), ROOT, self.settings.timeout, None, tool.environment)
            if measured.status not in tool.passed:
                raise BenchFailed(f"litelift could not load {dataset.title}: {measured.errors.strip()[-300:]}")
            export.make(url, self.server.programs, place)

    def _profile(self, dataset: Dataset) -> None:
        self.profiled = True
        tool = self.tools[0]
        self.say(f"{dataset.title}: {tool.title} under perf")
        with self.server.database(DATABASE, self.settings.rest) as url:
            try:
                self.results.profile = profile.profile(
                    tool.words(dataset, url, self.work / "ready"),
                    self.work,
                    self.server.process,
                    tool.passed,
                    {**os.environ, **tool.environment},
                )
            except (profile.ProfileFailed, OSError) as error:
                self.results.absent.append(f"the profile (perf: {error})")
        self.results.write(self.settings.folder / "results.json")

    def _tell(self, done: Run, turn: int) -> None:
        steps = " ".join(f"{step.name} {step.seconds:.2f}" for step in done.steps)
        lost = f"; lost: {'; '.join(done.lost)}" if done.lost else ""
        self.say(
            f"  {turn + 1}  {self.results.tools[done.tool]}: {done.outcome}, {done.seconds:.2f} s, "
            f"client {done.processor:.2f} s, {done.memory / 1e6:.0f} MB  [{steps}]{lost}"
        )


class BenchFailed(Exception):
    """The measurements cannot go on; the message says why."""


def _read(path: Path) -> None:
    """Bring a file into the system's cache."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def say(line: str) -> None:
    """Show a line of progress."""
    print(line, file=sys.stderr, flush=True)
