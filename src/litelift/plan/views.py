"""The views of a whole move: each in PostgreSQL's SQL, in the order of what they read, or why it stays behind."""

from __future__ import annotations

from litelift.errors import Untranslatable
from litelift.plan.file import PlanFile
from litelift.plan.match import ColumnMatch, TableMatch
from litelift.plan.names import Namer
from litelift.plan.plan import MovePlan, ViewPlan
from litelift.plan.relations import plan_relations
from litelift.plan.virtual import view_relations
from litelift.result import Untranslated
from litelift.sqlite.schema import Schema
from litelift.translate.views import order_views, translate_view


def plan_views(plan: MovePlan, schema: Schema, file: PlanFile, names: Namer, server_version: int) -> None:
    """Translate every view that the plan file does not leave out.

    ``names`` is the namespace of the schema's relations.
    """
    views = {
        other.name: other.sql for other in schema.others if other.kind == "view" and not file.table(other.name).exclude
    }
    if not views:
        return
    relations = plan_relations(plan, schema) | view_relations(plan)
    order = order_views(views, frozenset(relations))
    for name, reason in order.refused.items():
        _left(plan, name, views[name], reason)
    for name in order.views:
        fold = str.lower if file.defaults.identifiers == "lower" else str
        try:
            found = translate_view(views[name], relations, server_version, fold)
        except Untranslatable as error:
            _left(plan, name, views[name], str(error.facts["reason"]))
            continue
        target = names.name(name)
        relations[name] = found.relation(plan.schema, target)
        plan.functions |= found.needs
        columns = tuple(
            ColumnMatch(column, context.target, context.type, context.values)
            for column, context in found.columns.items()
        )
        match = TableMatch(name, plan.schema, target, columns)
        plan.views += (
            ViewPlan(match, found.sql, views[name], found.depends_on, found.inexact, found.volatile, relations[name]),
        )


def _left(plan: MovePlan, name: str, text: str, reason: str) -> None:
    plan.untranslated.append(Untranslated(kind="view", name=name, sql=text, reason=reason))
