"""A whole move: into tables that litelift makes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import psycopg

from litelift import errors
from litelift.move import journal, tasks
from litelift.move.build import Builder
from litelift.move.census import take_censuses
from litelift.move.context import Context
from litelift.move.create import create_tables, refuse_occupied, refuse_without_rights
from litelift.move.load import UnitResult
from litelift.move.outcome import TAKEN_BACK, finish
from litelift.move.progress import Progress
from litelift.move.trial import try_generated
from litelift.move.triggers import make_triggers
from litelift.move.undo import note_made, remains, remove_made
from litelift.move.views import make_views
from litelift.plan.plan import MovePlan
from litelift.plan.request import whole_requests
from litelift.plan.whole import plan_triggers_again, plan_whole
from litelift.postgres.connect import Connection, Server, connect
from litelift.prove.objects import prove_objects
from litelift.prove.sequences import prove_sequences
from litelift.result import MigrationResult, Notice, Proof, TableProof

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
    # In one transaction, so that the run's line is there with its tables, or neither is.
    with context.timeline.step("create"), connection.transaction():
        new = connection.execute("select to_regnamespace(quote_ident(%s))", (name,)).fetchone() == (None,)
        journaled = journal.make_schema(connection)
        run = journal.begin_run(connection, plan, context.source_json)
        plan.untranslated += create_tables(connection, plan)
        note_made(connection, run, plan, schema=new, journal=journaled)
    try:
        results = _load(context, run, plan)
        with context.timeline.step("build") as said:
            builder = Builder(plan, server.dsn, crew.jobs)
            builder.build(lambda table: context.timeline.tell(Progress("build", table)))
            plan.notices += builder.notices
            plan.untranslated += builder.untranslated
            said.append(f"{len(plan.indexes)} keys and indexes, {len(plan.foreign_keys)} foreign keys")
        proof = _prove(context, run, plan)
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


def _load(context: Context, run: str, plan: MovePlan) -> dict[str, UnitResult]:
    connection, crew = context.source.connection, context.crew
    pieces = [
        tasks.LoadTask(run, unit)
        for table in sorted(plan.tables, key=lambda table: -table.bytes)
        for unit in tasks.units(connection, table, crew.jobs)
    ]
    results = {table.source: UnitResult(table.source) for table in plan.tables}
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
            if crew.parallel:
                tell(task.unit.table.source, result.read)
        said.append(f"{sum(r.loaded for r in results.values()):,} rows")
    return results


def _prove(context: Context, run: str, plan: MovePlan) -> Proof:
    pieces = [
        tasks.ProveTask(table.match(), run, context.options.differences)
        for table in sorted(plan.tables, key=lambda table: -table.bytes)
    ]
    totals = {table.source: table.rows for table in plan.tables}
    proofs: dict[str, TableProof] = {}
    with context.timeline.step("prove") as said:
        done = dict.fromkeys(totals, 0)
        current = ""

        def on_rows(rows: int) -> None:
            done[current] += rows
            context.timeline.tell(Progress("prove", current, done[current], totals[current]))

        def announced() -> Iterator[tasks.ProveTask]:
            nonlocal current
            for piece in pieces:
                current = piece.match.source
                yield piece

        for task, proof in context.crew.run(tasks.prove, announced(), on_rows):
            proofs[task.match.source] = proof
            if context.crew.parallel:
                rows = totals[task.match.source]
                context.timeline.tell(Progress("prove", task.match.source, rows, rows))
        differ = sum(proof.total_differences for proof in proofs.values())
        said.append(f"{sum(p.source_rows for p in proofs.values()):,} rows, {differ:,} differences")
    return Proof(tables=[proofs[table.source] for table in plan.tables], seconds=context.timeline.steps[-1].seconds)
