"""The application's tables and their columns, with what the planner believes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from psycopg.rows import class_row

from litelift.postgres.connect import Connection

# An index of a type takes an operator class that is its default, of the type itself or of one that it is stored as
# (varchar as text), or of all arrays, enums and ranges ("pg_opclass", "pg_cast").
_COLUMNS = """
    select a.attrelid::int8 as table_oid, a.attname as name, s.n_distinct, s.null_frac as nulls, s.avg_width as width,
           a.attlen as length,
           exists (
               select from pg_opclass o join pg_am m on m.oid = o.opcmethod
               where m.amname = 'btree' and o.opcdefault and (
                   o.opcintype = b.oid or o.opcintype in (
                       select casttarget from pg_cast where castsource = b.oid and castmethod = 'b'
                       and castcontext = 'i')
                   or o.opcintype = case when b.typtype = 'e' then 'anyenum'::regtype
                                         when b.typtype = 'r' then 'anyrange'::regtype end)) as sortable
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    join pg_type t on t.oid = a.atttypid
    join pg_type b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
    left join lateral (
        select s.n_distinct, s.null_frac, s.avg_width from pg_stats s
        where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname
        order by s.inherited desc limit 1) s on true
    where a.attrelid = any(%s) and a.attnum > 0 and not a.attisdropped
"""
_TABLES = """
    select c.oid::int8 as oid, n.nspname as schema, c.relname as name, c.relkind = 'p' as partitioned,
           pg_has_role(c.relowner, 'usage') as owned, greatest(own.rows, 0)::int8 as rows,
           own.bytes, own.rows >= 0 as analyzed
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
        select coalesce(sum(case when p.relpages > 0 or p.reltuples > 0 then p.reltuples end), -1) as rows,
               coalesce(sum(case when p.relpages > 0 then p.relpages * current_setting('block_size')::int8
                                 else pg_relation_size(p.oid) end), 0)::int8 as bytes
        from pg_class p
        where p.oid = c.oid and c.relkind in ('r', 'm')
              or c.relkind = 'p' and p.relkind = 'r' and p.oid in (
                  with recursive below(oid) as (
                      select inhrelid from pg_inherits where inhparent = c.oid
                      union all select i.inhrelid from pg_inherits i join below b on i.inhparent = b.oid)
                  select oid from below)) own
    where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't' and not c.relispartition
      and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'litelift')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                      and d.deptype = 'e')
"""
WIDE = 64
"""Bytes. A value of more than a third of a page cannot be in an index ("B-Tree Indexes"): where those of a column are
long as a rule, the next one may be too long, and be refused."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column."""

    table_oid: int
    name: str
    n_distinct: float | None
    """As pg_stats has it: below 0 it is the part of the rows. None: not analyzed, or not to be read."""
    nulls: float | None
    """The part of its values that are NULL."""
    width: int | None
    length: int
    """Below 0 its values have no fixed one."""
    sortable: bool
    """Whether an ordinary index can be made of it."""

    @property
    def fits(self) -> bool:
        """Whether its values belong in an index."""
        return self.sortable and (self.length > 0 or (self.width or 0) <= WIDE)


@dataclass(slots=True, eq=False)
class Table:
    """A table; of one in partitions the sums of those."""

    oid: int
    schema: str
    name: str
    partitioned: bool
    owned: bool
    """Whether the login may make indexes of it."""
    rows: int
    bytes: int
    analyzed: bool
    """Whether the server knows anything of its rows."""
    columns: Mapping[str, Column] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """As a person knows it."""
        return f"{self.schema}.{self.name}"

    def distinct(self, column: str) -> float:
        """How many values a column has, about; 1 where nothing is known of it."""
        found = self.columns.get(column)
        if found is None or found.n_distinct is None:
            return 1.0
        return -found.n_distinct * self.rows if found.n_distinct < 0 else found.n_distinct


def read_tables(connection: Connection) -> dict[int, Table]:
    """The application's tables, by oid, partitions left out. Raises psycopg.Error."""
    with connection.cursor(row_factory=class_row(Table)) as cursor:
        tables = {table.oid: table for table in cursor.execute(_TABLES).fetchall()}
    columns: dict[int, dict[str, Column]] = {oid: {} for oid in tables}
    for column in _columns(connection, tables):
        columns[column.table_oid][column.name] = column
    for oid, table in tables.items():
        table.columns = columns[oid]
    return tables


def _columns(connection: Connection, oids: Iterable[int]) -> list[Column]:
    with connection.cursor(row_factory=class_row(Column)) as cursor:
        return cursor.execute(_COLUMNS, (list(oids),)).fetchall()
