"""The completion report of the move, as it was written then."""

from __future__ import annotations

from pathlib import Path

from litelift.cutover.runs import runs
from litelift.folder import folder_beside
from litelift.monitor.watched import Watched

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""It is one file with its styles in it, and no script, which could not run either: what it quotes is foreign."""
FILE = "report.html"


def report_of(watched: Watched) -> Path | None:
    """Its file: of the last cutover that stands, or of the migration of the SQLite file. None where there is none."""
    folders = []
    if watched.runbook is not None:
        moved = [run for run in runs(watched.runbook.state) if run.mode == "cutover" and run.state != "rolled back"]
        folders += [run.folder for run in reversed(moved)]
    if watched.backups.source is not None:
        folders.append(folder_beside(watched.backups.source))
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)
