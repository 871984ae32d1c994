"""litelift backup create: a dump, and beside it what the dump is proved against, all of one moment."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType

import psycopg

from litelift.backup import catalogue
from litelift.backup.digest import Cancel, Table, contents, large_objects
from litelift.backup.dump import How, dump, facts, how
from litelift.backup.encryption import recipients
from litelift.backup.history import failing, recording, told, write_event
from litelift.backup.manifest import Encryption, Kind, Manifest, StoredFile, TableContent
from litelift.backup.program import Failed, is_full
from litelift.backup.properties import capture_properties
from litelift.backup.roles import capture_roles
from litelift.backup.sequences import sequences, states
from litelift.backup.server_facts import server_facts
from litelift.backup.settled import free_sessions, settled
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import Backup, Store, read_backup, write_manifest
from litelift.backup.subject import Subject
from litelift.backup.telling import Teller
from litelift.backup.tools import Tools, tools_for
from litelift.errors import BackupDiskFull, BackupFailed, LiteliftError
from litelift.postgres.connect import connect, is_lost, open_server
from litelift.postgres.size import database_bytes
from litelift.redact import text as redact
from litelift.report.format import count, duration, size

SPARE = 16 << 20
"""Bytes that are to be free beyond the last backup's size."""


def create(subject: Subject, *, kind: Kind = "manual", on_sign: OnSign = silent) -> Backup:
    """Make a backup of the subject's database.

    Args:
        subject: the database, and where its backups go.
        kind: why it is made.
        on_sign: gets signs of life.

    Raises:
        BackupBusy: another one is being made. BackupToolMissing: no pg_dump fits the server.
        BackupFailed, BackupDiskFull, TargetError, OSError: it could not be made; nothing of it is left.
    """
    with subject.store.held():
        return create_held(subject, kind=kind, on_sign=on_sign)


def create_held(subject: Subject, *, kind: Kind, on_sign: OnSign = silent) -> Backup:
    """The same, for one who holds the store already."""
    store = subject.store
    with _logged(subject, kind) as words, failing(store.path, "create"):
        made = _create(subject, kind, on_sign)
        manifest = made.read()
        words.append(f"{made.name}, {size(manifest.bytes)}, in {duration(manifest.seconds)}")
    facts_ = {"kind": kind, "bytes": manifest.bytes, "tables": len(manifest.tables), "rows": manifest.rows}
    with recording(store.path, f"the backup {made.name} was made"):
        write_event(store.path, "create", ok=True, backup=made.name, seconds=round(manifest.seconds, 3), facts=facts_)
    return made


@contextmanager
def _logged(subject: Subject, kind: Kind) -> Iterator[list[str]]:
    """Have the system's log tell what becomes of a backup; a scheduled run tells of its own itself.

    The block adds to the list what was made.
    """
    teller = Teller(subject.settings.tell, subject.label, subject.store.path, subject.store.path)
    about, words = f"{kind} backup of {subject.label} into {subject.store.path}", list[str]()
    try:
        yield words
    except BaseException as error:
        if kind != "scheduled":
            teller.log("error", f"failed: {about}: {told(error)}")
        raise
    if kind != "scheduled":
        teller.log("info", f"made: {about}: {' '.join(words)}")


def _create(subject: Subject, kind: Kind, on_sign: OnSign) -> Backup:
    server, connection = open_server(subject.dsn)
    with closing(connection):
        (port,) = connection.execute("select current_setting('port')").fetchone() or ("",)
    project = subject.file.parent if subject.file is not None else Path.cwd()
    keys = recipients(subject.settings.recipients, project)
    tools = tools_for(server.version, named=subject.settings.tools, container=subject.container, engine=subject.engine)
    if tools.folder is None:
        mark = hashlib.sha256(str(subject.store.path).encode()).hexdigest()[:16]
        tools = replace(tools, port=str(port), session=f"litelift backup {mark}")
        with _ending_sessions(subject.dsn, tools.session):
            return _made(subject, kind, tools, keys, on_sign)
    return _made(subject, kind, tools, keys, on_sign)


