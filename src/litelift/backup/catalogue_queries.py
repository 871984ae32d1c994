"""The questions to the system catalogues about all that is in a database (PostgreSQL 12 to 18).

Each answers with rows of: the object's schema, name and arguments, the schema and name of what it is on, and details.
Nothing that the server words anew in each version is asked for, such as the text of an expression.
"""

from __future__ import annotations

FIRST = 16384
"""The first number that an object of the users' can have ("System Catalog Initial Data", section 75.2.2)."""


def _own(catalogue: str, alias: str = "o") -> str:
    """Whether an object is neither the system's nor an extension's."""
    return (
        f"{alias}.oid >= {FIRST} and not exists (select from pg_depend d where d.classid = '{catalogue}'::regclass "
        f"and d.objid = {alias}.oid and d.deptype = 'e')"
    )


_USERS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
_STATE = "case {0} when 'D' then 'disabled' when 'R' then 'on a replica' when 'A' then 'always' end"
_ROLES = """(select string_agg(case when r.oid = 0 then 'PUBLIC' else pg_get_userbyid(r.oid)::text end, ', '
             order by pg_get_userbyid(r.oid)::text collate "C") from unnest({0}) r(oid))"""

# Asked for each relation by itself: a join with what is grouped could be planned as a loop over all of it.
_COLUMNS = """(
    select count(*) || ' columns ' || left(md5(string_agg(concat_ws(' ', a.attname, t.typname, a.atttypmod,
               case when a.attnotnull then 'not null' end,
               case when a.attcollation <> t.typcollation then c.collname end), ', ' order by a.attnum)), 8)
    from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_collation c on c.oid = a.attcollation
    where a.attrelid = {0} and a.attnum > 0 and not a.attisdropped)"""

_RELATIONS = f"""
select n.nspname, o.relname, null, null, null, concat_ws(', ',
       case when o.relkind = 'p' then 'partitioned' end, case when o.relpersistence = 'u' then 'unlogged' end,
       case when o.relrowsecurity then 'row security' end, case when o.relforcerowsecurity then 'forced' end,
       case o.relreplident when 'f' then 'replica identity full' when 'i' then 'replica identity index'
            when 'n' then 'replica identity nothing' end,
       case when not o.relispopulated then 'not populated' end, {_COLUMNS.format("o.oid")},
       (select string_agg(option, ' ' order by option) from unnest(o.reloptions) option))
from pg_class o join pg_namespace n on n.oid = o.relnamespace
where o.relkind in ({{kinds}}) and o.relpersistence <> 't' and {_USERS} and {_own("pg_class")}
"""

_FUNCTIONS = f"""
select n.nspname, o.proname, oidvectortypes(o.proargtypes), null, null, concat_ws(', ',
       case when o.prosecdef then 'security definer' end, case when o.proleakproof then 'leakproof' end,
       case o.provolatile when 'i' then 'immutable' when 's' then 'stable' end, l.lanname,
       'body ' || left(md5(o.prosrc), 8),
       (select string_agg(entry, ' ' order by entry) from unnest(o.proconfig) entry))
from pg_proc o join pg_namespace n on n.oid = o.pronamespace join pg_language l on l.oid = o.prolang
where o.prokind in ({{kinds}}) and {_USERS} and {_own("pg_proc")}
  -- The constructors of a range type come and go with it.
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = o.oid
                  and d.deptype = 'i' and d.refclassid = 'pg_type'::regclass)
"""


def _in_schema(catalogue: str, prefix: str, details: str = "null") -> str:
    return (
        f"select n.nspname, o.{prefix}name, null, null, null, {details} from {catalogue} o "
        f"join pg_namespace n on n.oid = o.{prefix}namespace where {_USERS} and {_own(catalogue)}"
    )


def _alone(catalogue: str, prefix: str, details: str = "null") -> str:
    return f"select null, o.{prefix}name, null, null, null, {details} from {catalogue} o where {_own(catalogue)}"


def _on_table(catalogue: str, name: str, relation: str, details: str, where: str) -> str:
    return (
        f"select null, o.{name}, null, n.nspname, c.relname, {details} from {catalogue} o "
        f"join pg_class c on c.oid = o.{relation} join pg_namespace n on n.oid = c.relnamespace "
        f"where {_USERS} and {_own(catalogue)} and {_own('pg_class', 'c')} and {where}"
    )


