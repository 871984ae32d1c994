"""litelift backup restore: to a new database, or in the place of the live one; all of it, or chosen tables."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from litelift.backup.analyze import analyze
from litelift.backup.beside import NAME_BYTES, cut, leftovers, maintenance, remove
from litelift.backup.compare import compare, summed_up
from litelift.backup.create import create_held
from litelift.backup.create_database import apply_properties
from litelift.backup.dump import jobs_for
from litelift.backup.history import failing, write_event
from litelift.backup.manifest import Manifest
from litelift.backup.properties import DatabaseProperties
from litelift.backup.restored import Restored, restored
from litelift.backup.selection import named_tables, selection, with_rows
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import Backup, Store
from litelift.backup.subject import Subject
from litelift.backup.switch import SECONDS, Switched, switch
from litelift.backup.unpack import elsewhere
from litelift.backup.verify import compare_sums
from litelift.errors import DatabaseExists, LiteliftError, RestoreFailed, SwitchBusy, UsageError
from litelift.postgres.connect import Connection, connect, stopped
from litelift.report.format import milliseconds

SWITCHES = 3
"""How often it is tried to take the live one's place; each time nobody may come in for ``wait`` seconds at most."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What a restore did."""

    backup: str
    database: str
    """What leads to the restored rows now."""
    restore_seconds: float
    seconds: float
    tables: list[str] = field(default_factory=list)
    """Those that were chosen; empty: all."""
    notes: list[str] = field(default_factory=list)
    """What is not as it was."""
    safety: str | None = None
    """The backup of the live database that was made before."""
    switched: Switched | None = None


def restore_new(
    of: Subject,
    backup: Backup,
    *,
    to: str | None = None,
    tables: Sequence[str] = (),
    identities: Sequence[Any] = (),
    on_sign: OnSign = silent,
) -> Restoration:
    """Restore a backup to a new database of the subject's server.

    Args:
        of: whose server it is.
        backup: which.
        to: the new database's name. None: the old one's, with the backup's moment.
        tables: to be filled; the others are there, and empty. None chosen: all.
        identities: keys for an encrypted one.
        on_sign: gets signs of life.

    Raises:
        RestoreFailed, BackupDamaged, BackupKey, DatabaseExists, TargetError: nothing of it is left.
    """
    with of.store.held(), recorded(of.store, backup) as facts:
        began = time.monotonic()
        manifest = backup.read()
        name = to or new_name(manifest)
        if len(name.encode()) > NAME_BYTES:
            raise UsageError(message=f"a database's name has at most {NAME_BYTES} bytes; got {len(name.encode())}")
        admin = of.admin or of.dsn
        chosen = named_tables(manifest, tables)
        tidy(admin)
        with maintenance(admin) as connection:
            _refuse_taken(connection, name)
        with (
            compared(of, backup, manifest, admin, chosen, identities, on_sign) as (there, seconds),
            maintenance(admin, there.database) as connection,
        ):
            _name(connection, there.database, name)
            notes = [str(note) for note in there.notes]
            notes += [str(note) for note in apply_properties(connection, name, _properties(manifest))]
        facts |= {"database": name, "tables": chosen}
        return Restoration(manifest.name, name, seconds, time.monotonic() - began, chosen, every_note(notes, there))


def restore_over(
    of: Subject,
    backup: Backup,
    *,
    identities: Sequence[Any] = (),
    safety: bool = True,
    wait: float = SECONDS,
    on_sign: OnSign = silent,
) -> Restoration:
    """Restore a backup in the place of the live database, which stays beside it under another name.

    It is restored beside and compared; then both names change in one transaction. Whatever fails before leaves the live
    one serving.

    Args:
        of: whose live database it is.
        backup: which.
        identities: keys for an encrypted one.
        safety: back the live database up before.
        wait: seconds for which nobody may come in, at most.
        on_sign: gets signs of life.

    Raises:
        RestoreFailed, BackupDamaged, BackupKey, SwitchRefused, SwitchBusy, SwitchFailed, TargetError: the live one
        serves as before. SwitchUnknown.
    """
    with of.store.held(), recorded(of.store, backup) as facts:
        began = time.monotonic()
        manifest = backup.read()
        admin = of.admin or of.dsn
        live = live_name(of)
        tidy(admin)
        # Before the safety dump, for that may be of what is damaged here too.
        compare_sums(backup.folder, manifest, on_sign)
        safe = saved(of, on_sign) if safety else None
        with compared(of, backup, manifest, admin, [], identities, on_sign) as (there, seconds):
            with maintenance(admin, there.database, live) as connection:
                notes = [str(note) for note in there.notes]
                # The rights belong to what is restored before anybody comes in.
                notes += [str(note) for note in apply_properties(connection, there.database, _properties(manifest))]
            on_sign(Sign("switch"))
            done = _switch(admin, live, there.database, wait)
        told = f"{live} was away for {milliseconds(1000 * done.downtime_seconds)}"
        on_sign(Sign("switch", 1, 1, message=told, finished=True))
        facts |= {"database": live, "kept": done.kept_name, "downtime_seconds": done.downtime_seconds, "safety": safe}
        notes += [notice.message for notice in done.notices if notice.level == "attention"]
        return Restoration(
            manifest.name, live, seconds, time.monotonic() - began, [], every_note(notes, there), safe, done
        )


