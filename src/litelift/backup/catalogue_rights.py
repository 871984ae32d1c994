"""The questions about whose the objects of a database are, and who may do what with them (PostgreSQL 12 to 18)."""

from __future__ import annotations

from litelift.backup.catalogue_queries import FIRST

# kind, class, number, number of the column, letter for acldefault(), owner, rights, schema, name, arguments
_OBJECTS = """
    select case relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'materialized view'
                when 'f' then 'foreign table' else 'table' end as kind,
           'pg_class'::regclass as class, c.oid, 0 as part,
           case relkind when 'S' then 's' else 'r' end as letter,
           relowner as owner, relacl as acl, n.nspname as schema, relname as name,
           null::text as args
    from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('r', 'p', 'f', 'v', 'm', 'S')
      and relpersistence <> 't'
    union all select 'column', 'pg_class'::regclass, c.oid, a.attnum, 'c', null, attacl, n.nspname, relname,
                     a.attname::text
    from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
    where attacl is not null and not attisdropped and relpersistence <> 't'
    union all select case prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
                     'pg_proc'::regclass, p.oid, 0, 'f', proowner, proacl, n.nspname, proname,
                     oidvectortypes(proargtypes)
    from pg_proc p join pg_namespace n on n.oid = pronamespace where p.oid >= {first} or proacl is not null
    union all select 'type', 'pg_type'::regclass, t.oid, 0, 'T', typowner, typacl, n.nspname, typname, null
    from pg_type t join pg_namespace n on n.oid = typnamespace left join pg_class c on c.oid = typrelid
    where typtype in ('b', 'c', 'd', 'e', 'r') and (c.oid is null or c.relkind = 'c')
      and not exists (select from pg_type element where element.oid = t.typelem and element.typarray = t.oid)
    union all select 'schema', 'pg_namespace'::regclass, oid, 0, 'n', nspowner, nspacl, null, nspname, null
    from pg_namespace where nspname !~ '^pg_(toast|temp)'
    union all select 'language', 'pg_language'::regclass, oid, 0, 'l', lanowner, lanacl, null, lanname, null
    from pg_language
    union all select 'foreign data wrapper', 'pg_foreign_data_wrapper'::regclass, oid, 0, 'F', fdwowner, fdwacl, null,
                     fdwname, null from pg_foreign_data_wrapper
    union all select 'foreign server', 'pg_foreign_server'::regclass, oid, 0, 'S', srvowner, srvacl, null, srvname,
                     null from pg_foreign_server
    union all select 'large object', 'pg_largeobject_metadata'::regclass, oid, 0, 'L', lomowner, lomacl, null,
                     oid::text, null from pg_largeobject_metadata
"""
_OWNED = """
    union all select 'operator', 'pg_operator'::regclass, o.oid, 0, null, oprowner, null, n.nspname, oprname,
                     oprleft::regtype || ', ' || oprright::regtype
    from pg_operator o join pg_namespace n on n.oid = oprnamespace where oprcode <> 0
    union all select 'operator class', 'pg_opclass'::regclass, o.oid, 0, null, opcowner, null, n.nspname, opcname, null
    from pg_opclass o join pg_namespace n on n.oid = opcnamespace
    union all select 'operator family', 'pg_opfamily'::regclass, o.oid, 0, null, opfowner, null, n.nspname, opfname,
                     null from pg_opfamily o join pg_namespace n on n.oid = opfnamespace
    union all select 'collation', 'pg_collation'::regclass, o.oid, 0, null, collowner, null, n.nspname, collname, null
    from pg_collation o join pg_namespace n on n.oid = collnamespace
    union all select 'conversion', 'pg_conversion'::regclass, o.oid, 0, null, conowner, null, n.nspname, conname, null
    from pg_conversion o join pg_namespace n on n.oid = connamespace
    union all select 'statistics', 'pg_statistic_ext'::regclass, o.oid, 0, null, stxowner, null, n.nspname, stxname,
                     null from pg_statistic_ext o join pg_namespace n on n.oid = stxnamespace
    union all select 'text search configuration', 'pg_ts_config'::regclass, o.oid, 0, null, cfgowner, null, n.nspname,
                     cfgname, null from pg_ts_config o join pg_namespace n on n.oid = cfgnamespace
    union all select 'text search dictionary', 'pg_ts_dict'::regclass, o.oid, 0, null, dictowner, null, n.nspname,
                     dictname, null from pg_ts_dict o join pg_namespace n on n.oid = dictnamespace
    union all select 'event trigger', 'pg_event_trigger'::regclass, oid, 0, null, evtowner, null, null, evtname, null
    from pg_event_trigger
    union all select 'publication', 'pg_publication'::regclass, oid, 0, null, pubowner, null, null, pubname, null
    from pg_publication
"""