_COLUMN = f"""
select n.nspname, c.relname, a.attname, null, null, {{details}}
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where {{where}} and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'f', 'v')
  and {_USERS} and {_own("pg_class", "c")}
"""

_SEQUENCES = f"""
select n.nspname, o.relname, null, t.nspname, t.relname,
       format_type(s.seqtypid, null) || ' ' || s.seqmin || '..' || s.seqmax || ' by ' || s.seqincrement
       || ' from ' || s.seqstart || case when s.seqcycle then ' cycle' else '' end
       || coalesce(' for ' || t.attname, '')
from pg_class o join pg_namespace n on n.oid = o.relnamespace join pg_sequence s on s.seqrelid = o.oid
left join (select d.objid, tn.nspname, tc.relname, ta.attname from pg_depend d
           join pg_class tc on tc.oid = d.refobjid join pg_namespace tn on tn.oid = tc.relnamespace
           join pg_attribute ta on ta.attrelid = tc.oid and ta.attnum = d.refobjsubid
           where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
             and d.refobjsubid > 0) t on t.objid = o.oid
where o.relpersistence <> 't' and {_USERS} and {_own("pg_class")}
"""

_TYPES = f"""
select n.nspname, o.typname, null, null, null, case o.typtype when 'e' then 'enum ' || coalesce(
           (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum
            where enumtypid = o.oid), '')
       when 'c' then {_COLUMNS.format("c.oid")} when 'r' then 'range of ' || (
           select format_type(rngsubtype, null) from pg_range where rngtypid = o.oid)
       else case when o.typisdefined then 'base' else 'shell' end end
from pg_type o join pg_namespace n on n.oid = o.typnamespace left join pg_class c on c.oid = o.typrelid
where o.typtype in ('b', 'c', 'e', 'p', 'r') and (c.oid is null or c.relkind = 'c')
  and not exists (select from pg_type element where element.oid = o.typelem and element.typarray = o.oid)
  and {_USERS} and {_own("pg_type")}
"""

_CONSTRAINT_KINDS = (
    "case o.contype when 'p' then 'primary key' when 'u' then 'unique' when 'f' then 'foreign key' "
    "when 'c' then 'check' when 'x' then 'exclude' end"
)
_CONSTRAINT = (
    f"concat_ws(', ', {_CONSTRAINT_KINDS}, case when o.confrelid <> 0 then 'to ' || "
    "(select fn.nspname || '.' || f.relname from pg_class f "
    "join pg_namespace fn on fn.oid = f.relnamespace where f.oid = o.confrelid) end, "
    "case o.confdeltype when 'r' then 'delete restrict' when 'c' then 'delete cascade' when 'n' then 'delete set null' "
    "when 'd' then 'delete set default' end, "
    "case o.confupdtype when 'r' then 'update restrict' when 'c' then 'update cascade' when 'n' then 'update set null' "
    "when 'd' then 'update set default' end, "
    "case when o.condeferred then 'deferred' when o.condeferrable then 'deferrable' end, "
    "case when not {enforced} then 'not enforced' when not o.convalidated then 'not valid' end)"
)

# PostgreSQL 18 keeps a NOT NULL as a constraint, too; those of partitions come with their table's.
_CONSTRAINTS = _on_table(
    "pg_constraint", "conname", "conrelid", _CONSTRAINT, "o.contype in ('p', 'u', 'f', 'c', 'x') and o.conparentid = 0"
)
_DOMAIN_CONSTRAINTS = f"""
select null, o.conname, null, n.nspname, t.typname, case when not o.convalidated then 'not valid' end
from pg_constraint o join pg_type t on t.oid = o.contypid join pg_namespace n on n.oid = t.typnamespace
where o.contype = 'c' and {_USERS} and {_own("pg_type", "t")}
"""

# pg_dump leaves out an index that a failed CREATE INDEX CONCURRENTLY left behind.
_INDEXES = f"""
select n.nspname, o.relname, null, tn.nspname, t.relname, concat_ws(', ', case when i.indisunique then 'unique' end,
       case when i.indisclustered then 'clustered' end, m.amname,
       (select string_agg(option, ' ' order by option) from unnest(o.reloptions) option))
from pg_index i join pg_class o on o.oid = i.indexrelid join pg_namespace n on n.oid = o.relnamespace
join pg_class t on t.oid = i.indrelid join pg_namespace tn on tn.oid = t.relnamespace join pg_am m on m.oid = o.relam
where (i.indisvalid or o.relkind = 'I') and o.relpersistence <> 't' and {_USERS} and {_own("pg_class")}
  and {_own("pg_class", "t")}
"""

