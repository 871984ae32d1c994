"""A move into tables that the application made (--data-only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from litelift.move import journal
from litelift.move.build import Builder
from litelift.move.census import take_censuses
from litelift.move.context import Context
from litelift.move.create import create_tables
from litelift.move.fill import Filled, count_objects, fill, lost_objects
from litelift.move.interruption import TAKEN_BACK, ended
from litelift.move.journal import RunLine
from litelift.move.load import load_unit
from litelift.move.outcome import finish
from litelift.move.preconditions import taken_names
from litelift.move.progress import Progress
from litelift.move.resume import refuse_unfinished
from litelift.move.trial import try_generated
from litelift.move.unit import Unit
from litelift.plan.duplicates import refuse_duplicates
from litelift.plan.file import PlanFile
from litelift.plan.fill import plan_filling
from litelift.plan.plan import MovePlan, TablePlan
from litelift.plan.request import CensusRequest, filling_requests, whole_requests
from litelift.plan.types import Rule
from litelift.plan.whole import plan_whole
from litelift.postgres.connect import Connection
from litelift.postgres.defaults import read_default
from litelift.postgres.existing import read_target
from litelift.postgres.existing_types import TargetSchema
from litelift.postgres.matching import TableNames, match_names
from litelift.preflight.room import look_after
from litelift.preflight.target import look_before
from litelift.prove.sequences import prove_sequences
from litelift.prove.tables import prove_table
from litelift.result import MigrationResult, ObjectProof, Proof
from litelift.sqlite.census import TableCensus
from litelift.sqlite.schema import Schema
from litelift.sqlite.twin import SourceConnection

UNKNOWN = (
    "Whether the rows were committed cannot be asked now. They are all there, or the target is as it was: litelift "
    "verify says which; to fill it once more replaces them."
)


class _Differs(Exception):
    """The proof of a filling differs: the transaction is rolled back."""


def fill_existing(context: Context) -> MigrationResult:
    """Fill the target's own tables in one transaction, and commit it only where the proof agrees."""
    connection, schema = context.connection, context.schema
    name = context.options.plan.defaults.schema_name
    context.notices += look_before(connection, name, tables=len(schema.tables), jobs=context.crew.jobs, data_only=True)
    refuse_unfinished(context, name)
    target = read_target(connection, name)
    matched = matched_names(schema, target, context.options.plan)
    requests = filling_requests(matched, context.options.plan)
    created = created_requests(schema, matched, context.options.plan)
    censuses = take_censuses(context, [*requests, *created])
    source = context.source.connection
    with context.timeline.step("plan") as said:
        plan = settle(
            source,
            context.connection,
            schema,
            target,
            matched,
            requests,
            created,
            censuses,
            context.options.plan,
            rule=context.options.on_misfit,
            icu=context.server.icu,
        )
        if created:
            try_generated(context, plan)
        said.append(f"{len(plan.tables)} tables")
    jobs = context.crew.jobs
    context.notices += context.persist(
        "plan", lambda: look_after(context.connection, source, plan, censuses, target=target, jobs=jobs)
    )
    filling = _Filling(context, plan, target, matched, created=bool(created))
    try:
        try:
            context.persist("load", filling.fill)
        except _Differs:
            context.persist("report", filling.note_alone)
        assert filling.filled is not None
        assert filling.proof is not None
        filled, proof = filling.filled, filling.proof
        return finish(context, filling.line.run, plan, filled.results, filled.replaced, proof)
    except BaseException as error:
        error.add_note(filling.left())
        raise


@dataclass
class _Filling:
    """The transaction that fills, which a lost connection takes back, so that it can be done again."""

    context: Context
    plan: MovePlan
    target: TargetSchema
    matched: tuple[TableNames, ...]
    created: bool
    line: RunLine = field(init=False)
    filled: Filled | None = None
    proof: Proof | None = None
    told: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.line = RunLine(self.context.source_json, mark=self.context.sessions.mark)
        self.told = len(self.plan.notices), len(self.plan.untranslated)

    def fill(self) -> None:
        """Fill and prove. Raises _Differs."""
        connection, plan = self.context.connection, self.plan
        if self.proof is not None and journal.has_run(connection, self.line.run):
            # The answer to the COMMIT was lost, not the transaction.
            return
        # What an attempt that was taken back has told.
        notices, untranslated = self.told
        del plan.notices[notices:], plan.untranslated[untranslated:]
        self.proof = None
        with connection.transaction():
            journal.make_schema(connection)
            journal.begin_run(connection, plan, self.line)
            self._load()
            self.proof = _prove(self.context, self.line.run, plan, self.target)
            if not self.proof.ok:
                raise _Differs

    def note_alone(self) -> None:
        """Write the run's line where what it filled was rolled back."""
        connection = self.context.connection
        if not journal.has_run(connection, self.line.run):
            with connection.transaction():
                journal.make_schema(connection)
                journal.begin_run(connection, self.plan, self.line)

    def left(self) -> str:
        """What an error leaves: the transaction may have been committed before it, or nobody may know."""
        if self.proof is None or not self.proof.ok:
            return TAKEN_BACK
        try:
            done = self.context.persist("load", lambda: journal.has_run(self.context.connection, self.line.run))
        except BaseException:
            return UNKNOWN
        return ended(self.context) if done else TAKEN_BACK

    def _load(self) -> None:
        context, plan = self.context, self.plan
        source = context.source.connection
        with context.timeline.step("load") as said:
            done: dict[str, int] = {}

            def on_rows(table: TablePlan, rows: int) -> None:
                done[table.source] = done.get(table.source, 0) + rows
                context.timeline.tell(Progress("load", table.source, done[table.source], table.rows))

            judge = context.crew.worker.judge
            assert judge is not None
            filled = fill(
                source,
                context.connection,
                self.line.run,
                plan,
                context.schema,
                self.target,
                self.matched,
                judge,
                on_rows,
            )
            if self.created:
                _create_and_load(context, self.line.run, plan, filled)
            said.append(f"{sum(r.loaded for r in filled.results.values()):,} rows, in one transaction")
        plan.notices += filled.notices
        self.filled = filled


