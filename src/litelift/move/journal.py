"""litelift's own schema in the target: the runs, the units that are done, the quarantine, and what was told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from litelift import __version__, errors
from litelift.plan.match import TableMatch
from litelift.plan.plan import MovePlan
from litelift.postgres.connect import Connection
from litelift.result import Notice, Quarantined, Untranslated
from litelift.sqlite.census import shown

OWN_COMMENT = "litelift: what moved here from SQLite, what was kept aside, what was told"
"""The comment of a schema that litelift made; one that an administrator made for it has none, and stays."""
_TABLES = """
create table if not exists litelift.run (
    run_id uuid primary key, version text not null, mode text not null, schema_name text not null,
    state text not null default 'running', started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz, source jsonb not null, matches jsonb, made jsonb, result json);
alter table litelift.run add column if not exists attempt integer not null default 1,
    add column if not exists mark integer, add column if not exists options jsonb,
    add column if not exists decided jsonb;
comment on column litelift.run.attempt is 'grows with each litelift that goes on with the run: only the last may load';
create table if not exists litelift.unit (
    run_id uuid not null references litelift.run on delete cascade, table_name text not null, first_row bigint,
    last_row bigint, rows bigint not null, quarantined_rows bigint not null, quarantined_values bigint not null,
    bytes bigint not null, at timestamptz not null default clock_timestamp());
alter table litelift.unit add column if not exists form text not null default '';
create unique index if not exists unit_once
    on litelift.unit (run_id, table_name, coalesce(first_row, 0), (first_row is null));
create table if not exists litelift.quarantine (
    run_id uuid not null references litelift.run on delete cascade, table_name text not null, column_name text,
    row_key jsonb not null, original bytea not null, storage_class text not null, reason text not null,
    stands_in text, at timestamptz not null default clock_timestamp());
comment on column litelift.quarantine.column_name is 'null: the whole row was kept aside; original is then its JSON';
comment on column litelift.quarantine.stands_in is 'what the row holds in the place of the original';
alter table litelift.quarantine add column if not exists seen_at timestamptz;
comment on column litelift.quarantine.seen_at is 'when a person had looked at it; null: nobody has noted that yet';
create index if not exists quarantine_place on litelift.quarantine (table_name, column_name);
create table if not exists litelift.notice (
    run_id uuid not null references litelift.run on delete cascade, level text not null, kind text not null,
    table_name text, column_name text, row_key jsonb, message text not null);
create table if not exists litelift.untranslated (
    run_id uuid not null references litelift.run on delete cascade, kind text not null, name text not null,
    sql text not null, reason text not null);
alter table litelift.untranslated add column if not exists seen_at timestamptz;
comment on column litelift.untranslated.seen_at is 'when a person had seen to it; null: nobody has noted that yet';
"""
_LOCK = 0x6C697465
LOCK_SECONDS = 3.0
_MATCHES = TypeAdapter(list[TableMatch])


def lock(connection: Connection) -> None:
    """Keep any other litelift out of this database for as long as the connection lives. Raises TargetBusy."""
    # The session of a litelift that was killed takes a moment to end.
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        row = connection.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        if row and row[0]:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    holder = connection.execute(
        "select l.pid, coalesce(', as ' || a.usename, '') || coalesce(' from ' || host(a.client_addr), '')"
        " || coalesce(to_char(a.backend_start at time zone 'UTC', '\", since \"YYYY-MM-DD HH24:MI\" UTC\"'), '')"
        " from pg_locks l"
        " left join pg_stat_activity a on a.pid = l.pid"
        " where l.locktype = 'advisory' and l.classid = 0 and l.objid = %s and l.granted"
        " and l.database = (select oid from pg_database where datname = current_database())",
        (_LOCK,),
    ).fetchone()
    pid, who = holder or ("?", "")
    raise errors.TargetBusy(pid=pid, database=connection.info.dbname, who=who)


def make_schema(connection: Connection) -> bool:
    """Make the schema litelift and its tables where they are not there; whether all that is in it is new.

    The schema may be an administrator's gift to a role that may not make one. CREATE SCHEMA wants its right even where
    the schema is there, with IF NOT EXISTS too. Raises TargetRights.
    """
    present, schema, used = connection.execute(
        "select exists (select from pg_attribute where attrelid = to_regclass('litelift.untranslated')"
        " and attname = 'seen_at'),"
        " to_regnamespace('litelift'), exists (select from pg_depend where refclassid = 'pg_namespace'::regclass"
        " and refobjid = to_regnamespace('litelift') and deptype = 'n')"
    ).fetchone() or (False, None, False)
    if present:
        return False
    try:
        if schema is None:
            connection.execute("create schema litelift")
            connection.execute(sql.SQL("comment on schema litelift is {}").format(sql.Literal(OWN_COMMENT)))
        connection.execute(_TABLES)
        return not used
    except psycopg.errors.InsufficientPrivilege:
        raise errors.TargetRights(
            role=connection.info.user,
            action="create the schema litelift, where litelift keeps what does not fit",
            grant=sql.SQL("CREATE SCHEMA litelift AUTHORIZATION {}")
            .format(sql.Identifier(connection.info.user))
            .as_string(connection),
        ) from None


def make_functions(connection: Connection, names: Iterable[str]) -> None:
    """Make the functions of our schema that translated SQL needs."""
    # Not above: the translation is not needed until the source is read, and takes long to import.
    from litelift.translate import FUNCTIONS

    for name in sorted(names):
        connection.execute(FUNCTIONS[name])


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run's first line: its id, its source, the mark of its sessions, its options, and its plan's fingerprint."""

    source: dict[str, Any]
    run: str = field(default_factory=lambda: str(uuid4()))
    mark: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    decided: dict[str, Any] | None = None


