"""Takes the baseline: looks some times at everything, and counts the rows of every table."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

import psycopg
from psycopg import sql

from litelift.errors import TargetError
from litelift.monitor.baseline import Baseline
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.run import Looked, look_at
from litelift.monitor.session import opened, session
from litelift.monitor.watched import Watched
from litelift.monitor.words import said
from litelift.postgres.connect import Connection, stopped

LOOKS = 5
PAUSE = 1.0
"""Seconds between two looks: a number that jumps is not taken for what is normal, and a counter's growth is seen."""

# A partition's rows are its root's. What one may not read cannot be counted; a foreign table is another server's.
_TABLES = """
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_'
      and n.nspname not in ('information_schema', 'litelift')
      and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and not c.relrowsecurity
    order by 1, 2
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A baseline, and what it was made of."""

    baseline: Baseline
    findings: tuple[Finding, ...]
    """Of the last look."""


def take(
    watched: Watched,
    *,
    looks: int = LOOKS,
    pause: float = PAUSE,
    rows: dict[str, int] | None = None,
    at_cutover: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Taken:
    """Look ``looks`` times, ``pause`` seconds apart, and take the median of each measure. Writes nothing.

    Args:
        watched: what is looked at.
        looks: at least 1; what only grows is left out of a single one.
        pause: seconds.
        rows: of each table, where they were counted already. None: they are counted here, all of them.
        at_cutover: whether the application begins to be used only now.
        sleep: waits so many seconds.

    Raises:
        TargetError: PostgreSQL does not answer.
    """
    # Before the looks: it reads each table from the disk, which later looks would take for the application's doing.
    counted = count_rows(watched) if rows is None else rows
    made: list[Looked] = []
    with session(watched.logins) as connection:
        database = connection.info.dbname
        for number in range(looks):
            if number:
                sleep(pause)
            made.append(look_at(watched, connection=connection))
            if made[-1].findings[0].state == "critical":
                raise TargetError(message=said(made[-1].findings[0]))
    baseline = Baseline(
        at=datetime.now(UTC).replace(microsecond=0),
        database=database,
        at_cutover=at_cutover,
        measures=measures_of(made),
        rows=counted,
    )
    return Taken(baseline, made[-1].findings)


def measures_of(made: Sequence[Looked]) -> dict[str, float]:
    """Of each series the median of what it was; of a counter how much it grew in a second, if it grew."""
    seen: dict[str, list[tuple[datetime, Measure]]] = defaultdict(list)
    for looked in made:
        for name, measure in series_of(looked.findings):
            seen[name].append((looked.at, measure))
    found: dict[str, float] = {}
    for name, values in sorted(seen.items()):
        (began, first), (ended, last) = values[0], values[-1]
        if not last.counter:
            found[name] = median(measure.value for _, measure in values)
        elif ended > began and last.value >= first.value:
            found[name] = (last.value - first.value) / (ended - began).total_seconds()
    return found


def series_of(findings: Iterable[Finding]) -> Iterable[tuple[str, Measure]]:
    """The measures of findings, by the name of their series."""
    return ((f"{finding.key}.{measure.name}", measure) for finding in findings for measure in finding.measures)


def count_rows(watched: Watched) -> dict[str, int]:
    """The rows of every table that may be read, counted one after the other. Raises TargetError."""
    # The login that reads the data for the backups may read what one that only looks may not.
    with closing(opened((watched.backups.dsn, *watched.logins), hurried=False)) as connection:
        try:
            return {f"{schema}.{table}": _count(connection, schema, table) for schema, table in _tables(connection)}
        except psycopg.Error as error:
            raise stopped(error) from error


def _tables(connection: Connection) -> list[tuple[str, str]]:
    return connection.execute(_TABLES).fetchall()


def _count(connection: Connection, schema: str, table: str) -> int:
    row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table))).fetchone()
    return int(row[0]) if row else 0
