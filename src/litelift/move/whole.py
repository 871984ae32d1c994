"""A whole move: into tables that litelift makes."""

from __future__ import annotations

from pathlib import Path

from litelift import errors
from litelift.move.carry import carry
from litelift.move.census import take_censuses
from litelift.move.context import Context
from litelift.move.create import begin_move, make_tables
from litelift.move.interruption import OTHERS, TAKEN_BACK, ended, interrupts, stays, ways
from litelift.move.journal import RunLine, settle, where_run_is
from litelift.move.outcome import finish
from litelift.move.preconditions import refuse_occupied
from litelift.move.progress import Progress
from litelift.move.resume import (
    Earlier,
    refuse_decided_otherwise,
    refuse_lost_tables,
    refuse_unfinished,
    take_over,
    to_resume,
)
from litelift.move.state import forget, remember
from litelift.move.trial import try_generated
from litelift.move.triggers import make_triggers
from litelift.move.undo import remove_made, remove_views_and_functions
from litelift.move.unit import loaded_units
from litelift.move.views import make_views
from litelift.plan.fingerprint import fingerprint
from litelift.plan.plan import MovePlan
from litelift.plan.request import whole_requests
from litelift.plan.whole import plan_triggers_again, plan_whole
from litelift.preflight.room import look_after
from litelift.preflight.target import look_before
from litelift.prove.objects import prove_objects
from litelift.prove.sequences import prove_sequences
from litelift.result import MigrationResult, Notice, ObjectProof, SequenceProof, Untranslated

LEFT_BEHIND = "What was half done could not be taken back whole. The rest goes with: {undo}"


def move_whole(context: Context) -> MigrationResult:
    """Make the tables, load, build, prove.

    What an interruption leaves stays, to go on with; where anything else fails, everything is taken back.
    """
    name = context.options.plan.defaults.schema_name
    tables, jobs = len(context.schema.tables), context.crew.jobs
    context.notices += context.persist(
        "create", lambda: look_before(context.connection, name, tables=tables, jobs=jobs)
    )
    earlier = context.persist("create", lambda: _earlier(context, name))
    try:
        plan, line = _decided(context, earlier)
    except BaseException as error:
        if earlier is not None:
            context.kept = True
            error.add_note(stays(context, earlier.done))
        raise
    run, attempt = (earlier.run, earlier.attempt) if earlier is not None else (line.run, 1)
    try:
        _create(context, plan, line, earlier)
        results, proof = carry(context, run, plan, earlier)
        proof.sequences, proof.objects = context.persist("prove", lambda: _prove_objects(context, plan))
        made = context.persist("prove", lambda: _make_views_and_triggers(context, run, attempt, plan))
        proof.objects += made
        _tell_survived(context, earlier)
        result = finish(context, run, plan, results, {}, proof)
        _forget(context, run, earlier)
        return result
    except BaseException as error:
        context.crew.stop()
        _end(context, error, run, attempt, plan)
        raise


def _forget(context: Context, run: str, earlier: Earlier | None) -> None:
    for path in {context.path, Path(earlier.path)} if earlier is not None else {context.path}:
        forget(path, run)


def _decided(context: Context, earlier: Earlier | None) -> tuple[MovePlan, RunLine]:
    """The plan, and the run's line. Raises PlanChanged, TargetChanged where an earlier move was another."""
    plan = _decide(context, earlier)
    line = RunLine(
        context.source_json,
        mark=context.sessions.mark,
        options=context.options.as_json(),
        decided=fingerprint(plan),
    )
    if earlier is not None:
        assert line.decided is not None
        refuse_decided_otherwise(context, earlier, line.decided)
        refuse_lost_tables(context, earlier, plan)
    return plan, line


def _earlier(context: Context, schema: str) -> Earlier | None:
    """The move to go on with, made ours. Raises Unfinished, TargetNotEmpty, NotThatMove, SourceChanged."""
    if not context.options.resume:
        refuse_unfinished(context, schema)
        refuse_occupied(context.connection, schema)
        return None
    found = to_resume(context, schema)
    if found is None:
        refuse_occupied(context.connection, schema)
        context.timeline.tell(Progress("create", message="nothing is unfinished here: this move begins anew"))
        return None
    context.timeline.tell(
        Progress("create", message=f"going on with the move that began on {found.began}: {found.done}")
    )
    return take_over(context, found)


