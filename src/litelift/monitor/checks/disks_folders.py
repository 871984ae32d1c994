"""Whose disks are looked at: the data's, the WAL's, the tablespaces', the backups', and those of what is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from litelift.errors import LiteliftError
from litelift.monitor.session import is_local, session
from litelift.monitor.watched import Watched
from litelift.postgres import embedded

ASKED_AGAIN = 900.0
"""Seconds after which the server is asked once more where its folders are: they move once in years."""
_WHERE = """
    select pg_backend_pid() as pid,
           array(select spcname::text from pg_tablespace where pg_tablespace_location(oid) <> '' order by spcname),
           array(select pg_tablespace_location(oid) from pg_tablespace where pg_tablespace_location(oid) <> ''
                 order by spcname)
"""


class Place(NamedTuple):
    """A folder whose disk is of interest."""

    name: str
    """"data", "wal", "tablespace NAME", "backups", "monitor", "source", "archive"."""
    folder: Path
    made: bool = True
    """Whether it is there already; if not, it will be on the disk of the nearest folder that is."""


class Data(NamedTuple):
    """Where the server keeps what it holds."""

    places: tuple[Place, ...]
    """None of them where they cannot be known."""
    elsewhere: str = ""
    """The server's address where its disks are not this machine's."""
    refused: str = ""
    """The login that may not know it."""


_KNOWN: dict[Path, tuple[float, Data]] = {}
"""By the watch's folder: a server that a full disk has stopped says no more where that was."""


def own_places(watched: Watched) -> Iterator[Place]:
    """What litelift itself keeps."""
    yield Place("backups", watched.backups.store.path, made=False)
    yield Place("monitor", watched.folder, made=False)
    if watched.backups.source is not None:
        yield Place("source", watched.backups.source.parent, made=False)
    if watched.runbook is not None:
        yield Place("archive", watched.runbook.folder / watched.runbook.archive.folder, made=False)


def data_of(watched: Watched) -> Data | None:
    """Where the database lies; None where the server does not answer, and never has."""
    known = _KNOWN.get(watched.folder)
    if known is not None and time.monotonic() - known[0] < ASKED_AGAIN:
        return known[1]
    try:
        data = _asked(watched)
    except (LiteliftError, psycopg.Error):
        found = _unasked(watched)
        return known[1] if known is not None else Data(tuple(found)) if found else None
    _KNOWN[watched.folder] = time.monotonic(), data
    return data


def _asked(watched: Watched) -> Data:
    """Raises TargetError, psycopg.Error."""
    with session(watched.logins) as connection:
        row = connection.execute(_WHERE).fetchone()
        assert row is not None
        process, names, folders = row
        info = connection.info
        if not (is_local(info) and _is_here(process)):
            inside = _in_container(watched)
            return Data(inside) if inside else Data((), elsewhere=info.host)
        spaces = tuple(Place(f"tablespace {name}", Path(folder)) for name, folder in zip(names, folders, strict=True))
        try:
            row = connection.execute("select current_setting('data_directory')").fetchone()
            assert row is not None
        except psycopg.errors.InsufficientPrivilege:
            found = tuple(_unasked(watched))
            return Data((*found, *spaces), refused="" if found else info.user)
        return Data((*_cluster(Path(row[0])), *spaces))


def _is_here(process: int) -> bool:
    """Whether the session's server process is one of this machine: what a port leads to may be in a container."""
    try:
        return b"postgres" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self/cmdline").exists()


def _cluster(folder: Path) -> list[Place]:
    """A data folder and, where it is a link to another disk, its WAL."""
    return [Place("data", folder), Place("wal", folder / "pg_wal")]


def _unasked(watched: Watched) -> list[Place]:
    """The data folder of a server that does not say it."""
    folder = embedded.find_folder(watched.embedded) if watched.embedded is not None else None
    if folder is not None:
        return _cluster(folder)
    return list(_in_container(watched)) or _by_lock(watched.logins[-1])


def _by_lock(login: str) -> list[Place]:
    """By the second line of the lock beside its socket ("Database File Layout": as postmaster.pid), if it is ours to
    read; who crashed has left it there."""
    given = conninfo_to_dict(login)
    host, port = str(given.get("host") or ""), given.get("port") or 5432
    if not host.startswith("/"):
        return []
    try:
        lines = Path(host, f".s.PGSQL.{port}.lock").read_text().splitlines()
    except (OSError, ValueError):
        return []
    return _cluster(Path(lines[1])) if len(lines) > 1 and lines[1].startswith("/") else []


def _in_container(watched: Watched) -> tuple[Place, ...]:
    """The volume of the server's container, where it is a folder of this machine's."""
    name = watched.backups.container
    if name is None:
        return ()
    from litelift.monitor.engine import Engine

    try:
        with Engine.opened(watched.settings.engine or watched.backups.engine) as engine:
            found = engine.container(name) if engine.local else None
    except LiteliftError:
        return ()
    mounts = (found or {}).get("Mounts") or []
    environment = dict(word.partition("=")[::2] for word in ((found or {}).get("Config") or {}).get("Env") or [])
    data = PurePosixPath(environment.get("PGDATA") or "/var/lib/postgresql/data")
    holding = [one for one in mounts if data.is_relative_to(one.get("Destination") or "?")]
    if not holding:
        return ()
    best = max(holding, key=lambda one: len(one["Destination"]))
    folder = Path(best.get("Source") or "")
    return (Place("data", folder),) if folder.is_absolute() and _may_be_there(folder) else ()


def _may_be_there(folder: Path) -> bool:
    """False where an engine in a machine of its own names a folder of that one."""
    try:
        folder.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True
