"""What the sessions are at: who waits for whom, whose transaction lasts too long, who forgot one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from litelift.monitor.check import Check
from litelift.monitor.checks import activity_counters, activity_queries
from litelift.monitor.checks.sessions import sessions
from litelift.monitor.finding import Finding, Item, Limit
from litelift.monitor.look import Look
from litelift.monitor.session import NAME
from litelift.monitor.statement import READ, shown

_NAMED = 20
"""Sessions that hold others up, of which the first are told: when they are gone, the next look tells the others."""
IDLE = Limit(60, 600)
"""Seconds for which a transaction may wait for its application."""


def _blocked(look: Look) -> Iterator[Finding]:
    # Who waits, and for whom, is seen without any rights; what they do, and since when they are at it, is not. Since
    # when a lock is waited for is there from PostgreSQL 14 on ("pg_locks", waitstart).
    waiting = look.rows(
        """
        with waiting as materialized (
            select pid, min((to_jsonb(l) ->> 'waitstart')::timestamptz) as since
            from pg_locks l where not granted and pid <> pg_backend_pid() group by pid
        )
        select w.pid, coalesce(a.usename, '') as "user", array_to_string(pg_blocking_pids(w.pid), ', ') as by,
               extract(epoch from clock_timestamp() - coalesce(w.since, a.state_change))::float8 as seconds,
               left(a.query, %s) as query, pg_blocking_pids(w.pid) as blockers
        from waiting w join pg_stat_activity a on a.pid = w.pid
        where a.application_name <> %s and cardinality(pg_blocking_pids(w.pid)) > 0
        order by seconds desc nulls last
        """,
        READ,
        NAME,
    )
    pids = {one.pid for one in waiting}
    # The first in the queue, who waits for nobody: to end those between would help nobody.
    roots = sorted({pid for one in waiting for pid in one.blockers if pid not in pids}) or sorted(
        {pid for one in waiting for pid in one.blockers}
    )
    longest = max((one.seconds or 0.0 for one in waiting), default=0.0)
    state = look.limit("longest").state(longest)
    facts: dict[str, Any] = {"n": len(waiting), "longest": longest, "by": ", ".join(map(str, roots[:_NAMED]))}
    measures = [look.measure("sessions", len(waiting)), look.measure("longest", longest, "seconds")]
    if state == "ok" and any(one.seconds is None for one in waiting):
        yield look.finding("unknown", "for-unknown", "needs-rights", user=look.user, measures=measures, **facts)
        return
    items = [
        {"pid": one.pid, "user": one.user, "seconds": one.seconds, "by": one.by, "query": shown(one.query)}
        for one in waiting
    ]
    if not waiting:
        yield look.ok("none", measures=measures)
        return
    holder = _holder(look, roots)
    # What a prepared transaction holds has no session: pg_blocking_pids gives 0.
    found, do = ("waiting", "end") if holder else ("waiting-for-prepared", "see-prepared")
    yield look.finding(state, found, do, **facts, holder=holder, measures=measures, items=items)


def _holder(look: Look, roots: Sequence[int]) -> str | None:
    """Who holds what is waited for, in a few words."""
    rows = look.rows(
        """
        select coalesce(nullif(application_name, ''), usename, backend_type, '?') as who, coalesce(state, '?') as state
        from pg_stat_activity where pid = any(%s) order by xact_start nulls last
        """,
        list(roots),
    )
    return f"{rows[0].who}, {rows[0].state}" if rows else None


def _long(look: Look) -> Iterator[Finding]:
    seen = sessions(look)
    # One that waits for its application is told of elsewhere.
    found = [one for one in seen.open if not (_is_idle(one) and (one.idle or 0.0) >= (IDLE.warning or 0.0))]
    yield from _of_transactions(look, found, [one.seconds for one in found], seen.hidden)


def _idle(look: Look) -> Iterator[Finding]:
    seen = sessions(look)
    found = sorted((one for one in seen.open if _is_idle(one)), key=lambda one: -(one.idle or 0.0))
    yield from _of_transactions(look, found, [one.idle or 0.0 for one in found], seen.hidden)


def _is_idle(session: Any) -> bool:
    return str(session.state).startswith("idle in transaction")


def _of_transactions(look: Look, found: Sequence[Any], lasting: Sequence[float], hidden: int) -> Iterator[Finding]:
    """What is to be said of open transactions, the longest first."""
    longest = max(lasting, default=0.0)
    state = look.limit("longest").state(longest)
    first = found[0] if found else None
    items: list[Item] = [
        {
            "pid": one.pid,
            "user": one.user,
            "application": one.application,
            "seconds": seconds,
            "state": one.state,
            "query": shown(one.query),
        }
        for one, seconds in zip(found, lasting, strict=True)
    ]
    measures = [look.measure("sessions", len(found)), look.measure("longest", longest, "seconds")]
    if state == "ok" and hidden:
        yield look.hidden(hidden, measures=measures, items=items)
        return
    yield look.finding(
        state,
        "open" if first else "none",
        "end",
        n=len(found),
        longest=longest,
        pid=first.pid if first else None,
        user=first.user if first else None,
        who=(first.application or first.user) if first else None,
        measures=measures,
        items=items if state != "ok" else [],
    )


CHECKS = (
    Check("blocked", "activity", _blocked, limits={"longest": Limit(5, 60)}),
    Check("long-transactions", "activity", _long, limits={"longest": Limit(300, 3600)}),
    Check("idle-in-transaction", "activity", _idle, limits={"longest": IDLE}),
    *activity_queries.CHECKS,
    *activity_counters.CHECKS,
)
