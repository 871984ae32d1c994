"""The triggers of a whole move: each in PL/pgSQL, or the reason why it stays behind."""

from __future__ import annotations

from dataclasses import dataclass, replace

from litelift.errors import Untranslatable
from litelift.plan.names import Namer
from litelift.plan.plan import MovePlan
from litelift.plan.relations import plan_relations
from litelift.plan.virtual import staying
from litelift.result import Untranslated
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import OtherObject, Schema
from litelift.translate.trigger import TranslatedTrigger, is_fts_sync, translate_trigger, without_fts_sync


@dataclass(frozen=True, slots=True)
class PlannedTriggers:
    """``made`` are to be created; ``replaced`` only kept a full-text table, which a tsvector does in their place."""

    made: tuple[tuple[OtherObject, TranslatedTrigger], ...]
    replaced: tuple[OtherObject, ...]
    untranslated: tuple[Untranslated, ...]


def plan_triggers(plan: MovePlan, schema: Schema, server_version: int, names: Namer) -> PlannedTriggers:
    """Translate the source's triggers, in the order of their names.

    ``names`` is the namespace of the schema's functions; ``server_version`` is PostgreSQL's server_version_num.
    """
    triggers = sorted((other for other in schema.others if other.kind == "trigger"), key=lambda other: other.name)
    if not triggers:
        return PlannedTriggers((), (), ())
    known = plan_relations(plan, schema)
    places = {fold(name): relation for name, relation in known.items()}
    virtual = staying(plan, schema)
    carried = {table.name for table in schema.tables if table.virtual is not None} - virtual
    shadows = {fold(other.name) for other in schema.others if other.kind == "shadow table"}
    made = []
    replaced = []
    left = []
    for trigger in triggers:
        if fold(trigger.table or "") in shadows or is_fts_sync(trigger.sql, virtual, carried):
            replaced.append(trigger)
            continue
        relation = places.get(fold(trigger.table or ""))
        if relation is None:
            reason = f"{trigger.table} stays behind"
            left.append(Untranslated(kind="trigger", name=trigger.name, sql=trigger.sql, reason=reason))
            continue
        text, left_out = without_fts_sync(trigger.sql, virtual, carried)
        try:
            found = translate_trigger(
                text, relation, known, server_version, names.name, [other.sql for other in triggers]
            )
        except Untranslatable as error:
            reason = str(error.facts["reason"])
            left.append(Untranslated(kind="trigger", name=trigger.name, sql=trigger.sql, reason=reason))
        else:
            if left_out:
                remark = f"{left_out} of its statements only keep a search index up to date, which here needs none"
                found = replace(found, remarks=(*found.remarks, remark))
            made.append((trigger, found))
    return PlannedTriggers(tuple(made), tuple(replaced), tuple(left))
