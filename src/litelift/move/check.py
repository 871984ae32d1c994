"""The source's check, shared by the crew, where nothing else is read beside it."""

from __future__ import annotations

from pathlib import Path

from litelift.move import tasks
from litelift.move.crew import Crew
from litelift.sqlite.integrity import check_integrity, shares


def check_source(crew: Crew, path: Path) -> None:
    """Raise SourceCorrupt where SQLite finds faults in the crew's source, which is at ``path``."""
    connection = crew.worker.source.connection
    for _, passes in crew.run(tasks.survey, shares(connection)):
        if not passes:
            check_integrity(connection, path)
