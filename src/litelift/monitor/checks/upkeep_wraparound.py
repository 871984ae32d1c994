"""How far the numbers of transactions are from their end, where PostgreSQL stops taking any."""

from __future__ import annotations

from collections.abc import Iterator

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.checks.upkeep_horizon import oldest_holder
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look

END = 2**31
"""Transactions, or MultiXacts, that can be told apart ("Preventing Transaction ID Wraparound Failures")."""
_LATE = 1.25
"""Times the age at which autovacuum begins to freeze whatever else there is to do; so long it may take."""

_DATABASES = """
    select datname as database, age(datfrozenxid) as xid, mxid_age(datminmxid) as mxid,
           current_setting('autovacuum_freeze_max_age')::float8 as xid_starts,
           current_setting('autovacuum_multixact_freeze_max_age')::float8 as mxid_starts,
           datname = current_database() as here
    from pg_database
"""
_TABLES = """
    select format('%I.%I', coalesce(m.nspname, n.nspname), coalesce(o.relname, c.relname)) as "table",
           age(c.relfrozenxid) as xid, mxid_age(c.relminmxid) as mxid, c.relpersistence = 't' as temporary,
           coalesce(o.relpages, 0) + c.relpages as pages
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_class o on o.reltoastrelid = c.oid left join pg_namespace m on m.oid = o.relnamespace
    where c.relkind in ('r', 'm', 't')
    order by greatest(age(c.relfrozenxid), mxid_age(c.relminmxid)) desc limit 10
"""


def _wraparound(look: Look) -> Iterator[Finding]:
    databases = look.rows(_DATABASES)
    worst = max(databases, key=lambda one: (max(one.xid, one.mxid), one.here))
    by_mxid = worst.mxid > worst.xid
    age, starts = (worst.mxid, worst.mxid_starts) if by_mxid else (worst.xid, worst.xid_starts)
    used = 100 * age / END
    measures = [
        look.measure("used_percent", used, "percent"),
        look.measure("xid_age", max(one.xid for one in databases), most=END),
        look.measure("mxid_age", max(one.mxid for one in databases), most=END),
    ]
    state = look.limit("used_percent").state(used)
    if state == "warning" and age < _LATE * starts:
        state = "ok"
    if state == "ok":
        yield look.ok("far", measures=measures, used=used, database=worst.database, left=END - age)
        return
    holder = oldest_holder(look)
    tables = look.rows(_TABLES) if worst.here else []
    if holder is not None and holder.age > starts / 2:
        do = f"held-{holder.kind}"
    elif tables and tables[0].temporary:
        do = "temporary"
    else:
        do = "freeze"
    yield look.finding(
        state,
        "mxid" if by_mxid else "xid",
        do,
        used=used,
        database=worst.database,
        left=END - age,
        table=tables[0].table if tables else None,
        holder=holder.name if holder else None,
        measures=measures,
        items=[one._asdict() for one in tables],
    )


CHECKS = (
    Check(
        "wraparound",
        "upkeep",
        _wraparound,
        every=SELDOM,
        limits={"used_percent": Limit(40, 75)},
    ),
)
