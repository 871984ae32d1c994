"""Looks again and again; keeps what it finds, makes incidents of what lasts, and has them told."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from litelift.errors import LiteliftError
from litelift.monitor.check import Check
from litelift.monitor.checks import CHECKS
from litelift.monitor.checks.watch import NAME as OWN
from litelift.monitor.finding import Finding, Measure, State, worst
from litelift.monitor.first_day_report import first_day
from litelift.monitor.incident import Incident
from litelift.monitor.incidents import Event, Incidents
from litelift.monitor.news import is_gentle, message_of
from litelift.monitor.outbox import Outbox
from litelift.monitor.run import look_at
from litelift.monitor.samples import Gap, Samples
from litelift.monitor.samples_values import overdue_after
from litelift.monitor.watch_samples import Kept
from litelift.monitor.watch_session import KeptSession
from litelift.monitor.watched import Watched
from litelift.redact import text as redact
from litelift.tell.ways import Ways

IDENT = "litelift-monitor"
"""In the system's log."""
UPKEEP_SECONDS = 3600.0
"""Between two times at which old samples go, and the first day may join the cutover's report."""
FINISH_SECONDS = 5.0
"""That the end of a watch waits for what is being told."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a watch."""

    at: datetime
    seconds: float
    findings: tuple[Finding, ...]
    """Of the checks that were made in it."""
    standing: tuple[Finding, ...]
    """What each check found last."""
    events: tuple[Event, ...]
    """What is told now."""
    open: tuple[Incident, ...]
    """The incidents that last."""
    gap: Gap | None = None
    """In which nobody watched before it."""
    notes: tuple[str, ...] = ()
    """What else a person should see."""

    @property
    def state(self) -> State:
        """The gravest of what stands."""
        return worst([finding.state for finding in self.standing])


