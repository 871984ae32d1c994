"""Makes the triggers when the rows are in, and tries each on both sides: one that does something else does not stay."""

from __future__ import annotations

import psycopg
from psycopg import sql

from litelift.move.context import Context
from litelift.move.made import note_functions
from litelift.plan.plan import MovePlan
from litelift.plan.relations import plan_relations
from litelift.prove.triggers import Exercise, exercise
from litelift.result import Notice, ObjectProof, Untranslated
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import OtherObject
from litelift.translate.trigger import TranslatedTrigger

Made = tuple[OtherObject, TranslatedTrigger]


def make_triggers(context: Context, run: str, plan: MovePlan) -> ObjectProof | None:
    """Make the source's triggers, after the load, the keys and the views, and try them.

    What cannot be made, or does something else than in SQLite, is told as not carried. Returns how many there are, None
    where none could be planned.
    """
    if not plan.triggers:
        return None
    made = [one for one in plan.triggers if _make(context, run, plan, one)]
    tried = _tried(context, plan, made)
    kept = [one for one in made if not _differs(context, plan, one, tried.get(one[0].name))]
    return ObjectProof(kind="triggers", expected=len(kept), present=len(kept))


def _make(context: Context, run: str, plan: MovePlan, one: Made) -> bool:
    other, trigger = one
    connection = context.connection
    left = {fold(item.name) for item in plan.untranslated if item.kind == "view"}
    missing = sorted(left & {*trigger.reads, fold(other.table or "")})
    if missing:
        _left(plan, other, f"it reads or writes {', '.join(missing)}, which is not carried")
        return False
    try:
        with connection.transaction():
            # Our own translation, made of quoted identifiers and literals.
            for text in (trigger.function_sql, *trigger.trigger_sql):
                connection.execute(sql.Composed([sql.SQL(text)]))
            note_functions(connection, run, plan.schema, [trigger.function_name])
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError) as error:
        _left(plan, other, f"PostgreSQL refuses its translation: {error.diag.message_primary or error}")
        return False
    return True


def _tried(context: Context, plan: MovePlan, made: list[Made]) -> dict[str, Exercise]:
    if not made:
        return {}
    exercises = exercise(
        context.source.connection,
        context.connection,
        [other.sql for other, _ in made],
        plan_relations(plan, context.schema),
        {table.source: table.match() for table in plan.tables} | {v.match.source: v.match for v in plan.views},
    )
    return {one.trigger: one for one in exercises}


def _differs(context: Context, plan: MovePlan, one: Made, tried: Exercise | None) -> bool:
    other, trigger = one
    if tried is None or tried.outcome == "not tried":
        reason = tried.reason if tried else "its statement could not be read again"
        message = f"the trigger {other.name} was carried, and not tried on both sides: {reason}"
        plan.notices.append(Notice(kind="trigger", message=message, table=other.table))
        return False
    if tried.outcome == "same":
        return False
    function = sql.Identifier(plan.schema, trigger.function_name)
    context.connection.execute(sql.SQL("drop function {} cascade").format(function))
    example = next((f"{d.table}.{d.column}: {d.source} in SQLite, {d.target} here" for d in tried.differences), "")
    words = "; ".join(part for part in (tried.reason, "; ".join(tried.statements), example) if part)
    _left(plan, other, f"tried on both sides, it did something else: {words}")
    return True


def _left(plan: MovePlan, other: OtherObject, reason: str) -> None:
    plan.untranslated.append(Untranslated(kind="trigger", name=other.name, sql=other.sql, reason=reason))
