"""Indexes that are missing, that nobody uses, that repeat others, and that are not valid."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.counted import used_since
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.foreign_keys import ForeignKey, read_foreign_keys, without_index
from litelift.monitor.indexes import Index, read_indexes, repeated, unused
from litelift.monitor.look import Look

DAY = 86400

# One that is being built is not valid yet; of others' sessions a plain role sees only that they build one.
_INVALID = """
    select n.nspname as schema, t.relname as table, c.relname as name, i.indisunique as unique,
           c.relkind = 'I' as partitioned, c.relpages::int8 * current_setting('block_size')::int as bytes
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    join pg_class t on t.oid = i.indrelid
    join pg_namespace n on n.oid = t.relnamespace
    where not (i.indisvalid and i.indisready and i.indislive) and n.nspname !~ '^pg_'
      and not exists (select from pg_stat_progress_create_index b where b.datid =
                      (select oid from pg_database where datname = current_database())
                      and coalesce(nullif(b.index_relid, 0), i.indexrelid) = i.indexrelid)
    order by bytes desc, 1, 3
"""
# A walsender of a standby; without the right to see its state any counts.
_STANDBYS = "select count(*) as n from pg_stat_replication where coalesce(state, 'streaming') = 'streaming'"


def _missing(look: Look) -> Iterator[Finding]:
    assert look.connection is not None
    keys = without_index(read_foreign_keys(look.connection, read_indexes(look.connection)))
    found = [key for key in keys if _matters(look, key) and look.shown(f"{key.schema}.{key.table}.{key.name}")]
    first = found[0] if found else None
    yield look.finding(
        look.limit("indexes").state(len(found)),
        "some" if found else "small" if keys else "none",
        "create",
        n=len(found),
        small=len(keys) - len(found),
        place=first.place if first else None,
        rows=first.rows if first else None,
        create=first.create_index if first else None,
        measures=[look.measure("indexes", len(found))],
        items=[
            {
                "foreign_key": f"{key.schema}.{key.table}.{key.name}",
                "columns": ", ".join(key.columns),
                "parent": f"{key.parent_schema}.{key.parent}",
                "rows": key.rows,
                "deleted": key.deleted,
                "create": key.create_index,
            }
            for key in found
        ],
    )


def _matters(look: Look, key: ForeignKey) -> bool:
    """Whether its absence is felt: all of a large table is read for each row that goes from the parent."""
    many, searched = look.limit("rows").warning or 0, look.limit("searched_rows").warning or 0
    return key.rows >= many or (key.deleted > 0 and key.rows >= searched)


def _unused(look: Look) -> Iterator[Finding]:
    assert look.connection is not None and look.server is not None
    if look.server.standby:
        yield look.ok("standby")
        return
    since = used_since(look.connection, look.baseline)
    days = (look.now - since).total_seconds() / DAY if since is not None else 0.0
    wanted = look.limit("days").warning or 0
    if days < wanted:
        yield look.ok("young", days=int(days), wanted=int(wanted))
        return
    indexes = read_indexes(look.connection)
    others = {one.index.oid for one in repeated(indexes)}
    found = [
        index
        for index in unused(indexes, read_foreign_keys(look.connection, indexes))
        if index.oid not in others and look.shown(index.place)
    ]
    total = sum(index.bytes for index in found)
    standbys = look.row(_STANDBYS).n
    yield look.finding(
        look.limit("bytes").state(total),
        "some" if found else "none",
        "drop-standbys" if standbys else "drop",
        n=len(found),
        bytes=total,
        days=int(days),
        standbys=standbys,
        index=found[0].name if found else None,
        place=found[0].place if found else None,
        drop=found[0].drop if found else None,
        ask=_ask(found[0]) if found else None,
        measures=[look.measure("indexes", len(found)), look.measure("bytes", total, "bytes")],
        items=[
            {
                "index": index.place,
                "table": f"{index.schema}.{index.table}",
                "bytes": index.bytes,
                "writes": index.writes,
                "drop": index.drop,
            }
            for index in found
        ],
    )


def _ask(index: Index) -> str:
    """The query by which a standby says how often it has used the index."""
    query = sql.SQL("SELECT idx_scan FROM pg_stat_user_indexes WHERE schemaname = {} AND indexrelname = {};")
    return query.format(index.schema, index.name).as_string(None)


def _repeated(look: Look) -> Iterator[Finding]:
    assert look.connection is not None
    found = [one for one in repeated(read_indexes(look.connection)) if look.shown(one.index.place)]
    same = sum(one.same for one in found)
    total = sum(one.index.bytes for one in found)
    states = look.limit("same").state(same), look.limit("bytes").state(total)
    first = found[0] if found else None
    yield look.finding(
        max(states, key=("ok", "warning", "critical").index),
        ("same" if same else "begins") if found else "none",
        "drop",
        n=len(found),
        same=same,
        bytes=total,
        index=first.index.name if first else None,
        by=first.by.name if first else None,
        drop=first.index.drop if first else None,
        measures=[
            look.measure("indexes", len(found)),
            look.measure("same", same),
            look.measure("bytes", total, "bytes"),
        ],
        items=[
            {
                "index": one.index.place,
                "by": one.by.place,
                "same": one.same,
                "bytes": one.index.bytes,
                "drop": one.index.drop,
            }
            for one in found
        ],
    )


def _invalid(look: Look) -> Iterator[Finding]:
    found = [one for one in look.rows(_INVALID) if look.shown(f"{one.schema}.{one.name}")]
    items = []
    for one in found:
        name = sql.Identifier(one.schema, one.name)
        # What a REINDEX CONCURRENTLY that was cut off leaves is of no use ("REINDEX", Rebuilding Indexes Concurrently).
        left = one.name.rstrip("0123456789").endswith(("_ccnew", "_ccold"))
        statement = sql.SQL("DROP INDEX CONCURRENTLY {};" if left else "REINDEX INDEX CONCURRENTLY {};")
        if one.partitioned:
            # It becomes valid with the last partition's ("CREATE INDEX", Notes).
            statement = sql.SQL("ALTER INDEX {} ATTACH PARTITION ...;")
        items.append(
            {
                "index": f"{one.schema}.{one.name}",
                "table": f"{one.schema}.{one.table}",
                "unique": one.unique,
                "bytes": one.bytes,
                "mend": statement.format(name).as_string(None),
            }
        )
    yield look.finding(
        look.limit("indexes").state(len(items)),
        "some" if items else "none",
        "mend",
        n=len(items),
        index=found[0].name if found else None,
        mend=items[0]["mend"] if items else None,
        measures=[look.measure("indexes", len(items))],
        items=items,
    )


_MUCH = float(100 << 20)

CHECKS = (
    Check(
        "missing-foreign-key-indexes",
        "schema",
        _missing,
        every=SELDOM,
        # To read 10,000 rows takes about a millisecond, for each row that goes from the parent. From 100,000 on joins
        # and lists by the parent want the index too.
        limits={"indexes": Limit(1), "searched_rows": Limit(10_000), "rows": Limit(100_000)},
    ),
    Check(
        "unused-indexes",
        "schema",
        _unused,
        every=SELDOM,
        # What is asked once a month has been asked in 35 days. A few megabytes are not worth a thought.
        limits={"days": Limit(35), "bytes": Limit(_MUCH)},
    ),
    Check(
        "duplicate-indexes",
        "schema",
        _repeated,
        every=SELDOM,
        # Two that are alike are an oversight; the beginning of another may be wanted, for it is smaller.
        limits={"same": Limit(1), "bytes": Limit(_MUCH)},
    ),
    Check("invalid-indexes", "schema", _invalid, every=SELDOM, limits={"indexes": Limit(1)}),
)
