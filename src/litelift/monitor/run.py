"""Makes the checks, those outside of the database beside those in it, and returns what each found."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg

from litelift.errors import LiteliftError, TargetError
from litelift.monitor.baseline import read_baseline
from litelift.monitor.check import Check
from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Finding, Limit, State, worst
from litelift.monitor.look import Look, NoPast, Past
from litelift.monitor.session import STATEMENT_SECONDS, opened, server_facts
from litelift.monitor.watched import Watched
from litelift.postgres.connect import Connection, is_lost


@dataclass(frozen=True, slots=True)
class Looked:
    """What one round of checks found."""

    at: datetime
    seconds: float
    findings: tuple[Finding, ...]
    """In the checks' order; the server's own is the first."""

    @property
    def state(self) -> State:
        """The gravest."""
        return worst([finding.state for finding in self.findings])


def look_at(
    watched: Watched,
    checks: Sequence[Check] = CHECKS,
    *,
    past: Past | None = None,
    connection: Connection | None = None,
    now: datetime | None = None,
) -> Looked:
    """Make the checks that are not ignored. What is wrong is a finding, also a server that does not answer.

    Args:
        watched: what is looked at.
        checks: which of them.
        past: what was measured before.
        connection: a session that is open; None: one is opened, and closed.
        now: the moment that they are told of.
    """
    began = datetime.now(UTC)
    now = now or began
    wanted = [check for check in checks if check.name not in watched.settings.ignore]
    base = Look("", watched, now, {}, baseline=read_baseline(watched.folder), past=past or NoPast())
    outside = [check for check in wanted if check.needs == "outside"]
    inside = [check for check in wanted if check.needs == "database"]
    found: dict[str, list[Finding]] = {}
    with ThreadPoolExecutor(max(len(outside), 1), "outside") as pool:
        waiting = {check.name: pool.submit(_made, check, base) for check in outside}
        first = _inside(watched, inside, base, connection, found)
        for name, future in waiting.items():
            found[name] = future.result()
    findings = [first, *(finding for check in wanted for finding in found.get(check.name, ()))]
    return Looked(now, (datetime.now(UTC) - began).total_seconds(), tuple(findings))


def _inside(
    watched: Watched,
    checks: Sequence[Check],
    base: Look,
    connection: Connection | None,
    found: dict[str, list[Finding]],
) -> Finding:
    """Make those that need a session, into ``found``; the server's own finding."""
    look = replace(base, check="server")
    session = connection
    try:
        if session is None:
            session = opened(watched.logins)
        facts = server_facts(session)
        for check in checks:
            found[check.name] = _made(check, replace(base, connection=session, server=facts))
    except TargetError as error:
        return look.finding("critical", "down", "down", message=error.message, hint=error.hint)
    except psycopg.Error as error:
        found.clear()
        return look.finding("critical", "down", "down", message=_line(error), hint="Look at the server's log.")
    finally:
        if session is not None and connection is None:
            session.close()
    up = (look.now - facts.started).total_seconds()
    measures = [look.measure("uptime", up, "seconds")]
    return look.ok("up", version=facts.version_words, up=up, measures=measures)


def _made(check: Check, base: Look) -> list[Finding]:
    """What one check found. Raises psycopg.Error where the session is lost."""
    look = replace(base, check=check.name, limits=limits_of(check, base.watched))
    try:
        return list(check.look(look))
    except psycopg.errors.QueryCanceled:
        return [look.finding("unknown", "late", "late", seconds=STATEMENT_SECONDS)]
    except psycopg.errors.InsufficientPrivilege as error:
        user = base.connection.info.user if base.connection is not None else ""
        return [look.finding("unknown", "needs-rights", "needs-rights", user=user, message=_line(error))]
    except psycopg.Error as error:
        if base.connection is not None and is_lost(error):
            raise
        return [look.finding("unknown", "refused", "refused", message=_line(error))]
    except LiteliftError as error:
        return [look.finding("unknown", "failed", "failed", message=error.message, hint=error.hint)]


def limits_of(check: Check, watched: Watched) -> dict[str, Limit]:
    """A check's limits, with what the settings say of them."""
    limits = dict(check.limits)
    for name in limits:
        given = watched.settings.limits.get(f"{check.name}.{name}")
        if given is not None:
            changed = {key: value for key, value in given.model_dump().items() if value is not None}
            limits[name] = replace(limits[name], **changed)
    return limits


def _line(error: Exception) -> str:
    diag = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((diag or str(error)).split())