# The schema public is initdb's, whose owner is another one from PostgreSQL 15 on; only a changed one is told.
OWNERS = f"""
with object as ({(_OBJECTS + _OWNED).format(first=FIRST)})
select kind, schema, name, args, pg_get_userbyid(owner) from object o
where owner is not null and oid >= {FIRST}
  -- An extension's, or what comes and goes with a type or a column.
  and not exists (select from pg_depend d where d.classid = o.class and d.objid = o.oid and d.deptype in ('e', 'i'))
  and (schema is null or schema !~ '^pg_' and schema <> 'information_schema')
union all select 'schema', null, nspname, null, pg_get_userbyid(nspowner) from pg_namespace
where nspname = 'public' and oid < {FIRST} and nspowner >= {FIRST}
"""

# What differs from what the object had when it was made, by initdb, by its extension or by its owner: that is what
# pg_dump writes. The schema public has had other rights of initdb's since PostgreSQL 15: where they were changed, all
# are told. Most objects have the rights that many have, so those are taken apart once. "ALL" is with or without
# MAINTAIN, which came with PostgreSQL 17: whether a dump of an older server gives it hangs on pg_dump's own version.
RIGHTS = f"""
with object as materialized (
    select o.*, p.public, i.initprivs as initial,
           concat_ws(' ', o.letter, o.owner, o.acl, i.initprivs, p.public) as alike
    from ({_OBJECTS.format(first=FIRST)}) o
    cross join lateral (select o.kind = 'schema' and o.name = 'public') p(public)
    left join pg_init_privs i on i.classoid = o.class and i.objoid = o.oid and i.objsubid = o.part
    where o.acl is not null and o.acl::text is distinct from i.initprivs::text
      and 'information_schema' not in (coalesce(o.schema, ''), o.name)
), sets as materialized (
    select distinct on (alike) alike, letter, owner, acl, public,
           coalesce(case when not public then initial end, acldefault(letter::"char", coalesce(owner, 10))) as base
    from object
), item as (
    select alike, letter, owner, true as has, a.* from sets, aclexplode(acl) a
    where a not in (select b from aclexplode(base) b)
    union all
    select alike, letter, owner, false, b.* from sets, aclexplode(base) b
    where b not in (select a from aclexplode(acl) a) and (b).privilege_type <> 'MAINTAIN'
), worded as (
    select alike, has, grantor, grantee, is_grantable, owner,
           case when letter <> 'c' and has
                     and count(*) filter (where privilege_type <> 'MAINTAIN')
                         = (select count(*) from aclexplode(acldefault(letter::"char", owner)) a
                            where a.grantee = owner and a.privilege_type <> 'MAINTAIN')
                then 'ALL' else string_agg(privilege_type, ', ' order by privilege_type) end as privileges
    from item group by alike, letter, has, grantor, grantee, is_grantable, owner
), line as (
    select alike, array_agg(array[
        case when grantee = 0 then null else pg_get_userbyid(grantee)::text end,
        case when has then '' else 'without ' end || privileges || case when is_grantable then ' and grant' else '' end,
        case when grantor is distinct from owner and owner is not null then pg_get_userbyid(grantor)::text end
    ]) as lines from worded group by alike
)
select kind, schema, name, args, lines from object join line using (alike)
"""

DEFAULTS = """
with item as (
    select d.defaclrole, d.defaclnamespace, d.defaclobjtype, true as has, a.* from pg_default_acl d,
           aclexplode(d.defaclacl) a
    where d.defaclnamespace <> 0 or a not in (
        select b from aclexplode(acldefault(case defaclobjtype when 'S' then 's' else defaclobjtype end, defaclrole)) b)
    union all
    select d.defaclrole, d.defaclnamespace, d.defaclobjtype, false, b.* from pg_default_acl d,
           aclexplode(acldefault(case defaclobjtype when 'S' then 's' else defaclobjtype end, defaclrole)) b
    where d.defaclnamespace = 0 and b not in (select a from aclexplode(d.defaclacl) a)
      and (b).privilege_type <> 'MAINTAIN'
)
select 'default rights', n.nspname,
       case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
            when 'T' then 'types' when 'n' then 'schemas' else 'large objects' end,
       null, array[array[
           case when grantee = 0 then null else pg_get_userbyid(grantee)::text end,
           case when has then '' else 'without ' end
           || case when has and count(*) filter (where privilege_type <> 'MAINTAIN') = (
                       select count(*) from aclexplode(acldefault(
                           case defaclobjtype when 'S' then 's' else defaclobjtype end, defaclrole)) a
                       where a.grantee = defaclrole and a.privilege_type <> 'MAINTAIN')
                   then 'ALL' else string_agg(privilege_type, ', ' order by privilege_type) end
           || case when is_grantable then ' and grant' else '' end,
           pg_get_userbyid(defaclrole)::text]]
from item left join pg_namespace n on n.oid = defaclnamespace
group by defaclrole, defaclnamespace, n.nspname, defaclobjtype, has, grantee, is_grantable
"""
