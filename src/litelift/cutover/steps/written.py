"""Marks the moment in PostgreSQL from which on rows are new, and puts those into a file before the way back."""

from __future__ import annotations

from pathlib import Path

from litelift.atomic import write_whole
from litelift.cutover.context import Context
from litelift.cutover.mark import Mark, mark
from litelift.cutover.since import Since, written_since
from litelift.cutover.step import Facts, Step, Undo
from litelift.cutover.steps.source import kept_copy
from litelift.postgres.connect import Connection, connect

MARK = "mark.json"


class MarkMoment(Step):
    """The last look at PostgreSQL before the application writes to it."""

    name = "mark"
    title = "Mark the moment of the switch in PostgreSQL"
    back = "Put the rows written to PostgreSQL since the switch into a file"
    phase = 5
    undo_stage = Undo.EXPORT

    def wanted(self, context: Context) -> bool:
        """Not in a rehearsal, after which nobody writes."""
        return not context.rehearsal

    def estimate(self, context: Context) -> float | None:
        """Every table is counted: about 500 MB a second."""
        try:
            return 0.2 + context.runbook.source_path.stat().st_size / 500e6
        except OSError:
            return None

    def do(self, context: Context, facts: Facts) -> Facts:
        """Take the mark; with thousands of tables it is long, and has a file of its own."""
        with connect(context.login.url) as connection:
            taken = mark(connection)
        path = context.folder / MARK
        write_whole(path, taken.model_dump_json(), mode=0o600)
        return {"mark": str(path), "at": taken.at.isoformat(), "rows": sum(table.rows for table in taken.tables)}

    def undo(self, context: Context, facts: Facts) -> Facts:
        """Export. Without a mark nothing was switched, and there is nothing."""
        if "mark" not in facts:
            return {}
        found, newest = _exported(context, facts)
        if written := found.inserted + found.updated + found.deleted:
            context.issue(
                f"{written:,} rows were written to PostgreSQL since the switch ({found.inserted:,} inserted, "
                f"{found.updated:,} updated, {found.deleted:,} deleted)",
                f"they are in {found.path}",
            )
        for note in found.notes:
            context.issue(note)
        return _facts(found, newest)

    @staticmethod
    def once_more(context: Context, facts: Facts, exported: Facts) -> Facts | None:
        """Export again, if anybody may have written since the export; None if nobody has.

        ``exported`` is what `undo` returned, or nothing of it where the export was left out.
        """
        if "mark" not in facts:
            return None
        with connect(context.login.url) as connection:
            if _newest(connection) == exported.get("newest"):
                return None
        found, newest = _exported(context, facts)
        now = _facts(found, newest)
        if any(now[change] != exported.get(change, 0) for change in ("inserted", "updated", "deleted")):
            late = "; something was not stopped by services.stop, and wrote on" if "path" in exported else ""
            context.issue(
                f"{found.inserted:,} rows were inserted, {found.updated:,} updated and {found.deleted:,} deleted in "
                f"PostgreSQL since the switch{late}",
                f"they are in {found.path}",
            )
        return now


def _exported(context: Context, facts: Facts) -> tuple[Since, str]:
    """What was written, and the newest transaction of before it was looked for."""
    taken = Mark.model_validate_json(Path(facts["mark"]).read_bytes())
    copy = kept_copy(context)
    with connect(context.login.url) as connection:
        newest = _newest(connection)
        return written_since(connection, taken, copy, context.folder), newest


def _newest(connection: Connection) -> str:
    # Its newer name came with PostgreSQL 13. Who writes has a number above it, or is among those at work.
    row = connection.execute("select txid_current_snapshot()::text").fetchone()
    assert row is not None
    return str(next(iter(row.values())) if isinstance(row, dict) else row[0])


def _facts(found: Since, newest: str) -> Facts:
    return {
        "path": found.path,
        "newest": newest,
        "sha256": found.sha256,
        "inserted": found.inserted,
        "updated": found.updated,
        "deleted": found.deleted,
        "tables": [table.model_dump(mode="json") for table in found.tables],
    }
