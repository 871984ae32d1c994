"""What is normal at the cutover: numbers for the report, and the baseline of the watch."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from litelift.atomic import PRIVATE, write_whole
from litelift.cutover.context import Context
from litelift.cutover.mark import Mark
from litelift.cutover.step import Facts, Step, Undo
from litelift.cutover.steps.source import changed_since_kept
from litelift.errors import LiteliftError
from litelift.monitor.baseline import FILE as BASELINE
from litelift.postgres.connect import connect

_METRICS = """
    select current_setting('server_version') as version,
        pg_database_size(current_database()) as database_bytes,
        (select count(*) from pg_stat_activity where datname = current_database()) as connections,
        current_setting('max_connections')::int as max_connections,
        (select round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2)::float8 from pg_stat_database
            where datname = current_database()) as cache_hit_percent,
        (select count(*) from pg_stat_user_tables) as tables,
        (select count(*) from pg_stat_user_indexes) as indexes
"""
_KEPT = "baseline.before.json"
_AGAIN = "take it with: litelift monitor baseline --force"


class Baseline(Step):
    """What is normal at the cutover: the numbers that later ones are compared with."""

    name = "baseline"
    title = "Take the baseline"
    back = "Remove the baseline of the watch"
    phase = 6
    undo_stage = Undo.FILES

    def plan(self, context: Context) -> list[str]:
        """Where it goes."""
        return [] if context.rehearsal else [f"{BASELINE} in {_folder(context)}/"]

    def estimate(self, context: Context) -> float:
        """A query, and one look at everything."""
        return 1.0

    def check(self, context: Context) -> Facts:
        """Where the watch's baseline goes, and whether one is there that has to come back."""
        if context.rehearsal:
            return {}
        folder = _folder(context)
        file = folder / BASELINE
        return {"file": str(file), "replaces": file.is_file(), "makes": not folder.is_dir()}

    def do(self, context: Context, facts: Facts) -> Facts:
        """Sizes, connections, the cache; the watch's baseline; and once more whether the source has rested."""
        with connect(context.login.url) as connection:
            cursor = connection.execute(_METRICS)
            row = cursor.fetchone()
            assert row is not None and cursor.description is not None
            metrics: dict[str, Any] = {
                column.name: value for column, value in zip(cursor.description, row, strict=True)
            }
        if context.rehearsal:
            return {"metrics": metrics}
        if (how := changed_since_kept(context)) is not None:
            context.issue(
                f"the SQLite file was written to after the move ({how}): those rows are not in PostgreSQL",
                "stop what writes to it, and compare with: litelift verify",
            )
        try:
            taken = _take(context, Path(facts["file"]), replaces=facts["replaces"])
        except (LiteliftError, psycopg.Error, OSError) as error:
            # The application serves, and that is what the evening was for.
            said = error.message if isinstance(error, LiteliftError) else " ".join(str(error).split())
            context.issue(f"the baseline of the watch could not be taken: {said}", _AGAIN)
            taken = {}
        return {"metrics": metrics, **taken}

    def undo(self, context: Context, facts: Facts) -> None:
        """It was of a database that the application no longer uses; what was there before comes back."""
        if "file" not in facts:
            return
        path, kept = Path(facts["file"]), context.folder / _KEPT
        if not facts["replaces"]:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            if facts["makes"]:
                # Samples that were taken meanwhile stay, and their folder with them.
                _remove_empty(path.parent)
        elif kept.is_file():
            write_whole(path, kept.read_bytes(), mode=PRIVATE)


def _folder(context: Context) -> Path:
    """The watch's."""
    return (context.runbook.folder / context.runbook.monitor.folder).resolve()


def _take(context: Context, path: Path, *, replaces: bool) -> Facts:
    """Take the watch's baseline, with the rows as they were at the switch, which nobody has to count again."""
    from litelift.monitor.baseline import write_baseline
    from litelift.monitor.baseline_take import take
    from litelift.monitor.watched import watched

    kept = context.folder / _KEPT
    if replaces and not kept.exists():
        write_whole(kept, path.read_bytes(), mode=PRIVATE)
    of = watched(str(context.runbook.path))
    of = replace(of, logins=(*of.logins, context.login.url))
    # What only grows is not seen to grow while nobody does anything.
    taken = take(of, looks=1, rows=_rows(context), at_cutover=True).baseline
    write_baseline(path.parent, taken)
    return {"measures": len(taken.measures), "tables": len(taken.rows)}


def _rows(context: Context) -> dict[str, int] | None:
    """Of each table at the switch; None where it was not marked."""
    mark = context.facts("mark").get("mark")
    if mark is None:
        return None
    found: dict[str, int] = {}
    for table in Mark.model_validate_json(Path(mark).read_bytes()).tables:
        place = f"{table.root_schema}.{table.root_name}"
        found[place] = found.get(place, 0) + table.rows
    return found


def _remove_empty(folder: Path) -> None:
    """Remove a monitor's folder in which nothing is left but what keeps it out of sight of git."""
    if folder.is_dir() and {one.name for one in folder.iterdir()} <= {".gitignore"}:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
