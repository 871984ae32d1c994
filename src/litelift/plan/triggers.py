"""The triggers of a whole move: each in PL/pgSQL, or the reason why it stays behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from litelift.errors import Untranslatable
from litelift.plan.names import Namer
from litelift.plan.plan import MovePlan, TablePlan
from litelift.result import Untranslated
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import OtherObject, Schema, Table
from litelift.translate.relation import Relation
from litelift.translate.trigger import TranslatedTrigger, is_fts_sync, translate_trigger
from litelift.translate.value import ColumnContext

_VIRTUAL_VERSION = 180000
"""Virtual generated columns came with PostgreSQL 18; before, they are made stored."""

_ACTS = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})


@dataclass(frozen=True, slots=True)
class PlannedTriggers:
    """``made`` are to be created; ``replaced`` only kept a full-text table, which a tsvector does in their place."""

    made: tuple[tuple[OtherObject, TranslatedTrigger], ...]
    replaced: tuple[OtherObject, ...]
    untranslated: tuple[Untranslated, ...]


def relations(plan: MovePlan, schema: Schema, server_version: int) -> dict[str, Relation]:
    """What a trigger may name: every table of the plan, by its source name."""
    found = {}
    for planned in plan.tables:
        found[planned.source] = _relation(plan, schema, planned, schema.table(planned.source), server_version)
    return found


def plan_triggers(
    plan: MovePlan, schema: Schema, server_version: int, names: Namer, views: Mapping[str, Relation] | None = None
) -> PlannedTriggers:
    """Translate the source's triggers, in the order of their names.

    ``names`` is the namespace of the schema's functions; ``views`` are the views that are carried, by source name.
    ``server_version`` is PostgreSQL's server_version_num.
    """
    known = relations(plan, schema, server_version) | dict(views or {})
    places = {fold(name): relation for name, relation in known.items()}
    triggers = sorted((other for other in schema.others if other.kind == "trigger"), key=lambda other: other.name)
    virtual = {other.name for other in schema.others if other.kind == "virtual table"}
    shadows = {fold(other.name) for other in schema.others if other.kind == "shadow table"}
    made = []
    replaced = []
    left = []
    for trigger in triggers:
        if fold(trigger.table or "") in shadows or is_fts_sync(trigger.sql, virtual):
            replaced.append(trigger)
            continue
        relation = places.get(fold(trigger.table or ""))
        if relation is None:
            reason = f"{trigger.table} stays behind"
            left.append(Untranslated(kind="trigger", name=trigger.name, sql=trigger.sql, reason=reason))
            continue
        try:
            found = translate_trigger(
                trigger.sql, relation, known, server_version, names.name, [other.sql for other in triggers]
            )
        except Untranslatable as error:
            reason = str(error.facts["reason"])
            left.append(Untranslated(kind="trigger", name=trigger.name, sql=trigger.sql, reason=reason))
        else:
            made.append((trigger, found))
    return PlannedTriggers(tuple(made), tuple(replaced), tuple(left))


def _relation(plan: MovePlan, schema: Schema, planned: TablePlan, table: Table, server_version: int) -> Relation:
    columns: dict[str, ColumnContext] = {}
    generated: dict[str, Literal["stored", "virtual"]] = {}
    for column in planned.columns:
        source = table.column(column.source)
        columns[column.source] = ColumnContext(
            column.target, column.type, column.values, declared=source.declared, collation=source.collation
        )
        if source.generated is not None:
            stored = source.generated == "stored" or server_version < _VIRTUAL_VERSION
            generated[column.source] = "stored" if stored else "virtual"
    sources = {column.target: column.source for column in planned.columns}
    keys: list[tuple[str, ...]] = []
    other_keys = False
    for index in plan.indexes:
        if index.table != planned.target or not index.unique:
            continue
        if index.where is None and index.columns:
            keys.append(tuple(sources[target] for target in index.columns))
        else:
            other_keys = True
    return Relation(
        planned.schema,
        planned.target,
        columns,
        primary_key=tuple(name for name in table.primary_key if name in columns),
        identity=next((column.source for column in planned.columns if column.identity), None),
        keys=tuple(keys),
        other_keys=other_keys,
        generated=generated,
        cascades=tuple(other.name for other in schema.tables if _acts(other, table)),
    )


def _acts(child: Table, parent: Table) -> bool:
    return any(
        fold(key.parent) == fold(parent.name) and bool({key.on_delete, key.on_update} & _ACTS)
        for key in child.foreign_keys
    )
