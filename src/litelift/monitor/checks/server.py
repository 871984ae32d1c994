"""Whether the server is up, what it is, and how much of it is in use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.checks import server_locks, server_restarts
from litelift.monitor.checks.backups_kept import words_of
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look
from litelift.monitor.releases import KNOWN_AT, behind, supported_seconds
from litelift.monitor.session import NAME, user_of

NORMAL = 10
"""Connections that are nothing out of the ordinary, where the baseline says fewer."""


def _version(look: Look) -> Iterator[Finding]:
    assert look.server is not None
    missing, supported = behind(look.server.version), supported_seconds(look.server.version, look.now)
    facts: dict[str, Any] = {
        "words": words_of(look),
        "version": look.server.version_words.split()[0],
        "major": look.server.version // 10000,
        "known": f"{KNOWN_AT:%Y-%m}",
        "n": missing,
        "supported": supported,
        "past": -supported if supported is not None else None,
    }
    if missing is None or supported is None:
        yield look.ok("not-known", **facts)
        return
    measures = [look.measure("behind", missing), look.measure("supported", supported, "seconds")]
    ending, late = look.limit("supported").state(supported), look.limit("behind").state(missing)
    if ending != "ok":
        yield look.finding(ending, "ended" if supported < 0 else "ends", "upgrade", measures=measures, **facts)
    else:
        yield look.finding(late, "behind" if missing else "current", "update", measures=measures, **facts)


def _connections(look: Look) -> Iterator[Finding]:
    # What superusers alone may use is of no use to the application ("Connections and Authentication", section 20.3).
    # A login without rights sees no one's backend_type: parallel workers of a database are counted then too.
    user = user_of(look.watched.backups.dsn) or look.user
    found = look.row(
        """
        with session as (
            select datname, usename from pg_stat_activity
            where coalesce(backend_type, 'client backend') = 'client backend' and datname is not null
              and pid <> pg_backend_pid() and application_name <> %s
        )
        select (select count(*) from session) as used,
               current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - coalesce(current_setting('reserved_connections', true), '0')::int as most,
               (select count(*) from session where datname = current_database()) as of_database,
               (select datconnlimit from pg_database where datname = current_database()) as database_most,
               current_database() as database,
               (select count(*) from session where usename = %s) as of_role,
               (select rolconnlimit from pg_roles where rolname = %s and not rolsuper) as role_most
        """,
        NAME,
        user,
        user,
    )
    bounds = [("used", "close", found.used, found.most)]
    # -1: there is none (CREATE DATABASE, CREATE ROLE: CONNECTION LIMIT).
    bounds.append(("of-database", "raise-database", found.of_database, found.database_most))
    bounds.append(("of-role", "raise-role", found.of_role, -1 if found.role_most is None else found.role_most))
    key, do, used, most = max((one for one in bounds if one[3] >= 0), key=lambda one: one[2] / max(one[3], 1))
    share = 100 * used / max(most, 1)
    normal = look.baseline.measures.get("connections.used") if look.baseline else None
    times = found.used / max(normal, NORMAL) if normal is not None else None
    state = look.limit("used_percent").state(share)
    if state == "ok" and times is not None and look.limit("times_normal").state(times) != "ok":
        state, key, do = look.limit("times_normal").state(times), "unusual", "close"
    measures = [look.measure("used", found.used, most=found.most), look.measure("used_percent", share, "percent")]
    if times is not None:
        measures.append(look.measure("times_normal", times))
    facts = {"used": used, "most": most, "share": share, "normal": normal, "user": user, "database": found.database}
    yield look.finding(state, key, do, measures=measures, items=_holders(look) if state != "ok" else [], **facts)


def _holders(look: Look) -> list[dict[str, str | int | None]]:
    rows = look.rows(
        """
        select coalesce(usename, '') as "user", datname as database, application_name as application,
               coalesce(host(client_addr), '') as address, coalesce(state, '?') as state, count(*) as sessions
        from pg_stat_activity
        where coalesce(backend_type, 'client backend') = 'client backend' and datname is not null
          and pid <> pg_backend_pid() and application_name <> %s
        group by 1, 2, 3, 4, 5 order by sessions desc limit 20
        """,
        NAME,
    )
    return [one._asdict() for one in rows]


CHECKS = (
    Check(
        "version",
        "server",
        _version,
        every=SELDOM,
        limits={"behind": Limit(2), "supported": Limit(90 * 86400, -365 * 86400, below=True)},
    ),
    *server_restarts.CHECKS,
    Check("connections", "server", _connections, limits={"used_percent": Limit(80, 95), "times_normal": Limit(3)}),
    *server_locks.CHECKS,
)