def _decide(context: Context, earlier: Earlier | None) -> MovePlan:
    server = context.server
    requests = whole_requests(context.schema, context.options.plan)
    censuses = take_censuses(context, requests)
    with context.timeline.step("plan") as said:
        plan = plan_whole(
            context.source.connection,
            context.schema,
            requests,
            censuses,
            context.options.plan,
            rule=context.options.on_misfit,
            server_version=server.version,
            icu=server.icu,
        )
        planned = list(plan.tables)
        context.persist("plan", lambda: try_generated(context, plan))
        if plan.tables != planned:
            plan_triggers_again(plan, context.schema, context.options.plan, server.version)
        said.append(
            f"{len(plan.tables)} tables, {len(plan.indexes)} keys and indexes, "
            f"{len(plan.foreign_keys)} foreign keys, {len(plan.checks)} checks"
        )
    if earlier is None:
        source, jobs = context.source.connection, context.crew.jobs
        context.notices += context.persist(
            "plan", lambda: look_after(context.connection, source, plan, censuses, jobs=jobs)
        )
    return plan


def _create(context: Context, plan: MovePlan, line: RunLine, earlier: Earlier | None) -> None:
    tell = context.timeline.tell

    def create() -> list[Untranslated]:
        run = line.run
        if earlier is None:
            begin_move(context.connection, plan, line)
            if context.embedded is None:
                remember(context.path, context.server.display, run)
        else:
            run = earlier.run
        refused = make_tables(
            context.connection,
            run,
            plan,
            context.sessions.open_now,
            context.crew.jobs,
            lambda table: tell(Progress("create", table)),
        )
        settle(context.connection, run)
        return refused

    with context.timeline.step("create"):
        plan.untranslated += context.persist("create", create)


def _prove_objects(context: Context, plan: MovePlan) -> tuple[list[SequenceProof], list[ObjectProof]]:
    matches = [table.match() for table in plan.tables]
    sequences = prove_sequences(context.source.connection, context.connection, matches, context.schema)
    return sequences, prove_objects(context.connection, plan)


def _make_views_and_triggers(context: Context, run: str, attempt: int, plan: MovePlan) -> list[ObjectProof]:
    """Make them, after whatever an earlier attempt has made of them is gone. Raises Superseded."""
    if where_run_is(context.connection, run) != ("running", attempt):
        # While this one had lost its connection: what is there now may be in use.
        raise errors.Superseded(database=context.server.database)
    remove_views_and_functions(context.connection, run)
    told, untranslated = len(plan.notices), len(plan.untranslated)
    try:
        views = make_views(context, run, plan)
        triggers = make_triggers(context, run, plan)
    except BaseException:
        del plan.notices[told:], plan.untranslated[untranslated:]
        raise
    return [made for made in (views, triggers) if made is not None]


def _tell_survived(context: Context, earlier: Earlier | None) -> None:
    if earlier is not None:
        message = f"this move began on {earlier.began} and was gone on with; every row was compared again"
        context.notices.append(Notice(kind="resumed", message=message))
    if context.interruptions:
        times = "once" if context.interruptions == 1 else f"{context.interruptions} times"
        message = (
            f"the connection to PostgreSQL was lost, or a transaction rolled back, {times}; all of it was done again"
        )
        context.notices.append(Notice(kind="interrupted", message=message))


def _end(context: Context, error: BaseException, run: str, attempt: int, plan: MovePlan) -> None:
    """Keep what an interrupted move has loaded, and say how to go on; else take back what this run made.

    A run that has come to its end, or that another litelift has gone on with, is left as it is.
    """
    try:
        found = context.persist("load", lambda: where_run_is(context.connection, run))
        if found is not None and found != ("running", attempt):
            context.kept = True
            error.add_note(ended(context) if found[0] in ("proved", "differs") else OTHERS)
            return
        loaded = context.persist("load", lambda: _loaded(context, run, plan)) if found is not None else None
    except BaseException:
        # A second Ctrl-C too: the error that began it is the one to tell.
        context.kept = True
        error.add_note(stays(context, "as far as the target holds it: it cannot be asked now"))
        return
    if loaded is None:
        return
    rows, words = loaded
    if interrupts(error) and rows:
        context.kept = True
        error.add_note(stays(context, words))
        return
    try:
        context.persist("create", lambda: remove_made(context.connection, run))
        error.add_note(TAKEN_BACK)
        forget(context.path, run)
    except BaseException:
        context.kept = True
        error.add_note(LEFT_BEHIND.format(**ways(context)))


def _loaded(context: Context, run: str, plan: MovePlan) -> tuple[int, str]:
    """The rows that are in the target for good, by the journal, and that in words."""
    units = loaded_units(context.connection, run)
    results = {target: [unit.result for unit in found] for target, found in units.items()}
    whole = [table for table in plan.tables if sum(one.read for one in results.get(table.target, ())) == table.rows]
    rows = sum(one.loaded for found in results.values() for one in found)
    return rows, f"{len(whole)} of {len(plan.tables)} tables are loaded whole, {rows:,} rows in all"
