"""Every index of the application's tables, and which of them nobody needs: those unused, and those that repeat others.

The catalogue is read as it stands: what writes an index's definition out (pg_get_indexdef) would lock its table.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.rows import class_row

if TYPE_CHECKING:
    from litelift.monitor.foreign_keys import ForeignKey
    from litelift.postgres.connect import Connection

# Sizes are those of the last VACUUM, ANALYZE or REINDEX ("pg_class", relpages): to ask for them now takes a lock.
# indnullsnotdistinct came with PostgreSQL 15.
_INDEXES = """
    select i.indexrelid::int8 as oid, i.indrelid::int8 as table_oid, n.nspname as schema, t.relname as table,
           c.relname as name, m.amname as method, i.indnkeyatts as width,
           string_to_array(i.indkey::text, ' ')::int[] as numbers,
           string_to_array(i.indclass::text, ' ')::int8[] as classes,
           string_to_array(i.indcollation::text, ' ')::int8[] as collations,
           string_to_array(i.indoption::text, ' ')::int[] as options,
           array(select coalesce(a.attname::text, '') from unnest(i.indkey::int2[]) with ordinality k(number, place)
                 left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
                 order by k.place) as columns,
           array(select o.opcfamily::int8 from unnest(i.indclass::oid[]) with ordinality k(class, place)
                 join pg_opclass o on o.oid = k.class order by k.place) as families,
           i.indexprs::text as expressions, i.indpred::text as predicate,
           i.indisunique as unique, coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) as nulls_alike,
           i.indisprimary as primary, i.indisvalid and i.indisready as valid, i.indisreplident as identity,
           i.indisclustered as clustered, c.relkind = 'I' as partitioned, c.relispartition as partition,
           (select k.conname from pg_constraint k where k.conindid = i.indexrelid and k.conrelid = i.indrelid
            and k.contype in ('p', 'u', 'x') limit 1) as constraint,
           exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype = 'f') as referenced,
           pg_stat_get_numscans(i.indexrelid) as scans,
           c.relpages::int8 * current_setting('block_size')::int as bytes,
           pg_stat_get_tuples_inserted(i.indrelid) + pg_stat_get_tuples_updated(i.indrelid) as writes
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    join pg_am m on m.oid = c.relam
    join pg_class t on t.oid = i.indrelid
    join pg_namespace n on n.oid = t.relnamespace
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'litelift') and t.relkind in ('r', 'p', 'm')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = t.oid
                      and d.deptype = 'e')
    order by n.nspname, t.relname, c.relname
"""


@dataclass(frozen=True, slots=True)
class Index:
    """An index, as pg_index has it."""

    oid: int
    table_oid: int
    schema: str
    table: str
    name: str
    method: str
    width: int
    """How many of its columns are its key; the others are included."""
    numbers: list[int]
    """Its columns, by their number in the table; 0 is an expression."""
    classes: list[int]
    """Of the key's columns, as the two that follow: operator classes, collations, and whether it goes down."""
    collations: list[int]
    options: list[int]
    columns: list[str]
    """By name; "" is an expression."""
    families: list[int]
    """The operator classes' families: which operators it finds rows by."""
    expressions: str | None
    predicate: str | None
    unique: bool
    nulls_alike: bool
    primary: bool
    valid: bool
    identity: bool
    """Whether logical replication knows rows by it (REPLICA IDENTITY)."""
    clustered: bool
    partitioned: bool
    partition: bool
    constraint: str | None
    """The key or exclusion constraint that it stands for."""
    referenced: bool
    """Whether a foreign key stands on it."""
    scans: int
    """Since the statistics began."""
    bytes: int
    writes: int
    """Rows inserted into and updated in its table since the statistics began: each may have to be written here too."""

    @property
    def place(self) -> str:
        """As a person knows it: "public.grades_year"."""
        return f"{self.schema}.{self.name}"

    @property
    def drop(self) -> str:
        """The statement that drops it, without keeping anybody waiting where PostgreSQL can."""
        if self.constraint is not None:
            table, name = sql.Identifier(self.schema, self.table), sql.Identifier(self.constraint)
            return sql.SQL("ALTER TABLE {} DROP CONSTRAINT {};").format(table, name).as_string(None)
        # "DROP INDEX": those of partitioned tables cannot be dropped CONCURRENTLY.
        how = sql.SQL("" if self.partitioned else "CONCURRENTLY ")
        return sql.SQL("DROP INDEX {}{};").format(how, sql.Identifier(self.schema, self.name)).as_string(None)

    @property
    def serves_rules(self) -> bool:
        """Whether something else than speed depends on it."""
        return self.unique or self.constraint is not None or self.referenced or self.identity