_INHERITS = f"""
select n.nspname, o.relname, null, pn.nspname, p.relname, case when o.relispartition then 'partition' end
from pg_inherits i join pg_class o on o.oid = i.inhrelid join pg_namespace n on n.oid = o.relnamespace
join pg_class p on p.oid = i.inhparent join pg_namespace pn on pn.oid = p.relnamespace
where o.relkind in ('r', 'p', 'f') and {_USERS} and {_own("pg_class")}
"""

_STATISTICS = f"""
select n.nspname, o.stxname, null, tn.nspname, t.relname,
       (select string_agg(kind::text, ' ' order by kind::text) from unnest(o.stxkind) kind)
from pg_statistic_ext o join pg_namespace n on n.oid = o.stxnamespace
join pg_class t on t.oid = o.stxrelid join pg_namespace tn on tn.oid = t.relnamespace
where {_USERS} and {_own("pg_statistic_ext")} and {_own("pg_class", "t")}
"""

_PUBLICATIONS = _alone(
    "pg_publication",
    "pub",
    "concat_ws(', ', case when o.puballtables then 'all tables' end, case when o.pubinsert then 'insert' end, "
    "case when o.pubupdate then 'update' end, case when o.pubdelete then 'delete' end, "
    "case when o.pubtruncate then 'truncate' end, case when o.pubviaroot then 'by the root' end)",
)
_PUBLISHED = f"""
select null, o.pubname, null, n.nspname, c.relname, null from pg_publication_rel r
join pg_publication o on o.oid = r.prpubid join pg_class c on c.oid = r.prrelid
join pg_namespace n on n.oid = c.relnamespace where {_own("pg_publication")}
"""
_PUBLISHED_SCHEMAS = """
select null, o.pubname, null, null, n.nspname, null from pg_publication_namespace r
join pg_publication o on o.oid = r.pnpubid join pg_namespace n on n.oid = r.pnnspid
"""

_CASTS = f"""
select null, format_type(o.castsource, null) || ' as ' || format_type(o.casttarget, null), null, null, null,
       case o.castcontext when 'a' then 'in assignments' when 'i' then 'implicit' end
from pg_cast o where {_own("pg_cast")} and not exists (
    select from pg_depend d where d.classid = 'pg_cast'::regclass and d.objid = o.oid and d.deptype = 'i')
"""
_OPERATORS = f"""
select n.nspname, o.oprname, concat_ws(', ', case when o.oprleft <> 0 then format_type(o.oprleft, null) end,
       case when o.oprright <> 0 then format_type(o.oprright, null) end), null, null, null
from pg_operator o join pg_namespace n on n.oid = o.oprnamespace
where o.oprcode <> 0 and {_USERS} and {_own("pg_operator")}
"""
_USER_MAPPINGS = f"""
select null, s.srvname, null, null, case when u.umuser = 0 then 'PUBLIC' else pg_get_userbyid(u.umuser) end, null
from pg_user_mappings u join pg_foreign_server s on s.oid = u.srvid where u.umid >= {FIRST}
"""
# Their texts together, in an order that does not hang on the objects' numbers.
_COMMENTS = f"""
select null, o.class || case when o.part then '_column' else '' end, null, null, null,
       count(*) || ', ' || left(md5(string_agg(o.description, '' order by md5(o.description))), 8)
from (select substr(c.relname, 4) as class, d.objsubid > 0 as part, d.description
      from pg_description d join pg_class c on c.oid = d.classoid
      where d.objoid >= {FIRST} and not exists (
          select from pg_depend e where e.classid = d.classoid and e.objid = d.objoid and e.deptype = 'e')) o
group by o.class, o.part
"""
_LABELS = f"""
select null, l.provider, null, null, null,
       count(*) || ', ' || left(md5(string_agg(l.label, '' order by md5(l.label))), 8)
from pg_seclabel l where l.objoid >= {FIRST} group by l.provider
"""


