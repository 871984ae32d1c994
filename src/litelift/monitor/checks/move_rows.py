"""Tables that have lost rows since the baseline, or since the move."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.checks.backups_kept import words_of
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look

READ_MOST = 20_000
"""Rows that are read of a table whose statistics say that it has shrunk."""
COUNTED_MOST = 10
"""Tables of which so many are read in one look: those that lost most."""
_EMPTIED = frozenset(
    (
        *("cache", "cache_locks", "failed_jobs", "job_batches", "jobs", "password_reset_tokens", "password_resets"),
        *("personal_access_tokens", "sessions", "telescope_entries"),
        *("django_session", "authtoken_token", "celery_taskmeta"),
        *("solid_cable_messages", "solid_cache_entries", "oban_jobs"),
    )
)
"""Tables that applications and their frameworks clear by themselves: Laravel, Django, Rails, Celery, Oban."""

# What was analysed last is the best guess: minutes old, but it survives a crash. What the statistics count is newer,
# forgets after a crash or pg_stat_reset, and has a table's first rows twice where ANALYZE came before their report.
_NOW = """
    select n.nspname || '.' || c.relname as place, n.nspname as schema, c.relname as table,
           own.live, own.deleted, own.analyzed,
           not c.relrowsecurity and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
               as readable
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
        select coalesce(sum(pg_stat_get_live_tuples(p.oid)), 0)::int8 as live,
               coalesce(sum(pg_stat_get_tuples_deleted(p.oid)), 0)::int8 as deleted,
               coalesce(sum(greatest(p.reltuples, 0)), 0)::int8 as analyzed
        from (select c.oid union all select inhrelid from pg_inherits where inhparent = c.oid and c.relkind = 'p') part
        join pg_class p on p.oid = part.oid and p.relkind <> 'p') own
    where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'litelift')
"""
_MOVED = """
    select distinct on (r.schema_name, u.table_name) r.schema_name || '.' || u.table_name as place,
           sum(u.rows)::int8 as rows
    from litelift.run r join litelift.unit u using (run_id) where r.finished_at is not null
    group by r.run_id, r.schema_name, u.table_name, r.started_at
    order by r.schema_name, u.table_name, r.started_at desc
"""
_JOURNAL = """
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'litelift' and c.relname in ('run', 'unit') and has_schema_privilege(n.oid, 'usage')
      and has_table_privilege(c.oid, 'select')
"""


@dataclass(frozen=True, slots=True)
class _Shrunk:
    place: str
    was: int
    now: int
    """-1: the table is gone."""

    @property
    def percent(self) -> float:
        return max(0.0, 100 * (self.was - max(self.now, 0)) / self.was)


def _shrunken(look: Look) -> Iterator[Finding]:
    then = _then(look)
    if then is None:
        yield look.ok("nothing")
        return
    found = [one for one in _shrunk(look, then) if look.limit("lost_percent").state(one.percent) != "ok"]
    found.sort(key=lambda one: (-one.percent, -one.was, one.place))
    worst = found[0] if found else None
    lost = worst.percent if worst else 0.0
    yield look.finding(
        look.limit("lost_percent").state(lost),
        ("gone" if worst.now < 0 else "some") if worst else "none",
        "restore",
        words=words_of(look),
        n=len(found),
        tables=len(then),
        place=worst.place if worst else None,
        table=shlex.quote(worst.place) if worst else None,
        was=worst.was if worst else None,
        now=worst.now if worst else None,
        measures=[look.measure("tables", len(found)), look.measure("lost_percent", lost, "percent")],
        items=[
            {"table": one.place, "rows_then": one.was, "rows_now": one.now if one.now >= 0 else None} for one in found
        ],
    )


def _then(look: Look) -> Mapping[str, int] | None:
    """How many rows each table had: at the baseline; else as the move loaded them; None where nothing says it."""
    if look.baseline is not None and look.baseline.rows:
        return look.baseline.rows
    if len(look.rows(_JOURNAL)) < 2:
        return None
    return {one.place: one.rows for one in look.rows(_MOVED)}


def _shrunk(look: Look, then: Mapping[str, int]) -> Iterator[_Shrunk]:
    """Those that seem to have lost rows, and of which a count of those that are left does not say otherwise."""
    limit, least = look.limit("lost_percent"), look.limit("rows").warning or 0
    share = limit.warning if limit.warning is not None else limit.critical or 100.0
    tables = {one.place: one for one in look.rows(_NOW)}
    suspects: list[tuple[bool, int, int, Any]] = []
    for place, was in then.items():
        if was < least or place.rpartition(".")[2] in _EMPTIED or not look.shown(place):
            continue
        table = tables.get(place)
        if table is None:
            yield _Shrunk(place, was, -1)
            continue
        few = was * (1 - share / 100)
        if min(table.analyzed, table.live) <= few or table.deleted >= was - few:
            suspects.append((table.analyzed > few, -was, int(few) + 1, table))
    suspects.sort(key=lambda one: one[:3])
    for number, (_, negative, enough, table) in enumerate(suspects):
        now = table.analyzed or table.live
        if number < COUNTED_MOST and table.readable:
            most = min(enough, READ_MOST)
            counted = _counted(look, table.schema, table.table, most)
            now = counted if 0 <= counted < most else max(now, counted)
        yield _Shrunk(table.place, -negative, now)


def _counted(look: Look, schema: str, table: str, most: int) -> int:
    """How many rows there are, ``most`` of them at most; -1 where the table is locked."""
    assert look.connection is not None
    query = sql.SQL("select count(*) from (select from {} limit {}) as kept").format(
        sql.Identifier(schema, table), sql.Literal(most)
    )
    try:
        row = look.connection.execute(query).fetchone()
    except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable):
        return -1
    return int(row[0]) if row else -1


CHECKS = (
    Check(
        "shrunken-tables",
        "move",
        _shrunken,
        every=SELDOM,
        # An application's own tidying takes less of a table at a time; and few rows come and go.
        limits={"lost_percent": Limit(20, 50), "rows": Limit(100)},
    ),
)
