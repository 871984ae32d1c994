"""What a check may use: a session, the limits, what was normal, what was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple, Protocol

from psycopg import sql
from psycopg.rows import namedtuple_row

from litelift.monitor.finding import ITEMS, Fact, Finding, Item, Limit, Measure, State

if TYPE_CHECKING:
    from litelift.monitor.baseline import Baseline
    from litelift.monitor.watched import Watched
    from litelift.postgres.connect import Connection


class Past(Protocol):
    """What was measured before."""

    def value(self, series: str, at: datetime) -> tuple[datetime, float] | None:
        """What the series ("database-size.bytes") was at that moment or the nearest before it, and when that was."""


class NoPast:
    """Nothing was measured before."""

    def value(self, series: str, at: datetime) -> tuple[datetime, float] | None:
        """None."""
        return None


class ServerFacts(NamedTuple):
    """What is known of the server before any check looks."""

    version: int
    """As server_version_num: 160014."""
    version_words: str
    sees_all: bool
    """Whether the login may read what others do (pg_read_all_stats)."""
    superuser: bool
    standby: bool
    started: datetime
    local: bool
    """Whether it runs on this machine, so that its disks are this machine's."""


@dataclass
class Look:
    """One look of one check. Made anew for each, so that checks may be made beside each other."""

    check: str
    watched: Watched
    now: datetime
    limits: Mapping[str, Limit]
    connection: Connection | None = None
    """None for a check that needs none. Read-only, and no statement or lock lasts longer than a few seconds in it."""
    server: ServerFacts | None = None
    """None where it does not answer."""
    baseline: Baseline | None = None
    past: Past = field(default_factory=NoPast)

    def rows(self, query: LiteralString | sql.Composed, *parameters: object) -> list[Any]:
        """The rows of a query, as named tuples. Raises psycopg.Error."""
        assert self.connection is not None
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query, parameters or None).fetchall()

    def row(self, query: LiteralString | sql.Composed, *parameters: object) -> Any:
        """Its first row. Raises psycopg.Error."""
        return self.rows(query, *parameters)[0]

    @property
    def user(self) -> str:
        """The role that looks."""
        return self.connection.info.user if self.connection is not None else ""

    def limit(self, measure: str) -> Limit:
        """The limit of one of the check's measures."""
        return self.limits[measure]

    def shown(self, about: str) -> bool:
        """Whether a person wants to hear of this object: [monitor] ignore does not name it."""
        return f"{self.check}:{about}" not in self.watched.settings.ignore

    def ok(self, found: str, **more: Any) -> Finding:
        """All is well."""
        return self.finding("ok", found, None, **more)

    def hidden(self, n: int, **more: Any) -> Finding:
        """All is well as far as this login sees, which is not everything: ``n`` sessions are kept from it."""
        return self.finding("unknown", "hidden", "needs-rights", user=self.user, n=n, **more)

    def finding(
        self,
        state: State,
        found: str,
        do: str | None,
        *,
        about: str = "",
        measures: Sequence[Measure] = (),
        items: Sequence[Item] = (),
        **facts: Fact,
    ) -> Finding:
        """A finding of this check; what to do is said only where something is wrong."""
        return Finding(
            self.check, state, found, facts, None if state == "ok" else do, about, tuple(measures), tuple(items[:ITEMS])
        )

    def measure(self, name: str, value: float, unit: Any = "", **more: Any) -> Measure:
        """A measure with the limit that the check has for it."""
        return Measure(name, float(value), unit, limit=self.limits.get(name), **more)