@contextmanager
def _ending_sessions(dsn: str, name: str) -> Iterator[None]:
    """No program goes on in the container for nobody: neither this one's, nor that of one which was killed.

    What ends the engine's command line does not reach what that has started.
    """
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = %s and usename = current_user and datname = current_database()"
    )
    with connect(dsn) as connection:
        connection.execute(end, (name,))
    try:
        yield
    except BaseException:
        with suppress(LiteliftError, psycopg.Error), connect(dsn) as connection:
            connection.execute(end, (name,))
        raise


def _made(subject: Subject, kind: Kind, tools: Tools, keys: list[str], on_sign: OnSign) -> Backup:
    way = how(subject.settings, tools, keys)
    guess = _guess(subject.store)
    _refuse_without_room(subject.store, guess)
    with _explained(subject.store), settled(subject.dsn) as (holding, name, found):
        started = datetime.now(UTC)
        way = replace(way, jobs=_jobs_within(way, free_sessions(holding)))
        called = subject.store.new_name(subject.label, started)
        with subject.store.being_made(called) as folder:
            before = sequences(holding)
            files, held = _fill(folder, subject.dsn, tools, way, name, found, guess, on_sign)
            manifest = Manifest(
                name=called,
                project=subject.label,
                kind=kind,
                database=holding.info.dbname,
                started=started,
                server=server_facts(holding),
                dump=facts(tools, way),
                encryption=Encryption(recipients=list(way.recipients)) if way.recipients else None,
                database_bytes=database_bytes(holding),
                bytes=sum(file.bytes for file in files),
                files=files,
                tables=held,
                sequences=states(before, sequences(holding)),
                large_objects=large_objects(holding),
                objects=catalogue.objects(holding),
                properties=capture_properties(holding).model_dump(mode="json"),
                roles=[role.model_dump(mode="json") for role in capture_roles(holding)],
                ended=datetime.now(UTC),
            )
            write_manifest(folder, manifest)
    return read_backup(subject.store.path / called)


def _fill(
    folder: Path,
    dsn: str,
    tools: Tools,
    way: How,
    snapshot_name: str,
    found: list[Table],
    guess: int,
    on_sign: OnSign,
) -> tuple[list[StoredFile], list[TableContent]]:
    """Write the dump, and read the same tables beside it."""
    beside = _Beside(dsn, snapshot_name, found, way.jobs, on_sign)
    with beside:
        for begun in (Sign("dump", 0, guess), Sign("read", 0, len(found), "tables")):
            beside.sign(begun)
        files = dump(tools, dsn, snapshot_name, folder, way, guess, beside.sign)
        written = sum(file.bytes for file in files)
        took = f"{size(written)} by pg_dump {tools.words.split()[0]} ({tools.source}), {way.compress}"
        beside.sign(Sign("dump", written, written, message=took, finished=True))
        held = beside.result()
    rows = sum(table.rows for table in held)
    read = f"{count(rows, 'row')} in {count(len(held), 'table')}"
    on_sign(Sign("read", len(held), len(held), "tables", read, finished=True))
    return files, held


