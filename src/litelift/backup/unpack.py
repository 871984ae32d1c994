"""Puts a backup's archive into a database that is there and empty, with pg_restore."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from litelift.backup.manifest import Manifest
from litelift.backup.program import Failed, is_full, running, wait_for
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import Backup
from litelift.backup.verify import pipe_archive, restorer_for
from litelift.errors import RestoreFailed, RestoreImpossible
from litelift.postgres.connect import connect, is_lost
from litelift.postgres.size import database_bytes
from litelift.redact import text as redact
from litelift.report.format import count

# What a later pg_dump asks of every server, and an earlier one does not know: it changes nothing that is kept. The
# server says so in its own language.
_HARMLESS = ("transaction_timeout",)


_LOGIN = "Restore with a login that may do all of it, a superuser say: [backup] admin, or --admin."
_LOST = "See in the server's log why it ended the work, and do it again."
ROOM = "Make room on the server's disk, and do it again."
_LACKS = "Install on that server what it lacks, as it was on the one that was backed up."
# What pg_restore says where it is not the backup that is at fault, and what to do.
_ELSEWHERE = {
    "server closed the connection": _LOST,
    "terminating connection": _LOST,
    "connection to server": _LOST,
    "SSL SYSCALL": _LOST,
    "permission denied": _LOGIN,
    "must be owner": _LOGIN,
    "must be superuser": _LOGIN,
    "is not available": _LACKS,
    "could not open extension control file": _LACKS,
    "could not access file": _LACKS,
}


def unpack(
    backup: Backup,
    dsn: str,
    *,
    identities: Sequence[Any] = (),
    tools: str | None = None,
    jobs: int = 1,
    contents: Path | None = None,
    words: Sequence[str] = (),
    on_sign: OnSign = silent,
) -> None:
    """Restore the archive into the database ``dsn``.

    Args:
        backup: whose checksums were compared.
        dsn: an empty database on a server that is not older than the one that was dumped.
        identities: keys for an encrypted one.
        tools: the folder of pg_restore.
        jobs: tables at once; an encrypted one is read once, from its beginning to its end.
        contents: a list of what to restore, as ``pg_restore --use-list`` takes it. None: everything.
        words: more of pg_restore's.
        on_sign: gets signs of life.

    Raises:
        RestoreFailed: pg_restore did, and what is in the database is not whole.
        RestoreImpossible: it could not, and the backup is not at fault. BackupKey. BackupDamaged.
    """
    manifest = backup.read()
    restorer = restorer_for(manifest, tools)
    told = ["--no-password", *words]
    if contents is not None:
        told.append(f"--use-list={contents}")
    archive = backup.folder / manifest.dump.path
    on_sign(Sign("restore", 0, manifest.database_bytes))
    dsn_of = f"--dbname={_database(dsn)}"
    try:
        if manifest.encryption is not None:
            pipe_archive(restorer, archive, identities, [*told, dsn_of], dsn, manifest.name)
        else:
            process = restorer.start("pg_restore", [*told, dsn_of, f"--jobs={jobs}", str(archive)], dsn)
            with running(process, "pg_restore") as finish:
                wait_for(process, lambda: on_sign(Sign("restore", _size(dsn), manifest.database_bytes)))
                finish()
    except Failed as failed:
        if failed.status < 0 or _grave(failed):
            raise _error(failed, manifest) from failed
    on_sign(Sign("restore", 1, 1, message=count(len(manifest.tables), "table"), finished=True))


def _database(dsn: str) -> str:
    """The database's name, as a connection string: it may itself look like one."""
    return make_conninfo("", dbname=str(conninfo_to_dict(dsn).get("dbname") or ""))


def _grave(failed: Failed) -> bool:
    """Whether there is an error among those that pg_restore goes on after that is not harmless."""
    errors = [line for line in failed.lines if ": error: " in line]
    return not errors or not all(any(known in line for known in _HARMLESS) for line in errors)


def _error(failed: Failed, manifest: Manifest) -> RestoreFailed:
    """What it says of the backup that pg_restore ended so: nothing, where the server or the login is at fault."""
    lines = [line for line in failed.lines if not any(known in line for known in _HARMLESS)]
    said = redact(Failed(failed.program, failed.status, lines).message)
    if failed.status < 0:
        return RestoreImpossible(name=manifest.name, message=said)
    if is_full(failed):
        return RestoreImpossible(name=manifest.name, message=said, hint=ROOM)
    for words, hint in _ELSEWHERE.items():
        if any(words in line for line in lines):
            return RestoreImpossible(name=manifest.name, message=said, hint=hint)
    return RestoreFailed(name=manifest.name, message=said)


def elsewhere(error: psycopg.Error, name: str) -> RestoreImpossible:
    """What an error of the server means that says nothing about the backup ``name``."""
    said = " ".join((error.diag.message_primary or str(error)).split())
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return RestoreImpossible(name=name, message=redact(said), hint=_LOGIN)
    if (error.sqlstate or "").startswith("53"):
        return RestoreImpossible(name=name, message=redact(said), hint=ROOM)
    return RestoreImpossible(name=name, message=redact(said), **({"hint": _LOST} if is_lost(error) else {}))


def _size(dsn: str) -> int:
    with connect(dsn) as connection:
        return database_bytes(connection)
