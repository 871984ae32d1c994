"""A PostgreSQL of the soak's own, over TCP and with a password, which can be crashed, stopped and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from afterwards import servers_end
from broken import alive, children, free_port
from litelift.postgres.programs import ProgramFailed, Programs, programs

START_SECONDS = 120.0
PASSWORD = "Pw9-never/shown"
ROLE = "mover"
# Deadlocks are found soon, and a crash forgets every commit that nobody has waited for.
SETTINGS = {
    "fsync": "off",
    "shared_buffers": "32MB",
    "deadlock_timeout": "200ms",
    "wal_writer_delay": "10s",
    "max_connections": "60",
    "log_min_messages": "fatal",
}


class Server:
    """A server in ``folder``; the superuser is postgres, the databases belong to the role mover."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """Make the data folder, and start. ``settings`` are PostgreSQL's."""
        self.tools: Programs = programs(16)
        self.data = folder / "pg"
        servers_end(folder)
        self.port = free_port()
        self.settings = {**SETTINGS, **settings}
        self.data.mkdir(mode=0o700)
        self.tools.own(self.data)
        word = folder / "password"
        word.write_text(PASSWORD)
        self.tools.own(word)
        words = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={word}", "--encoding=UTF8", "--no-locale"]
        self.tools.run("initdb", *words, "--no-sync", "--wal-segsize=4", data=self.data, seconds=START_SECONDS)
        self.start()
        with self.admin() as admin:
            admin.execute(
                sql.SQL("create role {} login password {}").format(sql.Identifier(ROLE), sql.Literal(PASSWORD))
            )

    def url(self, database: str, port: int | None = None, *, password: bool = True) -> str:
        """The URL of a database for the role mover; ``port`` of a proxy in between."""
        word = f":{quote(PASSWORD, safe='')}" if password else ""
        more = "sslmode=disable&gssencmode=disable"
        return f"postgresql://{ROLE}{word}@127.0.0.1:{port or self.port}/{database}?{more}"

    def admin(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A session of the superuser."""
        return psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=postgres dbname={database} application_name=chaos",
            connect_timeout=60,
            password=PASSWORD,
            autocommit=True,
        )

    def fresh(self, name: str) -> None:
        """Make a database that holds something of somebody else's."""
        with self.admin() as admin:
            admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(ROLE)))
        with self.admin(name) as admin:
            admin.execute(
                "create schema theirs; create table theirs.kept(id int primary key, words text);"
                "insert into theirs.kept values (1, 'as it was'), (2, 'too');"
                "create function theirs.f() returns int language sql as 'select 1'"
            )

    def drop(self, name: str) -> None:
        """Drop a database, whoever is in it."""
        with self.admin() as admin:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    # ------------------------------------------------------------- up and down

    def pid(self) -> int | None:
        """The postmaster's process, if it lives."""
        try:
            number = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return number if alive(number) else None

    def start(self) -> None:
        """Start it, and wait until it lets in. What a crash left may take a moment to go."""
        deadline = time.monotonic() + START_SECONDS
        words = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "''"]
        words += [f"-c {name}={value}" for name, value in self.settings.items()]
        while self.pid() is None:
            try:
                self.tools.run(
                    "pg_ctl",
                    "start",
                    "-w",
                    "-t",
                    "120",
                    "-l",
                    "log",
                    "-o",
                    " ".join(words),
                    data=self.data,
                    seconds=150,
                )
            except ProgramFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        self.wait(deadline - time.monotonic())

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until it lets in (it may be recovering)."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.admin().close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def down(self, how: str) -> None:
        """Bring it down: 'crash' (killed with all its processes), 'immediate' or 'fast' (pg_ctl's)."""
        if how == "crash":
            self._crash()
            return
        with contextlib.suppress(ProgramFailed):
            self.tools.run("pg_ctl", "stop", "-w", "-t", "120", "-m", how, data=self.data, seconds=150)

    def _crash(self) -> None:
        postmaster = self.pid()
        if postmaster is None:
            return
        # Stopped first: it must not tidy up after its children.
        os.kill(postmaster, signal.SIGSTOP)
        for process in [*children(postmaster), postmaster]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while alive(postmaster) and time.monotonic() < deadline:
            time.sleep(0.01)

    def sessions(self, database: str) -> int:
        """How many sessions others than the soak have in a database."""
        with self.admin() as admin:
            row = admin.execute(
                "select count(*) from pg_stat_activity where datname = %s and application_name <> 'chaos'", (database,)
            ).fetchone()
        return int(row[0]) if row else 0

    def doing(self, database: str) -> list[str]:
        """What the sessions in a database are at."""
        try:
            with self.admin() as admin:
                rows = admin.execute(
                    "select concat_ws(' ', pid, state, wait_event_type, wait_event, left(query, 200))"
                    " from pg_stat_activity where datname = %s",
                    (database,),
                ).fetchall()
        except psycopg.Error as error:
            return [f"the server does not answer: {error}"]
        return [str(row[0]) for row in rows]

    def dump(self, database: str) -> str:
        """The whole catalogue of a database, as pg_dump words it, in an order that says nothing of how it was made."""
        environment = f"host=127.0.0.1 port={self.port} user=postgres dbname={database} password={PASSWORD}"
        said = self.tools.run("pg_dump", "--schema-only", "-d", environment, data=self.data, seconds=120)
        # Later releases write a random word ("pg_dump", \restrict).
        lines = [line for line in said.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
        return "\n--\n".join(sorted("\n".join(lines).split("\n--\n")))