class Watch:
    """One watch, which holds the lock of its folder."""

    def __init__(
        self,
        watched: Watched,
        *,
        every: float | None = None,
        changed: Callable[[], Watched | None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Go on where the last watch of the folder ended.

        Args:
            watched: what is looked at.
            every: seconds between two rounds, in the place of the settings'.
            changed: what is looked at from now on, where that is something else than at the last call. Raises
                LiteliftError where it cannot be read.
            clock: what time it is.

        Raises:
            SamplesTooNew, OSError.
        """
        self.watched = watched
        self._every, self._changed, self._clock = every, changed, clock
        self._who = f"process {os.getpid()} on {socket.gethostname()}"
        self._kept = Kept(watched.folder)
        self._session = KeptSession()
        settings = watched.settings
        last = self._kept.read((0, 0), lambda samples: samples.last_numbers())
        self._incidents = Incidents(
            self._kept.read([], lambda samples: samples.unsettled()),
            last=last[0],
            patience=settings.patience,
            again=settings.tell.again_hours * 3600,
        )
        self._outbox = Outbox(ways_of(watched), self._kept.read([], lambda samples: samples.waiting()), last=last[1])
        beat = self._kept.read(None, lambda samples: samples.heartbeat())
        self._last = (beat.at, beat.every, beat.stopped) if beat is not None else None
        self._number = 0
        self._made: dict[str, int] = {}
        self._standing: dict[str, list[Finding]] = {}
        self._files = self._kept.files
        self._kept_up: float | None = None
        self._unjoined: str | None = None
        self._unread: str | None = None
        self._forget()

    @property
    def every(self) -> float:
        """Seconds between two rounds."""
        return self._every or self.watched.settings.every

    def end(self) -> None:
        """Have the rounds end after the one that is under way; may be called by another thread."""
        self._outbox.wake()

    def rounds(self, number: int | None = None) -> Generator[Round, None, None]:
        """Look, give what was found, and wait, so many times; None: without an end. Lets go of everything after it."""
        try:
            done = 0
            while not self._outbox.awake:
                began = monotonic()
                yield self._round()
                done += 1
                if number is not None and done >= number:
                    return
                self._wait(self.every - (monotonic() - began))
        finally:
            self._end()

    def _wait(self, seconds: float) -> None:
        self._outbox.wait(self._clock, seconds)

    def _round(self) -> Round:
        notes = self._read_settings()
        now, began = self._clock(), monotonic()
        gap = self._gap(now)
        if gap is not None:
            self._made.clear()
        self._number += 1
        connection = self._session.ready(self.watched.logins)
        looked = look_at(self.watched, self._due(), past=self._kept, connection=connection, now=now)
        up = all(finding.state != "critical" for finding in looked.findings if finding.check == "server")
        self._session.wanted = up
        if not up:
            self._session.close()
        findings = [*looked.findings, self._own(looked.seconds)]
        for check in {finding.check for finding in findings}:
            self._made[check] = self._number
            self._standing[check] = [finding for finding in findings if finding.check == check]
        changed = self._incidents.look(now, findings)
        events = self._incidents.to_tell(now)
        if events:
            message = message_of(self.watched.label, events, now, self.watched.settings.tell.language)
            self._outbox.post(now, message, gently=is_gentle(events))
            changed += self._incidents.told(now, events)
        self._keep(now, findings, changed)
        if self._kept.aside is not None:
            notes.append(f"the samples were damaged: they are at {self._kept.aside}, and new ones are begun")
            self._kept.aside = None
        notes += self._keep_up(now)
        self._last = (now, self.every, False)
        standing = tuple(finding for check in self._standing.values() for finding in check)
        seconds = monotonic() - began
        return Round(
            now, seconds, tuple(findings), standing, tuple(events), tuple(self._incidents.open), gap, tuple(notes)
        )

    def _due(self) -> list[Check]:
        """Those whose time has come, and those of which it has to be seen soon whether it lasts."""
        soon = self._incidents.unsure
        return [
            check
            for check in CHECKS
            if check.name != OWN
            and (
                check.name not in self._made
                or check.name in soon
                or self._number - self._made[check.name] >= round(check.every / self.every)
            )
        ]

    def _own(self, seconds: float) -> Finding:
        """What the watch says of itself."""
        made = Finding(OWN, "ok", "alive", {"ago": 0.0, "every": self.every})
        measures = (Measure("seconds", seconds, "seconds"),)
        trouble = self._kept.trouble
        if trouble is not None:
            facts = {"message": trouble, "folder": str(self.watched.folder)}
            made = Finding(OWN, "warning", "unkept", facts, "keep")
        elif failing := self._outbox.failing:
            way, letter = failing[0]
            n = len({waiting.id for _, waiting in self._outbox.waiting})
            wrong = letter.deliveries[way].wrong
            made = Finding(OWN, "warning", "untold", {"n": n, "at": letter.at.timestamp(), "message": wrong}, "tell")
        elif self._unread is not None:
            made = Finding(OWN, "warning", "settings", {"message": self._unread}, "settings")
        return replace(made, measures=measures)

    def _keep(self, now: datetime, findings: list[Finding], changed: list[Incident]) -> None:
        if self._kept.files != self._files:
            self._files = self._kept.files
            changed = [*self._incidents.live, *changed]
            self._outbox.unsaved.update({letter.id: letter for _, letter in self._outbox.waiting})
        self._kept.write(
            lambda samples, incidents, letters: samples.add(
                now, findings, incidents=incidents, letters=letters, every=self.every, who=self._who
            ),
            changed,
            self._outbox.unsaved,
        )

    def _keep_up(self, now: datetime) -> list[str]:
        if self._kept_up is not None and monotonic() - self._kept_up < UPKEEP_SECONDS:
            return []
        self._kept.prune(now)
        self._kept_up = monotonic()
        self._unjoined = None
        report = self._kept.read(None, lambda samples: self._join(samples, now))
        if report is not None:
            return [f"the first 24 hours have joined the cutover's report: {report}"]
        return [self._unjoined] if self._unjoined is not None else []

    def _join(self, samples: Samples, now: datetime) -> Path | None:
        """Have the first day join the report; raises sqlite3.Error, and notes what else stands in the way of it."""
        try:
            return first_day(self.watched, samples, now=now)
        except sqlite3.Error:
            raise
        except Exception as error:
            # A report that cannot be written must not end a watch after months.
            said = error.message if isinstance(error, LiteliftError) else f"{type(error).__name__}: {error}"
            self._unjoined = redact(f"the first 24 hours cannot join the cutover's report yet: {said}")
            return None

    def _gap(self, now: datetime) -> Gap | None:
        if self._last is None:
            return None
        at, every, stopped = self._last
        return Gap(at, now, stopped) if (now - at).total_seconds() > overdue_after(every) else None

    def _read_settings(self) -> list[str]:
        try:
            watched = self._changed()
        except LiteliftError as error:
            self._unread = error.message
            return []
        if watched is None:
            return []
        self._unread = None
        # What is kept is kept in one place: another one is for the next watch.
        self.watched = replace(watched, folder=self.watched.folder)
        self._incidents.patience = watched.settings.patience
        self._incidents.again = watched.settings.tell.again_hours * 3600
        self._outbox.ways = ways_of(watched)
        self._made.clear()
        self._forget()
        return ["litelift.toml has changed, and was read again"]

    def _forget(self) -> None:
        """Let nothing stand of checks that are not made any more."""
        checks = {check.name for check in CHECKS} - set(self.watched.settings.ignore) | {"server", OWN}
        for check in self._standing.keys() - checks:
            del self._standing[check]
        gone = self._incidents.forget(self._clock(), checks)
        self._kept.write(lambda samples, incidents, letters: samples.keep(incidents, letters), gone, {})
        self._kept.read(None, lambda samples: samples.forget(checks))

    def _end(self) -> None:
        self._session.close()
        self._outbox.turn(self._clock())
        self._outbox.finish(FINISH_SECONDS)
        self._kept.write(lambda samples, incidents, letters: samples.keep(incidents, letters), [], self._outbox.unsaved)
        self._kept.read(None, lambda samples: samples.stop())
        self._kept.close()


def ways_of(watched: Watched) -> Ways:
    """By which the watch of it tells."""
    return Ways(watched.settings.tell, watched.project, IDENT)
