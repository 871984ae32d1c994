"""The target: what stops a move into it, what a person should see, and what is only said."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from litelift import errors
from litelift.move import journal
from litelift.move.interruption import commands
from litelift.move.preconditions import refuse_occupied, refuse_without_rights
from litelift.move.resume import left_unfinished, unfinished
from litelift.postgres.connect import TIMEOUTS, Connection, Server
from litelift.preflight.findings import Findings, TargetLook, notices
from litelift.preflight.rights import refuse_without_filling_rights
from litelift.preflight.server import END_OF_LIFE, State, read_state
from litelift.result import Notice

CLOCK_SECONDS = 2.0
LOCKS_SHARE = 0.5
"""A transaction that wants more of the server's lock table than this is told of: others share it."""
LOCKS_OF_A_TABLE = 4
"""A table's, and those of its indexes and constraints, in a filling; measured on the schemas of real applications."""


def needed_connections(jobs: int, data_only: bool) -> int:
    """The sessions that a move cannot do without, beyond the one that holds the lock on the target.

    One for each worker that loads, and one that builds; a filling is one session's work, and one judges its values.
    """
    return 1 if data_only else jobs + 1


def refuse_few_connections(state: State, jobs: int, data_only: bool) -> None:
    """Raise TargetConnections where a move would run out of sessions. The caller's own is already open."""
    free, need = state.connections.free, needed_connections(jobs, data_only)
    if free is None or free >= need:
        return
    hint = None
    if not data_only and free > 1:
        hint = f"Use --jobs {free - 1}, or ask for more connections."
    raise errors.TargetConnections(free=free, bound=state.connections.bound, need=need, hint=hint)


def look_before(
    connection: Connection, schema: str, *, tables: int, jobs: int, data_only: bool = False
) -> list[Notice]:
    """Look at the target for some milliseconds, before the source is read: for `litelift migrate` itself.

    Args:
        connection: the target, open and locked against other litelifts.
        schema: where the tables go, or are.
        tables: how many there are.
        jobs: worker processes.
        data_only: the tables are the application's own.

    Returns:
        What needs a person.

    Raises:
        TargetRights, TargetConnections.
    """
    refuse_without_rights(connection, None if data_only else schema)
    if data_only:
        refuse_without_filling_rights(connection, schema)
    state = read_state(connection)
    refuse_few_connections(state, jobs, data_only)
    findings = Findings()
    tell_locks(findings, state, tables, data_only)
    return notices(findings)


def look_at_target(
    findings: Findings,
    server: Server,
    connection: Connection,
    schema: str,
    *,
    tables: int | None,
    jobs: int,
    data_only: bool,
    today: date,
) -> tuple[TargetLook, State]:
    """Look at the target, and write nothing. ``tables`` is None where the source could not be read."""
    state = read_state(connection)
    _tell_server(findings, server, state, today)
    known = len(findings.found)
    with findings.blocked("target"):
        refuse_without_rights(connection, None if data_only else schema)
        if data_only:
            refuse_without_filling_rights(connection, schema)
    if len(findings.found) == known:
        findings.add("target", "ok", "rights", f"the role {server.user} has the rights that a move needs")
        _tell_contents(findings, server, connection, schema, data_only)
    with findings.blocked("target"):
        journal.lock(connection)
        connection.execute("select pg_advisory_unlock_all()")
    with findings.blocked("target"):
        refuse_few_connections(state, jobs, data_only)
        free = state.connections
        findings.add("target", "ok", "connections", f"{free.free} connections are free ({free.bound})")
    if tables is not None:
        tell_locks(findings, state, tables, data_only)
    tell_settings(findings, state)
    look = TargetLook(
        display=server.display,
        database=server.database,
        user=server.user,
        server_version=server.version_words,
        superuser=state.superuser,
        icu=server.icu,
        time_zone=state.settings.get("TimeZone", ""),
        connections=state.connections.free,
        clock_seconds=round(state.clock_seconds, 3),
    )
    return look, state


def _tell_server(findings: Findings, server: Server, state: State, today: date) -> None:
    words = f"PostgreSQL {server.version_words}, database {server.database}, encoding UTF8"
    findings.add("target", "ok", "reachable", words)
    major = server.version // 10000
    ends = END_OF_LIFE.get(major)
    if ends is not None and ends <= today:
        message = f"PostgreSQL {major} has had no repairs since {ends.day} {ends:%B %Y}"
        findings.add("target", "note", "end-of-life", message, "Move into a newer version, if you have the choice.")
    if state.superuser:
        message = f"the role {server.user} is a superuser; a move needs no more than an ordinary role's rights"
        findings.add("target", "note", "superuser", message)


def _tell_contents(findings: Findings, server: Server, connection: Connection, schema: str, data_only: bool) -> None:
    begun = unfinished(connection, schema)
    for earlier in begun:
        with findings.blocked("target", "unfinished-run"):
            raise left_unfinished(earlier, server.database, commands(earlier.path, server.display))
    if begun or data_only:
        return
    with findings.blocked("target"):
        refuse_occupied(connection, schema)
        findings.add("target", "ok", "empty", f"the schema {schema} is empty, or not there yet")


def tell_locks(findings: Findings, state: State, tables: int, data_only: bool) -> None:
    """Tell where a filling, which is one transaction, may not fit the server's lock table."""
    each = state.number("max_locks_per_transaction")
    room = each * (state.number("max_connections") + state.number("max_prepared_transactions"))
    wanted = tables * LOCKS_OF_A_TABLE
    if data_only and wanted > room * LOCKS_SHARE:
        findings.add(
            "target",
            "attention",
            "lock-table",
            f"{tables:,} tables in one transaction take about {wanted:,} locks, and the server has {room:,} for all",
            f"Raise max_locks_per_transaction (it is {each}; it takes a restart).",
        )


def tell_settings(findings: Findings, state: State) -> None:
    """Tell the settings that matter."""
    limits = [f"{name} ({state.number(name):,} ms)" for name in TIMEOUTS if state.number(name)]
    if limits:
        message = f"the role's sessions have a {', '.join(limits)}; a move lifts it for its own"
        findings.add("target", "note", "timeouts", message)
    for name in ("fsync", "full_page_writes"):
        if state.settings.get(name) == "off":
            message = f"{name} is off: a crash of the server's machine can damage what is there"
            way_out = "Set it to on after the move, and run CHECKPOINT."
            findings.add("target", "note", name.replace("_", "-"), message, way_out)


def tell_clock(findings: Findings, state: State, zone: tzinfo | None = None) -> None:
    """Tell of clocks that differ, and of time zones that do."""
    seconds = state.clock_seconds
    here = datetime.now(zone).astimezone(zone)
    if abs(seconds) > CLOCK_SECONDS:
        which = "ahead of" if seconds > 0 else "behind"
        findings.add(
            "clock",
            "note",
            "clock",
            f"the server's clock is {abs(seconds):,.1f} s {which} this machine's: what CURRENT_TIMESTAMP gives after "
            "the move, and the times of a report, are the server's",
            "Let both keep the time by NTP.",
        )
    else:
        findings.add("clock", "ok", "clock", "the server's clock and this machine's agree within 2 s")
    theirs = state.settings.get("TimeZone", "")
    if theirs.upper() not in ("UTC", "ETC/UTC", "GMT"):
        findings.add(
            "clock",
            "note",
            "time-zone",
            f"the server shows times in {theirs} (this machine: {here:%Z}); SQLite's CURRENT_TIMESTAMP is UTC, and "
            "times are moved as UTC",
        )