def questions(version: int) -> dict[str, str]:
    """The questions to a server of that version (its server_version_num), by kind of object."""
    enforced = "o.conenforced" if version >= 180000 else "true"
    via_root = "o.pubviaroot" if version >= 130000 else "false"
    first_trigger = "o.tgparentid = 0" if version >= 130000 else "true"
    asked = {
        "schema": f"select null, n.nspname, null, null, null, null from pg_namespace n where {_USERS} "
        "and not exists (select from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid "
        "and d.deptype = 'e')",
        "extension": "select null, e.extname, null, null, null, 'in ' || n.nspname from pg_extension e "
        f"join pg_namespace n on n.oid = e.extnamespace where e.oid >= {FIRST}",
        "table": _RELATIONS.format(kinds="'r', 'p'"),
        "foreign table": _RELATIONS.format(kinds="'f'"),
        "view": _RELATIONS.format(kinds="'v'"),
        "materialized view": _RELATIONS.format(kinds="'m'"),
        "sequence": _SEQUENCES,
        "inheritance": _INHERITS,
        "default": _COLUMN.format(details="null", where="a.atthasdef and a.attgenerated = ''"),
        "generated column": _COLUMN.format(
            details="case a.attgenerated when 's' then 'stored' else 'virtual' end", where="a.attgenerated <> ''"
        ),
        "identity column": _COLUMN.format(
            details="case a.attidentity when 'a' then 'always' else 'by default' end", where="a.attidentity <> ''"
        ),
        "constraint": _CONSTRAINTS.format(enforced=enforced),
        "index": _INDEXES,
        "trigger": _on_table(
            "pg_trigger", "tgname", "tgrelid", _STATE.format("o.tgenabled"), f"not o.tgisinternal and {first_trigger}"
        ),
        "rule": _on_table(
            "pg_rewrite", "rulename", "ev_class", _STATE.format("o.ev_enabled"), "o.rulename <> '_RETURN'"
        ),
        "policy": _on_table(
            "pg_policy",
            "polname",
            "polrelid",
            "concat_ws(', ', case o.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' "
            "when 'd' then 'delete' else 'all' end, case when not o.polpermissive then 'restrictive' end, "
            f"'for ' || {_ROLES.format('o.polroles')})",
            "true",
        ),
        "statistics": _STATISTICS,
        "function": _FUNCTIONS.format(kinds="'f', 'w'"),
        "procedure": _FUNCTIONS.format(kinds="'p'"),
        "aggregate": _FUNCTIONS.format(kinds="'a'"),
        "type": _TYPES,
        "domain": _in_schema(
            "pg_type",
            "typ",
            "concat_ws(', ', format_type(o.typbasetype, o.typtypmod), case when o.typnotnull then 'not null' end, "
            "case when o.typdefault is not null then 'default' end)",
        )
        + " and o.typtype = 'd'",
        "domain constraint": _DOMAIN_CONSTRAINTS,
        "collation": _in_schema("pg_collation", "coll"),
        "conversion": _in_schema("pg_conversion", "con"),
        "operator": _OPERATORS,
        "operator class": _in_schema("pg_opclass", "opc"),
        "operator family": _in_schema("pg_opfamily", "opf"),
        "text search configuration": _in_schema("pg_ts_config", "cfg"),
        "text search dictionary": _in_schema("pg_ts_dict", "dict"),
        "text search parser": _in_schema("pg_ts_parser", "prs"),
        "text search template": _in_schema("pg_ts_template", "tmpl"),
        "cast": _CASTS,
        "language": _alone("pg_language", "lan"),
        "access method": _alone("pg_am", "am"),
        "event trigger": _alone("pg_event_trigger", "evt", f"concat_ws(', ', evtevent, {_STATE.format('evtenabled')})"),
        "foreign data wrapper": _alone("pg_foreign_data_wrapper", "fdw"),
        "foreign server": _alone("pg_foreign_server", "srv"),
        "user mapping": _USER_MAPPINGS,
        "publication": _PUBLICATIONS.replace("o.pubviaroot", via_root),
        "published table": _PUBLISHED,
        "subscription": "select null, o.subname, null, null, null, null from pg_subscription o "
        "join pg_database d on d.oid = o.subdbid where d.datname = current_database()",
        "comment": _COMMENTS,
        "security label": _LABELS,
    }
    if version >= 150000:
        asked["published schema"] = _PUBLISHED_SCHEMAS
    return asked
