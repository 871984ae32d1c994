"""What the sessions are at: who waits for whom, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from litelift.monitor.check import Check
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look


def _blocked(look: Look) -> Iterator[Finding]:
    waiting = look.rows("""
        select pid, usename as "user", left(query, 200) as query, array_to_string(pg_blocking_pids(pid), ', ') as by,
               extract(epoch from clock_timestamp() - coalesce(
                   (select min(waitstart) from pg_locks where pg_locks.pid = waiting.pid and not granted),
                   state_change))::float8 as seconds
        from pg_stat_activity as waiting
        where wait_event_type = 'Lock' and cardinality(pg_blocking_pids(pid)) > 0
        order by seconds desc
    """)
    longest = max((one.seconds for one in waiting), default=0.0)
    yield look.finding(
        look.limit("longest").state(longest),
        "waiting" if waiting else "none",
        "end",
        n=len(waiting),
        longest=longest,
        by=waiting[0].by if waiting else None,
        measures=[look.measure("sessions", len(waiting)), look.measure("longest", longest, "seconds")],
        items=[one._asdict() for one in waiting],
    )


CHECKS = (Check("blocked", "activity", _blocked, limits={"longest": Limit(5, 60)}),)
