"""What the tests by threat have in common: an older backup that must stay as it is, and a dump that can be met."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from backup_case import backup, history, made, names
from broken import alive, children, wait_for
from command import Ran
from forked import Forked, fork

ROWS = """
create table grade (id int primary key, note text);
insert into grade select g, md5(g::text) from generate_series(1, 300) g;
create table zebra (id int) partition by range (id);
"""
_WAITING = """
    select exists (select from pg_locks where not granted and locktype = 'relation'
       and database = (select oid from pg_database where datname = current_database()))
"""


def fill(url: str) -> None:
    """Make a table with rows, and "zebra", which has none: only pg_dump locks it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ROWS)


def sums(folder: Path) -> dict[str, str]:
    """Every file below a folder, and what is in it."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


class Older:
    """A folder with one good backup, which whatever happens leaves as it was."""

    def __init__(self, url: str, folder: Path, *words: str) -> None:
        self.url, self.folder = url, folder
        self.name = str(made(url, folder, *words)["name"])
        self.before = sums(folder / self.name)

    def holds(self, *parts: str, event: str = "create") -> None:
        """It is as it was, and the only one; the history has the failure, in these words."""
        assert names(self.folder) == [self.name]
        assert sums(self.folder / self.name) == self.before
        self.listed()
        last = history(self.folder)[-1]
        assert (last["what"], last["ok"]) == (event, False), last
        for part in parts:
            assert part in last["message"]

    def listed(self, good: bool = True) -> None:
        """The list has it alone."""
        ran = backup("list", "--json", folder=self.folder)
        assert ran.status == (0 if good else 3), ran
        assert [(one["name"], one["good"]) for one in ran.json["backups"]] == [(self.name, good)]


def only_error(ran: Ran, kind: str, *words: str, hint: str = "", status: int = 1) -> dict[str, Any]:
    """It failed with --json, by one error of a kind, in one line that holds these words, and with a hint."""
    assert ran.status == status, ran
    error: dict[str, Any] = ran.json["error"]
    assert error["kind"] == kind, error
    assert "\n" not in error["message"] and error["hint"] and hint in error["hint"], error
    for word in words:
        assert word in error["message"], error
    for unwanted in ("Traceback", "Errno", "PosixPath", "<class"):
        assert unwanted not in ran.err + error["message"] + error["hint"], ran.err
    return error


@contextlib.contextmanager
def waiting_dump(url: str, *words: str | Path) -> Iterator[tuple[Forked, list[int]]]:
    """A ``backup create`` whose pg_dump waits for "zebra"; the programs that it has started.

    The lock is gone when the block ends.
    """
    with psycopg.connect(url) as locking, psycopg.connect(url, autocommit=True) as looking:
        locking.execute("lock table zebra in access exclusive mode")
        process = fork(("backup", "create", url, *words), session=True)
        try:
            wait_for(lambda: process.poll() is not None or looking.execute(_WAITING).fetchone() == (True,))
            assert process.poll() is None, process.communicate()
            yield process, children(process.pid)
        finally:
            process.kill()
            with contextlib.suppress(ValueError):
                process.communicate()


def lets(connection: psycopg.Connection[Any], *words: str | Path) -> Ran:
    """Run a ``backup create`` that waits for what a connection has locked, which ends its transaction then."""
    process = fork(("backup", "create", *words))
    with psycopg.connect(connection.info.dsn, autocommit=True) as looking:
        wait_for(lambda: process.poll() is not None or looking.execute(_WAITING).fetchone() == (True,))
    connection.commit()
    out, err = process.communicate()
    return Ran(process.wait(), out, err)


def none_left(programs: list[int]) -> None:
    """None of the programs is left."""
    assert programs
    wait_for(lambda: not any(map(alive, programs)))


def no_session(url: str) -> None:
    """Nobody has a session in the database any more."""
    with psycopg.connect(url, autocommit=True) as looking:
        query = "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        wait_for(lambda: looking.execute(query).fetchone() is None)
