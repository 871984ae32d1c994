"""The move: open, census, decide, load, build, prove, tell."""

from __future__ import annotations

import contextlib
import errno
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from litelift import __version__, errors
from litelift.move import journal, tasks
from litelift.move.build import Builder, analyze
from litelift.move.create import create_tables, refuse_occupied, refuse_without_rights, taken_names
from litelift.move.crew import Crew, default_jobs, gather
from litelift.move.fill import Filled, count_objects, fill, lost_objects
from litelift.move.load import Unit, UnitResult, load_unit
from litelift.move.progress import OnProgress, Progress, Timeline
from litelift.move.undo import note_made, remains, remove_made
from litelift.plan.duplicates import refuse_duplicates
from litelift.plan.file import PlanFile, read_plan
from litelift.plan.fill import plan_filling
from litelift.plan.plan import MovePlan
from litelift.plan.request import CensusRequest, check_filters, filling_requests, whole_requests
from litelift.plan.types import Rule
from litelift.plan.whole import plan_whole
from litelift.postgres import embedded
from litelift.postgres.connect import Connection, Server, connect, normalized, open_server, stopped
from litelift.postgres.defaults import read_default
from litelift.postgres.existing import read_target, read_type
from litelift.postgres.existing_types import TargetSchema
from litelift.postgres.matching import TableNames, match_names
from litelift.prove.objects import prove_objects
from litelift.prove.sequences import prove_sequences
from litelift.prove.tables import prove_table
from litelift.report import render_json
from litelift.result import (
    MigrationResult,
    Notice,
    ObjectProof,
    Proof,
    SourceInfo,
    TableProof,
    TableResult,
    TargetInfo,
)
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.census import TableCensus
from litelift.sqlite.open import Source, open_source, source_error, source_path, writers_held
from litelift.sqlite.schema import Schema

LISTED = 500
AGAIN_SECONDS = 20.0
TAKEN_BACK = "What was half done was taken back: the target is as it was."
LEFT_BEHIND = "The target could not be reached to take back what was half done; the next litelift migrate removes it."


@dataclass(frozen=True, slots=True)
class Options:
    """How to move. ``differences`` to keep of each table (None: all); ``jobs`` None: by the source's size."""

    plan: PlanFile
    data_only: bool = False
    on_misfit: Rule | None = None
    jobs: int | None = None
    differences: int | None = 20
    postgres: int = embedded.DEFAULT_VERSION


