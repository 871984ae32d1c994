"""The floor: four psql at once, COPY of ready-made binary files, and then the same keys, indexes and foreign keys.

Nothing is read from SQLite, decided, converted or proved: faster than this the server does not take it from plain psql.
As a program: ``python -m benchmarks.speed.tool_floor READY-FOLDER PROGRAMS-FOLDER URL``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.speed.datasets import Dataset, quoted
from benchmarks.speed.ready import Ready, ReadyTable, Statement
from benchmarks.speed.tool import Timed, Tool, told_spans, told_trouble

NAME = "floor"
CONNECTIONS = 4
# As litelift's own sessions have it.
_OPTIONS = "-c synchronous_commit=off -c maintenance_work_mem=256MB"


def tool(programs: Path) -> Tool:
    """The floor; ``programs`` holds psql."""

    def words(dataset: Dataset, url: str, ready: Path) -> list[str]:
        return [sys.executable, "-m", "benchmarks.speed.tool_floor", str(ready), str(programs), url]

    return Tool(NAME, "the floor (psql, ready-made files)", words, told_spans, told_trouble, uses_ready=True)


def load(folder: str, programs: str, url: str) -> Timed:
    """Load everything. Raises CalledProcessError."""
    timed = Timed()
    ready = Ready.read(Path(folder))
    psql = _Psql(Path(programs) / "psql", url)
    with timed.step("create"):
        psql.run([[ready.create]])
    with timed.step("load"):
        psql.run(_packed([(Path(file).stat().st_size, line) for file, line in _copies(ready)]))
    weights = {_whole(table): table.bytes for table in ready.tables}
    with timed.step("build"):
        psql.run(_packed([(weights.get(each.table, 0), each.text) for each in ready.indexes]))
        psql.run([[each.text for each in [*ready.attach, *ready.constraints]]])
        last = [*ready.validate, *(Statement(table, f"analyze {table}") for table in weights)]
        # One table's statements exclude each other.
        psql.run(_packed([(weights.get(table, 0) * len(texts), ";\n".join(texts)) for table, texts in _grouped(last)]))
    return timed


def _copies(ready: Ready) -> Iterable[tuple[str, str]]:
    for table in ready.tables:
        columns = ", ".join(map(quoted, table.columns))
        for file in table.files:
            yield file, f"\\copy {_whole(table)} ({columns}) from '{file}' with (format binary)"


def _whole(table: ReadyTable) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def _grouped(statements: Iterable[Statement]) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for each in statements:
        groups.setdefault(each.table, []).append(each.text)
    return list(groups.items())


def _packed(orders: list[tuple[int, str]]) -> list[list[str]]:
    """Spread over the connections, the heaviest first, each to the one that has least (Graham's LPT rule)."""
    packs: list[list[str]] = [[] for _ in range(CONNECTIONS)]
    loads = [0] * CONNECTIONS
    for weight, text in sorted(orders, key=lambda order: -order[0]):
        place = loads.index(min(loads))
        packs[place].append(text)
        loads[place] += weight + 1
    return packs


class _Psql:
    def __init__(self, program: Path, url: str) -> None:
        self.program, self.url = program, url

    def run(self, scripts: list[list[str]]) -> None:
        """Run these scripts at the same time, each in a psql of its own."""
        with TemporaryDirectory() as folder:
            running = []
            for number, lines in enumerate(filter(None, scripts)):
                script = Path(folder) / f"{number}.sql"
                script.write_text("".join(line + ("\n" if line.startswith("\\") else ";\n") for line in lines), "utf-8")
                words = [str(self.program), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), self.url]
                environment = {**os.environ, "PGOPTIONS": _OPTIONS}
                running.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment))
            for process in running:
                if process.wait():
                    raise subprocess.CalledProcessError(process.returncode, process.args)


if __name__ == "__main__":
    load(*sys.argv[1:4]).tell()
