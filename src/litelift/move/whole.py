"""A whole move: into tables that litelift makes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import psycopg

from litelift.move import tasks
from litelift.move.build import Builder
from litelift.move.census import take_censuses
from litelift.move.context import Context, Loaded
from litelift.move.create import begin_move, make_tables, refuse_occupied
from litelift.move.interruption import TAKEN_BACK, interrupts, stays, ways
from litelift.move.journal import RunLine, has_run, settle
from litelift.move.outcome import finish
from litelift.move.progress import Progress
from litelift.move.proof import compare_tables
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
from litelift.move.undo import remove_made
from litelift.move.unit import UnitResult, loaded_units
from litelift.move.views import make_views, remove_views_and_functions
from litelift.plan.fingerprint import fingerprint
from litelift.plan.plan import MovePlan
from litelift.plan.request import whole_requests
from litelift.plan.whole import plan_triggers_again, plan_whole
from litelift.postgres.retry import persist
from litelift.preflight.room import look_after
from litelift.preflight.target import look_before
from litelift.prove.objects import prove_objects
from litelift.prove.sequences import prove_sequences
from litelift.result import MigrationResult, Notice, ObjectProof, Proof, SequenceProof

APART = "LITELIFT_APART"
"""Set to anything but 0 or nothing, this environment variable has nothing built before all is loaded: the load can then
be measured alone."""

LEFT_BEHIND = "The target could not be reached to take back what was half done: once it can be, {undo}"


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
    run = earlier.run if earlier is not None else line.run
    try:
        _create(context, plan, line, earlier)
        results, proof = _fill(context, run, plan, earlier)
        proof.sequences, proof.objects = context.persist("prove", lambda: _prove_objects(context, plan))
        made = context.persist("prove", lambda: _make_views_and_triggers(context, run, plan))
        proof.objects += made
        _tell_survived(context, earlier)
        result = finish(context, run, plan, results, {}, proof)
        forget(context.path, run)
        return result
    except BaseException as error:
        context.crew.stop()
        _end(context, error, run, plan)
        raise


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
        if context.persist("plan", lambda: try_generated(context, plan)):
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

    def create() -> None:
        run = line.run
        if earlier is None:
            begin_move(context.connection, plan, line)
            if context.embedded is None:
                remember(context.path, context.server.display, run)
        else:
            run = earlier.run
        plan.untranslated += make_tables(
            context.connection,
            run,
            plan,
            context.sessions.open_now,
            context.crew.jobs,
            lambda table: tell(Progress("create", table)),
        )
        settle(context.connection, run)

    with context.timeline.step("create"):
        context.persist("create", create)


def _prove_objects(context: Context, plan: MovePlan) -> tuple[list[SequenceProof], list[ObjectProof]]:
    matches = [table.match() for table in plan.tables]
    sequences = prove_sequences(context.source.connection, context.connection, matches, context.schema)
    return sequences, prove_objects(context.connection, plan)


def _make_views_and_triggers(context: Context, run: str, plan: MovePlan) -> list[ObjectProof]:
    """Make them, after whatever an earlier attempt has made of them is gone."""
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


def _end(context: Context, error: BaseException, run: str, plan: MovePlan) -> None:
    """Keep what an interrupted move has loaded, and say how to go on; else take back what this run made."""
    with suppress(psycopg.Error):
        # What the journal says is exact; what was heard of it until then may be less.
        context.loaded = _loaded(context, run, plan)
    if interrupts(error) and context.loaded.rows:
        context.kept = True
        error.add_note(stays(context))
        return

    try:
        try:
            begun = has_run(context.connection, run)
        except psycopg.Error:
            context.renew()
            begun = has_run(context.connection, run)
        if begun:
            context.persist("create", lambda: remove_made(context.connection, run))
            error.add_note(TAKEN_BACK)
        forget(context.path, run)
    except BaseException:
        # A second Ctrl-C too: the error that began it is the one to tell.
        context.kept = True
        error.add_note(LEFT_BEHIND.format(**ways(context)))


def _load(
    context: Context,
    run: str,
    plan: MovePlan,
    earlier: Earlier | None,
    loaded: Callable[[str], None] | None = None,
) -> dict[str, UnitResult]:
    """Load every table; ``loaded`` is called for each that has all its rows, and for all of them at the end."""
    apart = os.environ.get(APART, "0") not in ("", "0")
    connection, crew = context.source.connection, context.crew
    done = context.persist("load", lambda: loaded_units(context.connection, run)) if earlier is not None else {}
    attempt = earlier.attempt if earlier is not None else 1
    pieces = [
        tasks.LoadTask(run, unit, attempt)
        for table in sorted(plan.tables, key=lambda table: -table.bytes)
        for unit in tasks.units(connection, table, crew.jobs, [one.between for one in done.get(table.target, ())])
    ]
    results = {table.source: UnitResult(table.source) for table in plan.tables}
    left = Counter(piece.unit.table.target for piece in pieces)
    context.loaded.of = len(plan.tables)
    for table in plan.tables:
        for unit in done.get(table.target, ()):
            results[table.source].add(unit.result)
        context.loaded.rows += results[table.source].loaded
        context.loaded.tables += not left[table.target]
    totals = {table.source: table.rows for table in plan.tables}
    with context.timeline.step("load") as said:
        shown = {source: result.read for source, result in results.items()}
        current = ""

        sizes = {table.source: table.bytes // max(table.rows, 1) for table in plan.tables}

        def tell(table: str, rows: int) -> None:
            shown[table] += rows
            size = shown[table] * sizes[table]
            context.timeline.tell(Progress("load", table, shown[table], totals[table], size))

        def on_rows(rows: int) -> None:
            tell(current, rows)

        def announced() -> Iterator[tasks.LoadTask]:
            nonlocal current
            for piece in pieces:
                current = piece.unit.table.source
                yield piece

        try:
            for task, result in crew.run(tasks.load, announced(), on_rows, finish=True):
                results[task.unit.table.source].add(result)
                left[task.unit.table.target] -= 1
                context.loaded.rows += result.loaded
                context.loaded.tables += not left[task.unit.table.target]
                # At once: the load leaves the processors idle wherever it waits for the server's log.
                if loaded is not None and not left[task.unit.table.target] and not apart:
                    loaded(task.unit.table.target)
                if crew.parallel:
                    tell(task.unit.table.source, result.read)
        except KeyboardInterrupt:
            crew.finish()
            raise
        if loaded is not None:
            for table in plan.tables:
                loaded(table.target)
        said.append(f"{sum(r.loaded for r in results.values()):,} rows")
    return results


def _fill(context: Context, run: str, plan: MovePlan, earlier: Earlier | None) -> tuple[dict[str, UnitResult], Proof]:
    """Load, build and compare.

    Where others do the work, what stands on a table is built as soon as it is loaded, and the rows are compared beside
    that: nothing that is built changes a row.
    """
    crew = context.crew
    builder = Builder(
        plan,
        context.sessions.open_now,
        crew.jobs,
        loading=crew.parallel,
        resumed=earlier is not None,
        settle=lambda session: settle(session, run),
    )
    if not crew.parallel:
        results = _load(context, run, plan, earlier)
        _build(context, plan, builder)
        return results, _prove(context, run, plan)
    with ThreadPoolExecutor(1) as beside:
        building = beside.submit(_build, context, plan, builder)

        def ended(done: Future[None]) -> None:
            if done.exception() is not None:
                crew.stop()

        building.add_done_callback(ended)
        try:
            results = _load(context, run, plan, earlier, builder.loaded)
            return results, _prove(context, run, plan, building.result)
        except BaseException as error:
            failure = building.exception() if building.done() else None
            builder.stop()
            if failure is not None and not isinstance(error, KeyboardInterrupt):
                # What made the crew stop says more than that it did.
                raise failure from None
            raise


def _loaded(context: Context, run: str, plan: MovePlan) -> Loaded:
    if not has_run(context.connection, run):
        return Loaded(of=len(plan.tables))
    results = {
        target: [unit.result for unit in units] for target, units in loaded_units(context.connection, run).items()
    }
    whole = [
        table
        for table in plan.tables
        if table.target in results and sum(one.read for one in results[table.target]) == table.rows
    ]
    rows = sum(one.loaded for units in results.values() for one in units)
    return Loaded(len(whole), len(plan.tables), rows)


def _build(context: Context, plan: MovePlan, builder: Builder) -> None:
    builder.wait()

    with context.timeline.step("build") as said:
        persist(
            lambda: builder.build(lambda table: context.timeline.tell(Progress("build", table))),
            lambda: context.sessions.open().close(),
            lambda words: context.hear(words, "build"),
            attempts=context.attempts,
        )
        plan.notices += builder.notices
        plan.untranslated += builder.untranslated
        said.append(f"{len(plan.indexes)} keys and indexes, {len(plan.foreign_keys)} foreign keys")


def _prove(context: Context, run: str, plan: MovePlan, others: Callable[[], object] | None = None) -> Proof:
    return context.persist("prove", lambda: _compare(context, run, plan, others))


def _compare(context: Context, run: str, plan: MovePlan, others: Callable[[], object] | None) -> Proof:
    totals = {table.source: table.rows for table in plan.tables}
    with context.timeline.step("prove") as said:
        done = dict.fromkeys(totals, 0)

        def tell(table: str, rows: int) -> None:
            done[table] += rows
            context.timeline.tell(Progress("prove", table, done[table], totals[table]))

        proofs = compare_tables(
            context.crew,
            context.connection,
            [table.match() for table in plan.tables],
            run=run,
            limit=context.options.differences,
            live=False,
            tell=tell,
            others=others,
        )
        differ = sum(proof.total_differences for proof in proofs)
        said.append(f"{sum(proof.source_rows for proof in proofs):,} rows, {differ:,} differences")
    return Proof(tables=proofs, seconds=context.timeline.steps[-1].seconds)
