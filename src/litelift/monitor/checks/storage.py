"""How much room the data takes, how fast that grows, and whether what is stored is what was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from litelift.monitor.check import SELDOM, SOMETIMES, Check
from litelift.monitor.checks import storage_bloat
from litelift.monitor.checks.backups_kept import words_of
from litelift.monitor.finding import Finding, Item, Limit, State
from litelift.monitor.look import Look
from litelift.postgres.size import database_bytes

_SERIES = "database-size.bytes"
_DAY = timedelta(days=1)
_USUAL = timedelta(days=8)
"""A week, and the day that is compared with it."""
SHOWN = 10
"""Tables: more is read by nobody."""


def _size(look: Look) -> Iterator[Finding]:
    assert look.connection is not None
    size = database_bytes(look.connection)
    measures = [look.measure("bytes", size, "bytes")]
    before = _before(look, _DAY)
    if before is None:
        baseline = look.baseline
        if baseline is not None and _SERIES in baseline.measures:
            at = baseline.at.timestamp()
            yield look.ok("moved", measures=measures, size=size, before=baseline.measures[_SERIES], at=at)
        else:
            yield look.ok("alone", measures=measures, size=size)
        return
    days, was = before
    grown = (size - was) / max(days, 1.0)
    older = _before(look, _USUAL)
    usual = (was - older[1]) / (older[0] - days) if older is not None and older[0] - days >= 1 else None
    state = _judged(look, grown, was, usual)
    measures.append(look.measure("grown", grown, "bytes"))
    facts: dict[str, Any] = {"size": size, "before": was, "ago": days * 86400, "grown": grown, "usual": usual}
    if state == "ok":
        yield look.ok("known", measures=measures, **facts)
    else:
        found = "sudden" if usual is None else "unusual"
        yield look.finding(state, found, "see", measures=measures, items=_biggest(look), **facts)


def _before(look: Look, age: timedelta) -> tuple[float, float] | None:
    """The days since the size was taken that is nearest to that age, and the size: none from before the move."""
    at, baseline = look.now - age, look.baseline
    if baseline is not None and baseline.at >= at and _SERIES in baseline.measures:
        found = baseline.at, baseline.measures[_SERIES]
    else:
        past = look.past.value(_SERIES, at)
        if past is None or (baseline is not None and past[0] < baseline.at):
            return None
        found = past
    return (look.now - found[0]) / _DAY, found[1]


def _judged(look: Look, grown: float, was: float, usual: float | None) -> State:
    """It is told of what is much for this database and not little for a disk."""
    if look.limit("grown").state(grown) == "ok":
        return "ok"
    state = look.limit("grown_percent").state(100 * grown / max(was, 1))
    if usual is None:
        return state
    if look.limit("grown_times").state(grown / max(usual, 1)) == "ok":
        return "ok"
    return "warning" if state == "ok" else state


# The sizes of files are asked for of the few that are the biggest by what the catalogue noted last, and of none that
# somebody has locked, itself or an index (REINDEX): pg_table_size() would wait for the lock.
_BIGGEST = """
    with big as (
        select c.oid, n.nspname, c.relname, c.relkind, c.reltuples
        from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_class t on t.oid = c.reltoastrelid
        where c.relkind in ('r', 'm') and (c.oid >= 16384 or c.relname = 'pg_largeobject' and c.relpages > 0)
          and c.relpersistence <> 't'
          and c.oid not in (
              select coalesce(i.indrelid, l.relation) from pg_locks l left join pg_index i on i.indexrelid = l.relation
              where l.mode = 'AccessExclusiveLock' and l.relation is not null)
        order by c.relpages + coalesce(t.relpages, 0)
                 + (select coalesce(sum(x.relpages), 0)
                    from pg_index i join pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid) desc,
                 pg_stat_get_live_tuples(c.oid) desc
        limit 20
    )
    select format('%I.%I', nspname, relname) as "table", nspname || '.' || relname as name, pg_table_size(oid) as heap,
           pg_indexes_size(oid) as indexes,
           case when reltuples > 0 then reltuples::bigint else pg_stat_get_live_tuples(oid) end as rows
    from big order by pg_total_relation_size(oid) desc
"""


def _biggest(look: Look) -> list[Item]:
    """The biggest tables; how many rows each has more than at the move, and that by the day."""
    items: list[Item] = []
    for one in look.rows(_BIGGEST)[:SHOWN]:
        moved = look.baseline.rows.get(one.name) if look.baseline else None
        days = (look.now - look.baseline.at) / _DAY if look.baseline else 0.0
        more = None if moved is None else one.rows - moved
        items.append(
            {
                "table": one.table,
                "bytes": one.heap + one.indexes,
                "index_bytes": one.indexes,
                "rows": one.rows,
                "rows_since_move": more,
                "rows_a_day": None if more is None or days < 1 else round(more / days),
            }
        )
    return items


def _tables(look: Look) -> Iterator[Finding]:
    items = _biggest(look)
    if not items:
        yield look.ok("none")
        return
    first = items[0]
    measures = [look.measure("bytes", float(first["bytes"] or 0), "bytes")]
    facts: dict[str, Any] = {"table": first["table"], "bytes": first["bytes"], "rows": first["rows"]}
    more = first["rows_since_move"]
    if not isinstance(more, int):
        yield look.ok("biggest", measures=measures, items=items, **facts)
    else:
        found = "grown" if more >= 0 else "shrunk"
        yield look.ok(found, measures=measures, items=items, more=abs(more), **facts)


def _checksums(look: Look) -> Iterator[Finding]:
    failed = look.rows("""
        select datname as database, checksum_failures as failures,
               extract(epoch from checksum_last_failure)::float8 as last
        from pg_stat_database where checksum_failures > 0 order by failures desc
    """)
    if look.row("select current_setting('data_checksums') as said").said == "off":
        yield look.ok("off")
        return
    total = sum(one.failures for one in failed)
    yield look.finding(
        look.limit("failures").state(total),
        "damaged" if failed else "whole",
        "save",
        words=words_of(look),
        n=total,
        database=failed[0].database or "" if failed else None,
        last=max((one.last for one in failed), default=None),
        measures=[look.measure("failures", total)],
        items=[one._asdict() for one in failed],
    )


CHECKS: tuple[Check, ...] = (
    Check(
        "database-size",
        "storage",
        _size,
        every=SOMETIMES,
        limits={
            "grown_percent": Limit(25, 100),
            "grown": Limit(1e9),
            "grown_times": Limit(5),
        },
    ),
    Check("biggest-tables", "storage", _tables, every=SELDOM),
    *storage_bloat.CHECKS,
    Check("checksums", "storage", _checksums, every=SOMETIMES, limits={"failures": Limit(critical=1)}),
)
