"""The census of a whole source, shared by the crew."""

from __future__ import annotations

from litelift.move import tasks
from litelift.move.context import Context
from litelift.move.progress import Progress
from litelift.plan.request import CensusRequest
from litelift.sqlite.census import TableCensus


def take_censuses(context: Context, requests: list[CensusRequest]) -> dict[str, TableCensus]:
    """Take the census of every table, in pieces that the crew shares, and merge it by table."""
    connection = context.source.connection
    crew = context.crew
    pieces = []
    for request in requests:
        wanted = 1 if crew.jobs == 1 else crew.jobs * 2
        for between in tasks.ranges(connection, request.table.name, request.table.rowid, wanted):
            pieces.append(tasks.CensusTask(request, between))
    censuses: dict[str, TableCensus] = {}
    with context.timeline.step("census") as said:
        counted = 0

        def on_rows(rows: int) -> None:
            nonlocal counted
            counted += rows
            context.timeline.tell(Progress("census", done=counted))

        for task, census in crew.run(tasks.count, pieces, on_rows):
            name = task.request.table.name
            if name in censuses:
                censuses[name].merge(census)
            else:
                censuses[name] = census
            if crew.parallel:
                on_rows(census.rows)
        said.append(f"{sum(census.rows for census in censuses.values()):,} rows, every value")
    return censuses
