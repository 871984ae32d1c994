"""Real parts for every test: a PostgreSQL server for each worker, and a fresh database for each test that asks."""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from litelift.postgres import embedded

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[Callable[[str], str]]:
    """The embedded PostgreSQL; call it with a database's name to get that database's URL."""
    with tempfile.TemporaryDirectory(prefix="litelift-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        version = int(os.environ.get("LITELIFT_TEST_PGVERSION", "16"))
        started = embedded.start(Path(folder) / "pg", version)
        yield lambda database: embedded.database_url(started.url or "", database)
        embedded.stop(started.folder)


@pytest.fixture
def database(server: Callable[[str], str]) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield server(name)
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def make_sqlite(tmp_path: Path) -> Callable[..., Path]:
    """Make a SQLite file from a script, and rows for statements with parameters."""

    def make(
        script: str, rows: list[tuple[str, list[tuple[object, ...]]]] | None = None, name: str = "app.sqlite"
    ) -> Path:
        path = tmp_path / name
        connection = sqlite3.connect(path)
        connection.executescript(script)
        for statement, values in rows or []:
            connection.executemany(statement, values)
        connection.commit()
        connection.close()
        return path

    return make
