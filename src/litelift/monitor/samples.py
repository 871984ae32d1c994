"""What was measured, in a small SQLite file of its own: every sample for two hours, then by minute, hour and day.

Each value goes into all of its resolutions at once, so that there is nothing to be caught up on after an interruption,
and what is older than a resolution is kept for goes: the file does not grow for ever.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from math import isfinite
from pathlib import Path

from litelift.monitor.finding import Finding, Measure
from litelift.monitor.incident import Incident
from litelift.monitor.letter import Letter
from litelift.monitor.samples_file import FILE as FILE
from litelift.monitor.samples_file import RESOLUTIONS, connection_to, understood
from litelift.monitor.samples_read import INCIDENT, Reading
from litelift.monitor.samples_told import KEPT_DAYS, drop_letters, keep_letters
from litelift.monitor.samples_values import Gap as Gap
from litelift.monitor.samples_values import Heartbeat as Heartbeat
from litelift.monitor.samples_values import Point as Point
from litelift.monitor.samples_values import Standing as Standing
from litelift.monitor.samples_values import overdue_after

AHEAD = 3600
"""Seconds by which a sample may be of the future: what is further was written by a clock that was wrong."""
UNMEASURED_DAYS = 400
"""For which a series stays that nothing is added to: so that a year can be compared with the one before."""
MOST_SERIES = 5000
"""That are kept: names that are others each time, of containers say, would fill the file."""
ENDED_DAYS = 400
"""For which an incident stays that has ended."""


class Samples(Reading):
    """The open file."""

    def add(
        self,
        at: datetime,
        findings: Collection[Finding],
        *,
        incidents: Collection[Incident] = (),
        letters: Collection[Letter] = (),
        every: float = 15.0,
        who: str = "",
    ) -> None:
        """Keep what one round of checks found, in one transaction.

        A check's findings take the place of those that it gave before: what it finds no more stands no more.

        Args:
            at: the moment of the look.
            findings: of each check that was made all of them.
            incidents: that are new, or others than they were.
            letters: the same, of what is told.
            every: seconds until the next round.
            who: looks.

        Raises:
            sqlite3.Error: nothing of it is kept.
        """
        when = at.timestamp()
        with self._writing() as write:
            self._beat(write, when, every, who)
            self._clear(write, findings)
            for finding in findings:
                self._stand(write, when, finding)
                for measure in finding.measures:
                    self._measure(write, when, f"{finding.key}.{measure.name}", measure)
            for incident in incidents:
                self._keep(write, incident)
            keep_letters(write, letters)

    def keep(self, incidents: Collection[Incident], letters: Collection[Letter]) -> None:
        """Keep these, and nothing of a look. Raises sqlite3.Error."""
        with self._writing() as write:
            for incident in incidents:
                self._keep(write, incident)
            keep_letters(write, letters)

    def stop(self) -> None:
        """Note that the watch has ended itself. Raises sqlite3.Error."""
        with self._writing() as write:
            write.execute("update stretch set stopped = 1 where id = (select max(id) from stretch)")

    def forget(self, checks: Collection[str]) -> None:
        """Let no finding stand of a check that is not one of these. Raises sqlite3.Error."""
        with self._writing() as write:
            gone = [key for key, check in write.execute('select key, "check" from finding') if check not in checks]
            write.executemany("delete from finding where key = ?", [(key,) for key in gone])

    def prune(self, now: datetime) -> None:
        """Remove what is older than its resolution is kept for, and give the room back. Raises sqlite3.Error."""
        when = now.timestamp()
        with self._writing() as write:
            for table, _, kept in RESOLUTIONS:
                write.execute(f"delete from {table} where at < ? or at > ?", (int(when) - kept, int(when) + AHEAD))  # noqa: S608
            self._drop_series(write, when)
            write.execute("delete from incident where closed < ?", (when - ENDED_DAYS * 86400,))
            write.execute("delete from stretch where last < ?", (when - ENDED_DAYS * 86400,))
            drop_letters(write, when - KEPT_DAYS * 86400)
        # It gives a page back with each step: execute takes one, for there is no column to be fetched.
        self.connection.executescript("pragma incremental_vacuum")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self.connection as write:
            write.execute("begin immediate")
            yield write

    @staticmethod
    @understood()
    def _beat(write: sqlite3.Connection, when: float, every: float, who: str) -> None:
        last = write.execute("select id, last, every, who, stopped from stretch order by id desc limit 1").fetchone()
        if last is not None and not last[4] and last[3] == who and 0 <= when - last[1] <= overdue_after(last[2]):
            write.execute("update stretch set last = ?, every = ? where id = ?", (when, every, last[0]))
        else:
            write.execute("insert into stretch (began, last, every, who) values (?, ?, ?, ?)", (when, when, every, who))

    @staticmethod
    def _clear(write: sqlite3.Connection, findings: Collection[Finding]) -> None:
        keys = {finding.key for finding in findings}
        for check in {finding.check for finding in findings}:
            stand = write.execute('select key from finding where "check" = ?', (check,)).fetchall()
            write.executemany("delete from finding where key = ?", [one for one in stand if one[0] not in keys])

    @staticmethod
    def _stand(write: sqlite3.Connection, when: float, finding: Finding) -> None:
        write.execute(
            """
            insert into finding values (?, ?, ?, ?, ?, ?) on conflict (key) do update set at = excluded.at,
                since = case when state = excluded.state then min(since, excluded.at) else excluded.at end,
                state = excluded.state, document = excluded.document
            """,
            (finding.key, finding.check, when, when, finding.state, json.dumps(finding.document)),
        )

    @staticmethod
    def _keep(write: sqlite3.Connection, incident: Incident) -> None:
        finding = incident.finding
        write.execute(
            f'insert or replace into incident ({INCIDENT}, key, "check", about) values ({", ".join("?" * 12)})',  # noqa: S608
            (
                incident.id,
                json.dumps(finding.document),
                incident.opened.timestamp(),
                _seconds(incident.closed),
                incident.worst,
                incident.state,
                incident.announced,
                _seconds(incident.announced_at),
                _seconds(incident.settled_at),
                finding.key,
                finding.check,
                finding.about,
            ),
        )

    @staticmethod
    def _measure(write: sqlite3.Connection, when: float, name: str, measure: Measure) -> None:
        if not isfinite(measure.value):
            # It would be NULL there, or make every sum with it senseless.
            return
        row = write.execute("select id, at, value from series where name = ?", (name,)).fetchone()
        if row is None:
            said = write.execute(
                "insert into series (name, unit, counter) values (?, ?, ?)", (name, measure.unit, measure.counter)
            )
            row = (said.lastrowid, None, None)
        series, last_at, last = row
        value: float | None = measure.value
        if measure.counter:
            # As a rate; one that was set back tells nothing of the time between.
            with understood():
                grown = last is not None and measure.value >= last and when > last_at
                value = (measure.value - last) / (when - last_at) if grown else None
        write.execute("update series set at = ?, value = ? where id = ?", (when, measure.value, series))
        if value is None:
            return
        for table, seconds, _ in RESOLUTIONS:
            at = int(when) - (int(when) % seconds if seconds else 0)
            write.execute(
                f"insert into {table} values (?, ?, 1, ?, ?, ?) on conflict (at, series) do update set n = n + 1,"  # noqa: S608
                " low = min(low, excluded.low), high = max(high, excluded.high), total = total + excluded.total",
                (at, series, value, value, value),
            )

    @staticmethod
    def _drop_series(write: sqlite3.Connection, when: float) -> None:
        gone = write.execute("select id from series where at < ?", (when - UNMEASURED_DAYS * 86400,)).fetchall()
        gone += write.execute("select id from series order by at desc limit -1 offset ?", (MOST_SERIES,)).fetchall()
        if gone:
            for table, _, _ in RESOLUTIONS:
                write.executemany(f"delete from {table} where series = ?", gone)  # noqa: S608
            write.executemany("delete from series where id = ?", gone)


@contextmanager
def opened(folder: Path, *, write: bool = False) -> Iterator[Samples]:
    """The samples in a monitor's folder; ``write`` makes the file where there is none.

    Raises:
        FileNotFoundError: there is none. SamplesTooNew: another litelift's. sqlite3.Error.
    """
    connection = connection_to(folder, write=write)
    try:
        yield Samples(connection)
    finally:
        connection.close()


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
