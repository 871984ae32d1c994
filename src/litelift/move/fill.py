"""Fills tables that the application made, in one transaction: all is there and proved, or nothing has changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from litelift import errors
from litelift.move.load import load_unit
from litelift.move.unit import Unit, UnitResult
from litelift.plan.plan import MovePlan, TablePlan
from litelift.postgres.connect import Connection
from litelift.postgres.existing import read_target
from litelift.postgres.existing_types import TargetConstraint, TargetSchema
from litelift.postgres.matching import TableNames
from litelift.postgres.sequences import plan_sequences, set_sequences
from litelift.postgres.silence import silence
from litelift.postgres.suspended import Restored, restore_constraint, suspend_constraint
from litelift.result import Notice
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Schema
from litelift.wire.choose import BadTexts


@dataclass(slots=True)
class Filled:
    """What came of it: a result and the replaced rows by source table, and what was told."""

    results: dict[str, UnitResult] = field(default_factory=dict)
    replaced: dict[str, int] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def fill(
    source: sqlite3.Connection,
    connection: Connection,
    run: str,
    plan: MovePlan,
    schema: Schema,
    target: TargetSchema,
    matched: tuple[TableNames, ...],
    bad_texts: BadTexts,
    on_rows: Callable[[TablePlan, int], None] | None = None,
) -> Filled:
    """Replace the rows of the plan's tables and set the sequences; call it inside a transaction.

    Raises:
        TargetRights, LoadFailed, MisfitsFound, DuplicateKeys: the caller rolls back, and nothing has happened.
    """
    filled = Filled()
    tables = [table for table in plan.tables if not table.create]
    with silence(connection, target, [table.target for table in tables]) as quiet:
        for table in tables:
            name = sql.Identifier(table.schema, table.target)
            gone = connection.execute(
                sql.SQL("delete from {} {}").format(
                    sql.SQL("" if target.table(table.target).partitioned else "only"), name
                )
            ).rowcount
            filled.replaced[table.source] = gone
        for table in tables:

            def tell(rows: int, table: TablePlan = table) -> None:
                if on_rows:
                    on_rows(table, rows)

            filled.results[table.source] = _load(source, connection, run, table, target, bad_texts, tell, filled)
    filled.notices += quiet.notices
    sequences = plan_sequences(
        target, [names for names in matched if names.loaded], schema.sequences, _greatest(source, plan, schema)
    )
    for done in set_sequences(connection, sequences.sequences):
        if done.notice is not None:
            filled.notices.append(done.notice)
    filled.notices += sequences.notices
    for table in tables:
        if filled.replaced[table.source]:
            message = f"{filled.replaced[table.source]} rows that were in {table.target} were replaced"
            filled.notices.append(Notice(kind="replaced", message=message, table=table.target))
    return filled


def _greatest(source: sqlite3.Connection, plan: MovePlan, schema: Schema) -> dict[str, int]:
    greatest = {}
    for table in plan.tables:
        alias = schema.table(table.source).rowid_alias
        if alias is not None:
            query = f"SELECT max({quote_identifier(alias)}) FROM {quote_identifier(table.source)}"  # noqa: S608
            greatest[table.source] = int(source.execute(query).fetchone()[0] or 0)
    return greatest


def _load(
    source: sqlite3.Connection,
    connection: Connection,
    run: str,
    table: TablePlan,
    target: TargetSchema,
    bad_texts: BadTexts,
    on_rows: Callable[[int], None],
    filled: Filled,
) -> UnitResult:
    """Load one table; a CHECK that its old rows break is taken off for the load and comes back NOT VALID."""
    suspended: list[TargetConstraint] = []
    while True:
        try:
            result = load_unit(source, connection, run, Unit(table), bad_texts, on_rows)
            break
        except psycopg.errors.CheckViolation as error:
            suspended.append(_broken(connection, table, target, error, suspended))
        except errors.LoadFailed as error:
            _explain(table, error)
            raise
    for constraint in suspended:
        restored: Restored = restore_constraint(connection, constraint)
        if restored.notice is not None:
            filled.notices.append(restored.notice)
    return result


def _explain(table: TablePlan, error: errors.LoadFailed) -> None:
    """Raise DuplicateKeys for a key that only the server could judge: an expression's, or one with a condition."""
    cause = error.__cause__
    if isinstance(cause, psycopg.errors.UniqueViolation | psycopg.errors.ExclusionViolation):
        raise errors.DuplicateKeys(
            table=table.source,
            constraint=cause.diag.constraint_name or "key",
            examples=cause.diag.message_detail or cause.diag.message_primary,
        ) from cause


def _broken(
    connection: Connection,
    table: TablePlan,
    target: TargetSchema,
    error: psycopg.errors.CheckViolation,
    suspended: list[TargetConstraint],
) -> TargetConstraint:
    name = error.diag.constraint_name
    for constraint in target.table(table.target).constraints:
        if constraint.kind == "c" and constraint.name == name and constraint not in suspended:
            suspend_constraint(connection, constraint)
            return constraint
    raise errors.LoadFailed(table=table.source, message=error.diag.message_primary or str(error)) from error


def lost_objects(before: TargetSchema, connection: Connection) -> list[str]:
    """The constraints, indexes, triggers and defaults that were in the target and are not any more."""
    after = read_target(connection, before.name)
    return sorted(_objects(before) - _objects(after))


def _objects(schema: TargetSchema) -> set[str]:
    found = set()
    for table in schema.tables:
        found |= {f"constraint {table.name}.{c.name}" for c in table.constraints}
        found |= {f"index {index.name}: {index.definition}" for index in table.indexes}
        found |= {f"trigger {table.name}.{t.name} ({t.enabled})" for t in table.triggers}
        found |= {f"default {table.name}.{c.name}: {c.default}" for c in table.columns if c.default}
        found |= {f"not null {table.name}.{c.name}" for c in table.columns if c.not_null}
    return found


def count_objects(schema: TargetSchema) -> dict[str, int]:
    """How many constraints, indexes, triggers and defaults a schema has, by kind."""
    counts: dict[str, int] = {}
    for item in _objects(schema):
        kind = item.split()[0]
        counts[kind] = counts.get(kind, 0) + 1
    return counts
