"""Makes incidents of what the looks find: what lasts is one, what comes and goes between two looks is none.

Nothing here asks what time it is, nor keeps anything: the watch does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from litelift.monitor.finding import Finding, State, worst
from litelift.monitor.incident import Incident

LOOKS = 2
"""That find the same before it holds."""
UNKNOWN_SECONDS = 600.0
"""For which something cannot be known before that is an incident: nothing may be amiss."""
GATHER_SECONDS = 60.0
"""Between two messages: one fault has many consequences, and not all are found by the same look."""
Kind = Literal["began", "grew", "again", "ended"]


class Event(NamedTuple):
    """What is to be told of an incident."""

    kind: Kind
    incident: Incident


@dataclass(slots=True)
class _Held:
    """A state that has not held for long enough yet."""

    since: datetime
    state: State
    looks: int = 0

    def seen(self, now: datetime, state: State) -> float:
        """Count a look; the seconds for which it holds."""
        self.looks += 1
        self.state = worst([self.state, state])
        # A clock that went back: it holds since then at the latest.
        self.since = min(self.since, now)
        return (now - self.since).total_seconds()


class Incidents:
    """Those that last, and those whose end was not told."""

    def __init__(
        self, known: Iterable[Incident] = (), *, last: int = 0, patience: float = 0.0, again: float = 0.0
    ) -> None:
        """Go on with those that are ``known``.

        Args:
            known: from an earlier watch, as `live` had them.
            last: the greatest number that one of them ever had.
            patience: seconds for which a state lasts before it holds.
            again: seconds after which what lasts is told again; 0 for never.
        """
        self.patience = patience
        self.again = again
        self._last = last
        self._open: dict[str, Incident] = {}
        self._ended: list[Incident] = []
        self._bad: dict[str, _Held] = {}
        self._good: dict[str, _Held] = {}
        self._told: datetime | None = None
        self._told_critical: datetime | None = None
        for incident in known:
            if incident.closed is None:
                self._open[incident.key] = incident
            elif incident.settled_at is None:
                self._ended.append(incident)

    @property
    def open(self) -> list[Incident]:
        """Those that last, the oldest first."""
        return sorted(self._open.values(), key=lambda incident: (incident.opened, incident.id))

    @property
    def live(self) -> list[Incident]:
        """All that it would go on with."""
        return [*self.open, *self._ended]

    @property
    def unsure(self) -> set[str]:
        """The checks whose state has changed and does not hold yet: worth a look soon."""
        return {key.partition("[")[0] for key in (*self._bad, *self._good)}

    def look(self, now: datetime, findings: Collection[Finding]) -> list[Incident]:
        """Take what a round of checks found, of each check that was made all; the incidents that are others now."""
        changed = []
        for finding in findings:
            incident = self._well(now, finding.key) if finding.state == "ok" else self._amiss(now, finding)
            if incident is not None:
                changed.append(incident)
        keys, checks = {finding.key for finding in findings}, {finding.check for finding in findings}
        # What a check finds no more, a container that is gone say, is amiss no more; but it may have come to nothing.
        checks -= {finding.check for finding in findings if finding.state == "unknown" and not finding.about}
        for key in [*self._open, *self._bad]:
            if key not in keys and key.partition("[")[0] in checks and (ended := self._well(now, key)) is not None:
                changed.append(ended)
        return changed

    def forget(self, now: datetime, checks: Collection[str]) -> list[Incident]:
        """End, untold, what is of a check that is not made any more."""
        gone = [incident for incident in self._open.values() if incident.finding.check not in checks]
        ended = [replace(incident, closed=now, settled_at=now) for incident in gone]
        for incident in ended:
            del self._open[incident.key]
            self._good.pop(incident.key, None)
        return ended

    def _amiss(self, now: datetime, finding: Finding) -> Incident | None:
        key, state = finding.key, finding.state
        self._good.pop(key, None)
        before = self._open.get(key)
        if before is not None:
            after = replace(before, finding=finding, state=state, worst=worst([before.worst, state]))
            self._open[key] = after
            return after if after != before else None
        held = self._bad.get(key)
        if held is None or (held.state == "unknown") != (state == "unknown"):
            held = self._bad[key] = _Held(now, state)
        lasted = held.seen(now, state)
        patience = max(self.patience, UNKNOWN_SECONDS) if state == "unknown" else self.patience
        if held.looks < LOOKS or lasted < patience:
            return None
        del self._bad[key]
        self._last += 1
        self._open[key] = Incident(self._last, finding, held.since, None, held.state, state)
        return self._open[key]

    def _well(self, now: datetime, key: str) -> Incident | None:
        self._bad.pop(key, None)
        if key not in self._open:
            return None
        held = self._good.setdefault(key, _Held(now, "ok"))
        if held.seen(now, "ok") < self.patience or held.looks < LOOKS:
            return None
        del self._good[key]
        ended = replace(self._open.pop(key), closed=held.since, state="ok")
        self._ended.append(ended)
        return ended

    # ---------------------------------------------------------------- who is told of it

    def to_tell(self, now: datetime) -> list[Event]:
        """What is to be told now, all of it together; nothing while the last message was just told.

        Something that has become critical waits only for the last message of that kind.
        """
        events = [Event("ended", incident) for incident in self._ended]
        for incident in self.open:
            if incident.announced is None:
                events.append(Event("began", incident))
            elif worst([incident.announced, incident.worst]) != incident.announced:
                events.append(Event("grew", incident))
        events += self._reminders(now, {event.incident.id for event in events})
        critical = any(event.kind in ("began", "grew") and event.incident.worst == "critical" for event in events)
        last = self._told_critical if critical else self._told
        if last is not None and timedelta() <= now - last < timedelta(seconds=GATHER_SECONDS):
            return []
        return events

    def _reminders(self, now: datetime, others: Collection[int]) -> list[Event]:
        """All that lasts, once a reminder of one of them is due: one message a day, and not one for each."""
        lasting = [
            incident
            for incident in self.open
            if incident.announced in ("warning", "critical") and incident.id not in others
        ]
        due = timedelta(seconds=self.again)
        if not due or not any(one.announced_at is not None and now - one.announced_at >= due for one in lasting):
            return []
        return [Event("again", incident) for incident in lasting]

    def told(self, now: datetime, events: Collection[Event]) -> list[Incident]:
        """Note that these were told; the incidents as they are then."""
        changed = []
        for kind, incident in events:
            if kind == "ended":
                after = replace(incident, settled_at=now)
                self._ended.remove(incident)
            else:
                after = self._open[incident.key] = replace(incident, announced=incident.worst, announced_at=now)
            changed.append(after)
        if events:
            self._told = now
            if any(event.kind in ("began", "grew") and event.incident.worst == "critical" for event in events):
                self._told_critical = now
        return changed
