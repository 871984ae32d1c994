"""DuckDB: its SQLite and PostgreSQL scanners, one CREATE TABLE AS for each table. It knows of no keys, and makes none.

As a program: ``python -m benchmarks.speed.tool_duckdb SQLITE-FILE URL``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from benchmarks.speed.datasets import Dataset, quoted
from benchmarks.speed.tool import Timed, Tool, told_spans, told_trouble

NAME = "duckdb"
_SCANNERS = ("duckdb_extension_sqlite_scanner", "duckdb_extension_postgres_scanner")


def missing() -> list[str]:
    """The packages that it needs and that are not installed."""
    return [name for name in ("duckdb", *_SCANNERS) if importlib.util.find_spec(name) is None]


def tool() -> Tool:
    """DuckDB, with its defaults."""
    return Tool(NAME, "DuckDB's scanners (the rows alone)", _words, told_spans, told_trouble)


def _words(dataset: Dataset, url: str, ready: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.speed.tool_duckdb", str(dataset.path), url]


def move(path: str, url: str) -> Timed:
    """Move the rows of all tables; a table that fails is told, and the others go on."""
    duckdb: Any = importlib.import_module("duckdb")
    timed = Timed()
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for name in _SCANNERS:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        for folder in spec.submodule_search_locations or ():
            for extension in Path(folder).rglob("*.duckdb_extension"):
                connection.execute(f"load '{extension}'")
    with timed.step("open"):
        connection.execute(f"attach {_literal(path)} as source (type sqlite, read_only)")
        connection.execute(f"attach {_literal(url)} as target (type postgres)")
        found = connection.execute(
            "select name from sqlite_scan(?, 'sqlite_master') "
            "where type = 'table' and name not like 'sqlite~_%' escape '~'",
            [path],
        ).fetchall()
    with timed.step("load"):
        for (name,) in found:
            try:
                connection.execute(f"create table target.public.{quoted(name)} as from source.{quoted(name)}")
            except duckdb.Error as error:
                timed.trouble.append(f"{name}: {str(error).splitlines()[0]}")
    return timed


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    move(*sys.argv[1:3]).tell()
