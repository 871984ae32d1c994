"""The server that all tools load into: the embedded PostgreSQL as it comes, and a fresh database for each run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from litelift.postgres import embedded
from litelift.postgres.programs import programs

SETTINGS = (
    "shared_buffers",
    "max_wal_size",
    "wal_level",
    "fsync",
    "synchronous_commit",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
)
REST_SECONDS = 1.0


@dataclass(frozen=True)
class BenchServer:
    """A running server: its postmaster's process, its URL, its folder of programs."""

    process: int
    url: str
    programs: Path
    version: str
    settings: dict[str, str]

    def url_of(self, name: str) -> str:
        """The URL of a database."""
        return embedded.database_url(self.url, name)

    @contextmanager
    def database(self, name: str, rest: float = REST_SECONDS) -> Iterator[str]:
        """An empty database, dropped afterwards; before it a checkpoint and a rest, so that no run pays for another."""
        with psycopg.connect(self.url, autocommit=True) as admin:
            self._drop(admin, name)
            admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
            admin.execute("checkpoint")
        time.sleep(rest)
        try:
            yield self.url_of(name)
        finally:
            with psycopg.connect(self.url, autocommit=True) as admin:
                self._drop(admin, name)

    def _drop(self, admin: psycopg.Connection[tuple[object, ...]], name: str) -> None:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def running(folder: Path, version: int = embedded.DEFAULT_VERSION) -> Iterator[BenchServer]:
    """The server in ``folder``, started, and stopped afterwards. Raises EmbeddedServerError."""
    started = embedded.start(folder, version)
    try:
        url = started.url or ""
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "select name, current_setting(name) from pg_settings where name = any(%s)", (list(SETTINGS),)
            ).fetchall()
            said = str(connection.execute("show server_version").fetchone()[0])  # type: ignore[index]
        yield BenchServer(started.pid or 0, url, programs(started.version).folder, said, dict(found))
    finally:
        embedded.stop(folder)
