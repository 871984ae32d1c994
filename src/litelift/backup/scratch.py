"""A PostgreSQL of its own for the length of a drill: made in a temporary folder, and gone with it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

import psycopg
from psycopg import sql

from litelift.atomic import PRIVATE, write_whole
from litelift.backup.manifest import Manifest
from litelift.backup.tools import Tools, local_tools
from litelift.errors import DrillImpossible, TargetError
from litelift.postgres.cluster import make_cluster, start_cluster
from litelift.postgres.connect import Connection, connect, normalized
from litelift.postgres.data_folder import end_server, running_server
from litelift.postgres.programs import ProgramFailed, Programs, system_user
from litelift.postgres.socket_folder import short_folder
from litelift.report.format import size

NOTE = "drill.json"
ROOMIER = "Name a folder with more room by TMPDIR, or restore beside: litelift backup drill --beside"
PREFIX = "litelift-drill-"
ROOM = 1.5
"""How many times the database's size is to be free: its files, and the log of writing them."""
STOP_SECONDS = 60.0
# It is thrown away whatever happens to the machine, so nothing needs to reach the disk in time.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "maintenance_work_mem": "256MB",
    "max_locks_per_transaction": "1024",
}
_HAS = """
    select version(), array(select name::text from pg_available_extensions),
           exists (select from pg_collation where collprovider = 'i' and collname <> 'unicode')
"""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch server that runs."""

    url: str
    words: str
    """Which PostgreSQL it is: "16.14 (embedded)"."""


@contextmanager
def scratch_server(manifest: Manifest, store: Path) -> Iterator[Scratch]:
    """A server to which the backup can be restored, for the length of the block.

    Args:
        manifest: what it must take: the server's version or a later one, its extensions, ICU's collations.
        store: where it is noted, so that the next drill removes what a kill leaves of it.

    Raises:
        DrillImpossible: none of the PostgreSQLs on this machine can, or there is no room.
    """
    lacks: list[str] = []
    for tools in _candidates(manifest):
        _refuse_without_room(manifest)
        place = _place(manifest)
        assert tools.folder is not None
        programs = Programs(tools.folder, system_user() if os.geteuid() == 0 else None)
        try:
            write_whole(store / NOTE, json.dumps({"folder": str(place)}), mode=PRIVATE)
            url = _start(place, programs)
            missing = _missing(url, manifest)
            if not missing:
                yield Scratch(url, f"{tools.words.split()[0]} ({tools.source})")
                return
            lacks.append(f"{tools.words.split()[0]} ({tools.source}) lacks {', '.join(missing)}")
        except ProgramFailed as error:
            lacks.append(f"{tools.words.split()[0]} ({tools.source}): {' '.join(str(error).split())[:200]}")
        except OSError as error:
            message = f"{error.filename or place}: {error.strerror or error}"
            raise DrillImpossible(name=manifest.name, message=message, hint=ROOMIER) from error
        finally:
            _remove(place, programs)
            (store / NOTE).unlink(missing_ok=True)
    major = manifest.server.version_number // 10000
    message = "; ".join(lacks) or f"there is no PostgreSQL {major} or later here"
    full = os.strerror(errno.ENOSPC) in message
    raise DrillImpossible(name=manifest.name, message=message, hint=ROOMIER if full else None)


def answers(url: str) -> bool:
    """Whether the server still lives."""
    try:
        connect(normalized(url)).close()
    except TargetError:
        return False
    return True


def _place(manifest: Manifest) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        message = f"{error.filename or tempfile.tempdir}: {error.strerror or error}"
        raise DrillImpossible(name=manifest.name, message=message, hint=ROOMIER) from error


def clear_left(store: Path) -> None:
    """Stop and remove the scratch server that a killed drill has left, under the store's lock."""
    try:
        place = Path(json.loads((store / NOTE).read_bytes())["folder"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        (store / NOTE).unlink()
        return
    uid = system_user().pw_uid if os.geteuid() == 0 else os.geteuid()
    if _is_ours(place, uid):
        # Of the note nothing is run, and its process number may be another's by now.
        end_server(place / "data", STOP_SECONDS)
        _remove_files(place, uid)
    (store / NOTE).unlink(missing_ok=True)


def _is_ours(place: Path, uid: int) -> bool:
    """Whether a folder is one that a drill makes: what the note names may be anything."""
    try:
        facts = place.lstat()
    except (OSError, ValueError):
        return False
    return place.name.startswith(PREFIX) and place.is_absolute() and S_ISDIR(facts.st_mode) and facts.st_uid == uid


def _candidates(manifest: Manifest) -> list[Tools]:
    """Installations that have a server too: of the same major version first, then the next higher."""
    fitting = [
        tools
        for tools in local_tools()
        if tools.folder is not None
        and tools.major >= manifest.server.version_number // 10000
        and all((tools.folder / program).exists() for program in ("initdb", "postgres", "pg_ctl"))
    ]
    return sorted(fitting, key=lambda tools: (tools.major, tools.source != "system"))


def _refuse_without_room(manifest: Manifest) -> None:
    where = Path(tempfile.gettempdir())
    free, needed = shutil.disk_usage(where).free, int(manifest.database_bytes * ROOM)
    if free < needed:
        message = f"{size(free)} are free in {where}, and {size(needed)} are needed"
        raise DrillImpossible(name=manifest.name, message=message, hint=ROOMIER)


def _start(place: Path, programs: Programs) -> str:
    programs.own(place)
    programs.let_through(place)
    data = place / "data"
    make_cluster(data, programs, "--no-sync")
    start_cluster(data, programs, SETTINGS)
    running = running_server(data)
    if running is None:
        raise ProgramFailed("it started, and ended again at once")
    return running[1]


def _missing(url: str, manifest: Manifest) -> list[str]:
    with connect(normalized(url)) as connection:
        _, extensions, icu = connection.execute(_HAS).fetchone() or ("", [], False)
        missing = [f"the extension {name}" for name in manifest.server.extensions if name not in extensions]
        missing += ["ICU"] if manifest.server.icu and not icu else []
        return missing or list(_refused(connection, manifest.server.extensions))


def _refused(connection: Connection, extensions: Iterable[str]) -> Iterator[str]:
    """Those that are there, and cannot be made: some want their library to be loaded when the server starts."""
    for name in extensions:
        try:
            with connection.transaction(force_rollback=True):
                words = sql.SQL("create extension if not exists {} cascade")
                connection.execute(words.format(sql.Identifier(name)))
        except psycopg.Error as error:
            yield f"the extension {name} ({' '.join((error.diag.message_primary or str(error)).split())})"


def _remove(place: Path, programs: Programs) -> None:
    data = place / "data"
    if (data / "postmaster.pid").exists():
        # It may not run any more; what matters is that its files go.
        with suppress(ProgramFailed):
            programs.run("pg_ctl", "stop", "-m", "immediate", "-w", data=data, seconds=STOP_SECONDS)
    _remove_files(place, programs.uid)


def _remove_files(place: Path, uid: int) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(short_folder(place / "data", uid))
    shutil.rmtree(place)
