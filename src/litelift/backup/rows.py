"""The rows of chosen tables of the live database replaced by those of a backup, in one transaction: all, or none.

The backup has been restored beside; the rows travel through this process, from one COPY into the other. Text is what
both understand whatever their types' numbers are (COPY in the manual, "File Formats").
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
from pydantic import BaseModel, Field

from litelift.backup.chosen import ChosenTable, lock, materialized, refuse_missing
from litelift.backup.columns import Pairing, pair
from litelift.backup.forward import set_forward
from litelift.errors import DuplicateKeys, LoadFailed, RowsRefused, TargetLost, TargetRights, TargetUnreachable
from litelift.postgres.connect import Connection, connect, is_lost, normalized, refuse_read_only, stopped
from litelift.postgres.existing import read_target
from litelift.postgres.existing_types import TargetSchema
from litelift.postgres.retry import PATIENCE_SECONDS, Tell, reached
from litelift.postgres.silence import Silence, silence
from litelift.result import Notice
from litelift.shorten import shortened

SECONDS = 30.0
"""How long other sessions are waited for that write to the tables."""
_SHOWN = 10
_UNKNOWN = "Whether the rows were replaced cannot be asked now: all of them are, or none. To do it again does no harm."

# What text means on both sides must not depend on either database's own settings.
_SAME = "select set_config('lc_monetary', 'C', false), set_config('xmloption', 'content', false)"


class ReplacedTable(BaseModel):
    """One table: how many rows it had, and how many it has now."""

    table: str
    before: int
    rows: int


class Replaced(BaseModel):
    """What was replaced."""

    tables: list[ReplacedTable]
    seconds: float
    at: datetime
    notices: list[Notice] = Field(default_factory=list)

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)


@dataclass(slots=True)
class _Work:
    """The transaction, as far as it is."""

    tables: list[ReplacedTable] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    transaction: int | None = None
    """Its number, by which one can ask what became of it."""


def replace_rows(
    live_dsn: str,
    restored_dsn: str,
    tables: Sequence[ChosenTable],
    *,
    staging: str | None = None,
    seconds: float = SECONDS,
    patience: float = PATIENCE_SECONDS,
    tell: Tell = lambda words: None,
) -> Replaced:
    """Replace the rows of ``tables`` in the live database by those of the restored one.

    No trigger or rule acts, and the foreign keys on and onto these tables hold afterwards. Generated columns are the
    server's; a column that the backup does not know gets its default. Sequences only ever go forward. Others may read
    the tables meanwhile, unless the role may not set session_replication_role.

    Args:
        live_dsn: a login that owns the tables (or a superuser).
        restored_dsn: where the backup has been restored, on the same server or another one.
        tables: ordinary or partitioned tables of the live database.
        staging: the schema of the restored database that has them; None: they have their own.
        seconds: how long others who write to the tables are waited for.
        patience: seconds for which a server that went away is waited for, to learn what became of the transaction.
        tell: hears each step: "locked", "deleted", "copied", "checked", "committed".

    Raises:
        RowsRefused: something does not fit, all of which is told; nothing has changed.
        TargetRights, TargetLost, TargetUnreachable, TargetAuthFailed, TargetReadOnly, TargetError: nothing has changed.
    """
    began = time.monotonic()
    work = _Work()
    with ExitStack() as stack:
        restored = stack.enter_context(connect(normalized(restored_dsn)))
        live = stack.enter_context(connect(normalized(live_dsn)))
        refuse_read_only(live)
        try:
            for connection in (restored, live):
                connection.execute(_SAME)
            restored.isolation_level, restored.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
            with live.transaction(), restored.transaction():
                _replace(live, restored, list(dict.fromkeys(tables)), staging, seconds, tell, work)
                work.transaction = (live.execute("select txid_current()").fetchone() or (None,))[0]
        except (DuplicateKeys, LoadFailed) as error:
            raise RowsRefused(message=error.message) from error
        except psycopg.Error as error:
            if not live.closed or work.transaction is None or not is_lost(error):
                raise _explained(error) from error
            if not _committed(live_dsn, work.transaction, patience, tell):
                raise TargetLost(message=f"{stopped(error).message}; nothing has changed") from error
    tell("committed")
    seconds_taken = time.monotonic() - began
    return Replaced(tables=work.tables, seconds=seconds_taken, at=datetime.now(UTC), notices=work.notices)


def _replace(
    live: Connection,
    restored: Connection,
    tables: Sequence[ChosenTable],
    staging: str | None,
    seconds: float,
    tell: Tell,
    work: _Work,
) -> None:
    """All of it but the commit."""
    # Rows that a policy hides are an error instead of a silence.
    for connection in (live, restored):
        connection.execute("set local row_security = off")
    live.execute("select set_config('lock_timeout', %s, true)", (f"{max(1, int(seconds * 1000))}ms",))
    refuse_missing(live, tables)
    unlocked = lock(live, tables)
    tell("locked")
    schemas = {name: read_target(live, name) for name in sorted({table.schema for table in tables})}
    sources = {name: read_target(restored, staging or name) for name in schemas}
    pairings, wrong = _paired(restored, tables, schemas, sources)
    if wrong:
        raise RowsRefused(message=shortened(wrong, _SHOWN, separator="; "))
    for pairing in pairings:
        work.notices += pairing.notices
    work.notices += materialized(live, tables)
    silences: list[Silence] = []
    with ExitStack() as stack:
        for name, target in schemas.items():
            own = [pairing.live.name for pairing in pairings if pairing.schema == name]
            silences.append(stack.enter_context(silence(live, target, own)))
        if unlocked and silences[0].mode == "replica":
            raise TargetRights(
                role=live.info.user, action=f"lock {', '.join(unlocked)}", grant="UPDATE on these tables, to lock them"
            )
        gone = [live.execute(pairing.delete()).rowcount for pairing in pairings]
        tell("deleted")
        for pairing, before in zip(pairings, gone, strict=True):
            rows = _copy(restored, live, pairing)
            work.tables.append(ReplacedTable(table=str(pairing), before=before, rows=rows))
        tell("copied")
    _refuse_orphans(silences, work)
    # Last of all, for it keeps others from taking values.
    for name, target in schemas.items():
        own = [pairing.live.name for pairing in pairings if pairing.schema == name]
        work.notices += set_forward(live, target, own)
    tell("checked")


def _paired(
    restored: Connection,
    tables: Sequence[ChosenTable],
    schemas: dict[str, TargetSchema],
    sources: dict[str, TargetSchema],
) -> tuple[list[Pairing], list[str]]:
    """Each table with where its rows come from; and all that does not fit."""
    pairings: list[Pairing] = []
    wrong: list[str] = []
    for table in tables:
        ours = next((t for t in schemas[table.schema].tables if t.name == table.name), None)
        theirs = next((t for t in sources[table.schema].tables if t.name == table.name), None)
        if ours is None:
            wrong.append(f"{table} belongs to an extension, which makes its rows")
        if theirs is None:
            wrong.append(f"the backup has no table {table}")
        if ours is not None and theirs is not None:
            pairing = pair(restored, table.schema, ours, sources[table.schema].name, theirs)
            pairings.append(pairing)
            wrong += pairing.wrong
    return pairings, wrong


def _copy(restored: Connection, live: Connection, pairing: Pairing) -> int:
    """Copy a table's rows, block by block; how many."""
    with restored.cursor() as source, live.cursor() as target:
        with source.copy(pairing.copy_out()) as out, target.copy(pairing.copy_in()) as into:
            for block in out:
                into.write(block)
        if source.rowcount != target.rowcount:
            raise RowsRefused(message=f"{pairing}: {source.rowcount} rows went out, and {target.rowcount} came in")
        return target.rowcount


