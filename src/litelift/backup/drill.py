"""litelift backup drill: restores a backup where it harms nobody, and compares every table with the manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg

from litelift.backup.beside import maintenance, remove
from litelift.backup.compare import compare, summed_up
from litelift.backup.dump import jobs_for
from litelift.backup.history import failing, recording, write_event
from litelift.backup.manifest import Look, Manifest
from litelift.backup.restored import restored
from litelift.backup.scratch import ROOMIER, answers, clear_left, scratch_server
from litelift.backup.settings import Backup as Settings
from litelift.backup.signs import OnSign, silent
from litelift.backup.store import Backup, Store, note
from litelift.backup.subject import Subject
from litelift.backup.unpack import ROOM, elsewhere
from litelift.backup.verify import compare_sums
from litelift.errors import BackupDamaged, BackupKey, DrillImpossible, RestoreFailed, RestoreImpossible, TargetError
from litelift.postgres.connect import normalized

Where = Literal["auto", "scratch", "beside"]


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill found."""

    backup: Backup
    look: Look


def drill(
    store: Store,
    backup: Backup,
    settings: Settings,
    *,
    where: Where = "auto",
    live: Callable[[], Subject] | None = None,
    identities: Sequence[Any] = (),
    on_sign: OnSign = silent,
) -> Drilled:
    """Restore a backup, compare it, and keep the result. What was restored is removed.

    Args:
        store: where it lies.
        backup: which.
        settings: of the backups.
        where: a scratch server on this machine, a database beside the live one, or the first of these that can.
        live: gives the live server, asked for only where the drill is beside.
        identities: keys for an encrypted one.
        on_sign: gets signs of life.

    Returns what was found: not ok where the backup is damaged, cannot be restored, or holds something else.

    Raises:
        BackupBusy. DrillImpossible: it could not be tried, which says nothing about the backup. BackupKey. TargetError.
    """
    with store.held(), failing(store.path, "drill", backup.name):
        clear_left(store.path)
        began = time.monotonic()
        seconds, message = 0.0, ""
        facts: dict[str, Any] = {}
        try:
            manifest = backup.read()
            if manifest.encryption is not None and not identities:
                raise BackupKey(name=manifest.name)
            compare_sums(backup.folder, manifest, on_sign)
            seconds, differ, facts = _restore(store, backup, manifest, settings, where, live, identities, on_sign)
            message = summed_up(differ)
        except RestoreImpossible as error:
            raise DrillImpossible(
                name=backup.name, message=error.facts["message"], hint=f"It may be as good as ever. {error.hint}"
            ) from error
        except (BackupDamaged, RestoreFailed) as error:
            message = str(error.facts["message"])
        seconds = seconds or time.monotonic() - began
        look = Look(at=datetime.now(UTC), ok=not message, seconds=round(seconds, 3), message=message, facts=facts)
        with recording(store.path, f"the backup {backup.name} was drilled and found {message or 'good'}"):
            found = note(backup, drilled=look)
            write_event(
                store.path, "drill", ok=look.ok, backup=backup.name, seconds=look.seconds, message=message, facts=facts
            )
    return Drilled(found, look)


def _restore(
    store: Store,
    backup: Backup,
    manifest: Manifest,
    settings: Settings,
    where: Where,
    live: Callable[[], Subject] | None,
    identities: Sequence[Any],
    on_sign: OnSign,
) -> tuple[float, list[str], dict[str, Any]]:
    with _server(store, manifest, where, live) as (admin, words, scratch):
        began = time.monotonic()
        try:
            with restored(
                backup, admin, settings=settings, identities=identities, powers=scratch, on_sign=on_sign
            ) as there:
                seconds = time.monotonic() - began
                differ = compare(there.dsn, manifest, jobs_for(settings), on_sign=on_sign)
                comparing = time.monotonic() - began - seconds
            remove(admin, there.database)
        except psycopg.Error as error:
            raise elsewhere(error, manifest.name) from error
    rows = sum(table.rows for table in manifest.tables)
    facts = {
        "server": words,
        "restore_seconds": round(seconds, 3),
        "compare_seconds": round(comparing, 3),
        "tables": len(manifest.tables),
        "rows": rows,
    }
    return seconds, differ, facts


@contextmanager
def _server(
    store: Store, manifest: Manifest, where: Where, live: Callable[[], Subject] | None
) -> Iterator[tuple[str, str, bool]]:
    """A login that may make databases, the words for its server, and whether that is a scratch one."""
    with ExitStack() as stack:
        if where != "beside":
            try:
                server = stack.enter_context(scratch_server(manifest, store.path))
            except DrillImpossible:
                if where == "scratch" or live is None:
                    raise
            else:
                try:
                    yield normalized(server.url), f"a scratch server, PostgreSQL {server.words}", True
                except (TargetError, RestoreFailed) as error:
                    if isinstance(error, TargetError) or error.hint == ROOM or not answers(server.url):
                        # Its disk is full, say: the backup was not even tried.
                        raise DrillImpossible(
                            name=manifest.name,
                            message=f"the scratch server did not stand it: {error.message}",
                            hint=ROOMIER,
                        ) from error
                    raise
                return
        if live is None:
            raise DrillImpossible(name=manifest.name, message="there is no server that is known")
        of = live()
        admin = of.admin or of.dsn
        with maintenance(admin, manifest.database) as connection:
            version = connection.info.server_version
        if version // 10000 < manifest.server.version_number // 10000:
            told = f"its server is PostgreSQL {version // 10000}; the backup is of {manifest.server.version.split()[0]}"
            raise DrillImpossible(name=manifest.name, message=told)
        yield admin, f"a database beside, PostgreSQL {version // 10000}.{version % 10000}", False
