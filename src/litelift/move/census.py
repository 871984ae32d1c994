"""The census of a whole source, shared by the crew, and with it the source's check where that was left to the crew."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Protocol

from litelift.move import tasks
from litelift.move.check import Verdict
from litelift.move.crew import Crew
from litelift.move.progress import Progress, Timeline
from litelift.plan.request import CensusRequest
from litelift.sqlite.census import TableCensus
from litelift.sqlite.integrity import Check, Share, check_integrity, shares
from litelift.sqlite.open import Source


class Surveyed(Protocol):
    """What a census is taken with: the source, the crew that shares it, and how to speak."""

    @property
    def path(self) -> Path:
        """The source's file."""

    @property
    def source(self) -> Source:
        """The source, open."""

    @property
    def crew(self) -> Crew:
        """The workers."""

    @property
    def timeline(self) -> Timeline:
        """Who hears of it."""


def take_censuses(context: Surveyed, requests: list[CensusRequest]) -> dict[str, TableCensus]:
    """Take the census of every table, in pieces that the crew shares, and merge it by table.

    Raises SourceCorrupt where the source is checked only now, and SQLite finds faults.
    """
    connection = context.source.connection
    crew = context.crew
    divided: list[tasks.CensusTask] = []
    whole: list[tasks.CensusTask] = []
    for request in requests:
        wanted = 1 if crew.jobs == 1 else crew.jobs * 2
        for between in tasks.ranges(connection, request.table.name, request.table.rowid, wanted):
            (whole if between is None else divided).append(tasks.CensusTask(request, between))
    # The longest first, so that no worker is left alone with one: looks at the whole file, then those at large tables.
    large = {task.request.table.name for task in divided}
    divided.sort(key=lambda task: -_rows(task))
    checks = [] if context.source.checked else shares(connection)
    early: list[Share] = []
    late: list[Share] = []
    for check in checks:
        small = isinstance(check, Check) and check.indexes is not None and check.indexes.table not in large
        (late if small else early).append(check)
    pieces: list[tasks.CensusTask | Share] = [*early, *divided, *late, *whole]
    verdict = Verdict(crew, context.path)
    censuses: dict[str, TableCensus] = {}
    with context.timeline.step("census") as said:
        counted = 0

        def on_rows(rows: int) -> None:
            nonlocal counted
            counted += rows
            context.timeline.tell(Progress("census", done=counted))

        try:
            for task, found in crew.run(tasks.survey, pieces, on_rows):
                if not isinstance(task, tasks.CensusTask):
                    verdict.take(task, found)
                    continue
                assert isinstance(found, TableCensus)
                name = task.request.table.name
                if name in censuses:
                    censuses[name].merge(found)
                else:
                    censuses[name] = found
                if crew.parallel:
                    on_rows(found.rows)
            verdict.end()
        except sqlite3.DatabaseError:
            # Where the file is damaged, SQLite's check says it better.
            if not context.source.checked:
                check_integrity(connection, context.path)
            raise
        rows = sum(census.rows for census in censuses.values())
        said.append(f"{rows:,} rows, every value{'' if context.source.checked else '; integrity ok'}")
    return censuses


def _rows(task: tasks.CensusTask) -> int:
    return task.between[1] - task.between[0] if task.between else 0
