"""Whether the server has crashed or was started anew, and how often it has to write all of its memory out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look
from litelift.monitor.window import DAY, window

APART = timedelta(seconds=30)
"""What lies between the start of a server and of its checkpointer, at most, on a loaded machine. When a session is
killed, the server ends all others and starts the checkpointer again ("Shutting Down the Server", section 18.5)."""
_LEAST = 20
"""Checkpoints a day, without which their kinds say nothing: by time alone there are 288."""


def _restarts(look: Look) -> Iterator[Finding]:
    assert look.server is not None
    started = look.server.started
    # Who may not see the checkpointer sees since when the whole server counts: from PostgreSQL 15 on a crash sets
    # everything back at once, and a person as a rule one by one (pg_stat_reset_shared).
    row = look.row("""
        select (select max(backend_start) from pg_stat_activity where backend_type = 'checkpointer') as checkpointer,
               (select stats_reset from pg_stat_archiver) as counted,
               (select abs(extract(epoch from a.stats_reset - b.stats_reset)) < 1
                from pg_stat_archiver a, pg_stat_bgwriter b) as at_once
    """)
    tells = look.server.version >= 150000 and row.at_once
    at: datetime | None = None
    crashed = False
    if row.checkpointer is not None and row.checkpointer > started + APART:
        at, crashed = row.checkpointer, True
    elif row.checkpointer is None and tells and row.counted > started + APART:
        at, crashed = row.counted, True
    elif _ran_before(look, started):
        at, crashed = started, tells and row.counted > started
    if at is None:
        if row.checkpointer is None and look.server.version < 150000:
            yield look.finding("unknown", "needs-rights", "needs-rights", user=look.user)
        else:
            yield look.ok("none", since=started.timestamp())
        return
    seconds = (look.now - at).total_seconds()
    name = "since_crash" if crashed else "since_restart"
    yield look.finding(
        look.limit(name).state(seconds),
        "crashed" if crashed else "restarted",
        "see-log" if crashed else "see-who",
        since=at.timestamp(),
        seconds=seconds,
        measures=[look.measure(name, seconds, "seconds")],
    )


def _ran_before(look: Look, started: datetime) -> bool:
    """Whether it is known that the server was there before it was started the last time."""
    if look.baseline is not None and look.baseline.at < started:
        return True
    return look.past.value("server.uptime", started) is not None


def _checkpoints(look: Look) -> Iterator[Finding]:
    assert look.server is not None and look.connection is not None
    if look.server.standby:
        yield look.ok("standby")
        return
    # Those of the clock were in another view before PostgreSQL 17.
    if look.server.version >= 170000:
        row = look.row("select num_timed as timed, num_requested as requested, stats_reset from pg_stat_checkpointer")
    else:
        row = look.row(
            "select checkpoints_timed as timed, checkpoints_req as requested, stats_reset from pg_stat_bgwriter"
        )
    counted = {"timed_since_reset": float(row.timed), "requested_since_reset": float(row.requested)}
    found = window(look, counted, DAY, row.stats_reset)
    requested, timed = found.grown["requested_since_reset"], found.grown["timed_since_reset"]
    share = 100 * requested / max(requested + timed, 1)
    enough = found.everyday and found.a_day("requested_since_reset") >= _LEAST
    facts: dict[str, Any] = {
        "requested": round(requested),
        "timed": round(timed),
        "share": share,
        "since": found.moment,
    }
    room = look.row("""
        select current_setting('max_wal_size') as now,
               2 * greatest(pg_size_bytes(current_setting('max_wal_size')) >> 30, 2) || 'GB' as more
    """)
    yield look.finding(
        look.limit("requested_percent").state(share) if enough else "ok",
        "counted",
        "more-wal",
        **facts,
        max_wal_size=room.now,
        more=room.more,
        measures=[
            *(look.measure(name, value) for name, value in counted.items()),
            look.measure("requested_percent", share, "percent"),
        ],
    )


CHECKS = (
    Check(
        "restarts",
        "server",
        _restarts,
        limits={"since_crash": Limit(86400, 3600, below=True), "since_restart": Limit(3600, below=True)},
    ),
    Check("checkpoints", "server", _checkpoints, every=SOMETIMES, limits={"requested_percent": Limit(50)}),
)