class _Beside:
    """Reads what the tables hold while pg_dump writes; where one of the two fails, the other is ended too."""

    def __init__(self, dsn: str, snapshot_name: str, found: list[Table], jobs: int, on_sign: OnSign) -> None:
        self.on_sign = on_sign
        self.lock = threading.Lock()
        self.done, self.total = 0, len(found)
        self.cancel = Cancel()
        self.pool = ThreadPoolExecutor(1)
        self.read = partial(contents, dsn, snapshot_name, found, jobs, self._on_table, self.cancel)
        self.reading: Future[list[TableContent]] | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.cancel()
        self.pool.shutdown(wait=True)

    def sign(self, one: Sign) -> None:
        """Hand on a sign of pg_dump's. Raises what the reading has failed by.

        It begins with the first bytes that pg_dump has written: then that has its locks on all tables, and nothing is
        rewritten until they are read.
        """
        if one.phase == "dump" and one.done:
            self._begin()
        if self.reading is not None and self.reading.done() and (failed := self.reading.exception()) is not None:
            raise failed
        with self.lock:
            self.on_sign(one)

    def result(self) -> list[TableContent]:
        """What was read."""
        return self._begin().result()

    def _begin(self) -> Future[list[TableContent]]:
        if self.reading is None:
            self.reading = self.pool.submit(self.read)
        return self.reading

    def _on_table(self, table: str, rows: int) -> None:
        with self.lock:
            self.done += 1
            self.on_sign(Sign("read", self.done, self.total, "tables"))


def _jobs_within(way: How, free: int) -> int:
    """How many tables at once, so that pg_dump and those who read beside it find room."""
    for jobs in range(way.jobs, 1, -1):
        if jobs + (jobs + 1 if way.format == "directory" else 1) <= free:
            return jobs
    return 1


def _guess(store: Store) -> int:
    """About how large it will be: as the newest one."""
    last = next((backup.manifest for backup in reversed(store.backups()) if backup.manifest is not None), None)
    return last.bytes if last is not None else 0


def _refuse_without_room(store: Store, needed: int) -> None:
    free = shutil.disk_usage(store.path).free
    if needed and free < needed + SPARE:
        raise BackupDiskFull(folder=store.path, free=size(free))


@contextmanager
def _explained(store: Store) -> Iterator[None]:
    """Make one of our errors of what went wrong."""
    try:
        yield
    except Failed as failed:
        if is_full(failed):
            raise _full(store) from failed
        raise BackupFailed(message=redact(failed.message), **_hint([*failed.lines, failed.message])) from failed
    except OSError as error:
        if is_full(error):
            raise _full(store) from error
        raise BackupFailed(message=f"{error.filename or store.path}: {error.strerror or error}") from error
    except psycopg.errors.InsufficientPrivilege as error:
        said = " ".join((error.diag.message_primary or str(error)).split())
        raise BackupFailed(message=said, **_hint([said])) from error
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise BackupFailed(message=redact(said), **(_LOST if is_lost(error) else _hint([said]))) from error


def _full(store: Store) -> BackupDiskFull:
    return BackupDiskFull(folder=store.path, free=size(shutil.disk_usage(store.path).free))


_LOST = {"hint": "See in the server's log why, and do it again. The older backups are as they were."}
_LOCKED = "Somebody has locked a table for longer than a backup waits: see pg_locks. Do it again when they have ended."
_HINTS = {
    "row-level security": "Back up as the owner of the tables, or as a role with BYPASSRLS.",
    "permission denied": "Back up as the database's owner, or grant pg_read_all_data to the role.",
    "version mismatch": "Name the client programs of the server's version under [backup] tools.",
    "lock timeout": _LOCKED,
    # By which pg_dump's --lock-wait-timeout is carried out.
    "statement timeout": _LOCKED,
    "does not exist": "Somebody has changed the database meanwhile. Do it again.",
    "was killed by": "Nothing of it is left, and the older backups are as they were. Somebody ended it, or the "
    "machine's memory ran out: see the system's log.",
    "server closed the connection": _LOST["hint"],
    "terminating connection": _LOST["hint"],
    "could not connect": _LOST["hint"],
    "connection to server": _LOST["hint"],
    "SSL connection has been closed": _LOST["hint"],
    "SSL SYSCALL": _LOST["hint"],
}


def _hint(lines: Sequence[str]) -> dict[str, str]:
    """What to do about what PostgreSQL's own programs or the server say."""
    return next(({"hint": hint} for words, hint in _HINTS.items() if any(words in line for line in lines)), {})
