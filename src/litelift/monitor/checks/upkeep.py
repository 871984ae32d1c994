"""Whether VACUUM and ANALYZE keep up with what the application writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from litelift.monitor.check import SELDOM, SOMETIMES, Check
from litelift.monitor.checks import upkeep_sequences, upkeep_wraparound
from litelift.monitor.checks.upkeep_horizon import Holder, oldest_holder
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look

_SOON = timedelta(minutes=10)
"""In which autovacuum, which wakes up every minute, has got to a table."""
_HELD = 10_000
"""Transactions: who looks no further back than that holds next to nothing back."""

_RUNS = """
    select current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean as works,
           current_setting('autovacuum_max_workers')::int as most,
           (select count(*) from pg_stat_activity where backend_type = 'autovacuum worker') as workers,
           (select count(*) from pg_class where relkind in ('r', 'm') and exists (
               select from pg_options_to_table(reloptions)
               where option_name = 'autovacuum_enabled' and not option_value::boolean)) as tables
"""


def _autovacuum(look: Look) -> Iterator[Finding]:
    runs = look.row(_RUNS)
    yield look.finding(
        "ok" if runs.works else "warning",
        ("tables" if runs.tables else "on") if runs.works else "off",
        "on",
        n=runs.tables,
        workers=runs.workers,
        most=runs.most,
        measures=[look.measure("workers", runs.workers, most=runs.most)],
    )


# What autovacuum itself goes by ("The Autovacuum Daemon"): a table's own settings before the server's. A TOAST table
# has its own, else its table's. Those whose VACUUM is on its way are left out.
_DEAD = """
    with counted as (
        select c.oid, c.relnamespace, c.relname, pg_stat_get_dead_tuples(c.oid) as dead,
               pg_stat_get_live_tuples(c.oid) as live, greatest(c.reltuples, 0) as rows, c.relkind = 't' as toast,
               c.reloptions
        from pg_class c
        where c.relkind in ('r', 'm', 't') and c.relpersistence <> 't' and pg_stat_get_dead_tuples(c.oid) >= %s
          and not exists (select from pg_stat_progress_vacuum v where v.relid = c.oid)
    ), judged as (
        select coalesce(owner.oid, counted.oid) as oid, coalesce(owner.relnamespace, counted.relnamespace) as schema,
               coalesce(owner.relname, counted.relname) as name, dead, live, toast,
               coalesce(own.threshold, theirs.threshold, current_setting('autovacuum_vacuum_threshold'))::float8
               + coalesce(own.scale, theirs.scale, current_setting('autovacuum_vacuum_scale_factor'))::float8 * rows
                   as threshold,
               coalesce(own.most, theirs.most, current_setting('autovacuum_vacuum_max_threshold', true))::float8
                   as most,
               coalesce(own.works, theirs.works, true) as works,
               greatest(pg_stat_get_last_autovacuum_time(counted.oid), pg_stat_get_last_vacuum_time(counted.oid))
                   as last
        from counted left join pg_class owner on toast and owner.reltoastrelid = counted.oid
        cross join lateral (
            select max(option_value) filter (where option_name = 'autovacuum_vacuum_threshold') as threshold,
                   max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor') as scale,
                   max(option_value) filter (where option_name = 'autovacuum_vacuum_max_threshold') as most,
                   bool_and(option_value::boolean) filter (where option_name = 'autovacuum_enabled') as works
            from pg_options_to_table(counted.reloptions)
        ) own
        cross join lateral (
            select max(option_value) filter (where option_name = 'autovacuum_vacuum_threshold') as threshold,
                   max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor') as scale,
                   max(option_value) filter (where option_name = 'autovacuum_vacuum_max_threshold') as most,
                   bool_and(option_value::boolean) filter (where option_name = 'autovacuum_enabled') as works
            from pg_options_to_table(owner.reloptions)
        ) theirs
    )
    select format('%%I.%%I', n.nspname, name) as "table", toast, dead, live, works,
           greatest(case when most >= 0 then least(threshold, most) else threshold end, 1) as threshold,
           extract(epoch from clock_timestamp() - last)::float8 as vacuumed
    from judged join pg_namespace n on n.oid = judged.schema
