"""Makes a schema take rows in any order, and be afterwards exactly as it was: within one transaction, whatever happens.

A role that may set ``session_replication_role`` silences triggers, rules and foreign keys by it (ALTER TABLE in the
manual, "DISABLE/ENABLE TRIGGER"); any other role drops the foreign keys, disables triggers and rules, and brings all of
them back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row, tuple_row

from litelift.errors import DuplicateKeys, TargetRights
from litelift.postgres.existing import read_constraints
from litelift.postgres.existing_types import Firing, TargetConstraint, TargetSchema
from litelift.postgres.suspended import (
    Restored,
    Violation,
    Violations,
    check_foreign_key,
    restore_constraint,
    suspend_constraint,
    violations,
)
from litelift.result import Notice

__all__ = [
    "Restored",
    "Silence",
    "Violation",
    "Violations",
    "restore_constraint",
    "silence",
    "suspend_constraint",
    "violations",
]

# The tables with their partitions, parents first: what is done to a parent may reach its partitions too.
_TREE = """
with recursive tree(oid, depth) as (
    select unnest(%s::oid[]), 0
    union
    select i.inhrelid, tree.depth + 1 from tree join pg_inherits i on i.inhparent = tree.oid
    join pg_class c on c.oid = i.inhrelid and c.relispartition
)
select oid from tree order by depth, oid
"""

# A partition's copy of its parent's trigger is internal before version 15; tgparentid is there from 13 on.
_FIRING = """
select 'trigger' as kind, n.nspname, c.relname, t.tgname as name, t.tgenabled as enabled, t.tgisinternal as internal,
       array_position(%(tables)s::oid[], c.oid) as place
from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
where c.oid = any(%(tables)s)
  and (not t.tgisinternal or coalesce((to_jsonb(t)->>'tgparentid')::oid, 0) <> 0 and t.tgconstraint = 0)
union all
select 'rule', n.nspname, c.relname, r.rulename, r.ev_enabled, false, array_position(%(tables)s::oid[], c.oid)
from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
where c.oid = any(%(tables)s) and r.rulename <> '_RETURN'
order by kind, place, name
"""

_STATES: dict[Firing, str] = {"O": "enable", "D": "disable", "R": "enable replica", "A": "enable always"}


@dataclass(frozen=True, slots=True)
class _Firing:
    kind: Literal["trigger", "rule"]
    schema: str
    table: str
    name: str
    enabled: Firing
    internal: bool

    def set(self, conn: psycopg.Connection[Any], state: Firing, *, only: bool) -> None:
        # ONLY keeps a parent's trigger from changing its partitions' copies; rules are never inherited.
        words = sql.SQL("alter table {}{} {} {} {}").format(
            sql.SQL("only " if only and self.kind == "trigger" else ""),
            sql.Identifier(self.schema, self.table),
            sql.SQL(_STATES[state]),
            sql.SQL(self.kind),
            sql.Identifier(self.name),
        )
        conn.execute(words)


@dataclass(slots=True)
class Silence:
    """What is silent, and how. ``restored`` and ``notices`` are complete once the silence is over."""

    mode: Literal["replica", "constraints"]
    foreign_keys: tuple[TargetConstraint, ...]
    restored: list[Restored] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@contextmanager
def silence(conn: psycopg.Connection[Any], target: TargetSchema, tables: Collection[str]) -> Iterator[Silence]:
    """Let rows into (and out of) ``tables`` of ``target`` in any order, with no trigger, rule or foreign key acting.

    At the end every foreign key on and onto these tables has been checked against all rows; one that rows violate is
    NOT VALID, and told in ``notices``. Everything is inside a savepoint of the caller's transaction (or a transaction
    of its own): an exception takes back the rows and leaves the schema as it was. Use DELETE, not TRUNCATE, in it: a
    referenced table cannot be truncated. Raises TargetRights where the role owns too little, DuplicateKeys where rows
    violate a deferrable key, LoadFailed where a violated key cannot be kept.
    """
    with conn.transaction():
        with _rights(conn, target):
            # A table with deferred events pending cannot be altered.
            conn.execute("set constraints all immediate")
            oids = _tree(conn, [target.table(name).oid for name in tables])
            before, replica = _replica_role(conn)
            fks = _foreign_keys(conn, oids)
            quiet = Silence("replica" if replica else "constraints", tuple(fks))
            quiet.notices += _row_security(target, tables)
            switched_off = _switched_off(conn, fks)
            firing = _firing(conn, oids)
            acting = [f for f in firing if (f.enabled in "RA" if replica else f.enabled != "D")]
            _disable(conn, oids, acting, replica)
            dropped = [] if replica else [fk for fk in fks if switched_off.get(fk.oid) != "all"]
            for fk in dropped:
                suspend_constraint(conn, fk)
        yield quiet
        with _rights(conn, target), _duplicates():
            conn.execute("set constraints all immediate")
            if replica:
                conn.execute("select set_config('session_replication_role', %s, true)", [before])
                _recheck_deferrable(conn, oids)
            for fk in fks:
                if fk in dropped:
                    quiet.restored.append(restore_constraint(conn, fk))
                elif fk.oid in switched_off:
                    quiet.restored.append(_look(conn, fk))
                else:
                    quiet.restored.append(check_foreign_key(conn, fk))
            quiet.notices += [r.notice for r in quiet.restored if r.notice is not None]
            quiet.notices += [_enforced_again(fk) for fk in dropped if fk.oid in switched_off]
            _enable(conn, firing, acting)


def _replica_role(conn: psycopg.Connection[Any]) -> tuple[str, bool]:
    with conn.cursor(row_factory=tuple_row) as cursor:
        (before,) = cursor.execute("select current_setting('session_replication_role')").fetchone() or ("origin",)
    try:
        with conn.transaction():
            conn.execute("set local session_replication_role = replica")
    except errors.InsufficientPrivilege:
        return before, False
    return before, True


def _tree(conn: psycopg.Connection[Any], tables: Sequence[int]) -> list[int]:
    with conn.cursor(row_factory=tuple_row) as cursor:
        return [oid for (oid,) in cursor.execute(_TREE, [list(tables)])]


def _foreign_keys(conn: psycopg.Connection[Any], tables: Sequence[int]) -> list[TargetConstraint]:
    """The foreign keys on and onto these tables, less those that go with a parent table's."""
    return [c for c in read_constraints(conn, tables, onto=True) if c.kind == "f" and not c.parent_oid]


