"""How much the server's counters have grown of late, and not since the beginning of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from litelift.monitor.look import Look

DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_BACK = (1, 0.75, 0.5, 0.25, 0.125, 0.04)
"""How far back samples are looked for, as shares of the span: the watch may have begun within it."""


@dataclass(frozen=True, slots=True)
class Window:
    """What came in a span of time."""

    since: datetime | None
    """Its beginning; None where the server does not say since when it counts."""
    seconds: float
    """Its length; 0 where that is not known."""
    grown: Mapping[str, float]
    """By measure."""
    everyday: bool = False
    """Whether it is the application's work that was counted: since the counters began, the move's own may outweigh it,
    unless that is a week ago."""

    def a_day(self, measure: str) -> float:
        """How much comes in a day. A shorter span is taken for a whole one, so that nothing is made more of; and a
        somewhat longer one, for the sample of a day ago may be a little older."""
        days = self.seconds / DAY.total_seconds()
        return self.grown[measure] / (days if days > 1.25 else 1.0)

    @property
    def moment(self) -> float | None:
        """Its beginning as a fact of the words."""
        return None if self.since is None else self.since.timestamp()


def window(look: Look, counted: Mapping[str, float], span: timedelta, reset: datetime | None) -> Window:
    """What has come in the last ``span``: by the samples, else since the baseline, else since the counters began.

    Args:
        look: the check's, which keeps ``counted`` as measures of these names that are no counters: what was before is
            found by them.
        counted: what the server counts, by measure, since ``reset``.
        span: how far back, at most, where samples go so far.
        reset: since when the server counts.
    """
    known = [
        one for one in _before(look, counted, span, reset) if all(counted[name] >= one[1][name] for name in counted)
    ]
    if reset is not None:
        known.append((reset, dict.fromkeys(counted, 0.0)))
    if not known:
        return Window(None, 0.0, counted)
    since, before = max(known, key=lambda one: one[0])
    grown = {name: value - before[name] for name, value in counted.items()}
    return Window(
        since, max((look.now - since).total_seconds(), 0.0), grown, since != reset or look.now - since >= _WEEK
    )


def _before(
    look: Look, counted: Mapping[str, float], span: timedelta, reset: datetime | None
) -> Iterator[tuple[datetime, dict[str, float]]]:
    """What was counted earlier, and when, of the time since ``reset``."""
    series = {name: f"{look.check}.{name}" for name in counted}
    if look.baseline is not None and (reset is None or reset <= look.baseline.at):
        normal = {name: look.baseline.measures.get(key) for name, key in series.items()}
        if None not in normal.values():
            yield look.baseline.at, {name: value for name, value in normal.items() if value is not None}
    for share in _BACK:
        found = {name: look.past.value(key, look.now - span * share) for name, key in series.items()}
        moments = [one[0] for one in found.values() if one is not None]
        if len(moments) == len(found) and (reset is None or reset <= max(moments)):
            yield max(moments), {name: one[1] for name, one in found.items() if one is not None}
            return
