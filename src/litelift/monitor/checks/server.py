"""Whether the server is up, what it is, and how much of it is in use."""

from __future__ import annotations

from collections.abc import Iterator

from litelift.monitor.check import Check
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look


def _connections(look: Look) -> Iterator[Finding]:
    # What superusers alone may use is of no use to the application ("Connections and Authentication", section 20.3).
    found = look.row("""
        select count(*) filter (where backend_type = 'client backend') as used,
               current_setting('max_connections')::int
               - current_setting('superuser_reserved_connections')::int as most
        from pg_stat_activity
    """)
    share = 100 * found.used / max(found.most, 1)
    state = look.limit("used_percent").state(share)
    yield look.finding(
        state,
        "used",
        "close",
        used=found.used,
        most=found.most,
        share=share,
        normal=look.baseline.measures.get("connections.used") if look.baseline else None,
        measures=[look.measure("used", found.used, most=found.most), look.measure("used_percent", share, "percent")],
    )


CHECKS = (Check("connections", "server", _connections, limits={"used_percent": Limit(80, 95)}),)
