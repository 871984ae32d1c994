"""What the page shows, in no language yet."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from litelift import __version__
from litelift.monitor.baseline import read_baseline
from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import State, worst
from litelift.monitor.incident import Incident
from litelift.monitor.page.around import Around
from litelift.monitor.page.charts import DAY, Chart, charts
from litelift.monitor.page.headline import Headline, gravest_first, headline
from litelift.monitor.samples import Gap, Heartbeat, Samples, Standing
from litelift.monitor.watched import Watched

HISTORY = timedelta(days=7)
"""For which incidents are listed."""
INCIDENTS = 40
"""Listed at most, the newest."""


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
    """The moment that it is of."""
    words: str
    """What litelift's commands call it by."""
    headline: Headline
    wrong: tuple[Standing, ...]
    """All that is not well, the gravest first."""
    groups: tuple[Group, ...]
    charts: tuple[Chart, ...]
    incidents: tuple[Incident, ...]
    incidents_total: int
    gaps: tuple[Gap, ...]
    """When nobody watched, of the last day."""
    around: Around | None
    """None while it is not known yet."""
    heartbeat: Heartbeat | None
    looked: datetime | None
    """When something was looked at last."""
    baseline: datetime | None
    """Of when the baseline is."""
    server: str | None
    """PostgreSQL's version."""
    version: str = __version__
    """litelift's."""


def view(watched: Watched, samples: Samples | None, now: datetime, *, around: Around | None = None) -> View:
    """What is to be seen at the moment ``now``.

    Args:
        watched: what is looked at.
        samples: what was found; None where there are none yet.
        now: the moment.
        around: what `litelift.monitor.page.around` said last.

    Raises:
        sqlite3.Error: the samples cannot be read. OSError: the baseline cannot be.
    """
    baseline = read_baseline(watched.folder)
    standing = _known(_in_order(samples.findings())) if samples is not None else []
    incidents = samples.incidents(now - HISTORY) if samples is not None else []
    heartbeat = samples.heartbeat() if samples is not None else None
    server = next((one.finding.facts.get("version") for one in standing if one.finding.check == "server"), None)
    return View(
        label=watched.label,
        at=now,
        words=_words(watched),
        headline=headline(standing, heartbeat, now),
        wrong=tuple(gravest_first([one for one in standing if one.finding.state != "ok"])),
        groups=_groups(standing),
        charts=charts(samples, standing, incidents, baseline, now, watched.settings.every) if samples else (),
        incidents=tuple(incidents[:INCIDENTS]),
        incidents_total=len(incidents),
        gaps=tuple(samples.gaps(now - DAY, now)) if samples is not None else (),
        around=around,
        heartbeat=heartbeat,
        looked=max((one.at for one in standing), default=None),
        baseline=baseline.at if baseline is not None else None,
        server=str(server) if server is not None else None,
    )


def _words(watched: Watched) -> str:
    of = watched.backups
    path = of.file or of.source
    return shlex.quote(str(path)) if path is not None else ""


def _in_order(standing: Sequence[Standing]) -> list[Standing]:
    """Those of checks that there are, in the order in which they are told: the server's own first."""
    order = {name: number for number, name in enumerate(("server", *(check.name for check in CHECKS)))}
    known = [one for one in standing if one.finding.check in order]
    return sorted(known, key=lambda one: (order[one.finding.check], one.finding.about))


def _known(standing: Sequence[Standing]) -> list[Standing]:
    """Those that hold now: of a server that takes no session it is not known that anything in it is well."""
    if not any(one.finding.check == "server" and one.finding.state == "critical" for one in standing):
        return list(standing)
    inside = {check.name for check in CHECKS if check.needs == "database"}
    return [one for one in standing if one.finding.check not in inside or one.finding.state != "ok"]


def _groups(standing: Sequence[Standing]) -> tuple[Group, ...]:
    of_check = {"server": "server", **{check.name: check.group for check in CHECKS}}
    groups: dict[str, list[Standing]] = {}
    for one in standing:
        groups.setdefault(of_check[one.finding.check], []).append(one)
    return tuple(
        Group(name, worst([one.finding.state for one in of]), tuple(gravest_first(of))) for name, of in groups.items()
    )