def _switch(admin: str, live: str, new: str, wait: float) -> Switched:
    """Switch, and try again a few times where others are in the way: the restore before it took longer than they do."""
    for attempt in range(SWITCHES):
        try:
            return switch(admin, live, new, seconds=wait)
        except SwitchBusy:
            if attempt + 1 == SWITCHES:
                raise
    raise AssertionError


def live_name(of: Subject) -> str:
    """The live database's name."""
    given = conninfo_to_dict(of.dsn)
    return str(given.get("dbname") or given.get("user") or "")


def new_name(manifest: Manifest) -> str:
    """How a restored database is called where nobody says it: school_20261123t020000z."""
    return cut(manifest.database, f"_{manifest.started.astimezone(UTC):%Y%m%dt%H%M%Sz}")


@contextmanager
def compared(
    of: Subject,
    backup: Backup,
    manifest: Manifest,
    admin: str,
    chosen: Sequence[str],
    identities: Sequence[Any],
    on_sign: OnSign,
) -> Iterator[tuple[Restored, float]]:
    """The backup restored beside, and compared; how many seconds the restore took."""
    compare_sums(backup.folder, manifest, on_sign)
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            contents: Path | None = None
            due = manifest
            if chosen:
                contents = stack.enter_context(selection(backup, chosen, of.settings.tools, identities))
                due = _only(manifest, chosen)
            there = stack.enter_context(
                restored(
                    backup,
                    admin,
                    settings=of.settings,
                    identities=identities,
                    contents=contents,
                    live=live_name(of),
                    on_sign=on_sign,
                )
            )
            seconds = time.monotonic() - began
            differ = compare(there.dsn, due, jobs_for(of.settings), chosen=with_rows(manifest, chosen), on_sign=on_sign)
            if differ:
                raise RestoreFailed(name=manifest.name, message=summed_up(differ))
            with connect(there.dsn) as connection:
                there.notes.extend(analyze(connection))
            yield there, seconds
    except psycopg.Error as error:
        raise elsewhere(error, manifest.name) from error


def _only(manifest: Manifest, chosen: Sequence[str]) -> Manifest:
    """What must be there where chosen tables are restored."""
    filled = with_rows(manifest, chosen)
    tables = [table for table in manifest.tables if table.table in filled]
    return manifest.model_copy(update={"tables": tables, "large_objects": None, "objects": {}})


def saved(of: Subject, on_sign: OnSign) -> str | None:
    """Back up the live database, if it is there."""
    try:
        with maintenance(of.admin or of.dsn, live_name(of)) as connection:
            there = connection.execute("select 1 from pg_database where datname = %s", (live_name(of),)).fetchone()
        return create_held(of, kind="safety", on_sign=on_sign).name if there else None
    except LiteliftError as error:
        error.add_note("That was the safety backup of the live database. Where it cannot be read: --without-safety")
        raise


def _refuse_taken(connection: Connection, name: str) -> None:
    if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
        raise DatabaseExists(database=name)


def _name(connection: Connection, database: str, name: str) -> None:
    """Give the restored database its name, and take the mark of a restore from it."""
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("alter database {} rename to {}").format(sql.Identifier(database), sql.Identifier(name))
            )
            connection.execute(sql.SQL("comment on database {} is null").format(sql.Identifier(name)))
    except psycopg.errors.DuplicateDatabase:
        raise DatabaseExists(database=name) from None


def _properties(manifest: Manifest) -> DatabaseProperties:
    return DatabaseProperties.model_validate(manifest.properties)


def tidy(admin: str) -> None:
    """Drop what killed restores have left, but what belongs to others. Raises TargetError."""
    for left in leftovers(admin):
        if left.busy:
            continue
        try:
            remove(admin, left.name)
        except psycopg.errors.InsufficientPrivilege:
            # Another administrator's, which is in nobody's way.
            continue
        except psycopg.Error as error:
            raise stopped(error) from error


def every_note(notes: list[str], there: Restored) -> list[str]:
    """Every note once, those of the roles too."""
    told = [*notes, *there.roles.differences]
    told += [f"role {name} has no password: ALTER ROLE ... PASSWORD" for name in there.roles.without_password]
    return list(dict.fromkeys(told))


@contextmanager
def recorded(store: Store, backup: Backup) -> Iterator[dict[str, Any]]:
    """Keep in the history what becomes of a restore."""
    began, facts = time.monotonic(), dict[str, Any]()
    with failing(store.path, "restore", backup.name):
        yield facts
    write_event(
        store.path, "restore", ok=True, backup=backup.name, seconds=round(time.monotonic() - began, 3), facts=facts
    )