"""


def _dead(look: Look) -> Iterator[Finding]:
    counted = [one for one in look.rows(_DEAD, look.limit("rows").warning or 1) if look.shown(one.table)]
    times = look.limit("times")
    over = [one for one in counted if times.state(one.dead / one.threshold) != "ok"]
    holder = oldest_holder(look) if over else None
    # A queue is full of dead rows again a moment after its VACUUM: there autovacuum does keep up.
    over = [one for one in over if not one.works or not _recent(one) or _holds(holder, one)]
    over.sort(key=lambda one: one.dead / one.threshold, reverse=True)
    measures = [
        look.measure("rows", sum(one.dead for one in counted)),
        look.measure("times", over[0].dead / over[0].threshold if over else 0.0),
        look.measure("tables", len(over)),
    ]
    if not over:
        yield look.ok("none", measures=measures)
        return
    past = look.past.value("dead-rows.tables", look.now - _SOON)
    if past is not None and past[1] == 0 and all(one.works for one in over):
        yield look.ok("soon", measures=measures, n=len(over), table=over[0].table, dead=over[0].dead)
        return
    first = over[0]
    if not first.works:
        do = "table-off"
    else:
        do = f"held-{holder.kind}" if holder is not None and _holds(holder, first) else "vacuum"
    yield look.finding(
        times.state(first.dead / first.threshold),
        "much" if len(over) == 1 else "many",
        do,
        n=len(over),
        table=first.table,
        dead=first.dead,
        live=first.live,
        holder=holder.name if holder else None,
        measures=measures,
        items=[
            {
                "table": one.table,
                "toast": one.toast,
                "dead": one.dead,
                "live": one.live,
                "threshold": round(one.threshold),
                "autovacuum": one.works,
                "vacuumed_seconds_ago": one.vacuumed,
            }
            for one in over
        ],
    )


def _recent(table: Any) -> bool:
    return table.vacuumed is not None and table.vacuumed < _SOON.total_seconds()


def _holds(holder: Holder | None, table: Any) -> bool:
    """Whether it is in the way: one that began after the last VACUUM was not."""
    if holder is None:
        return False
    if table.vacuumed is None:
        return holder.age >= _HELD
    return holder.since is None or bool(holder.since >= table.vacuumed)


# By the statistics that the planner has, for a table may have been analyzed before the counters began anew. Those of a
# table that the login may not read it cannot see.
_CHANGED = """
    with counted as (
        select c.oid, n.nspname, c.relname, pg_stat_get_mod_since_analyze(c.oid) as changed,
               pg_stat_get_live_tuples(c.oid) as live,
               50 + 0.1 * greatest(c.reltuples, 0) as threshold,
               greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) as last
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'm') and c.relpersistence <> 't' and pg_stat_get_mod_since_analyze(c.oid) >= %s
          and c.oid >= 16384 and has_table_privilege(c.oid, 'select')
    )
    select format('%%I.%%I', nspname, relname) as "table", changed, live, threshold::float8,
           extract(epoch from clock_timestamp() - last)::float8 as seconds,
           last is null and not exists (
               select from pg_stats s where s.schemaname = nspname and s.tablename = relname) as never
    from counted
"""


def _statistics(look: Look) -> Iterator[Finding]:
    times, seconds = look.limit("times"), look.limit("seconds")
    old = [
        one
        for one in look.rows(_CHANGED, look.limit("rows").warning or 1)
        if look.shown(one.table)
        and (one.never or (times.state(one.changed / one.threshold) != "ok" and _late(seconds, one.seconds)))
    ]
    old.sort(key=lambda one: (one.never, one.changed), reverse=True)
    never = sum(one.never for one in old)
    measures = [look.measure("tables", len(old)), look.measure("never", never)]
    past = look.past.value("planner-statistics.tables", look.now - _SOON)
    if not old or (past is not None and past[1] == 0):
        yield look.ok("fresh", measures=measures)
        return
    yield look.finding(
        "warning",
        ("never" if never == 1 else "never-many") if never else "old",
        "analyze",
        n=never or len(old),
        table=old[0].table,
        changed=old[0].changed,
        seconds=old[0].seconds,
        measures=measures,
        items=[
            {"table": one.table, "changed": one.changed, "live": one.live, "analyzed_seconds_ago": one.seconds}
            for one in old
        ],
    )


def _late(limit: Limit, seconds: float | None) -> bool:
    """Whether autoanalyze has had its time. Where nobody knows when it last was there, nobody says so."""
    return seconds is not None and limit.state(seconds) != "ok"


def _prepared(look: Look) -> Iterator[Finding]:
    found = look.rows("""
        select gid as name, database, owner, extract(epoch from clock_timestamp() - prepared)::float8 as seconds,
               age(transaction) as age
        from pg_prepared_xacts order by prepared
    """)
    oldest = max((one.seconds for one in found), default=0.0)
    yield look.finding(
        look.limit("oldest").state(oldest),
        "waiting" if found else "none",
        "end",
        n=len(found),
        oldest=oldest,
        name=found[0].name if found else None,
        database=found[0].database if found else None,
        measures=[look.measure("transactions", len(found)), look.measure("oldest", oldest, "seconds")],
        items=[one._asdict() for one in found],
    )


CHECKS: tuple[Check, ...] = (
    Check("autovacuum", "upkeep", _autovacuum, every=SOMETIMES),
    Check(
        "dead-rows",
        "upkeep",
        _dead,
        every=SOMETIMES,
        limits={
            "rows": Limit(10_000),
            "times": Limit(2, 10),
        },
    ),
    Check(
        "planner-statistics",
        "upkeep",
        _statistics,
        every=SELDOM,
        limits={
            "rows": Limit(10_000),
            "times": Limit(5),
            "seconds": Limit(3600),
        },
    ),
    Check("prepared-transactions", "upkeep", _prepared, every=SOMETIMES, limits={"oldest": Limit(300, 3600)}),
    *upkeep_wraparound.CHECKS,
    *upkeep_sequences.CHECKS,
)
