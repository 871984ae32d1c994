"""Every sequence with the columns that it fills: what the looks at sequences begin with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql
from psycopg.rows import namedtuple_row

from litelift.monitor.finding import Finding
from litelift.monitor.look import Look

GREATEST = {"int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**63 - 1}
"""Of the types that a sequence may fill ("Numeric Types", section 8.1)."""
TOGETHER = 100
"""Sequences that one statement reads: each is a relation of its own, and their tables and indexes are locked with
them."""

# Nobody can read an unlogged one on a standby, and none of another session's temporary ones anywhere. Who waits for a
# lock that forbids even reading would be waited for.
_SEQUENCES = """
    select c.oid, n.nspname as schema, c.relname as name, format('%I.%I', n.nspname, c.relname) as words,
           s.seqmin as least, s.seqmax as most, s.seqincrement as step, s.seqcycle as cycles,
           has_sequence_privilege(c.oid, 'select') as seen
    from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
    where c.relpersistence <> 't' and not (c.relpersistence = 'u' and pg_is_in_recovery())
      and not exists (select from pg_locks l where l.relation = c.oid and l.mode = 'AccessExclusiveLock')
    order by n.nspname, c.relname
"""
# What a sequence fills: the column that it belongs to (a serial's or an identity's); those whose default calls it; a
# key without a default, whose values the application takes from the sequence of its table's name, as Hibernate does;
# and the columns that reference one of these, into which the same values come.
_FILLED = """
    with filled as (
        select d.objid as sequence, d.refobjid as relation, d.refobjsubid as number, d.deptype = 'i' as identity
        from pg_depend d join pg_sequence s on s.seqrelid = d.objid
        where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
          and d.refobjsubid > 0
        union
        select d.refobjid, a.adrelid, a.adnum, false
        from pg_depend d join pg_sequence s on s.seqrelid = d.refobjid join pg_attrdef a on a.oid = d.objid
        where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass
    ), named as (
        select s.oid as sequence, t.oid as relation, a.attnum::int as number, false as identity
        from pg_index i join pg_class t on t.oid = i.indrelid
        join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
        cross join lateral unnest(array[t.relname || '_' || a.attname || '_seq', t.relname || '_seq',
                                        'seq_' || t.relname, t.relname || '_sequence']) as word (name)
        join pg_class s on s.relname = word.name and s.relnamespace = t.relnamespace and s.relkind = 'S'
        where i.indisprimary and i.indnkeyatts = 1 and not a.atthasdef and a.attidentity = ''
          and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
          and not exists (select from filled f where f.sequence = s.oid)
    ), reached as (
        select *, false as references_it from filled
        union
        select *, false from named
        union
        select f.sequence, k.conrelid, k.conkey[1], false, true
        from (select * from filled union all select * from named) f
        join pg_constraint k on k.contype = 'f' and k.confrelid = f.relation
                                          and k.confkey = array[f.number::int2]
    )
    select r.sequence, r.relation, r.identity, r.references_it, n.nspname as schema, c.relname as relname,
           format('%I.%I', n.nspname, c.relname) as "table", a.attname as column,
           coalesce(b.typname, t.typname) as type,
           case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as modifier,
           not r.references_it and c.relkind in ('r', 'p') and has_column_privilege(c.oid, a.attnum, 'select')
           and c.oid not in (
               select coalesce(i.indrelid, l.relation) from pg_locks l left join pg_index i on i.indexrelid = l.relation
               where l.mode = 'AccessExclusiveLock' and l.relation is not null)
           and exists (
               select from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
               where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1
                 and i.indkey[0] = a.attnum and m.amname = 'btree') as by_key,
           pg_stat_get_tuples_inserted(c.oid) as inserted
    from reached r join pg_class c on c.oid = r.relation join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = r.relation and a.attnum = r.number
    join pg_type t on t.oid = a.atttypid left join pg_type b on b.oid = t.typbasetype
    where c.relpersistence <> 't'
    order by r.references_it, n.nspname, c.relname, a.attname
"""


@dataclass
class Counter:
    """A sequence, what it fills, and where it stands; one that counts down is seen in a mirror."""

    row: Any
    fills: list[Any] = field(default_factory=list)
    last: int = 0
    """The value that was given last, or the one before the first."""

    @property
    def sign(self) -> int:
        """Where it goes."""
        return 1 if self.row.step > 0 else -1

    @property
    def first(self) -> int:
        """Where its values begin."""
        return int(self.row.least if self.sign > 0 else -self.row.most)

    def narrowest(self) -> tuple[int, Any]:
        """The last value that fits, and the column that it is because of; None where it is the sequence's own."""
        ends = [(end, one) for one in self.fills if (end := end_of(one, self.sign)) is not None]
        # A column that is as narrow as the sequence has to become wider with it.
        return min([*ends, (self.own, None)], key=lambda found: found[0])

    @property
    def own(self) -> int:
        """The last value by its own bounds."""
        return int(self.row.most if self.sign > 0 else -self.row.least)

    def used(self, end: int) -> float:
        """Of all values up to the last one that fits, in percent."""
        given = self.sign * self.last - self.first + 1
        return float(100 * max(given, 0) / max(end - self.first + 1, 1))

    def left(self, end: int) -> int:
        """How many more values fit."""
        return int(max((end - self.sign * self.last) // abs(self.row.step), 0))


def end_of(column: Any, sign: int) -> int | None:
    """The last value that fits into a column, counted up or down; None where it is no column of numbers."""
    greatest = _greatest(column)
    return greatest + 1 if greatest is not None and sign < 0 and column.type in GREATEST else greatest


def _greatest(column: Any) -> int | None:
    if column.type == "numeric" and column.modifier >= 4:
        # The precision, and the scale: numeric_maximum_size() in the server's sources takes them apart like this.
        precision, scale = (column.modifier - 4) >> 16 & 0xFFFF, (column.modifier - 4) & 0x7FF
        return int(10 ** (precision - scale) - 1) if scale < 1024 else None
    return GREATEST.get(column.type)


def counters(look: Look) -> tuple[list[Counter], int]:
    """Every sequence that can be read, and how many cannot. Raises psycopg.Error."""
    listed = look.rows(_SEQUENCES)
    seen = {one.oid: Counter(one) for one in listed if one.seen}
    for one in look.rows(_FILLED) if seen else ():
        if one.sequence in seen:
            seen[one.sequence].fills.append(one)
    return list(seen.values()), len(listed) - len(seen)


def parted(all_of_it: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """As many at a time as one statement reads."""
    for at in range(0, len(all_of_it), TOGETHER):
        yield all_of_it[at : at + TOGETHER]


def together(look: Look, parts: list[sql.Composed]) -> list[Any]:
    """The rows of all these SELECTs, as named tuples. Raises psycopg.Error."""
    assert look.connection is not None
    with look.connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(sql.SQL(" union all ").join(parts)).fetchall()


def no_rights(look: Look) -> Finding:
    """The login may read none of them: pg_monitor is not enough for that."""
    assert look.connection is not None
    user = look.connection.info.user
    return look.finding("unknown", "unread", "grant", user=user, database=look.connection.info.dbname)
