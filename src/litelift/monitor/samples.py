"""What was measured, in a small SQLite file of its own: every sample for two hours, then by minute, hour and day.

Each value goes into all of its resolutions at once, so that there is nothing to be caught up on after an interruption,
and what is older than a resolution is kept for goes: the file does not grow for ever.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from litelift.monitor.finding import Finding, Measure, finding_of

FILE = "samples.sqlite"
FORMAT = 1
RESOLUTIONS = (
    ("raw", 0, 2 * 3600),
    ("minute", 60, 2 * 86400),
    ("hour", 3600, 100 * 86400),
    ("day", 86400, 3653 * 86400),
)
"""Each table, the seconds of one of its rows, and the seconds for which they are kept."""
_SCHEMA = """
create table series (
    id integer primary key, name text not null unique, unit text not null, counter integer not null,
    at real, value real
);
create table finding (
    key text primary key, at real not null, since real not null, state text not null, document text not null
) without rowid;
""" + "\n".join(
    f"create table {table} (series integer not null, at integer not null, n integer not null, low real not null,"
    " high real not null, total real not null, primary key (series, at)) without rowid;"
    for table, _, _ in RESOLUTIONS
)


class Point(NamedTuple):
    """What a series was within one step of time."""

    at: datetime
    """Its beginning."""
    low: float
    mean: float
    high: float
    n: int
    """Samples."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding that holds now."""

    finding: Finding
    at: datetime
    """When it was last looked."""
    since: datetime
    """Since when it is in this state."""


class Samples:
    """The open file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Of a connection that `opened` made."""
        self._connection = connection
        self._series: dict[str, int] = {}

    # ---------------------------------------------------------------- writing

    def add(self, at: datetime, findings: Iterable[Finding]) -> None:
        """Keep what one round of checks found, in one transaction. Raises sqlite3.Error."""
        moment = at.timestamp()
        with self._connection as write:
            write.execute("begin immediate")
            for finding in findings:
                self._stand(write, moment, finding)
                for measure in finding.measures:
                    self._measure(write, moment, f"{finding.key}.{measure.name}", measure)

    def prune(self, now: datetime) -> None:
        """Remove what is older than its resolution is kept for. Raises sqlite3.Error."""
        with self._connection as write:
            write.execute("begin immediate")
            for table, _, kept in RESOLUTIONS:
                write.execute(f"delete from {table} where at < ?", (int(now.timestamp()) - kept,))  # noqa: S608

    def _stand(self, write: sqlite3.Connection, moment: float, finding: Finding) -> None:
        write.execute(
            """
            insert into finding values (?, ?, ?, ?, ?) on conflict (key) do update set at = excluded.at,
                since = case when state = excluded.state then since else excluded.at end,
                state = excluded.state, document = excluded.document
            """,
            (finding.key, moment, moment, finding.state, json.dumps(finding.document)),
        )

    def _measure(self, write: sqlite3.Connection, moment: float, name: str, measure: Measure) -> None:
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
            grown = last is not None and measure.value >= last and moment > last_at
            value = (measure.value - last) / (moment - last_at) if grown else None
        write.execute("update series set at = ?, value = ? where id = ?", (moment, measure.value, series))
        if value is None:
            return
        for table, seconds, _ in RESOLUTIONS:
            at = int(moment) - (int(moment) % seconds if seconds else 0)
            write.execute(
                f"insert into {table} values (?, ?, 1, ?, ?, ?) on conflict (series, at) do update set n = n + 1,"  # noqa: S608
                " low = min(low, excluded.low), high = max(high, excluded.high), total = total + excluded.total",
                (series, at, value, value, value),
            )

    # ---------------------------------------------------------------- reading

    def value(self, series: str, at: datetime) -> tuple[datetime, float] | None:
        """What a series was at that moment, or the nearest before it (a rate a second, of a counter)."""
        for table, _, _ in RESOLUTIONS:
            row = self._connection.execute(
                f"select at, total / n from {table} where series = (select id from series where name = ?) and at <= ?"  # noqa: S608
                " order by at desc limit 1",
                (series, int(at.timestamp())),
            ).fetchone()
            if row is not None:
                return datetime.fromtimestamp(row[0], UTC), float(row[1])
        return None

    def points(self, series: str, since: datetime, until: datetime, step: int) -> list[Point]:
        """What a series was, in steps of so many seconds; a step without samples is left out."""
        table = next(name for name, seconds, _ in reversed(RESOLUTIONS) if seconds <= step)
        rows = self._connection.execute(
            f"select at / ? * ? as begin, min(low), sum(total) / sum(n), max(high), sum(n) from {table}"  # noqa: S608
            " where series = (select id from series where name = ?) and at >= ? and at < ?"
            " group by begin order by begin",
            (step, step, series, int(since.timestamp()), int(until.timestamp())),
        )
        return [Point(datetime.fromtimestamp(begin, UTC), *rest) for begin, *rest in rows]

    def series(self) -> dict[str, str]:
        """The name of each, and its unit; that of a counter is by the second."""
        return dict(self._connection.execute("select name, unit from series order by name"))

    def findings(self) -> list[Standing]:
        """What each check found last."""
        rows = self._connection.execute("select document, at, since from finding order by key")
        return [Standing(finding_of(json.loads(document)), _moment(at), _moment(since)) for document, at, since in rows]

    def version(self) -> int:
        """A number that is another one once somebody else has written (PRAGMA data_version)."""
        return int(self._connection.execute("pragma data_version").fetchone()[0])


@contextmanager
def opened(folder: Path, *, write: bool = False) -> Iterator[Samples]:
    """The samples in a monitor's folder; ``write`` makes the file where there is none.

    Raises:
        FileNotFoundError: there is none. sqlite3.Error.
    """
    path = folder / FILE
    if write:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif not path.is_file():
        raise FileNotFoundError(2, "there are no samples", str(path))
    mode = "rwc" if write else "rw"
    connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=10)
    try:
        if write:
            _prepare(connection)
        yield Samples(connection)
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    if connection.execute("pragma user_version").fetchone()[0] == 0:
        connection.executescript(f"begin; {_SCHEMA}; pragma user_version = {FORMAT}; commit")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