def matched_names(schema: Schema, target: TargetSchema, plan: PlanFile) -> tuple[TableNames, ...]:
    """Which table and column of the source goes where, by name and by the plan file."""
    tables = [(table, plan.table(table.name)) for table in schema.tables]
    columns = [
        ((table.name, column.name), section.column(column.name))
        for table, section in tables
        for column in table.columns
    ]
    return match_names(
        schema,
        target,
        table_names={table.name: section.name for table, section in tables if section.name},
        column_names={place: section.name for place, section in columns if section.name},
        excluded_tables={table.name for table, section in tables if section.exclude},
        excluded_columns={place for place, section in columns if section.exclude},
        load_bookkeeping={table.name for table, section in tables if section.bookkeeping is False},
    )


def created_requests(schema: Schema, matched: tuple[TableNames, ...], plan: PlanFile) -> list[CensusRequest]:
    """The tables that the target does not have, where the plan says to create them."""
    if plan.defaults.missing_tables != "create":
        return []
    missing = {m.source.name for m in matched if m.target is None and not m.excluded and not m.bookkeeping}
    return [request for request in whole_requests(schema, plan) if request.table.name in missing]


def settle(
    source: SourceConnection,
    connection: Connection,
    schema: Schema,
    target: TargetSchema,
    matched: tuple[TableNames, ...],
    requests: list[CensusRequest],
    created: list[CensusRequest],
    censuses: Mapping[str, TableCensus],
    file: PlanFile,
    *,
    rule: Rule | None,
    icu: bool,
) -> MovePlan:
    """The plan of a filling, with the tables that are to be created. Writes nothing.

    Raises:
        LiteliftError: it cannot be moved so.
    """
    plan = plan_filling(
        source,
        schema,
        target,
        matched,
        requests,
        censuses,
        file,
        lambda table, column: read_default(connection, target.name, table, column),
        rule=rule,
    )
    refuse_duplicates(source, schema, target, plan, censuses)
    if created:
        plan_whole(
            source,
            schema,
            created,
            censuses,
            file,
            rule=rule,
            server_version=connection.info.server_version,
            icu=icu,
            base=plan,
            taken=taken_names(connection, target.name),
        )
    return plan


def _create_and_load(context: Context, run: str, plan: MovePlan, filled: Filled) -> None:
    connection, worker = context.connection, context.crew.worker
    plan.untranslated += create_tables(connection, plan)
    for table in plan.tables:
        if table.create:
            unit = Unit(table)
            source = worker.source.connection
            filled.results[table.source] = load_unit(source, connection, run, unit, worker.judge)
    builder = Builder(plan, None, 1, connection=connection)
    builder.build()
    plan.notices += builder.notices
    plan.untranslated += builder.untranslated


def _prove(context: Context, run: str, plan: MovePlan, before: TargetSchema) -> Proof:
    source, connection = context.source.connection, context.connection
    matches = [table.match() for table in plan.tables]
    proofs = []
    with context.timeline.step("prove") as said:
        for table, match in zip(plan.tables, matches, strict=True):
            context.timeline.tell(Progress("prove", table.source, 0, table.rows))
            proofs.append(prove_table(source, connection, match, quarantine_run=run, limit=context.options.differences))
        differ = sum(proof.total_differences for proof in proofs)
        said.append(f"{sum(p.source_rows for p in proofs):,} rows, {differ:,} differences")
    lost = lost_objects(before, connection)
    objects = [
        ObjectProof(
            kind=kind,
            expected=count,
            present=count - sum(1 for item in lost if item.startswith(kind)),
            missing=[item for item in lost if item.startswith(kind)],
        )
        for kind, count in count_objects(before).items()
    ]
    return Proof(
        tables=proofs,
        sequences=prove_sequences(source, connection, matches, context.schema),
        objects=objects,
        seconds=context.timeline.steps[-1].seconds,
    )
