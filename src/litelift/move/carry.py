"""Loads, builds and compares the tables of a whole move, beside each other where others do the work."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from litelift.ended import Ended
from litelift.move import tasks
from litelift.move.build import Builder
from litelift.move.context import Context
from litelift.move.journal import settle
from litelift.move.progress import Progress
from litelift.move.proof import compare_tables
from litelift.move.resume import Earlier
from litelift.move.unit import UnitResult, loaded_units
from litelift.plan.plan import MovePlan
from litelift.postgres.retry import persist
from litelift.result import Proof

APART = "LITELIFT_APART"
"""Set to anything but 0 or nothing, this environment variable has nothing built before all is loaded: the load can then
be measured alone."""

WATCH_SECONDS = 0.5
GRACE_SECONDS = 15.0
"""How long after a signal what is built may go on: longer than `Crew.finish` waits for what is under way."""


def carry(context: Context, run: str, plan: MovePlan, earlier: Earlier | None) -> tuple[dict[str, UnitResult], Proof]:
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

    def ended(done: Future[None]) -> None:
        if done.exception() is not None:
            crew.stop()

    with _watched(builder), ThreadPoolExecutor(1) as beside:
        building: Future[None] = Future()
        try:
            building = beside.submit(_build, context, plan, builder)
            building.add_done_callback(ended)
            results = _load(context, run, plan, earlier, builder.loaded)
            return results, _prove(context, run, plan, lambda: _ended(building))
        except BaseException as error:
            failure = building.exception() if building.done() else None
            builder.stop()
            if failure is not None and not isinstance(error, KeyboardInterrupt):
                # What made the crew stop says more than that it did.
                raise failure from None
            raise


def _ended(building: Future[None]) -> None:
    """Wait until all is built; raise what it failed by.

    A signal that the system gives to another thread is met when this one, the main thread, comes back from waiting
    ("Execution of Python signal handlers" in the manual of signal).
    """
    while not wait([building], WATCH_SECONDS).done:
        pass
    building.result()


@contextmanager
def _watched(builder: Builder) -> Iterator[None]:
    """Have what is built end soon after a signal, whatever becomes of the main thread.

    That stops it itself; but a second signal may strike it on its way to do so, and it would then wait without end for
    what nobody has stopped.
    """
    over = threading.Event()

    def watch() -> None:
        asked = 0.0
        while not over.wait(WATCH_SECONDS):
            asked = asked + WATCH_SECONDS if Ended.asked is not None else 0.0
            if asked > GRACE_SECONDS or not threading.main_thread().is_alive():
                builder.stop()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


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
    for table in plan.tables:
        for unit in done.get(table.target, ()):
            results[table.source].add(unit.result)
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


def _build(context: Context, plan: MovePlan, builder: Builder) -> None:
    builder.wait()

    with context.timeline.step("build") as said:
        persist(
            lambda: builder.build(lambda table: context.timeline.tell(Progress("build", table))),
            lambda: context.sessions.open(lambda: builder.stopped).close(),
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
