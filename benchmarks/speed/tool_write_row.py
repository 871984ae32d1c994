"""The script that anyone would write: psycopg's ``write_row`` for each row, then the keys and indexes, one by one.

As a program: ``python -m benchmarks.speed.tool_write_row SQLITE-FILE READY-FOLDER URL``.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.speed.datasets import Dataset, quoted
from benchmarks.speed.ready import Ready
from benchmarks.speed.tool import Timed, Tool, told_spans, told_trouble

NAME = "write_row"


def tool() -> Tool:
    """A plain script. It is given the tables' DDL, for it decides no type by itself."""
    return Tool(NAME, "psycopg `write_row`", _words, told_spans, told_trouble, uses_ready=True)


def _words(dataset: Dataset, url: str, ready: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.speed.tool_write_row", str(dataset.path), str(ready), url]


def move(path: str, folder: str, url: str) -> Timed:
    """Move the tables; one that fails is told, and the others go on."""
    timed = Timed()
    ready = Ready.read(Path(folder))
    source = sqlite3.connect(f"{Path(path).as_uri()}?mode=ro", uri=True)
    with psycopg.connect(url, autocommit=True) as target:
        with timed.step("create"):
            target.execute(ready.create.encode())
        with timed.step("load"):
            for table in ready.tables:
                names = [quoted(name) for name in table.columns]
                rows = source.execute(f"select {', '.join(names)} from {quoted(table.source)}")  # noqa: S608
                into = sql.SQL("copy {} ({}) from stdin").format(
                    sql.Identifier(table.schema, table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
                )
                try:
                    with target.cursor() as cursor, cursor.copy(into) as copy:
                        for row in rows:
                            copy.write_row(row)
                except (psycopg.Error, sqlite3.Error) as error:
                    timed.trouble.append(f"{table.name}: {str(error).splitlines()[0]}")
        with timed.step("build"):
            for statement in [*ready.indexes, *ready.attach, *ready.constraints, *ready.validate]:
                try:
                    target.execute(statement.text.encode())
                except psycopg.Error as error:
                    timed.trouble.append(f"{statement.text[:60]}: {str(error).splitlines()[0]}")
            target.execute("analyze")
    return timed


if __name__ == "__main__":
    move(*sys.argv[1:4]).tell()
