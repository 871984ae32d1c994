"""Every foreign key of the application's tables, with the indexes that find the rows of its columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from psycopg import sql
from psycopg.rows import class_row

from litelift.monitor.indexes import Index
from litelift.postgres.connect import Connection

# A partitioned table has its rows, and what is done to them, in its partitions.
_KEYS = """
    select k.oid::int8 as oid, k.conname as name, n.nspname as schema, t.relname as table, t.oid::int8 as table_oid,
           t.relkind = 'p' as partitioned, k.conkey::int[] as numbers,
           array(select a.attname::text from unnest(k.conkey) with ordinality c(number, place)
                 join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.number order by c.place) as columns,
           array(select a.attcollation::int8 from unnest(k.conkey) with ordinality c(number, place)
                 join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.number order by c.place)
               as collations,
           array(select (select coalesce(array_agg(distinct f.amopfamily)::text, '{}') from pg_operator o
                         join pg_amop f on f.amopopr in (o.oid, o.oprcom) where o.oid = e.operator)
                 from unnest(k.conpfeqop) with ordinality e(operator, place) order by e.place) as families,
           pn.nspname as parent_schema, p.relname as parent,
           array(select a.attname::text from unnest(k.confkey) with ordinality c(number, place)
                 join pg_attribute a on a.attrelid = k.confrelid and a.attnum = c.number order by c.place)
               as parent_columns,
           case k.confdeltype when 'a' then 'no action' when 'r' then 'restrict' when 'c' then 'cascade'
                when 'n' then 'set null' else 'set default' end as on_delete,
           k.convalidated as valid, own.rows, own.bytes, own.scans, theirs.deleted
    from pg_constraint k
    join pg_class t on t.oid = k.conrelid
    join pg_namespace n on n.oid = t.relnamespace
    join pg_class p on p.oid = k.confrelid
    join pg_namespace pn on pn.oid = p.relnamespace
    cross join lateral (
        select coalesce(sum(case when c.reltuples > 0 then c.reltuples else pg_stat_get_live_tuples(c.oid) end),
                        0)::int8 as rows,
               coalesce(sum(c.relpages), 0)::int8 * current_setting('block_size')::int as bytes,
               coalesce(sum(pg_stat_get_numscans(c.oid)), 0)::int8 as scans
        from (select t.oid union all select inhrelid from pg_inherits where inhparent = t.oid and t.relkind = 'p') part
        join pg_class c on c.oid = part.oid and c.relkind <> 'p') own
    cross join lateral (
        select coalesce(sum(pg_stat_get_tuples_deleted(part.oid)), 0)::int8 as deleted
        from (select p.oid union all select inhrelid from pg_inherits where inhparent = p.oid and p.relkind = 'p') part
    ) theirs
    where k.contype = 'f' and k.conparentid = 0 and n.nspname !~ '^pg_'
      and n.nspname not in ('information_schema', 'litelift')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = t.oid
                      and d.deptype = 'e')
    order by n.nspname, t.relname, k.conname
"""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key."""

    oid: int
    name: str
    schema: str
    table: str
    table_oid: int
    partitioned: bool
    numbers: list[int]
    """Its columns, by their number in the table."""
    columns: list[str]
    collations: list[int]
    """Of its columns."""
    families: list[str]
    """For each column the operator families that know how it is compared with the parent's: "{1976,1977}"."""
    parent_schema: str
    parent: str
    parent_columns: list[str]
    on_delete: str
    valid: bool
    """Whether it was checked for all rows; else it is NOT VALID, and holds for new ones."""
    rows: int
    """Of its table, as it was analysed last; else as the statistics have it."""
    bytes: int
    """Of its table, without indexes, at the last VACUUM or ANALYZE."""
    scans: int
    """How often the whole table was read since the statistics began."""
    deleted: int
    """Rows that were deleted from the parent since the statistics began: each had the table searched."""
    served_by: Sequence[Index] = ()
    """The indexes that find the rows of a parent."""

    @property
    def place(self) -> str:
        """As a person knows it: "public.grades.student_id"."""
        return f"{self.schema}.{self.table}.{', '.join(self.columns)}"

    @property
    def create_index(self) -> str:
        """The statement that makes the index, without keeping writers waiting where PostgreSQL can."""
        # "CREATE INDEX": those of partitioned tables cannot be made CONCURRENTLY.
        return (
            sql.SQL("CREATE INDEX {}ON {} ({});")
            .format(
                sql.SQL("" if self.partitioned else "CONCURRENTLY "),
                sql.Identifier(self.schema, self.table),
                sql.SQL(", ").join(map(sql.Identifier, self.columns)),
            )
            .as_string(None)
        )


def read_foreign_keys(connection: Connection, indexes: Iterable[Index]) -> list[ForeignKey]:
    """Every foreign key of the application's tables, by name, with those of ``indexes`` that serve it.

    Raises psycopg.Error.
    """
    tables: dict[int, list[Index]] = defaultdict(list)
    for index in indexes:
        tables[index.table_oid].append(index)
    with connection.cursor(row_factory=class_row(ForeignKey)) as cursor:
        keys = cursor.execute(_KEYS).fetchall()
    return [replace(key, served_by=[one for one in tables[key.table_oid] if _serves(one, key)]) for key in keys]


def without_index(keys: Iterable[ForeignKey]) -> list[ForeignKey]:
    """Those whose columns no index begins with, each set of columns once, those of the largest tables first."""
    found: dict[tuple[int, frozenset[int]], ForeignKey] = {}
    for key in keys:
        if not key.served_by:
            place = key.table_oid, frozenset(key.numbers)
            known = found.get(place)
            # A column may refer to two parents: the one whose rows go is the reason for the index.
            if known is None or key.deleted > known.deleted:
                found[place] = key
    return sorted(found.values(), key=lambda key: (-key.rows, key.place))


def compares(index: Index, place: int, key: ForeignKey) -> bool:
    """Whether a column of the index, one of the key's, is sorted by what the foreign key compares it by.

    One by text_pattern_ops is, for equality; one of another collation is not ("Indexes and Collations").
    """
    column = key.numbers.index(index.numbers[place])
    known = key.families[column].strip("{}").split(",")
    return str(index.families[place]) in known and index.collations[place] in (0, key.collations[column])


def _serves(index: Index, key: ForeignKey) -> bool:
    """Whether the index finds all rows of a parent: its first columns are the key's, in any order, compared alike."""
    return (
        index.valid
        and index.method in ("btree", "hash")
        and index.width >= len(key.numbers)
        and set(index.numbers[: len(key.numbers)]) == set(key.numbers)
        and all(compares(index, place, key) for place in range(len(key.numbers)))
        and (index.predicate is None or _only_filled(index, key))
    )


def _only_filled(index: Index, key: ForeignKey) -> bool:
    """Whether it leaves out nothing but NULLs of the key's only column, which no parent has."""
    tree = index.predicate or ""
    # As "pg_index" writes "column IS NOT NULL": a NullTest (nodes/primnodes.h) of the column's Var.
    return (
        len(key.numbers) == 1
        and tree.startswith("{NULLTEST ")
        and tree.count("{") == 2
        and f":varattno {key.numbers[0]} " in tree
        and ":nulltesttype 1 " in tree
    )