@dataclass(frozen=True, slots=True)
class Repeated:
    """An index that another one makes superfluous."""

    index: Index
    by: Index
    same: bool
    """Whether they are alike; else it is the beginning of the other."""


def read_indexes(connection: Connection) -> list[Index]:
    """Every index of the application's tables, by name. Raises psycopg.Error."""
    with connection.cursor(row_factory=class_row(Index)) as cursor:
        return cursor.execute(_INDEXES).fetchall()


def unused(indexes: Iterable[Index], foreign_keys: Iterable[ForeignKey]) -> list[Index]:
    """Those that no query has used since the statistics began, and that nothing needs, the largest first.

    Kept out: those that stand for a rule; those of expressions, whose statistics the planner uses even where it does
    not use the index ("CREATE STATISTICS"); those that a table is clustered by; those behind a foreign key, whose
    absence would be told as soon as they were dropped; partitions of an index, of which another may be in use.
    """
    needed = {index.oid for key in foreign_keys for index in key.served_by}
    found = [
        index
        for index in indexes
        if not index.scans
        and index.valid
        and not index.serves_rules
        and index.expressions is None
        and not index.clustered
        and not index.partition
        and not index.partitioned
        and index.oid not in needed
    ]
    return sorted(found, key=lambda index: (-index.bytes, index.place))


def repeated(indexes: Iterable[Index]) -> list[Repeated]:
    """Those that another one of the same table makes superfluous, the alike first, and each group's largest first."""
    tables: dict[int, list[Index]] = defaultdict(list)
    for index in indexes:
        if index.valid and not index.partition:
            tables[index.table_oid].append(index)
    found = [one for group in tables.values() for one in _repeated(group)]
    return sorted(found, key=lambda one: (not one.same, -one.index.bytes, one.index.place))


def _repeated(indexes: Sequence[Index]) -> Iterator[Repeated]:
    """Of one table. Of those that are alike one stays, and what stands for another stays itself."""
    gone: dict[int, Index] = {}
    for index in sorted(indexes, key=_worth):
        others = [other for other in indexes if other.oid not in gone]
        alike = [other for other in others if _alike(index, other)]
        longer = [other for other in others if _begins(index, other)]
        if alike and not _has_own_rule(index, alike):
            gone[index.oid] = max(alike, key=_worth)
        elif longer and not index.serves_rules and not index.clustered:
            gone[index.oid] = max(longer, key=_worth)
    for index in indexes:
        if index.oid in gone:
            by = gone[index.oid]
            while by.oid in gone:
                by = gone[by.oid]
            yield Repeated(index, by, _alike(index, by))


def _worth(index: Index) -> tuple[bool, bool, bool, bool, bool, bool, int, int]:
    """What is rather kept; of those that are worth the same, the one that was made first."""
    return (
        index.primary,
        index.identity,
        index.referenced,
        index.constraint is not None,
        index.unique,
        index.clustered,
        index.scans,
        -index.oid,
    )


def _has_own_rule(index: Index, alike: Collection[Index]) -> bool:
    """Whether it does what none of those that are alike does."""
    if index.primary or index.referenced or index.identity or index.clustered:
        return True
    return index.unique and not any(other.unique and other.nulls_alike == index.nulls_alike for other in alike)


def _alike(index: Index, other: Index) -> bool:
    return (
        index.oid != other.oid
        and index.method == other.method
        and index.numbers == other.numbers
        and _columns(index) == _columns(other)
        and _trees(index) == _trees(other)
    )


def _begins(index: Index, other: Index) -> bool:
    """Whether it is the beginning of the other one, so that whatever it finds the other finds too."""
    n = index.width
    return (
        index.method == other.method == "btree"
        and n == len(index.numbers)
        and n < other.width
        and index.numbers == other.numbers[:n]
        and _columns(index) == _columns(other, n)
        and index.expressions is None
        and _tree(index.predicate) == _tree(other.predicate)
    )


def _columns(index: Index, n: int | None = None) -> tuple[list[int], list[int], list[int]]:
    return index.classes[:n], index.collations[:n], index.options[:n]


def _trees(index: Index) -> tuple[str | None, str | None]:
    return _tree(index.expressions), _tree(index.predicate)


def _tree(tree: str | None) -> str | None:
    """A tree without the places of its words in the statement that made it."""
    return None if tree is None else re.sub(r":location -?\d+", "", tree)
