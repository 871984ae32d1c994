"""A whole move: into tables that litelift makes."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg

from litelift import errors
from litelift.move import journal, tasks
from litelift.move.build import Builder
from litelift.move.census import take_censuses
from litelift.move.context import Context
from litelift.move.create import begin_move, make_tables, refuse_occupied, refuse_without_rights
from litelift.move.load import UnitResult
from litelift.move.outcome import TAKEN_BACK, finish
from litelift.move.progress import Progress
from litelift.move.proof import compare_tables
from litelift.move.trial import try_generated
from litelift.move.triggers import make_triggers
from litelift.move.undo import remains, remove_made
from litelift.move.views import make_views
from litelift.plan.plan import MovePlan
from litelift.plan.request import whole_requests
from litelift.plan.whole import plan_triggers_again, plan_whole
from litelift.postgres.connect import Connection, Server, connect
from litelift.prove.objects import prove_objects
from litelift.prove.sequences import prove_sequences
from litelift.result import MigrationResult, Notice, Proof

AGAIN_SECONDS = 20.0
LEFT_BEHIND = "The target could not be reached to take back what was half done; the next litelift migrate removes it."


def move_whole(context: Context) -> MigrationResult:
    """Make the tables, load, build, prove; take everything back where one of these fails."""
    connection, server, crew = context.connection, context.server, context.crew
    name = context.options.plan.defaults.schema_name
    refuse_without_rights(connection, name)
    remove_remains(context, name)
    refuse_occupied(connection, name)
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
        if try_generated(context, plan):
            plan_triggers_again(plan, context.schema, context.options.plan, server.version)
        said.append(
            f"{len(plan.tables)} tables, {len(plan.indexes)} keys and indexes, "
            f"{len(plan.foreign_keys)} foreign keys, {len(plan.checks)} checks"
        )
    run: str | None = None
    try:
        with context.timeline.step("create"):
            run = begin_move(connection, plan, context.source_json)
            tell = context.timeline.tell
            made = make_tables(
                connection, run, plan, server.dsn, crew.jobs, lambda table: tell(Progress("create", table))
            )
            plan.untranslated += made
        results, proof = _fill(context, run, plan)
        proof.sequences = prove_sequences(
            context.source.connection, connection, [table.match() for table in plan.tables], context.schema
        )
        proof.objects = prove_objects(connection, plan)
        views = make_views(context, plan)
        triggers = make_triggers(context, run, plan)
        proof.objects += [made for made in (views, triggers) if made is not None]
        return finish(context, run, plan, results, {}, proof)
    except BaseException as error:
        crew.stop()
        if run is not None:
            _undo(context, error, run)
        raise


def remove_remains(context: Context, schema: str) -> None:
    """Remove what a move that never ended left in the schema, and tell it."""
    for run, path, began in remains(context.connection, schema):
        tables = remove_made(context.connection, run)
        message = f"removed the remains of a move of {path} that began on {began} and never ended: {tables} tables"
        context.timeline.tell(Progress("create", message=message))
        context.notices.append(Notice(kind="remains", message=message))


def _undo(context: Context, error: BaseException, run: str) -> None:
    """Take back what this run made; where even that fails, the next run finds it by its line in the journal."""
    try:
        try:
            remove_made(context.connection, run)
        except psycopg.Error:
            with _again(context.server) as other:
                remove_made(other, run)
        error.add_note(TAKEN_BACK)
    except BaseException:
        # A second Ctrl-C too: the error that began it is the one to tell.
        error.add_note(LEFT_BEHIND)


@contextlib.contextmanager
def _again(server: Server) -> Iterator[Connection]:
    """A new connection in the place of one that was lost; a server that starts again needs a moment."""
    deadline = time.monotonic() + AGAIN_SECONDS
    while True:
        try:
            connection = connect(server.dsn)
            break
        except errors.TargetUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    with connection:
        journal.lock(connection)
        yield connection


def _load(
    context: Context, run: str, plan: MovePlan, loaded: Callable[[str], None] | None = None
) -> dict[str, UnitResult]:
    """Load every table; ``loaded`` is called for those that have all their rows, maybe more than once."""
    connection, crew = context.source.connection, context.crew
    pieces = [
        tasks.LoadTask(run, unit)
        for table in sorted(plan.tables, key=lambda table: -table.bytes)
        for unit in tasks.units(connection, table, crew.jobs)
    ]
    results = {table.source: UnitResult(table.source) for table in plan.tables}
    left = Counter(piece.unit.table.target for piece in pieces)
    totals = {table.source: table.rows for table in plan.tables}
    with context.timeline.step("load") as said:
        done = dict.fromkeys(totals, 0)
        current = ""

        sizes = {table.source: table.bytes // max(table.rows, 1) for table in plan.tables}

        def tell(table: str, rows: int) -> None:
            done[table] += rows
            size = done[table] * sizes[table]
            context.timeline.tell(Progress("load", table, done[table], totals[table], size))

        def on_rows(rows: int) -> None:
            tell(current, rows)

        def announced() -> Iterator[tasks.LoadTask]:
            nonlocal current
            for piece in pieces:
                current = piece.unit.table.source
                yield piece

        for task, result in crew.run(tasks.load, announced(), on_rows):
            total = results[task.unit.table.source]
            total.read += result.read
            total.loaded += result.loaded
            total.quarantined_rows += result.quarantined_rows
            total.quarantined_values += result.quarantined_values
            total.bytes += result.bytes
            total.form = result.form
            left[task.unit.table.target] -= 1
            # Not before a worker has nothing to load any more: until then building would only slow the others down.
            if loaded is not None and left.total() < crew.jobs:
                for target in [target for target, count in left.items() if not count]:
                    loaded(target)
            if crew.parallel:
                tell(task.unit.table.source, result.read)
        said.append(f"{sum(r.loaded for r in results.values()):,} rows")
    return results


def _fill(context: Context, run: str, plan: MovePlan) -> tuple[dict[str, UnitResult], Proof]:
    """Load, build and compare.

    Where others do the work, what stands on loaded tables is built as soon as one of them has nothing to load any more,
    and the rows are compared beside that: nothing that is built changes a row.
    """
    crew = context.crew
    builder = Builder(plan, context.server.dsn, crew.jobs, loading=crew.parallel)
    if not crew.parallel:
        results = _load(context, run, plan)
        _build(context, plan, builder)
        return results, _prove(context, run, plan)
    with ThreadPoolExecutor(1) as beside:
        building = beside.submit(_build, context, plan, builder)

        def ended(done: Future[None]) -> None:
            if done.exception() is not None:
                crew.stop()

        building.add_done_callback(ended)
        try:
            results = _load(context, run, plan, builder.loaded)
            return results, _prove(context, run, plan, building.result)
        except BaseException as error:
            failure = building.exception() if building.done() else None
            builder.stop()
            if failure is not None and not isinstance(error, KeyboardInterrupt):
                # What made the crew stop says more than that it did.
                raise failure from None
            raise


def _build(context: Context, plan: MovePlan, builder: Builder) -> None:
    builder.wait()
    with context.timeline.step("build") as said:
        builder.build(lambda table: context.timeline.tell(Progress("build", table)))
        plan.notices += builder.notices
        plan.untranslated += builder.untranslated
        said.append(f"{len(plan.indexes)} keys and indexes, {len(plan.foreign_keys)} foreign keys")


def _prove(context: Context, run: str, plan: MovePlan, others: Callable[[], object] | None = None) -> Proof:
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
