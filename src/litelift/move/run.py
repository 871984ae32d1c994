"""The move: open, census, decide, load, build, prove, tell."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import psycopg

from litelift import errors
from litelift.move import journal, tasks
from litelift.move.context import Context, Options
from litelift.move.crew import default_jobs, gather
from litelift.move.interruption import commands
from litelift.move.progress import OnProgress, Progress, Timeline
from litelift.move.state import remembered
from litelift.plan.file import PlanFile, read_plan
from litelift.plan.request import check_filters
from litelift.plan.types import Rule
from litelift.postgres import embedded
from litelift.postgres.connect import Connection, Server, normalized, open_server, stopped
from litelift.postgres.existing import read_type
from litelift.postgres.retry import PATIENCE_SECONDS
from litelift.postgres.sessions import Sessions
from litelift.result import MigrationResult, Notice
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.identity import Identity, identity
from litelift.sqlite.integrity import shares
from litelift.sqlite.open import Source, open_source, source_bytes, source_error, source_path
from litelift.sqlite.schema import Schema

Told = TypeVar("Told", bound=errors.LiteliftError)
UNTOUCHED = "Nothing had been written to the target."
UNTOUCHED_AGAIN = (
    "Nothing had been written to the target this time. What an earlier move has loaded stays: go on with it by "
    "--resume, or take it back by litelift undo."
)
OPENED = 2
"""How often a source that is locked is tried."""


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
    resume: bool = False,
    patience: float = PATIENCE_SECONDS,
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
        resume: go on with a move that did not end; begin one where none is there. By the plan that it began with,
            where no other is named.
        patience: seconds to wait for a server that is away in the middle of the move; 0 for no second attempt.
        on_progress: called with every sign of life.

    Returns:
        The result; its ``exit_code`` is 0 (moved and proved), 3 (also something for a person) or 1 (the proof differs).

    Raises:
        LiteliftError: nothing was left in the target, or, where the move was only interrupted, what is loaded stays to
            be gone on with, and the error's notes say so. Its ``exit_code`` is 1 or 2.
    """
    file = read_plan(Path(plan)) if isinstance(plan, str | Path) else plan or PlanFile()
    options = Options(file, data_only, on_misfit, jobs, differences, postgres, resume, patience)
    path = source_path(src)
    dst = normalized(dst) if dst is not None else None
    with explained(path):
        return _run(path, dst, options, Timeline(on_progress))


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


def with_notes(told: Told, error: BaseException) -> Told:
    """``told`` with the notes of the error that it stands for: what became of the target."""
    for note in getattr(error, "__notes__", ()):
        told.add_note(note)
    return told


def _run(path: Path, dst: str | None, options: Options, timeline: Timeline) -> MigrationResult:
    started: list[embedded.EmbeddedServer] = []
    context: Context | None = None
    if dst is None and options.resume:
        dst = remembered(path)
        if dst is not None:
            timeline.tell(Progress("open", message=f"going on in {dst}"))
    try:
        with contextlib.ExitStack() as stack:
            crew = gather(options.jobs or default_jobs(source_bytes(path)))
            stack.callback(crew.close)
            # Before the snapshot: a writer that comes in between makes it another's, which is noticed later.
            known = _identity(path)
            source, schema = stack.enter_context(_source(path, options, timeline, check=not crew.parallel))
            server, connection = stack.enter_context(_server(path, dst, options, timeline, started))
            sessions = Sessions(server.dsn, patience=options.patience)
            sessions.adopt(connection)
            renewed = crew.open_together(source, sessions)
            if renewed is not None:
                known, schema = renewed, read_catalogue(source.connection)
            # Before the source, whose last reader this process must be.
            stack.callback(crew.close)
            context = Context(
                path,
                options,
                timeline,
                source,
                schema,
                known,
                server,
                connection,
                sessions,
                crew,
                next(iter(started), None),
            )
            stack.callback(context.close)
            sessions.tell = context.hear
            if not source.checked:
                crew.begin(tasks.survey, shares(source.connection))
            # To import the rest takes as long as the workers need for a good part of the check.
            if options.data_only:
                from litelift.move.data_only import fill_existing as move
            else:
                from litelift.move.whole import move_whole as move
            if options.resume and not options.data_only:
                from litelift.move.resume import decide_as_before

                decide_as_before(context)
            schema_name = context.options.plan.defaults.schema_name
            context.options.plan.find_types(lambda asked: read_type(connection, schema_name, asked))
            context.notices += _let_through(context.embedded)
            return move(context)
    except BaseException as error:
        # The embedded server is as it was before: stopped, and not there unless it keeps what is to be gone on with.
        for one in started:
            with contextlib.suppress(errors.LiteliftError):
                if context is None or not context.kept:
                    embedded.discard(one)
                elif one.started:
                    embedded.stop(one.folder)
        if isinstance(error, KeyboardInterrupt) and not hasattr(error, "__notes__"):
            error.add_note(UNTOUCHED_AGAIN if options.resume else UNTOUCHED)
        raise


@contextlib.contextmanager
def _source(path: Path, options: Options, timeline: Timeline, *, check: bool) -> Iterator[tuple[Source, Schema]]:
    with timeline.step("open") as said:
        source = _opened(path, timeline, check=check)
        try:
            schema = read_catalogue(source.connection)
            options.plan.check_against(schema)
            check_filters(source.connection, schema, options.plan)
        except BaseException:
            source.close()
            raise
        said.append(
            f"{len(schema.tables)} tables, {source.bytes:,} bytes, {source.encoding}{', integrity ok' if check else ''}"
        )
    try:
        yield source, schema
    finally:
        source.close()


def _identity(path: Path) -> Identity:
    try:
        return identity(path)
    except OSError as error:
        raise errors.SourceUnreadable(path=path, message=(error.strerror or str(error)).lower()) from error


def _opened(path: Path, timeline: Timeline, *, check: bool) -> Source:
    """The source, waited for while another program has it locked; SQLite itself waits some seconds each time."""
    for attempt in range(1, OPENED):
        try:
            return open_source(path, check=check)
        except errors.SourceLocked as error:
            timeline.tell(Progress("open", message=f"{error.message}; trying again ({attempt} of {OPENED - 1})"))
    return open_source(path, check=check)


@contextlib.contextmanager
def _server(
    path: Path, dst: str | None, options: Options, timeline: Timeline, started: list[embedded.EmbeddedServer]
) -> Iterator[tuple[Server, Connection]]:
    with timeline.step("server") as said:
        if dst is None:
            started.append(embedded.start(embedded.folder_for(path), options.postgres))
            dst = embedded.ensure_database(started[0].url or "", embedded.database_for(path))
        try:
            server, connection = open_server(normalized(dst), writable=True)
        except errors.TargetUnreachable as error:
            if (target := remembered(path)) is not None:
                found = commands(path, target)
                error.add_note(
                    "A move of this file is unfinished there, and stays as it is. "
                    f"Go on with it: {found['again']}   or take it back: {found['undo']}"
                )
            raise
        said.append(f"PostgreSQL {server.version_words}, database {server.database}")
    try:
        journal.lock(connection)
        yield server, connection
    finally:
        connection.close()


def _let_through(started: embedded.EmbeddedServer | None) -> list[Notice]:
    return [
        Notice(
            kind="permissions",
            message=f"let PostgreSQL, which does not run as root, pass through {folder} (chmod o+x)",
        )
        for folder in (started.opened if started else ())
    ]
