"""The source's check, shared by the crew: beside the census, or alone where nothing else is read."""

from __future__ import annotations

from pathlib import Path

from litelift.move import tasks
from litelift.move.crew import Crew
from litelift.sqlite.census import TableCensus
from litelift.sqlite.integrity import Digest, Share, Side, Sides, check_integrity, shares


class Verdict:
    """The verdict on the crew's source, which is at ``path``: `take` what each share came to, then `end`.

    Both raise SourceCorrupt where SQLite finds faults.
    """

    def __init__(self, crew: Crew, path: Path) -> None:
        """See the class."""
        self.crew = crew
        self.path = path
        self.sides = Sides()

    def take(self, share: Share, found: TableCensus | bool | Digest | None) -> None:
        """Take what a share came to."""
        if isinstance(share, Side):
            assert found is None or isinstance(found, tuple)
            self.sides.add(share, found)
        elif not found:
            check_integrity(self.crew.worker.source.connection, self.path)

    def end(self) -> None:
        """Have SQLite itself look at the tables whose sides are unlike."""
        for share, found in self.crew.run(tasks.survey, self.sides.unlike()):
            self.take(share, found)


def check_source(crew: Crew, path: Path) -> None:
    """Raise SourceCorrupt where SQLite finds faults in the crew's source, which is at ``path``."""
    verdict = Verdict(crew, path)
    for share, found in crew.run(tasks.survey, shares(crew.worker.source.connection)):
        verdict.take(share, found)
    verdict.end()
