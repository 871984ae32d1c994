"""A server of the machine's own, and the tools of the machine's packages that archive its WAL."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from litelift.postgres.connect import Connection
from system_server import SystemServer

PATIENCE = 120.0


def need(program: str) -> str:
    """Where it is. Skips the test where it is not."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program}: not here (apt-get install {program})")
    return found


def until(what: str, reached: Callable[[], object]) -> None:
    """Wait for a state."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class ArchivingServer(SystemServer):
    """A server that archives, with a folder beside it that is its own user's."""

    def begin(self, folder: str, *settings: str) -> Path:
        """Make and start it; the folder of that name."""
        # Small segments are soon copied, and are not all that the names could be taken to be.
        self.make("--wal-segsize=1")
        made = self.own(folder)
        self.run(*settings)
        return made

    def own(self, name: str) -> Path:
        """A new folder of the server's user."""
        made = self.folder / name
        made.mkdir()
        if self.user:
            shutil.chown(made, self.user)
        return made

    def connect(self, user: str = "postgres") -> Connection:
        """A connection."""
        return psycopg.connect(self.url("postgres"), user=user, autocommit=True)

    def as_server(self, *words: str | Path) -> str:
        """Run a program as the server's user; what it said."""
        done = subprocess.run(
            words,
            user=self.user,
            extra_groups=[] if self.user else None,
            cwd="/",
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def archive_by(self, connection: Connection, command: str) -> None:
        """Set the archive_command, and wait until a session sees it."""
        connection.execute(sql.SQL("alter system set archive_command = {}").format(sql.Literal(command)))
        connection.execute("select pg_reload_conf()")
        until(command, lambda: one(connection, "show archive_command") == command)


def one(connection: Connection, query: str) -> object:
    """The one value of a query."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def end_segment(connection: Connection) -> str:
    """Have the server end a segment; its name."""
    connection.execute("select pg_logical_emit_message(true, 'litelift', 'something')")
    name = str(one(connection, "select pg_walfile_name(pg_current_wal_lsn())"))
    connection.execute("select pg_switch_wal()")
    return name


def archive(connection: Connection) -> str:
    """Have a segment archived by the server's archiver; its name."""
    name = end_segment(connection)
    done = f"select coalesce(left(last_archived_wal, 24) >= '{name}', false) from pg_stat_archiver"
    until(done, lambda: one(connection, done))
    return name


def me() -> str:
    """Who runs the tests."""
    return pwd.getpwuid(os.geteuid()).pw_name