def begin_run(connection: Connection, plan: MovePlan, line: RunLine) -> None:
    """Write a run's first line."""
    matches = _MATCHES.dump_python([table.match() for table in plan.tables], mode="json")
    connection.execute(
        "insert into litelift.run (run_id, version, mode, schema_name, source, matches, mark, options, decided)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            line.run,
            __version__,
            plan.mode,
            plan.schema,
            Jsonb(line.source),
            Jsonb(matches),
            line.mark,
            Jsonb(line.options),
            Jsonb(line.decided),
        ),
    )


def has_run(connection: Connection, run: str) -> bool:
    """Whether a run's first line is there: its transaction may have been committed unheard."""
    if not journaled(connection):
        return False
    # Not by `where_run_is`: the journal of an older litelift has no attempts before `make_schema`.
    return connection.execute("select 1 from litelift.run where run_id = %s", (run,)).fetchone() is not None


def where_run_is(connection: Connection, run: str) -> tuple[str, int] | None:
    """A run's state and its attempt; None where it has not begun, or was taken back."""
    if not journaled(connection):
        return None
    row = connection.execute("select state, attempt from litelift.run where run_id = %s", (run,)).fetchone()
    return (row[0], row[1]) if row else None


def settle(connection: Connection, run: str) -> None:
    """Have the server write down all that was committed so far, by this session or others.

    With synchronous_commit off a crash forgets what it had confirmed ("Asynchronous Commit", section 30.4); a commit
    that is waited for flushes the log up to itself, and with it all before. The session must have been open since
    before that: then it has not survived a crash unseen.
    """
    with connection.transaction():
        connection.execute("set local synchronous_commit = on")
        connection.execute("update litelift.run set mark = mark where run_id = %s", (run,))


def journaled(connection: Connection) -> bool:
    """Whether the target has a journal."""
    present = connection.execute("select to_regclass('litelift.run')").fetchone()
    return bool(present and present[0])


def finish_run(connection: Connection, run: str, state: str, document: str | None = None) -> bool:
    """Write a run's end, and its whole result as a JSON document; False where it had ended already."""
    done = connection.execute(
        "update litelift.run set state = %s, finished_at = clock_timestamp(), result = %s"
        " where run_id = %s and state = 'running'",
        (state, document, run),
    )
    return done.rowcount == 1


def tell(connection: Connection, run: str, notices: Sequence[Notice], untranslated: Sequence[Untranslated]) -> None:
    """Keep what was told."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into litelift.notice values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    run,
                    n.level,
                    n.kind,
                    _clean(n.table),
                    _clean(n.column),
                    Jsonb(n.key) if n.key else None,
                    _clean(n.message),
                )
                for n in notices
            ],
        )
        cursor.executemany(
            "insert into litelift.untranslated (run_id, kind, name, sql, reason) values (%s, %s, %s, %s, %s)",
            [(run, u.kind, _clean(u.name), _clean(u.sql), _clean(u.reason)) for u in untranslated],
        )


def _clean(text: str | None) -> str | None:
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode("utf-8", "replace").replace("\x00", "\ufffd")


def quarantined(connection: Connection, run: str, limit: int) -> tuple[list[Quarantined], int]:
    """The first ``limit`` entries of a run's quarantine, printable, and how many there are."""
    total = (
        connection.execute("select count(*) from litelift.quarantine where run_id = %s", (run,)).fetchone() or (0,)
    )[0]
    rows = connection.execute(
        "select table_name, column_name, row_key, substr(original, 1, 2000), storage_class, reason,"
        " left(stands_in, 2000) from litelift.quarantine where run_id = %s"
        " order by table_name, column_name nulls first, row_key limit %s",
        (run, limit),
    ).fetchall()
    listed = [
        Quarantined(
            table=table,
            column=column,
            key=key,
            original=_printable(bytes(original), storage),
            storage_class=storage,
            reason=reason,
            stands_in=stands_in,
        )
        for table, column, key, original, storage, reason, stands_in in rows
    ]
    return listed, int(total)


def _printable(original: bytes, storage: str) -> str:
    return shown(original if storage == "blob" else original.decode("utf-8", "surrogateescape"), 2000)


def last_move(connection: Connection, schema: str) -> tuple[str, str] | None:
    """The source of the last whole move into ``schema`` that ended, and when it ended."""
    if not journaled(connection):
        return None
    row = connection.execute(
        "select coalesce(source->>'path', ''), to_char(finished_at, 'YYYY-MM-DD HH24:MI UTC') from litelift.run"
        " where state not in ('running', 'undoing') and mode = 'whole' and schema_name = %s"
        " order by started_at desc limit 1",
        (schema,),
    ).fetchone()
    return (row[0], row[1]) if row else None


def last_matches(connection: Connection) -> tuple[str, list[TableMatch]] | None:
    """The id of the last finished run into this database, and what it matched with what."""
    if not journaled(connection):
        return None
    row = connection.execute(
        # A filling's line is seen by others only once all of it was committed.
        "select run_id::text, matches from litelift.run where state <> 'running' or mode = 'data-only'"
        " order by started_at desc limit 1"
    ).fetchone()
    return (row[0], _MATCHES.validate_python(row[1])) if row else None


def last_result(connection: Connection) -> dict[str, Any] | None:
    """The result of the last finished run, as JSON."""
    if not journaled(connection):
        return None
    row = connection.execute(
        "select result from litelift.run where result is not null order by started_at desc limit 1"
    ).fetchone()
    return dict(row[0]) if row else None