def _refuse_orphans(silences: Sequence[Silence], work: _Work) -> None:
    """Raise RowsRefused where rows refer to nothing now; a key that had been NOT VALID before is only told."""
    wrong = []
    for quiet in silences:
        for back in quiet.restored:
            told = back.notice
            if back.weakened and told is not None:
                wrong.append(told.message.removesuffix("; it is NOT VALID now, and holds for new rows"))
            elif told is not None:
                work.notices.append(told)
        work.notices += [notice for notice in quiet.notices if notice.kind != "constraint-not-valid"]
    if wrong:
        raise RowsRefused(
            message=shortened(wrong, _SHOWN, separator="; "),
            hint="Nothing has changed. Name the tables at both ends of these keys, or restore all of it.",
        )


def _committed(dsn: str, transaction: int, patience: float, tell: Tell) -> bool:
    """Whether a transaction was committed whose session was lost."""
    try:
        connection = reached(lambda: connect(normalized(dsn)), patience, tell)
    except TargetUnreachable as error:
        error.add_note(_UNKNOWN)
        raise
    with connection:
        deadline = time.monotonic() + patience
        while True:
            (status,) = connection.execute("select txid_status(%s)", (transaction,)).fetchone() or ("aborted",)
            if status != "in progress" or time.monotonic() > deadline:
                return bool(status == "committed")
            time.sleep(0.05)


def _explained(error: psycopg.Error) -> Exception:
    """What an error of the server's means here."""
    if isinstance(error, psycopg.errors.IntegrityError | psycopg.errors.DataError):
        where = f"{error.diag.table_name}: " if error.diag.table_name else ""
        said = [error.diag.message_primary or str(error), error.diag.message_detail, error.diag.context]
        return RowsRefused(message=" ".join(f"{where}{'; '.join(filter(None, said))}".split()))
    if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return RowsRefused(message=f"others work on the tables ({error.diag.message_primary})")
    return stopped(error)
