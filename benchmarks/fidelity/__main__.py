"""python -m benchmarks.fidelity FOLDER -o docs/fidelity.md: move every database of a folder, and make the page."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg

from benchmarks.fidelity import samples, tools
from benchmarks.fidelity.outcome import Outcome
from benchmarks.fidelity.page import Sample, render
from benchmarks.fidelity.source import Database, read
from litelift import __version__
from litelift.postgres import embedded

Tool = Callable[[Path, Database, str, Path, float], Outcome]


def main() -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fidelity", description=__doc__)
    parser.add_argument("samples", type=Path, help="a folder of SQLite files, packed with zstd or not")
    parser.add_argument("-o", "--output", type=Path, help="where the page goes (else stdout)")
    parser.add_argument("--postgres", type=int, choices=(16, 18), default=embedded.DEFAULT_VERSION)
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one move [default: 600]")
    words = parser.parse_args()
    try:
        page = measure(words.samples, words.postgres, words.timeout)
    except samples.SamplesError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if words.output:
        words.output.write_text(page, encoding="utf-8")
    else:
        print(page)
    return 0


def measure(folder: Path, postgres: int, timeout: float) -> str:
    """Move every database of the folder with each tool that is there: the page. Raises SamplesError."""
    paths = samples.find(folder)
    origins = samples.origins(folder)
    pgloader = tools.pgloader_version()
    used: list[Tool] = [tools.litelift]
    if pgloader:
        used.append(tools.pgloader)
    moved = []
    with tempfile.TemporaryDirectory(prefix="litelift-fidelity-", ignore_cleanup_errors=True) as temporary:
        # The server runs as another user where this is root.
        Path(temporary).chmod(0o755)
        server = embedded.start(Path(temporary) / "pg", postgres)
        try:
            url = embedded.database_url(server.url or "", "postgres")
            for number, path in enumerate(paths):
                moved.append(_move(path, origins, used, url, Path(temporary) / str(number), timeout))
            versions = f"litelift {__version__}, SQLite {sqlite3.sqlite_version}, PostgreSQL {_server_version(url)}"
        finally:
            embedded.stop(server.folder)
    if pgloader:
        return render(moved, f"{versions}, and pgloader {pgloader}")
    return render(moved, versions, "pgloader was not installed where this page was made, so it is not in the tables.")


def _move(
    path: Path, origins: dict[str, samples.Origin], used: list[Tool], url: str, folder: Path, timeout: float
) -> Sample:
    name = samples.name(path)
    folder.mkdir()
    source = folder / "source.sqlite"
    samples.unpack(path, source)
    database = read(source)
    outcomes = []
    for tool in used:
        place = folder / tool.__name__
        place.mkdir()
        outcome = tool(source, database, tools.fresh_database(url, tool.__name__), place, timeout)
        status = "stopped" if outcome.status is None else f"exit {outcome.status}"
        # Times are shown here alone: the page is the same wherever it is made.
        print(f"{name}: {outcome.tool}, {status}, {outcome.seconds:.1f} s", file=sys.stderr)
        outcomes.append(outcome)
    return Sample(name, origins.get(name), tuple(outcomes))


def _server_version(url: str) -> str:
    with psycopg.connect(url) as connection:
        return str(connection.execute("show server_version").fetchone()[0])  # type: ignore[index]


if __name__ == "__main__":
    sys.exit(main())
