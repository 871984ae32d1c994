"""Constraints that hold for new rows only, because old ones violate them: NOT VALID."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import sql

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look

# One that is NOT ENFORCED (PostgreSQL 18) is meant to be so. A NOT NULL is a constraint from PostgreSQL 18 on ("n").
_NOT_VALID = """
    select k.conname as name, n.nspname as schema, t.relname as table, k.contype as kind,
           array(select a.attname::text from unnest(k.conkey) with ordinality c(number, place)
                 join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.number order by c.place) as columns,
           pn.nspname as parent_schema, p.relname as parent, k.confmatchtype = 'f' as whole,
           array(select a.attname::text from unnest(k.confkey) with ordinality c(number, place)
                 join pg_attribute a on a.attrelid = k.confrelid and a.attnum = c.number order by c.place)
               as parent_columns,
           case k.contype when 'c' then pg_get_expr(k.conbin, k.conrelid) end as expression
    from pg_constraint k
    join pg_class t on t.oid = k.conrelid
    join pg_namespace n on n.oid = t.relnamespace
    left join pg_class p on p.oid = k.confrelid
    left join pg_namespace pn on pn.oid = p.relnamespace
    where not k.convalidated and k.contype in ('c', 'f', 'n') and k.conparentid = 0
      and coalesce((to_jsonb(k) ->> 'conenforced')::bool, true)
      and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'litelift')
    order by n.nspname, t.relname, k.conname
"""
_KINDS = {"c": "CHECK", "f": "FOREIGN KEY", "n": "NOT NULL"}


def _unvalidated(look: Look) -> Iterator[Finding]:
    found = [one for one in look.rows(_NOT_VALID) if look.shown(f"{one.schema}.{one.table}.{one.name}")]
    first = found[0] if found else None
    yield look.finding(
        look.limit("constraints").state(len(found)),
        "some" if found else "none",
        "validate",
        n=len(found),
        name=f"{first.table}.{first.name}" if first else None,
        rows=_violating(first) if first else None,
        validate=_validate(first) if first else None,
        measures=[look.measure("constraints", len(found))],
        items=[
            {
                "constraint": f"{one.schema}.{one.table}.{one.name}",
                "kind": _KINDS[one.kind],
                "rows": _violating(one),
                "validate": _validate(one),
            }
            for one in found
        ],
    )


def _violating(one: Any) -> str:
    """The query of the rows that violate it."""
    child = sql.Identifier(one.schema, one.table)
    if one.kind == "c":
        # What is neither true nor false is no violation ("Check Constraints").
        return sql.SQL("SELECT * FROM {} WHERE NOT ({});").format(child, sql.SQL(one.expression)).as_string(None)
    columns = [sql.Identifier("c", name) for name in one.columns]
    if one.kind == "n":
        return sql.SQL("SELECT * FROM {} AS c WHERE {} IS NULL;").format(child, columns[0]).as_string(None)
    filled = sql.SQL(" OR " if one.whole else " AND ").join(sql.SQL("{} IS NOT NULL").format(each) for each in columns)
    same = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("p", theirs), ours)
        for theirs, ours in zip(one.parent_columns, columns, strict=True)
    )
    query = sql.SQL("SELECT * FROM {} AS c WHERE ({}) AND NOT EXISTS (SELECT FROM {} AS p WHERE {});")
    return query.format(child, filled, sql.Identifier(one.parent_schema, one.parent), same).as_string(None)


def _validate(one: Any) -> str:
    table, name = sql.Identifier(one.schema, one.table), sql.Identifier(one.name)
    return sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {};").format(table, name).as_string(None)


CHECKS = (Check("unvalidated-constraints", "move", _unvalidated, every=SELDOM, limits={"constraints": Limit(1)}),)
