"""Puts a backup's archive into a database that is there and empty, with pg_restore."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from litelift.backup.manifest import Manifest
from litelift.backup.program import Failed, is_full, running, wait_for
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import Backup
from litelift.backup.verify import pipe_archive, restorer_for
from litelift.errors import RestoreFailed, TargetFull
from litelift.postgres.connect import connect
from litelift.redact import text as redact
from litelift.report.format import count

# What a later pg_dump asks of every server, and an earlier one does not know: it changes nothing that is kept.
_HARMLESS = ('unrecognized configuration parameter "transaction_timeout"',)


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
        RestoreFailed: pg_restore did, and what is in the database is not whole. TargetFull. BackupKey. BackupDamaged.
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


def _error(failed: Failed, manifest: Manifest) -> RestoreFailed | TargetFull:
    if is_full(failed):
        return TargetFull(message=redact(failed.message))
    if any("permission denied" in line or "must be" in line for line in failed.lines):
        hint = "Restore with a login that may do all of it, a superuser say: [backup] admin, or --admin."
        return RestoreFailed(name=manifest.name, message=redact(failed.message), hint=hint)
    return RestoreFailed(name=manifest.name, message=redact(failed.message))


def _size(dsn: str) -> int:
    with connect(dsn) as connection:
        found = connection.execute("select pg_database_size(current_database())").fetchone()
    return int(found[0]) if found else 0