def _switched_off(conn: psycopg.Connection[Any], fks: Sequence[TargetConstraint]) -> dict[int, Literal["all", "some"]]:
    """The foreign keys whose own triggers a superuser disabled (DISABLE TRIGGER ALL): all of them or some."""
    asked = """
        select tgconstraint, bool_and(tgenabled = 'D') from pg_trigger
        where tgconstraint = any(%s) group by 1 having bool_or(tgenabled = 'D')
    """
    with conn.cursor(row_factory=tuple_row) as cursor:
        return {oid: "all" if whole else "some" for oid, whole in cursor.execute(asked, [[fk.oid for fk in fks]])}


def _firing(conn: psycopg.Connection[Any], tables: Sequence[int]) -> list[_Firing]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return [
            _Firing(row["kind"], row["nspname"], row["relname"], row["name"], row["enabled"], row["internal"])
            for row in cursor.execute(_FIRING, {"tables": list(tables)})
        ]


def _disable(conn: psycopg.Connection[Any], tables: Sequence[int], acting: list[_Firing], replica: bool) -> None:
    for one in acting:
        if not one.internal:
            one.set(conn, "D", only=False)
    if not acting:
        return
    left = [f for f in _firing(conn, tables) if (f.enabled in "RA" if replica else f.enabled != "D")]
    if left:
        raise errors.InsufficientPrivilege(f"disable the {left[0].kind} {left[0].name} on {left[0].table}")


def _enable(conn: psycopg.Connection[Any], firing: list[_Firing], acting: list[_Firing]) -> None:
    if not acting:
        return
    only = conn.info.server_version >= 150000
    for one in firing:
        if not one.internal:
            one.set(conn, one.enabled, only=only)


def _recheck_deferrable(conn: psycopg.Connection[Any], tables: Sequence[int]) -> None:
    """Check the keys that are deferrable: their triggers did not fire either. Building an index checks all rows."""
    plain = """
        select n.nspname, i.relname from pg_constraint c join pg_class i on i.oid = c.conindid and i.relkind = 'i'
        join pg_namespace n on n.oid = i.relnamespace
        where c.conrelid = any(%s) and c.contype in ('p', 'u', 'x') and c.condeferrable
    """
    with conn.cursor(row_factory=tuple_row) as cursor:
        for schema, index in cursor.execute(plain, [list(tables)]).fetchall():
            cursor.execute(sql.SQL("reindex index {}").format(sql.Identifier(schema, index)))


def _look(conn: psycopg.Connection[Any], fk: TargetConstraint) -> Restored:
    """Look at a foreign key that somebody switched off: it stays so, for a new one would act again."""
    found = Violations() if fk.period or not fk.enforced else violations(conn, fk)
    return Restored(fk, fk.validated, found)


def _enforced_again(fk: TargetConstraint) -> Notice:
    return Notice(
        level="attention",
        kind="foreign-key-enforced",
        table=fk.table,
        message=f"{fk.name} on {fk.table}: some of its own triggers had been disabled, which only a superuser can do; "
        "they are enabled now",
    )


def _row_security(target: TargetSchema, tables: Collection[str]) -> list[Notice]:
    return [
        Notice(
            kind="row-security",
            table=table.name,
            message=f"{table.name} has row-level security{' (forced)' if table.row_security == 'forced' else ''}: "
            "the role that loads it must be its owner (not forced) or have BYPASSRLS",
        )
        for table in (target.table(name) for name in tables)
        if table.row_security != "off"
    ]


@contextmanager
def _rights(conn: psycopg.Connection[Any], target: TargetSchema) -> Iterator[None]:
    try:
        yield
    except errors.InsufficientPrivilege as error:
        role = conn.info.user
        raise TargetRights(
            role=role,
            action=f"silence the schema {target.name}: {error.diag.message_primary or error}",
            grant=f"the ownership of its tables, or: GRANT SET ON PARAMETER session_replication_role TO {role}",
        ) from error


@contextmanager
def _duplicates() -> Iterator[None]:
    try:
        yield
    except (errors.UniqueViolation, errors.ExclusionViolation) as error:
        raise DuplicateKeys(
            table=error.diag.table_name or "a table",
            constraint=error.diag.constraint_name or "key",
            examples=error.diag.message_detail or error.diag.message_primary,
        ) from error
