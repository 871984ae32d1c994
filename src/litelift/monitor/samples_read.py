"""What samples.sqlite says."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litelift.monitor.finding import finding_of
from litelift.monitor.incident import Incident
from litelift.monitor.letter import Letter
from litelift.monitor.samples_file import RESOLUTIONS, moment, understood
from litelift.monitor.samples_told import waiting_letters
from litelift.monitor.samples_values import Gap, Heartbeat, Point, Standing, overdue_after

INCIDENT = "id, document, opened, closed, worst, state, announced, announced_at, settled_at"


class Reading:
    """The open file, as it is read: beside the watch that writes it, too. All of it raises sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Of a connection that `connection_to` made."""
        self.connection = connection

    @understood()
    def value(self, series: str, at: datetime) -> tuple[datetime, float] | None:
        """What a series was at that moment, or the nearest before it (a rate a second, of a counter)."""
        found = self.connection.execute("select id from series where name = ?", (series,)).fetchone()
        if found is None:
            return None
        for table, seconds, _ in RESOLUTIONS:
            # One that is not over by then may have only what came after.
            row = self.connection.execute(
                f"select at, total / n from {table} where series = ? and at <= ? order by at desc limit 1",  # noqa: S608
                (*found, int(at.timestamp()) - seconds),
            ).fetchone()
            if row is not None:
                return moment(row[0]), float(row[1])
        return None

    def points(self, series: str, since: datetime, until: datetime, step: int) -> list[Point]:
        """What a series was, in steps of so many seconds; a step without samples is left out."""
        return self.points_of([series], since, until, step)[series]

    @understood()
    def points_of(self, names: Sequence[str], since: datetime, until: datetime, step: int) -> dict[str, list[Point]]:
        """The `points` of several series, which takes as long as those of one."""
        table = next(name for name, seconds, _ in reversed(RESOLUTIONS) if seconds <= step)
        marks = ", ".join("?" * len(names))
        ids = dict(self.connection.execute(f"select id, name from series where name in ({marks})", names))  # noqa: S608
        found: dict[str, list[Point]] = {name: [] for name in names}
        rows = self.connection.execute(
            f"select series, at / ? * ? as begin, min(low), sum(total) / sum(n), max(high), sum(n) from {table}"  # noqa: S608
            f" where at >= ? and at < ? and series in ({', '.join('?' * len(ids))})"
            " group by begin, series order by begin",
            (step, step, int(since.timestamp()), int(until.timestamp()), *ids),
        )
        for series, begin, *rest in rows:
            found[ids[series]].append(Point(moment(begin), *rest))
        return found

    @understood()
    def series(self) -> dict[str, str]:
        """The name of each, and its unit; that of a counter is by the second."""
        return dict(self.connection.execute("select name, unit from series order by name"))

    @understood()
    def findings(self) -> list[Standing]:
        """What each check found last."""
        rows = self.connection.execute("select document, at, since from finding order by key")
        return [Standing(finding_of(json.loads(document)), moment(at), moment(since)) for document, at, since in rows]

    @understood()
    def incidents(self, since: datetime | None = None) -> list[Incident]:
        """Those that last, and those that ended after ``since`` (None: all that are kept); the newest first."""
        rows = self.connection.execute(
            f"select {INCIDENT} from incident where closed is null or closed >= ? order by opened desc, id desc",  # noqa: S608
            (since.timestamp() if since else 0,),
        )
        return [incident_of(row) for row in rows]

    def unsettled(self) -> list[Incident]:
        """Those that last, and those whose end was not told: what a watch goes on with."""
        rows = self.connection.execute(
            f"select {INCIDENT} from incident where closed is null or settled_at is null order by id"  # noqa: S608
        )
        return [incident_of(row) for row in rows]

    def waiting(self) -> list[Letter]:
        """The messages that have not been told by all the ways, the oldest first."""
        return waiting_letters(self.connection)

    def last_numbers(self) -> tuple[int, int]:
        """The greatest number of an incident, and of a message."""
        row = self.connection.execute(
            "select (select coalesce(max(id), 0) from incident), (select coalesce(max(id), 0) from message)"
        ).fetchone()
        return int(row[0]), int(row[1])

    @understood()
    def heartbeat(self) -> Heartbeat | None:
        """The last that is known of a watch; None where there has been none."""
        row = self.connection.execute(
            "select last, every, who, stopped from stretch order by id desc limit 1"
        ).fetchone()
        return None if row is None else Heartbeat(moment(row[0]), row[1], row[2], bool(row[3]))

    @understood()
    def gaps(self, since: datetime, until: datetime) -> list[Gap]:
        """When nobody watched, the oldest first. Before the first look of all is none: nothing is known of it."""
        rows = self.connection.execute("select began, last, every, stopped from stretch order by began").fetchall()
        found = []
        seen = None
        for began, last, every, stopped in [*rows, (until.timestamp(), until.timestamp(), 0.0, 1)]:
            if seen is not None and began > seen[0] + overdue_after(seen[1]):
                first, end = max(moment(seen[0]), since), min(moment(began), until)
                if first < end:
                    found.append(Gap(first, end, bool(seen[2])))
            if seen is None or last > seen[0]:
                seen = (last, every, stopped)
        return found

    def version(self) -> int:
        """A number that is another one once somebody else has written (PRAGMA data_version)."""
        return int(self.connection.execute("pragma data_version").fetchone()[0])


def incident_of(row: Sequence[Any]) -> Incident:
    """The incident that the columns INCIDENT of a row hold."""
    number, document, opened, closed, worst, state, announced, announced_at, settled_at = row
    return Incident(
        number,
        finding_of(json.loads(document)),
        moment(opened),
        _perhaps(closed),
        worst,
        state,
        announced,
        _perhaps(announced_at),
        _perhaps(settled_at),
    )


def _perhaps(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)
