"""The table of locks, which all sessions share."""

from __future__ import annotations

from collections.abc import Iterator

from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look


def _locks(look: Look) -> Iterator[Finding]:
    # One place for each object that is locked, whoever holds it; those of the fast path need none, and predicate locks
    # have a table of their own ("Lock Management", section 20.12).
    found = look.row("""
        select (select count(*) from (
                   select distinct locktype, database, relation, page, tuple, virtualxid, transactionid, classid,
                          objid, objsubid
                   from pg_locks where not fastpath and mode <> 'SIReadLock') as objects) as used,
               current_setting('max_locks_per_transaction')::int8 * (current_setting('max_connections')::int
               + current_setting('max_prepared_transactions')::int) as most,
               current_setting('max_locks_per_transaction')::int as each
    """)
    share = 100 * found.used / found.most
    yield look.finding(
        look.limit("used_percent").state(share),
        "used",
        "more",
        used=found.used,
        most=found.most,
        share=share,
        more=2 * found.each,
        measures=[look.measure("used", found.used, most=found.most), look.measure("used_percent", share, "percent")],
    )


CHECKS = (Check("locks", "server", _locks, every=SOMETIMES, limits={"used_percent": Limit(60, 85)}),)
