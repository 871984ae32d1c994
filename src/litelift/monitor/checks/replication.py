"""Whether the WAL gets to where it is wanted, and what is kept for whoever does not fetch it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.checks import replication_wal
from litelift.monitor.finding import Finding, Limit, worst
from litelift.monitor.look import Look

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

_SLOTS = """
    with slots as (select s.*, to_jsonb(s) as all from pg_replication_slots s where not temporary)
    select slot_name as slot, slot_type as type, active,
           case when restart_lsn is null then 0 else greatest(pg_wal_lsn_diff(
               case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
               restart_lsn), 0) end::float8 as held,
           "all" ->> 'wal_status' as status, "all" ->> 'invalidation_reason' as reason,
           extract(epoch from clock_timestamp() - ("all" ->> 'inactive_since')::timestamptz)::float8 as inactive,
           coalesce(("all" ->> 'synced')::boolean, false) as synced,
           greatest(age(xmin), age(catalog_xmin)) as xmin_age
    from slots order by held desc, slot_name
"""


def _slots(look: Look) -> Iterator[Finding]:
    # What a standby keeps in step for the day when it is the primary (PostgreSQL 17) is nobody's there.
    slots = [one for one in look.rows(_SLOTS) if look.shown(one.slot) and not one.synced]
    held, idle = look.limit("held"), look.limit("inactive")
    waiting = [one for one in slots if not one.active]
    before = look.past.value("replication-slots.inactive_slots", look.now - _HOUR)
    measures = [
        look.measure("slots", len(slots)),
        look.measure("inactive_slots", len(waiting)),
        look.measure("held", max((one.held for one in slots), default=0.0), "bytes"),
    ]
    judged = []
    for one in slots:
        seconds = one.inactive if not one.active else None
        if seconds is None and not one.active and before is not None and before[1] >= 1:
            # Before PostgreSQL 17 only the samples know since when.
            seconds = (look.now - before[0]).total_seconds()
        states = [held.state(one.held), "ok" if seconds is None else idle.state(seconds)]
        if one.status in ("lost", "unreserved"):
            states.append("critical")
        judged.append((worst(states), one))
    wrong = [(state, one) for state, one in judged if state != "ok"]
    if not wrong:
        yield look.ok("well" if slots else "none", measures=measures, n=len(slots))
        return
    order = {"critical": 0, "warning": 1}
    wrong.sort(key=lambda found: (order[found[0]], found[1].status != "lost", -found[1].held))
    state, first = wrong[0]
    found, do = _which(first)
    yield look.finding(
        state,
        found,
        do,
        n=len(wrong),
        slot=first.slot,
        held=first.held,
        measures=measures,
        items=[one._asdict() for _, one in wrong],
    )


def _which(slot: Any) -> tuple[str, str]:
    if slot.status == "lost":
        return "lost", "anew"
    if slot.status == "unreserved":
        return "losing", "hurry"
    return ("behind", "see") if slot.active else ("inactive", "drop")


# A base backup reads its files, and no WAL is behind in that; pg_receivewal replays nothing.
_STANDBYS = """
    select coalesce(nullif(application_name, ''), client_addr::text, pid::text) as standby, state, sync_state as sync,
           greatest(pg_wal_lsn_diff(
               case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
               coalesce(replay_lsn, flush_lsn, write_lsn, sent_lsn)), 0)::float8 as bytes,
           coalesce(extract(epoch from coalesce(replay_lag, flush_lag, write_lag)), 0)::float8 as seconds
    from pg_stat_replication where state is distinct from 'backup' order by bytes desc nulls last
"""
_SELF = """
    select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as replayed,
           greatest(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::float8 as bytes,
           exists (select from pg_stat_wal_receiver) as receives,
           exists (select from pg_settings where name = 'primary_conninfo' and setting <> '') as streams,
           pg_is_wal_replay_paused() as paused
"""


def _lag(look: Look) -> Iterator[Finding]:
    assert look.server is not None
    if look.server.standby:
        yield _own_lag(look)
        return
    standbys = [one for one in look.rows(_STANDBYS) if look.shown(one.standby)]
    if any(one.state is None for one in standbys):
        assert look.connection is not None
        yield look.finding("unknown", "needs-rights", "needs-rights", user=look.connection.info.user)
        return
    measures = [
        look.measure("standbys", len(standbys)),
        look.measure("bytes", max((one.bytes for one in standbys), default=0.0), "bytes"),
        look.measure("seconds", max((one.seconds for one in standbys), default=0.0), "seconds"),
    ]
    facts: dict[str, Any] = {"n": len(standbys)}
    wanted = look.row("select current_setting('synchronous_standby_names') as names").names
    if wanted and not any(one.sync in ("sync", "quorum") for one in standbys):
        yield look.finding("critical", "commits-wait", "synchronous", measures=measures, wanted=wanted, **facts)
        return
    normal = _normal(look)
    judged = [
        (worst([look.limit("bytes").state(one.bytes), look.limit("seconds").state(one.seconds)]), one)
        for one in standbys
    ]
    wrong = [(state, one) for state, one in judged if state != "ok"]
    items = [one._asdict() for one in standbys]
    if wrong:
        state, first = max(wrong, key=lambda found: (found[0] == "critical", found[1].bytes))
        yield look.finding(
            state,
            "behind",
            "network",
            measures=measures,
            items=items,
            standby=first.standby,
            bytes=first.bytes,
            seconds=first.seconds,
            **facts,
        )
    elif len(standbys) < normal:
        yield look.finding("warning", "gone", "start", measures=measures, items=items, normal=normal, **facts)
    elif standbys:
        first = standbys[0]
        yield look.ok("near", measures=measures, items=items, bytes=first.bytes, seconds=first.seconds, **facts)
    else:
        yield look.ok("none", measures=measures)


def _normal(look: Look) -> int:
    """How many standbys there were a day ago, or at the move: one that is gone is not in the list."""
    series = "replication-lag.standbys"
    past = look.past.value(series, look.now - _DAY)
    if past is not None:
        return round(past[1])
    return round(look.baseline.measures.get(series, 0)) if look.baseline else 0


def _own_lag(look: Look) -> Finding:
    found = look.row(_SELF)
    # A primary where nobody writes sends nothing to replay: without anything that waits there is no lag.
    seconds = 0.0 if found.receives and not found.bytes else found.replayed
    measures = [look.measure("bytes", found.bytes or 0.0, "bytes")]
    if seconds is not None:
        measures.append(look.measure("seconds", seconds, "seconds"))
    facts: dict[str, Any] = {"bytes": found.bytes or 0.0, "seconds": seconds}
    if found.paused:
        return look.finding("warning", "paused", "resume", measures=measures, **facts)
    if found.streams and not found.receives:
        return look.finding("critical", "cut", "connect", measures=measures, **facts)
    states = [look.limit("bytes").state(found.bytes or 0.0), look.limit("seconds").state(seconds or 0.0)]
    return look.finding(worst(states), "own", "network", measures=measures, **facts)


CHECKS: tuple[Check, ...] = (
    Check(
        "replication-slots",
        "replication",
        _slots,
        every=SOMETIMES,
        limits={
            "held": Limit(2**30, 10 * 2**30),
            "inactive": Limit(3600),
        },
    ),
    Check(
        "replication-lag",
        "replication",
        _lag,
        every=SOMETIMES,
        limits={
            "seconds": Limit(300, 1800),
            "bytes": Limit(2**30, 10 * 2**30),
        },
    ),
    *replication_wal.CHECKS,
)
