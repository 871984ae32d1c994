"""What the page shows, in no language yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import State, worst
from litelift.monitor.page.moved import Moved
from litelift.monitor.samples import Samples, Standing
from litelift.monitor.watched import Watched


@dataclass(frozen=True, slots=True)
class Group:
    """The checks of one group, the gravest first."""

    name: str
    state: State
    standing: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The page's content."""

    label: str
    at: datetime
    state: State
    groups: tuple[Group, ...]
    moved: Moved | None


def view(watched: Watched, samples: Samples | None, now: datetime, *, moved: Moved | None = None) -> View:
    """What is to be seen at the moment ``now``.

    Args:
        watched: what is looked at.
        samples: what was found; None where there are none yet.
        now: the moment.
        moved: what `moved` said last.

    Raises:
        sqlite3.Error: the samples cannot be read.
    """
    standing = samples.findings() if samples is not None else []
    groups: dict[str, list[Standing]] = {}
    for check in CHECKS:
        of = [one for one in standing if one.finding.check == check.name]
        groups.setdefault(check.group, []).extend(of)
    made = tuple(Group(name, worst([one.finding.state for one in of]), tuple(of)) for name, of in groups.items() if of)
    return View(watched.label, now, worst([group.state for group in made]), made, moved)
