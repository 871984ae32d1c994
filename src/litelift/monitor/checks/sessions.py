"""The sessions of the application's database, without the server's own helpers and the watch."""

from __future__ import annotations

from typing import Any, NamedTuple

from litelift.monitor.look import Look
from litelift.monitor.session import NAME
from litelift.monitor.statement import READ


class Sessions(NamedTuple):
    """What a login sees of them."""

    open: list[Any]
    """Those with an open transaction, the oldest first: pid, user, application, state, query, seconds (since its
    transaction began), idle (since its state changed), running (since its statement began; None where none runs)."""
    hidden: int
    """Those of which it sees that they are there, and not what they do."""


def sessions(look: Look) -> Sessions:
    """Look at them. Raises psycopg.Error.

    Without pg_read_all_stats nothing is seen of another role's session but its user, its name and its process number
    ("pg_stat_activity"); of the server's own processes and of who streams the WAL not even the kind.
    """
    rows = look.rows(
        """
        select pid, usename as "user", application_name as application, state, left(query, %s) as query,
               case when xact_start is not null
                    then greatest(extract(epoch from clock_timestamp() - xact_start), 0)::float8 end as seconds,
               greatest(extract(epoch from clock_timestamp() - state_change), 0)::float8 as idle,
               case when state = 'active'
                    then greatest(extract(epoch from clock_timestamp() - query_start), 0)::float8 end as running,
               backend_type is null as hidden
        from pg_stat_activity
        where datname = current_database() and coalesce(backend_type, 'client backend') = 'client backend'
          and usesysid is not null and pid <> pg_backend_pid() and application_name <> %s
        order by xact_start
        """,
        READ,
        NAME,
    )
    return Sessions([one for one in rows if one.seconds is not None], sum(one.hidden for one in rows))
