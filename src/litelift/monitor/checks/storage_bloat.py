"""What tables and indexes take on the disk and do not need, by estimate.

Nothing is read but the catalogue: how many rows and pages there were at the last VACUUM or ANALYZE, and how wide the
rows are by the planner's statistics ("pg_stats", "pg_class"). What the rows need is counted by how pages are laid out
("Database Page Layout", and src/include/access/itup.h). It may well be wrong by a fifth: padding between
columns is not counted, and a B-tree that has few different keys takes less than this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.finding import Finding, Limit, State, worst
from litelift.monitor.look import Look

# A table's own pages, and those where its long values lie, four pieces to each ("Database Physical Storage", "TOAST").
_TABLES = """
    with page as (select current_setting('block_size')::float8 as bytes), big as (
        select c.oid, n.nspname, c.relname, c.relpages, c.reltuples, c.relnatts,
               coalesce((select option_value::float8 from pg_options_to_table(c.reloptions)
                         where option_name = 'fillfactor'), 100) / 100 as filled,
               coalesce(t.relpages, 0) as toast_pages, greatest(coalesce(t.reltuples, 0), 0) as toast_rows
        from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_class t on t.oid = c.reltoastrelid
        where c.relkind in ('r', 'm') and c.reltuples >= 0
          and c.relpages + coalesce(t.relpages, 0) >= %s / (select bytes from page)
    ), wide as (
        select big.*, s.width, s.nulls
        from big cross join lateral (
            select sum((1 - s.null_frac) * s.avg_width) as width, bool_or(s.null_frac > 0) as nulls,
                   count(s.attname) as known
            from pg_attribute a
            left join pg_stats s on s.schemaname = big.nspname and s.tablename = big.relname
                                and s.attname = a.attname and not s.inherited
            where a.attrelid = big.oid and a.attnum > 0 and not a.attisdropped
            having count(*) = count(s.attname)
        ) s
    ), needed as (
        select wide.*, ceil(reltuples * (4 + 8 * ceil((23 + case when nulls then (relnatts + 7) / 8 else 0 end) / 8.0)
                            + 8 * ceil(coalesce(width, 0) / 8)) / ((page.bytes - 24) * filled)) as pages,
               ceil(toast_rows / 4) as toast_needed
        from wide, page
    )
    select 'table' as kind, format('%%I.%%I', nspname, relname) as object,
           ((relpages + toast_pages) * page.bytes)::float8 as bytes,
           ((greatest(relpages - pages, 0) + greatest(toast_pages - toast_needed, 0)) * page.bytes)::float8 as wasted
    from needed, page
"""
# An expression's statistics go by the index's own name and column.
_INDEXES = """
    with page as (select current_setting('block_size')::float8 as bytes), big as (
        select x.oid, n.nspname, x.relname, t.relname as on_table, x.relpages, x.reltuples, i.indkey, i.indnatts,
               coalesce((select option_value::float8 from pg_options_to_table(x.reloptions)
                         where option_name = 'fillfactor'), 90) / 100 as filled
        from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
        join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = x.relnamespace
        where x.relkind = 'i' and m.amname = 'btree' and i.indisvalid and x.reltuples >= 0 and t.relkind in ('r', 'm')
          and x.relpages >= %s / (select bytes from page)
    ), wide as (
        select big.*, s.width, s.nulls
        from big join pg_index i on i.indexrelid = big.oid cross join lateral (
            select sum((1 - s.null_frac) * s.avg_width) as width, bool_or(s.null_frac > 0) as nulls
            from pg_attribute k
            left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k.attnum - 1]
                                    and i.indkey[k.attnum - 1] <> 0
            left join pg_stats s on s.schemaname = big.nspname and not s.inherited
                                and s.tablename = case when a.attname is null then big.relname else big.on_table end
                                and s.attname = coalesce(a.attname, k.attname)
            where k.attrelid = big.oid and k.attnum > 0
            having count(*) = count(s.attname)
        ) s
    ), needed as (
        select wide.*, 1 + ceil(reltuples * (4 + case when nulls then 16 else 8 end + 8 * ceil(coalesce(width, 0) / 8))
                                / ((page.bytes - 40) * filled)) as pages
        from wide, page
    )
    select 'index' as kind, format('%%I.%%I', nspname, relname) as object, (relpages * page.bytes)::float8 as bytes,
           (greatest(relpages - pages, 0) * page.bytes)::float8 as wasted
    from needed, page
"""


def _bloat(look: Look) -> Iterator[Finding]:
    # What is smaller than the limit cannot waste so much: it is not even looked at.
    least = look.limit("wasted").warning or 0.0
    large = [*look.rows(_TABLES, least), *look.rows(_INDEXES, least)]
    large = [one for one in large if look.shown(one.object)]
    much = sorted((one for one in large if _state(look, one) != "ok"), key=lambda one: one.wasted, reverse=True)
    measures = [look.measure("total", sum(one.wasted for one in large), "bytes")]
    if not much:
        yield look.ok("none", measures=measures)
        return
    first = much[0]
    yield look.finding(
        worst([_state(look, one) for one in much]),
        "much" if len(much) == 1 else "many",
        f"shrink-{first.kind}",
        n=len(much),
        object=first.object,
        bytes=first.bytes,
        wasted=first.wasted,
        share=_share(first),
        measures=measures,
        items=[{**one._asdict(), "wasted_percent": round(_share(one))} for one in much],
    )


def _state(look: Look, one: Any) -> State:
    """It has to be large and much."""
    states = [look.limit("wasted").state(one.wasted), look.limit("wasted_percent").state(_share(one))]
    return "ok" if "ok" in states else "warning" if "warning" in states else "critical"


def _share(one: Any) -> float:
    return float(100 * one.wasted / max(one.bytes, 1))


CHECKS = (
    Check(
        "bloat",
        "storage",
        _bloat,
        every=SELDOM,
        limits={
            "wasted": Limit(500e6),
            "wasted_percent": Limit(50),
        },
    ),
)
