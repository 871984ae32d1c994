"""Reads every value of a source, as a move does: with a crew, which shares the source's check. It writes nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from litelift.move.census import take_censuses
from litelift.move.crew import Crew, default_jobs, gather
from litelift.move.progress import OnProgress, Timeline
from litelift.move.run import explained
from litelift.plan.file import PlanFile
from litelift.plan.inspection import Looked, inspection_of
from litelift.plan.request import CensusRequest, check_filters, whole_requests
from litelift.plan.whole import plan_whole
from litelift.postgres.sessions import Sessions
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.census import TableCensus
from litelift.sqlite.open import Source, open_source, source_bytes, source_path
from litelift.sqlite.schema import Schema


@dataclass(slots=True)
class Survey:
    """An open source and who reads it: the part of a move's context that its census asks for."""

    path: Path
    source: Source
    schema: Schema
    crew: Crew
    timeline: Timeline

    def join(self, dsn: str | None) -> None:
        """Bring the crew to one snapshot of the source. ``dsn`` is the target's, where values are judged there."""
        if self.crew.open_together(self.source, None if dsn is None else Sessions(dsn, patience=0)) is not None:
            self.schema = read_catalogue(self.source.connection)

    def censuses(self, requests: list[CensusRequest]) -> tuple[dict[str, TableCensus], float]:
        """The census of every table, and the seconds that it took."""
        began = time.perf_counter()
        # It reads these four fields and no other.
        found = take_censuses(self, requests)
        return found, time.perf_counter() - began


@contextlib.contextmanager
def gathered(path: Path, jobs: int | None) -> Iterator[Crew]:
    """A crew of so many workers, or by the source's size; it ends with the block."""
    with contextlib.closing(gather(jobs or default_jobs(source_bytes(path)))) as crew:
        yield crew


@contextlib.contextmanager
def opened(path: Path, file: PlanFile, crew: Crew, timeline: Timeline) -> Iterator[Survey]:
    """Open the source and hold the plan against it. Raises LiteliftError."""
    source = open_source(path, check=not crew.parallel)
    try:
        schema = read_catalogue(source.connection)
        file.check_against(schema)
        check_filters(source.connection, schema, file)
        yield Survey(path, source, schema, crew, timeline)
    finally:
        # Before the source, whose last reader this process must be.
        crew.close()
        source.close()


def inspect_source(src: str | Path, file: PlanFile | None = None, on_progress: OnProgress | None = None) -> Looked:
    """Read every value of a source and say what a move would do.

    Args:
        src: a path or sqlite:///path.
        file: a plan to hold against it.
        on_progress: called with every sign of life.

    Raises:
        LiteliftError: as `litelift.migrate`, before anything is written.
    """
    file = file or PlanFile()
    path = source_path(src)
    with explained(path), gathered(path, None) as crew, opened(path, file, crew, Timeline(on_progress)) as survey:
        survey.join(None)
        requests = whole_requests(survey.schema, file)
        censuses, seconds = survey.censuses(requests)
        icu = file.defaults.nocase == "collation"
        plan = plan_whole(survey.source.connection, survey.schema, requests, censuses, file, icu=icu)
        inspection = inspection_of(survey.source, survey.schema, requests, censuses, plan, seconds)
        return Looked(inspection, survey.schema, censuses, plan)
