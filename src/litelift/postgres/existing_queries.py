"""The questions to the system catalogues about a schema that the application made (PostgreSQL 12 to 18)."""

from __future__ import annotations

TABLES = """
select c.oid, c.relname, c.relkind = 'p' as partitioned, c.reltuples, c.relrowsecurity, c.relforcerowsecurity,
       pg_get_userbyid(c.relowner) as owner
from pg_class c
where c.relnamespace = %(namespace)s and c.relkind in ('r', 'p') and not c.relispartition
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e')
order by c.relname collate "C"
"""

COLUMNS = """
select a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity, a.attgenerated,
       format_type(a.atttypid, a.atttypmod) as shown, pg_get_expr(d.adbin, d.adrelid) as expression
from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = any(%(tables)s) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
"""

TYPES = """
with recursive used(oid) as (
    (select atttypid from pg_attribute where attrelid = any(%(tables)s) and attnum > 0 and not attisdropped
     union select unnest(%(types)s::oid[]))
    union
    select next.oid from used join pg_type t on t.oid = used.oid
    cross join lateral (values (t.typbasetype), (t.typelem)) as next(oid) where next.oid <> 0
)
select t.oid, t.typname, n.nspname, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault, t.typelem,
       coalesce(e.typarray = t.oid, false) as is_array,
       (select array_agg(enumlabel::text order by enumsortorder) from pg_enum where enumtypid = t.oid) as labels
from used join pg_type t on t.oid = used.oid join pg_namespace n on n.oid = t.typnamespace
left join pg_type e on e.oid = t.typelem
"""

# A schema of the application, public, and those of extensions, in this order.
FIND_TYPE = """
select t.oid, t.typarray, n.nspname, format_type(t.oid, -1) as shown, format_type(t.typarray, -1) as shown_array
from pg_type t join pg_namespace n on n.oid = t.typnamespace
where t.typname = %(name)s
  and (n.nspname = any(%(schemas)s)
       or %(anywhere)s and n.oid in (select extnamespace from pg_extension))
order by array_position(%(schemas)s::text[], n.nspname::text) limit 1
"""

# to_jsonb() reaches the columns that only newer servers have: conenforced and conperiod (18), indnullsnotdistinct (15).
CONSTRAINTS = """
select c.oid, c.conrelid, n.nspname, r.relname, c.conname, c.contype, pg_get_constraintdef(c.oid) as definition,
       (select array_agg(a.attname::text order by k.place) from unnest(c.conkey) with ordinality k(attnum, place)
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum) as columns,
       fn.nspname as foreign_schema, f.relname as foreign_table,
       (select array_agg(a.attname::text order by k.place) from unnest(c.confkey) with ordinality k(attnum, place)
        join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.attnum) as foreign_columns,
       (select array_agg(array[m.nspname::text, o.oprname::text] order by k.place)
        from unnest(c.conpfeqop) with ordinality k(op, place)
        join pg_operator o on o.oid = k.op join pg_namespace m on m.oid = o.oprnamespace) as operators,
       c.confmatchtype = 'f' as match_full, coalesce((to_jsonb(c)->>'conperiod')::boolean, false) as period,
       c.convalidated, coalesce((to_jsonb(c)->>'conenforced')::boolean, true) as enforced,
       c.condeferrable, c.condeferred, obj_description(c.oid, 'pg_constraint') as comment,
       c.conparentid, c.conparentid <> 0 or not c.conislocal as inherited
from pg_constraint c join pg_class r on r.oid = c.conrelid join pg_namespace n on n.oid = r.relnamespace
left join pg_class f on f.oid = c.confrelid left join pg_namespace fn on fn.oid = f.relnamespace
where (c.conrelid = any(%(tables)s) or %(onto)s and c.confrelid = any(%(tables)s))
  and c.contype in ('p', 'u', 'f', 'c', 'x', 'n')
order by n.nspname collate "C", r.relname collate "C", c.conname collate "C"
"""

INDEXES = """
select i.indrelid, c.relname, pg_get_indexdef(i.indexrelid) as definition, i.indisunique, i.indisvalid,
       pg_get_expr(i.indpred, i.indrelid) as predicate,
       not coalesce((to_jsonb(i)->>'indnullsnotdistinct')::boolean, false) as nulls_distinct,
       exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) as backs,
       (select array_agg(a.attname::text order by k.place) from unnest(i.indkey) with ordinality k(attnum, place)
        left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where k.place <= i.indnkeyatts) as columns
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = any(%(tables)s) order by c.relname collate "C"
"""

TRIGGERS = """
select tgrelid, tgname, tgenabled from pg_trigger
where tgrelid = any(%(tables)s) and not tgisinternal order by tgname collate "C"
"""

RULES = """
select ev_class, rulename, ev_enabled from pg_rewrite
where ev_class = any(%(tables)s) and rulename <> '_RETURN' order by rulename collate "C"
"""

VIEWS = """
select count(*) as views from pg_class c
where c.relnamespace = %(namespace)s and c.relkind in ('v', 'm')
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e')
"""

USED_BY = """
select d.refobjid, n.nspname, r.relname, a.attname
from pg_attrdef f join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
     and d.refclassid = 'pg_class'::regclass
join pg_class s on s.oid = d.refobjid and s.relkind = 'S'
join pg_class r on r.oid = f.adrelid and not r.relispartition join pg_namespace n on n.oid = r.relnamespace
join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
where r.oid = any(%(tables)s) or s.relnamespace = %(namespace)s
order by n.nspname collate "C", r.relname collate "C", a.attnum
"""

SEQUENCES = """
select s.seqrelid as oid, n.nspname, c.relname, format_type(s.seqtypid, null) as data_type, s.seqstart, s.seqincrement,
       s.seqmin, s.seqmax, s.seqcycle, d.deptype, o.nspname as owner_schema, r.relname as owner_table,
       a.attname as owner_column,
       has_schema_privilege(n.oid, 'USAGE') and has_sequence_privilege(c.oid, 'SELECT') as readable
from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
     and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
left join pg_class r on r.oid = d.refobjid left join pg_namespace o on o.oid = r.relnamespace
left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where (c.relnamespace = %(namespace)s or d.refobjid = any(%(tables)s) or c.oid = any(%(used)s))
  and c.relpersistence <> 't'
  and not exists (select from pg_depend e
                  where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.objsubid = 0 and e.deptype = 'e')
order by n.nspname collate "C", c.relname collate "C"
"""
