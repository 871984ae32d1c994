"""Constraints and indexes counted: each that the plan promised is in the target's catalogue, or named as missing."""

from __future__ import annotations

from typing import Any

import psycopg

from litelift.plan.plan import MovePlan
from litelift.result import ObjectProof, Untranslated

_CONSTRAINTS = """
    select c.contype::text, r.relname, c.conname from pg_constraint c join pg_class r on r.oid = c.conrelid
    join pg_namespace n on n.oid = r.relnamespace where n.nspname = %s
"""
_INDEXES = "select indexname from pg_indexes where schemaname = %s"
_DEFAULTS = """
    select r.relname, a.attname from pg_attrdef d join pg_class r on r.oid = d.adrelid
    join pg_attribute a on a.attrelid = r.oid and a.attnum = d.adnum
    join pg_namespace n on n.oid = r.relnamespace where n.nspname = %s
"""
_NOT_NULLS = """
    select r.relname, a.attname from pg_attribute a join pg_class r on r.oid = a.attrelid
    join pg_namespace n on n.oid = r.relnamespace where n.nspname = %s and a.attnotnull and a.attnum > 0
"""
_GENERATED = """
    select r.relname, a.attname from pg_attribute a join pg_class r on r.oid = a.attrelid
    join pg_namespace n on n.oid = r.relnamespace where n.nspname = %s and a.attgenerated <> '' and a.attnum > 0
"""


def prove_objects(connection: psycopg.Connection[Any], plan: MovePlan) -> list[ObjectProof]:
    """Compare the target's catalogue with the plan, less what was told as not carried."""
    schema = (plan.schema,)
    constraints = {tuple(row) for row in connection.execute(_CONSTRAINTS, schema).fetchall()}
    indexes = {row[0] for row in connection.execute(_INDEXES, schema).fetchall()}
    defaults = {tuple(row) for row in connection.execute(_DEFAULTS, schema).fetchall()}
    not_nulls = {tuple(row) for row in connection.execute(_NOT_NULLS, schema).fetchall()}
    generated = {tuple(row) for row in connection.execute(_GENERATED, schema).fetchall()}
    told = _Told(plan.untranslated)
    proofs = [
        _proof(
            "primary keys",
            {
                f"{i.table}.{i.name}": ("p", i.table, i.name) in constraints
                for i in plan.indexes
                if told.due(i, "primary key")
            },
        ),
        _proof(
            "unique constraints",
            {
                f"{i.table}.{i.name}": ("u", i.table, i.name) in constraints
                for i in plan.indexes
                if told.due(i, "unique")
            },
        ),
        _proof("indexes", {i.name: i.name in indexes for i in plan.indexes if told.due(i, "index")}),
        _proof(
            "foreign keys",
            {
                f"{k.table}.{k.name}": ("f", k.table, k.name) in constraints
                for k in plan.foreign_keys
                if not told.has("foreign key", f"{k.table}.{k.name}")
            },
        ),
        _proof(
            "checks",
            {
                f"{c.table}.{c.name}": ("c", c.table, c.name) in constraints
                for c in plan.checks
                if not told.has("check", f"{c.table}.{c.name}")
            },
        ),
        _proof(
            "defaults",
            {
                f"{t.target}.{c.target}": (t.target, c.target) in defaults
                for t in plan.tables
                if t.create
                for c in t.columns
                if c.default and not c.identity and not told.has("default", f"{t.target}.{c.target}")
            },
        ),
        _proof(
            "generated columns",
            {
                f"{t.target}.{c.target}": (t.target, c.target) in generated
                for t in plan.tables
                if t.create
                for c in t.columns
                if c.generated
            },
        ),
        _proof(
            "NOT NULLs",
            {
                f"{t.target}.{c.target}": (t.target, c.target) in not_nulls
                for t in plan.tables
                if t.create
                for c in t.columns
                if c.not_null
            },
        ),
    ]
    return [proof for proof in proofs if proof.expected]


class _Told:
    def __init__(self, untranslated: list[Untranslated]) -> None:
        self._told = {(item.kind, item.name) for item in untranslated}

    def has(self, kind: str, name: str) -> bool:
        return (kind, name) in self._told

    def due(self, index: Any, kind: str) -> bool:
        return index.kind == kind and not self.has(kind, index.name)


def _proof(kind: str, present: dict[str, bool]) -> ObjectProof:
    missing = [name for name, there in present.items() if not there]
    return ObjectProof(kind=kind, expected=len(present), present=len(present) - len(missing), missing=missing)
