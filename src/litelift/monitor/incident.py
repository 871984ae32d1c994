"""An incident, as a value: something that was not well for a while, from its first bad look to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from litelift.monitor.finding import Finding, State


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident; another one of the same key is another incident."""

    id: int
    finding: Finding
    """What was found last, while it was not well."""
    opened: datetime
    """When it was first found so."""
    closed: datetime | None = None
    """When it was first found well again; None while it lasts."""
    worst: State = "warning"
    """The gravest state that it was in."""
    state: State = "warning"
    """The one that it is in now, or was in last: "ok" where it has ended."""
    announced: State | None = None
    """The gravest state that was told; None while nobody was told."""
    announced_at: datetime | None = None
    """When it was told last."""
    settled_at: datetime | None = None
    """When its end was told."""

    @property
    def key(self) -> str:
        """The finding's."""
        return self.finding.key

    def seconds(self, now: datetime) -> float:
        """How long it lasted, or lasts."""
        return ((self.closed or now) - self.opened).total_seconds()
