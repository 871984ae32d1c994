"""The end of a move: its result, in the journal and for the report."""

from __future__ import annotations

import resource
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from litelift import __version__
from litelift.move import journal
from litelift.move.context import Context
from litelift.move.unit import UnitResult
from litelift.plan.plan import MovePlan
from litelift.postgres.size import database_bytes
from litelift.result import MigrationResult, Notice, Proof, SourceInfo, TableResult, TargetInfo
from litelift.sqlite.identity import identity

LISTED = 500


def finish(
    context: Context,
    run: str,
    plan: MovePlan,
    results: dict[str, UnitResult],
    replaced: dict[str, int],
    proof: Proof,
) -> MigrationResult:
    """Make the result and write it, with everything that was told, into the journal."""
    source = context.source
    plan.notices += [*context.notices, *_written_meanwhile(context)]
    kept, total = context.persist("report", lambda: journal.quarantined(context.connection, run, LISTED))
    result = MigrationResult(
        run_id=run,
        litelift_version=__version__,
        mode=plan.mode,
        started=context.started,
        finished=datetime.now(UTC),
        source=SourceInfo(
            path=str(context.path),
            bytes=source.bytes,
            sqlite_version=sqlite3.sqlite_version,
            encoding=source.encoding,
            journal_mode=source.journal_mode,
            page_size=source.page_size,
            tables=len(context.schema.tables),
            rows=sum(table.file_rows for table in plan.tables),
        ),
        target=context.persist("report", lambda: _target(context, plan)),
        steps=context.timeline.steps,
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
                form=results[table.source].form,
            )
            for table in plan.tables
        ],
        notices=plan.notices,
        quarantined=kept,
        quarantined_total=total,
        untranslated=plan.untranslated,
        proof=proof,
        configuration=_configuration(context),
        peak_memory_bytes=peak_memory(),
    )
    # Imported here, for it takes long to, and is needed at the end alone.
    from litelift.report import render_json

    document = render_json(result, indent=None)
    context.persist("report", lambda: _write_down(context, run, plan, result, document))
    return result


def _write_down(context: Context, run: str, plan: MovePlan, result: MigrationResult, document: str) -> None:
    state = "proved" if result.exit_code != 1 else "differs"
    with context.connection.transaction():
        if journal.finish_run(context.connection, run, state, document):
            journal.tell(context.connection, run, plan.notices, plan.untranslated)


def _written_meanwhile(context: Context) -> list[Notice]:
    """What is to be told of a source whose application went on writing to it."""
    changed = context.identity.differs(identity(context.path))
    if changed is None:
        return []
    message = (
        f"the source was written to while it was moved ({changed}): what was written after"
        f" {context.started:%Y-%m-%d %H:%M:%S} UTC is not in the target"
    )
    return [Notice(level="attention", kind="source", message=message)]


def _target(context: Context, plan: MovePlan) -> TargetInfo:
    server = context.server
    size = database_bytes(context.connection)
    return TargetInfo(
        display=server.display,
        host=server.host,
        port=server.port,
        database=server.database,
        user=server.user,
        schema_name=plan.schema,
        server_version=server.version_words,
        bytes=size,
        embedded=context.embedded is not None,
        embedded_folder=str(context.embedded.folder) if context.embedded else None,
        icu=server.icu,
    )


def _configuration(context: Context) -> dict[str, Any]:
    return {
        "plan file": str(context.options.plan.path) if context.options.plan.path else "none",
        "schema": context.options.plan.defaults.schema_name,
        "identifiers": context.options.plan.defaults.identifiers,
        "on_misfit": context.options.on_misfit or context.options.plan.defaults.on_misfit,
        "jobs": context.crew.jobs,
    }


def peak_memory() -> int:
    """The most memory that this process or one of its workers has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return max(own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit)


def own_peak() -> int:
    """The most memory that this process has had, in bytes.

    Linux's ru_maxrss starts with what the parent had when it made the process (execve(2)); VmHWM does not.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