def migrate(
    src: str | Path,
    dst: str | None = None,
    *,
    plan: PlanFile | str | Path | None = None,
    data_only: bool = False,
    on_misfit: Rule | None = None,
    jobs: int | None = None,
    differences: int | None = 20,
    postgres: int = embedded.DEFAULT_VERSION,
    on_progress: OnProgress | None = None,
) -> MigrationResult:
    """Move a SQLite database to PostgreSQL and prove that nothing was lost.

    Args:
        src: the SQLite file, a path or sqlite:///path.
        dst: a libpq URL or keyword string; None starts the embedded PostgreSQL beside the source.
        plan: a plan file, or its path; None decides everything by the contract.
        data_only: fill the tables that the application made in the target.
        on_misfit: what values that do not fit their declared type do, unless the plan says otherwise.
        jobs: worker processes; None decides by the source's size.
        differences: how many differences of each table the proof keeps; None keeps all.
        postgres: the embedded server's major version, 16 or 18.
        on_progress: called with every sign of life.

    Returns:
        The result; its ``exit_code`` is 0 (moved and proved), 3 (also something for a person) or 1 (the proof differs).

    Raises:
        LiteliftError: nothing was left in the target. Its ``exit_code`` is 1 or 2.
    """
    file = read_plan(Path(plan)) if isinstance(plan, str | Path) else plan or PlanFile()
    options = Options(file, data_only, on_misfit, jobs, differences, postgres)
    path = source_path(src)
    dst = normalized(dst) if dst is not None else None
    with explained(path):
        return _Move(path, dst, options, Timeline(on_progress)).run()


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever breaks in the middle of a move, in our words."""
    try:
        yield
    except psycopg.Error as error:
        raise with_notes(stopped(error), error) from error
    except sqlite3.DatabaseError as error:
        raise with_notes(source_error(path, error), error) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        told = errors.NoRoom(folder=tempfile.gettempdir(), message=error.strerror or str(error))
        raise with_notes(told, error) from error


def with_notes(told: errors.LiteliftError, error: BaseException) -> errors.LiteliftError:
    """``told`` with the notes of the error that it stands for: what became of the target."""
    for note in getattr(error, "__notes__", ()):
        told.add_note(note)
    return told


class _Move:
    def __init__(self, path: Path, dst: str | None, options: Options, timeline: Timeline) -> None:
        self.path = path
        self.dst = dst
        self.options = options
        self.file = options.plan
        self.timeline = timeline
        self.started = datetime.now(UTC)
        self.embedded: embedded.EmbeddedServer | None = None
        self.notices: list[Notice] = []

    def run(self) -> MigrationResult:
        try:
            return self._run()
        except BaseException as error:
            self._discard()
            if isinstance(error, KeyboardInterrupt) and not hasattr(error, "__notes__"):
                error.add_note("Nothing had been written to the target.")
            raise

    def _run(self) -> MigrationResult:
        with contextlib.ExitStack() as stack:
            source, schema = stack.enter_context(self._source())
            server, connection = stack.enter_context(self._server())
            jobs = self.options.jobs or default_jobs(source.bytes)
            with writers_held(self.path) as held:
                jobs = jobs if held else 1
                if jobs > 1:
                    # All workers read one snapshot: that of this moment, in which nobody can write.
                    source.renew()
                    schema = read_catalogue(source.connection)
                crew = gather(self.path, server.dsn, jobs, source)
            stack.callback(crew.close)
            self.file.find_types(lambda asked: read_type(connection, self.file.defaults.schema_name, asked))
            if self.options.data_only:
                return self._fill(crew, schema, server, connection)
            return self._whole(crew, schema, server, connection)

    # ----------------------------------------------------------------- the two ends

    @contextlib.contextmanager
    def _source(self) -> Iterator[tuple[Source, Schema]]:
        with self.timeline.step("open") as said:
            source = open_source(self.path)
            try:
                schema = read_catalogue(source.connection)
                self.file.check_against(schema)
                check_filters(source.connection, schema, self.file)
            except BaseException:
                source.close()
                raise
            said.append(f"{len(schema.tables)} tables, {source.bytes:,} bytes, {source.encoding}, integrity ok")
        try:
            yield source, schema
        finally:
            source.close()

    @contextlib.contextmanager
    def _server(self) -> Iterator[tuple[Server, Connection]]:
        with self.timeline.step("server") as said:
            url = self._embedded() if self.dst is None else self.dst
            server, connection = open_server(normalized(url), writable=True)
            said.append(f"PostgreSQL {server.version_words}, database {server.database}")
        try:
            journal.lock(connection)
            yield server, connection
        finally:
            connection.close()

    def _embedded(self) -> str:
        self.embedded = embedded.start(embedded.folder_for(self.path), self.options.postgres)
        for folder in self.embedded.opened:
            message = f"let PostgreSQL, which does not run as root, pass through {folder} (chmod o+x)"
            self.notices.append(Notice(kind="permissions", message=message))
        return embedded.ensure_database(self.embedded.url or "", embedded.database_for(self.path))

    def _discard(self) -> None:
        """After a failure: the embedded server is as it was before, not there or stopped."""
        if self.embedded is not None:
            with contextlib.suppress(errors.LiteliftError):
                embedded.discard(self.embedded)

    # ----------------------------------------------------------------- census

    def _census(self, crew: Crew, requests: list[CensusRequest]) -> dict[str, TableCensus]:
        connection = crew.worker.source.connection
        pieces = []
        for request in requests:
            wanted = 1 if crew.jobs == 1 else crew.jobs * 2
            for between in tasks.ranges(connection, request.table.name, request.table.rowid, wanted):
                pieces.append(tasks.CensusTask(request, between))
        censuses: dict[str, TableCensus] = {}
        with self.timeline.step("census") as said:
            counted = 0

            def on_rows(rows: int) -> None:
                nonlocal counted
                counted += rows
                self.timeline.tell(Progress("census", done=counted))

            for task, census in crew.run(tasks.count, pieces, on_rows):
                name = task.request.table.name
                if name in censuses:
                    censuses[name].merge(census)
                else:
                    censuses[name] = census
                if crew.pool is not None:
                    on_rows(census.rows)
            said.append(f"{sum(census.rows for census in censuses.values()):,} rows, every value")
        return censuses

    # ----------------------------------------------------------------- a whole move

    def _whole(self, crew: Crew, schema: Schema, server: Server, connection: Connection) -> MigrationResult:
        name = self.file.defaults.schema_name
        refuse_without_rights(connection, name)
        self._remove_remains(connection, name)
        refuse_occupied(connection, name)
        requests = whole_requests(schema, self.file)
        censuses = self._census(crew, requests)
        with self.timeline.step("plan") as said:
            plan = plan_whole(
                crew.worker.source.connection,
                schema,
                requests,
                censuses,
                self.file,
                rule=self.options.on_misfit,
                server_version=server.version,
            )
            said.append(
                f"{len(plan.tables)} tables, {len(plan.indexes)} keys and indexes, "
                f"{len(plan.foreign_keys)} foreign keys, {len(plan.checks)} checks"
            )
        # In one transaction, so that the run's line is there with its tables, or neither is.
        with self.timeline.step("create"), connection.transaction():
            new = connection.execute("select to_regnamespace(quote_ident(%s))", (name,)).fetchone() == (None,)
            journaled = journal.make_schema(connection)
            run = journal.begin_run(connection, plan, self._source_json(crew.worker.source))
            plan.untranslated += create_tables(connection, plan)
            note_made(connection, run, plan, schema=new, journal=journaled)
        try:
            results = self._load(crew, run, plan)
            with self.timeline.step("build") as said:
                builder = Builder(plan, server.dsn, crew.jobs)
                builder.build(lambda table: self.timeline.tell(Progress("build", table)))
                analyze(connection, plan)
                plan.notices += builder.notices
                plan.untranslated += builder.untranslated
                said.append(f"{len(plan.indexes)} keys and indexes, {len(plan.foreign_keys)} foreign keys")
            proof = self._prove(crew, run, plan)
            proof.sequences = prove_sequences(
                crew.worker.source.connection, connection, [table.match() for table in plan.tables], schema
            )
            proof.objects = prove_objects(connection, plan)
            return self._finish(crew, server, connection, run, plan, schema, results, {}, proof)
        except BaseException as error:
            crew.stop()
            self._undo(error, server, connection, run)
            raise

    def _remove_remains(self, connection: Connection, schema: str) -> None:
        for run, path, began in remains(connection, schema):
            tables = remove_made(connection, run)
            message = f"removed the remains of a move of {path} that began on {began} and never ended: {tables} tables"
            self.timeline.tell(Progress("create", message=message))
            self.notices.append(Notice(kind="remains", message=message))

    def _undo(self, error: BaseException, server: Server, connection: Connection, run: str) -> None:
        """Take back what this run made; where even that fails, the next run finds it by its line in the journal."""
        try:
            try:
                remove_made(connection, run)
            except psycopg.Error:
                with self._again(server) as other:
                    remove_made(other, run)
            error.add_note(TAKEN_BACK)
        except BaseException:
            # A second Ctrl-C too: the error that began it is the one to tell.
            error.add_note(LEFT_BEHIND)

    @contextlib.contextmanager
    def _again(self, server: Server) -> Iterator[Connection]:
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

    def _load(self, crew: Crew, run: str, plan: MovePlan) -> dict[str, UnitResult]:
        connection = crew.worker.source.connection
        pieces = [
            tasks.LoadTask(run, unit)
            for table in sorted(plan.tables, key=lambda table: -table.bytes)
            for unit in tasks.units(connection, table, crew.jobs)
        ]
        results = {table.source: UnitResult(table.source) for table in plan.tables}
        totals = {table.source: table.rows for table in plan.tables}
        with self.timeline.step("load") as said:
            done = dict.fromkeys(totals, 0)
            current = ""

            sizes = {table.source: table.bytes // max(table.rows, 1) for table in plan.tables}

            def tell(table: str, rows: int) -> None:
                done[table] += rows
                size = done[table] * sizes[table]
                self.timeline.tell(Progress("load", table, done[table], totals[table], size))

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
                if crew.pool is not None:
                    tell(task.unit.table.source, result.read)
            said.append(f"{sum(r.loaded for r in results.values()):,} rows")
        return results

    def _prove(self, crew: Crew, run: str, plan: MovePlan) -> Proof:
        pieces = [
            tasks.ProveTask(table.match(), run, self.options.differences)
            for table in sorted(plan.tables, key=lambda table: -table.bytes)
        ]
        totals = {table.source: table.rows for table in plan.tables}
        proofs: dict[str, TableProof] = {}
        with self.timeline.step("prove") as said:
            done = dict.fromkeys(totals, 0)
            current = ""

            def on_rows(rows: int) -> None:
                done[current] += rows
                self.timeline.tell(Progress("prove", current, done[current], totals[current]))

            def announced() -> Iterator[tasks.ProveTask]:
                nonlocal current
                for piece in pieces:
                    current = piece.match.source
                    yield piece

            for task, proof in crew.run(tasks.prove, announced(), on_rows):
                proofs[task.match.source] = proof
                if crew.pool is not None:
                    rows = totals[task.match.source]
                    self.timeline.tell(Progress("prove", task.match.source, rows, rows))
            differ = sum(proof.total_differences for proof in proofs.values())
            said.append(f"{sum(p.source_rows for p in proofs.values()):,} rows, {differ:,} differences")
        return Proof(tables=[proofs[table.source] for table in plan.tables], seconds=self.timeline.steps[-1].seconds)

    # ----------------------------------------------------------------- into the application's own tables

    def _fill(self, crew: Crew, schema: Schema, server: Server, connection: Connection) -> MigrationResult:
        name = self.file.defaults.schema_name
        refuse_without_rights(connection, None)
        self._remove_remains(connection, name)
        target = read_target(connection, name)
        matched = self._matched(schema, target)
        requests = filling_requests(matched, self.file)
        created = self._created(schema, matched)
        censuses = self._census(crew, [*requests, *created])
        source = crew.worker.source.connection
        with self.timeline.step("plan") as said:
            plan = plan_filling(
                source,
                schema,
                target,
                matched,
                requests,
                censuses,
                self.file,
                lambda table, column: read_default(connection, name, table, column),
                rule=self.options.on_misfit,
            )
            refuse_duplicates(source, schema, target, plan, censuses)
            if created:
                plan_whole(
                    source,
                    schema,
                    created,
                    censuses,
                    self.file,
                    rule=self.options.on_misfit,
                    server_version=server.version,
                    base=plan,
                    taken=taken_names(connection, name),
                )
            said.append(f"{len(plan.tables)} tables")
        try:
            with connection.transaction():
                journal.make_schema(connection)
                run = journal.begin_run(connection, plan, self._source_json(crew.worker.source))
                with self.timeline.step("load") as said:
                    done: dict[str, int] = {}

                    def on_rows(table: Any, rows: int) -> None:
                        done[table.source] = done.get(table.source, 0) + rows
                        self.timeline.tell(Progress("load", table.source, done[table.source], table.rows))

                    judge = crew.worker.judge
                    assert judge is not None
                    filled = fill(source, connection, run, plan, schema, target, matched, judge, on_rows)
                    if created:
                        self._create_and_load(crew, connection, run, plan, filled)
                    said.append(f"{sum(r.loaded for r in filled.results.values()):,} rows, in one transaction")
                proof = self._prove_filled(source, connection, run, plan, schema, target)
                plan.notices += filled.notices
                if not proof.ok:
                    raise _Differs
        except _Differs:
            journal.make_schema(connection)
            run = journal.begin_run(connection, plan, self._source_json(crew.worker.source))
        except BaseException as error:
            error.add_note(TAKEN_BACK)
            raise
        return self._finish(crew, server, connection, run, plan, schema, filled.results, filled.replaced, proof)

    def _matched(self, schema: Schema, target: TargetSchema) -> tuple[TableNames, ...]:
        tables = [(table, self.file.table(table.name)) for table in schema.tables]
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

    def _created(self, schema: Schema, matched: tuple[TableNames, ...]) -> list[CensusRequest]:
        """The tables that the target does not have, where the plan says to create them."""
        if self.file.defaults.missing_tables != "create":
            return []
        missing = {m.source.name for m in matched if m.target is None and not m.excluded and not m.bookkeeping}
        return [request for request in whole_requests(schema, self.file) if request.table.name in missing]

    def _create_and_load(self, crew: Crew, connection: Connection, run: str, plan: MovePlan, filled: Filled) -> None:
        plan.untranslated += create_tables(connection, plan)
        for table in plan.tables:
            if table.create:
                unit = Unit(table)
                source = crew.worker.source.connection
                filled.results[table.source] = load_unit(source, connection, run, unit, crew.worker.judge)
        builder = Builder(plan, crew.worker.dsn or "", 1, connection=connection)
        builder.build()
        plan.notices += builder.notices
        plan.untranslated += builder.untranslated

    def _prove_filled(
        self,
        source: sqlite3.Connection,
        connection: Connection,
        run: str,
        plan: MovePlan,
        schema: Schema,
        before: TargetSchema,
    ) -> Proof:
        matches = [table.match() for table in plan.tables]
        proofs = []
        with self.timeline.step("prove") as said:
            for table, match in zip(plan.tables, matches, strict=True):
                self.timeline.tell(Progress("prove", table.source, 0, table.rows))
                proofs.append(
                    prove_table(source, connection, match, quarantine_run=run, limit=self.options.differences)
                )
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
            sequences=prove_sequences(source, connection, matches, schema),
            objects=objects,
            seconds=self.timeline.steps[-1].seconds,
        )

    # ----------------------------------------------------------------- the end

    def _source_json(self, source: Source) -> dict[str, Any]:
        return {"path": str(self.path.absolute()), "bytes": source.bytes}

    def _finish(
        self,
        crew: Crew,
        server: Server,
        connection: Connection,
        run: str,
        plan: MovePlan,
        schema: Schema,
        results: dict[str, UnitResult],
        replaced: dict[str, int],
        proof: Proof,
    ) -> MigrationResult:
        plan.notices += self.notices
        kept, total = journal.quarantined(connection, run, LISTED)
        source = crew.worker.source
        result = MigrationResult(
            run_id=run,
            litelift_version=__version__,
            mode=plan.mode,
            started=self.started,
            finished=datetime.now(UTC),
            source=SourceInfo(
                path=str(self.path),
                bytes=source.bytes,
                sqlite_version=sqlite3.sqlite_version,
                encoding=source.encoding,
                journal_mode=source.journal_mode,
                page_size=source.page_size,
                tables=len(schema.tables),
                rows=sum(table.file_rows for table in plan.tables),
            ),
            target=self._target(server, connection, plan),
            steps=self.timeline.steps,
            tables=[
                TableResult(
                    source=table.source,
                    target=table.target,
                    source_rows=results[table.source].read,
                    loaded=results[table.source].loaded,
                    quarantined_rows=results[table.source].quarantined_rows,
                    quarantined_values=results[table.source].quarantined_values,
                    filtered_rows=table.file_rows - table.rows,
                    replaced_rows=replaced.get(table.source, 0),
                    bytes=table.bytes,
                )
                for table in plan.tables
            ],
            notices=plan.notices,
            quarantined=kept,
            quarantined_total=total,
            untranslated=plan.untranslated,
            proof=proof,
            configuration=self._configuration(crew.jobs),
            peak_memory_bytes=peak_memory(),
        )
        journal.tell(connection, run, plan.notices, plan.untranslated)
        state = "proved" if result.exit_code != 1 else "differs"
        journal.finish_run(connection, run, state, render_json(result))
        return result

    def _target(self, server: Server, connection: Connection, plan: MovePlan) -> TargetInfo:
        size = (connection.execute("select pg_database_size(current_database())").fetchone() or (0,))[0]
        return TargetInfo(
            display=server.display,
            host=server.host,
            port=server.port,
            database=server.database,
            user=server.user,
            schema_name=plan.schema,
            server_version=server.version_words,
            bytes=size,
            embedded=self.embedded is not None,
            embedded_folder=str(self.embedded.folder) if self.embedded else None,
            icu=server.icu,
        )

    def _configuration(self, jobs: int) -> dict[str, Any]:
        return {
            "plan file": str(self.file.path) if self.file.path else "none",
            "schema": self.file.defaults.schema_name,
            "identifiers": self.file.defaults.identifiers,
            "on_misfit": self.options.on_misfit or self.file.defaults.on_misfit,
            "jobs": jobs,
        }


class _Differs(Exception):
    """The proof of a filling differs: the transaction is rolled back."""


def peak_memory() -> int:
    """The most memory that this process or one of its workers has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * unit
