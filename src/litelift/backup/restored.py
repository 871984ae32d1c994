"""A backup restored into a database of its own, with its roles, locale and owner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litelift.backup.beside import beside, maintenance
from litelift.backup.create_database import create_database
from litelift.backup.create_roles import RolesMade, acting_for, create_roles
from litelift.backup.dump import jobs_for
from litelift.backup.properties import DatabaseProperties
from litelift.backup.rights import Note
from litelift.backup.roles import Role
from litelift.backup.settings import Backup as Settings
from litelift.backup.signs import OnSign, silent
from litelift.backup.store import Backup
from litelift.backup.unpack import unpack
from litelift.postgres.connect import Connection


@dataclass(frozen=True, slots=True)
class Restored:
    """A database that a backup was restored into."""

    database: str
    dsn: str
    run: str
    """Of `litelift.backup.beside`."""
    roles: RolesMade
    notes: list[Note]
    """What is not as it was, and the SQL that makes it so."""


@contextmanager
def restored(
    backup: Backup,
    admin: str,
    *,
    settings: Settings,
    identities: Sequence[Any] = (),
    powers: bool = False,
    contents: Path | None = None,
    live: str | None = None,
    on_sign: OnSign = silent,
) -> Iterator[Restored]:
    """Restore a backup to a database beside the one that it is of; where the block raises, that goes.

    Args:
        backup: whose checksums were compared.
        admin: a login that may make databases, and roles where some are missing.
        settings: of the backups.
        identities: keys for an encrypted one.
        powers: give roles that are missing their attributes too (`create_roles`).
        contents: a list of what to restore (`unpack`). None: everything.
        live: the database whose place it may take. None: the one that it is of. No session stays in it.
        on_sign: gets signs of life.

    Raises:
        RestoreFailed, BackupDamaged, BackupKey, TargetError.
    """
    manifest = backup.read()
    notes: list[Note] = []
    live = live or manifest.database

    def make(connection: Connection, name: str) -> None:
        notes.extend(create_database(connection, name, DatabaseProperties.model_validate(manifest.properties)))

    roles = [Role.model_validate(role) for role in manifest.roles]
    with ExitStack() as stack:
        connection = stack.enter_context(maintenance(admin, live))
        made = create_roles(connection, roles, powers=powers)
        # A login that is no superuser gives an object to a role only while it may act as that.
        stack.enter_context(acting_for(connection, [role.name for role in roles if role.owns]))
        lacking = _lacking(connection, manifest.server.tablespaces)
        notes += [Note(message=f"the tablespace {name} is not there, or not for this login") for name in lacking]
        place = stack.enter_context(beside(admin, live, make))
        unpack(
            backup,
            place.dsn,
            identities=identities,
            tools=settings.tools,
            jobs=jobs_for(settings),
            contents=contents,
            words=["--no-tablespaces"] if lacking else [],
            on_sign=on_sign,
        )
        yield Restored(place.name, place.dsn, place.run, made, [*made.notes, *notes])


def _lacking(connection: Connection, names: Sequence[str]) -> list[str]:
    """The tablespaces in which nothing can be made here. One of them has all go to the database's own."""
    query = "select spcname::text from pg_tablespace where has_tablespace_privilege(oid, 'create')"
    there = {name for (name,) in connection.execute(query)}
    return [name for name in names if name not in there]
