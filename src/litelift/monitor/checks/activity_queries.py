"""Which queries are slow: those that run now, and by pg_stat_statements, where that is there, all that ever ran."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.checks.sessions import sessions
from litelift.monitor.finding import Finding, Item, Limit, worst
from litelift.monitor.look import Look
from litelift.monitor.statement import READ, shown

CALLS = 10
"""Fewer of one query are no rule: a report of the year, a repair by hand."""
_EXTENSION = """
    select n.nspname as schema, string_to_array(e.extversion, '.')::int[] as version
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'
"""
# Which libraries are loaded is seen by who may read all settings; to the others the next step is said.
_AVAILABLE = """
    select exists (select from pg_available_extensions where name = 'pg_stat_statements') as there,
           coalesce((select setting ~ 'pg_stat_statements' from pg_settings
                     where name = 'shared_preload_libraries'), true) as loaded
"""


def _slow(look: Look) -> Iterator[Finding]:
    seen = sessions(look)
    running = sorted((one for one in seen.open if one.running is not None), key=lambda one: -one.running)
    longest = running[0].running if running else 0.0
    extension = look.rows(_EXTENSION)
    counted = _counted(look, extension[0]) if extension else None
    mean = max((one.mean for one in counted or ()), default=0.0)
    by_run, by_mean = look.limit("running").state(longest), look.limit("mean").state(mean)
    state = worst([by_run, by_mean])
    measures = [look.measure("running", longest, "seconds")]
    if counted is not None:
        measures.append(look.measure("mean", mean, "seconds"))
    facts: dict[str, Any] = {
        "running": longest,
        "pid": running[0].pid if running else None,
        "mean": mean,
        "least": CALLS,
    }
    facts |= {"n": len(counted or ()), "query": shown(counted[0].query)[:80] if counted else None}
    items: list[Item] = [
        {"seconds": one.mean, "calls": one.calls, "percent": one.share, "query": shown(one.query)}
        for one in counted or ()
    ]
    if by_run != "ok" and by_run == state:
        items = [{"seconds": one.running, "calls": 1, "percent": None, "query": shown(one.query)} for one in running]
        yield look.finding(state, "running", "cancel", measures=measures, items=items, **facts)
    elif state != "ok":
        yield look.finding(state, "mean", "explain", measures=measures, items=items, **facts)
    elif seen.hidden and counted is None:
        yield look.hidden(seen.hidden, measures=measures)
    else:
        yield look.ok(_ok_words(look) if counted is None else "none", measures=measures, **facts)


def _ok_words(look: Look) -> str:
    found = look.row(_AVAILABLE)
    if not found.there:
        return "none-not-there"
    return "none-not-made" if found.loaded else "none-not-loaded"


def _counted(look: Look, extension: Any) -> list[Any] | None:
    """The slow queries by pg_stat_statements, the slowest first; None where it counts nothing.

    Their texts, a file that may have many megabytes, are read only where there are any.
    """
    # Version 1.8 of the extension has the planning's times apart.
    of = "exec_" if extension.version >= [1, 8] else ""
    function = sql.Identifier(extension.schema, "pg_stat_statements")
    columns = {
        "function": function,
        "mean": sql.Identifier(f"mean_{of}time"),
        "total": sql.Identifier(f"total_{of}time"),
    }
    numbers = sql.SQL("""
        select queryid from {function}(false) where dbid = (select oid from pg_database
            where datname = current_database()) and calls >= %s and {mean} >= %s
    """).format(**columns)
    texts = sql.SQL("""
        select s.{mean} / 1000 as mean, s.calls, s.query,
               100 * s.{total} / nullif(sum(s.{total}) over (), 0) as share
        from {function}(true) s where s.dbid = (select oid from pg_database where datname = current_database())
    """).format(**columns)
    slow = sql.SQL("""
        select mean, calls, share, left(query, %s) as query from ({texts}) as every
        where calls >= %s and mean >= %s and query ~* '^\\s*(select|insert|update|delete|merge|with|values)\\y'
        order by mean desc limit 20
    """).format(texts=texts)
    bound = min(bound for bound in (look.limit("mean").warning, look.limit("mean").critical) if bound is not None)
    try:
        found = look.rows(numbers, CALLS, 1000 * bound)
    except psycopg.errors.ObjectNotInPrerequisiteState:
        # The extension was made, and its library is not loaded.
        return None
    return look.rows(slow, READ, CALLS, bound) if found else []


CHECKS = (
    Check("slow-queries", "activity", _slow, every=SOMETIMES, limits={"running": Limit(60, 600), "mean": Limit(1, 10)}),
)
