"""Indexes that cost at each write and do nothing: never finished, repeated, unused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from psycopg import sql

from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.tables import Table
from litelift.monitor.foreign_keys import ForeignKey
from litelift.monitor.indexes import Index, repeated, unused
from litelift.postgres.connect import Connection
from litelift.report.format import size

COUNTED = timedelta(days=14)
"""For how long nobody has to have used an index: what runs once a week or a fortnight has run by then."""
LEAST = 2**20
"""Bytes: what a smaller one costs is not worth a person's time."""
_LARGER = 3.0
"""How many times as large the index may be that is to serve in the place of its beginning: reading it costs more."""
# What writes a definition out locks the table against changes of its structure for a moment, no more.
_DEFINITION = """
    select pg_get_indexdef(i.indexrelid), t.spcname, obj_description(i.indexrelid, 'pg_class'),
           pg_relation_size(i.indexrelid)
    from pg_index i join pg_class c on c.oid = i.indexrelid left join pg_tablespace t on t.oid = c.reltablespace
    where i.indexrelid = %s
"""
# Of others' sessions a plain role sees only that they make one.
_MAKING = """
    select coalesce(index_relid, 0)::int8 from pg_stat_progress_create_index
    where datid = (select oid from pg_database where datname = current_database())
"""


def droppable(
    connection: Connection,
    indexes: Sequence[Index],
    keys: Sequence[ForeignKey],
    tables: Mapping[int, Table],
    counted: timedelta | None,
    *,
    standbys: bool,
) -> Iterator[tuple[Index, Advice]]:
    """The indexes to drop, each with the advice; what serves in the place of another is none of them.

    Raises psycopg.Error.
    """
    making = {row[0] for row in connection.execute(_MAKING).fetchall()}
    for index in indexes:
        if not index.valid and not making & {0, index.oid} and _stands_alone(index):
            yield (
                index,
                _drop(
                    connection,
                    index,
                    tables,
                    "invalid-index",
                    "Somebody began to make it CONCURRENTLY and did not finish: no query uses it, "
                    "each write pays for it",
                    index.bytes,
                ),
            )
    kept: set[int] = set()
    gone: set[int] = set()
    for one in repeated(indexes):
        index = one.index
        if not _stands_alone(index) or index.clustered or (not one.same and one.by.bytes > _LARGER * index.bytes):
            continue
        kept.add(one.by.oid)
        gone.add(index.oid)
        what = "has the same columns and conditions" if one.same else "begins with the same columns"
        why = f"{one.by.place} {what}, and finds all that it finds"
        yield index, _drop(connection, index, tables, "repeated-index", why, index.bytes)
    if counted is None or counted < COUNTED or standbys:
        return
    for index in unused(indexes, keys):
        if index.oid not in kept | gone and index.bytes >= LEAST and index.writes and _stands_alone(index):
            why = (
                f"No query has used it in the {counted.days} days that the server has counted, in "
                f"which {index.writes:,} rows were written to "
                "its table. (One that was made meanwhile, or is for the end of the year, may still be wanted)"
            )
            yield index, _drop(connection, index, tables, "unused-index", why, index.bytes)


def _stands_alone(index: Index) -> bool:
    return not (
        index.constraint is not None
        or index.referenced
        or index.identity
        or index.primary
        or index.partition
        or index.partitioned
    )


def _drop(
    connection: Connection, index: Index, tables: Mapping[int, Table], kind: str, why: str, weight: float
) -> Advice:
    row = connection.execute(_DEFINITION, (index.oid,)).fetchone()
    assert row is not None
    definition, space, comment, held = row
    name = sql.Identifier(index.schema, index.name)
    undo = [] if kind == "invalid-index" else list(_again(definition, space, comment, name))
    table = tables.get(index.table_oid)
    return Advice(
        kind,  # type: ignore[arg-type]
        index.place,
        why,
        definition,
        "no index",
        f"{size(held)}, and what each write pays for it",
        weight,
        (sql.SQL("DROP INDEX CONCURRENTLY {}").format(name).as_string(None),),
        undo,
        '11.12 "Examining Index Usage"'
        if kind == "unused-index"
        else '"CREATE INDEX", Building Indexes Concurrently'
        if kind == "invalid-index"
        else '11.3 "Multicolumn Indexes"',
        drops=(index.schema, index.name),
        bytes=-int(held),
        blocked=None if table is not None and table.owned else "the login does not own its table: let its owner run it",
    )


def _again(definition: str, space: str | None, comment: str | None, name: sql.Identifier) -> Iterator[str]:
    """The statements that make it as it was."""
    head, _, rest = definition.partition(" INDEX ")
    yield sql.SQL("SET default_tablespace = {}").format(sql.Literal(space or "")).as_string(None)
    yield f"{head} INDEX CONCURRENTLY {rest}"
    if comment is not None:
        yield sql.SQL("COMMENT ON INDEX {} IS {}").format(name, sql.Literal(comment)).as_string(None)


def still_serving(indexes: Sequence[Index], gone: Collection[int]) -> list[Index]:
    """Those that stay."""
    return [index for index in indexes if index.oid not in gone]
