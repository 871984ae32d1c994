"""Makes the checks, those outside of the database beside those in it, and returns what each found."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg

from litelift.errors import LiteliftError, TargetError
from litelift.monitor import outside
from litelift.monitor.baseline import read_baseline
from litelift.monitor.check import Check
from litelift.monitor.checks import CHECKS
from litelift.monitor.down import down, is_full
from litelift.monitor.finding import Finding, Limit, State, worst
from litelift.monitor.look import Look, NoPast, Past
from litelift.monitor.session import STATEMENT_SECONDS, opened, server_facts
from litelift.monitor.watched import Watched
from litelift.postgres.connect import OLDEST, Connection, is_lost
from litelift.redact import text as redact


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
    server: bool = True,
) -> Looked:
    """Make the checks that are not ignored. What is wrong is a finding, also a server that does not answer.

    Args:
        watched: what is looked at.
        checks: which of them.
        past: what was measured before.
        connection: a session that is open; None: one is opened, and closed.
        now: the moment that they are told of.
        server: whether the server itself is looked at, where none of the checks needs it.
    """
    began = datetime.now(UTC)
    now = now or began
    wanted = [check for check in checks if check.name not in watched.settings.ignore]
    base = Look("", watched, now, {}, baseline=read_baseline(watched.folder), past=past or NoPast())
    apart = {check.name: partial(_made, check, base) for check in wanted if check.needs == "outside"}
    inside = [check for check in wanted if check.needs == "database"]
    under_way = outside.Outside(watched.folder, apart)
    found: dict[str, list[Finding]] = {}
    first = list(_inside(watched, inside, base, connection, found)) if server or inside else []
    found |= under_way.found()
    for name in apart.keys() - found.keys():
        late = replace(base, check=name).finding("unknown", "late", "late", seconds=outside.SECONDS)
        found[name] = [late]
    findings = [*first, *(finding for check in wanted for finding in found.get(check.name, ()))]
    return Looked(now, (datetime.now(UTC) - began).total_seconds(), tuple(findings))


def _inside(
    watched: Watched,
    checks: Sequence[Check],
    base: Look,
    connection: Connection | None,
    found: dict[str, list[Finding]],
) -> Iterable[Finding]:
    """Make those that need a session, into ``found``; the server's own finding."""
    look = replace(base, check="server")
    session = connection
    try:
        if session is None:
            session = opened(watched.logins)
        facts = server_facts(session)
        if facts.version < OLDEST:
            yield look.finding("unknown", "too-old", "too-old", version=facts.version_words)
            return
        for check in checks:
            found[check.name] = _made(check, replace(base, connection=session, server=facts))
    except (TargetError, psycopg.Error) as error:
        found.clear()
        finding = down(look, error)
        if is_full(finding) and any(check.name == "connections" for check in checks):
            found["connections"] = [replace(base, check="connections").finding("critical", "none-left", "close")]
        yield finding
        return
    finally:
        if session is not None and connection is None:
            session.close()
    up = (look.now - facts.started).total_seconds()
    measures = [look.measure("uptime", up, "seconds")]
    yield look.ok("up", version=facts.version_words, up=up, measures=measures)


def _made(check: Check, base: Look) -> list[Finding]:
    """What one check found. Raises psycopg.Error where the session is lost."""
    look = replace(base, check=check.name, limits=limits_of(check, base.watched))
    try:
        return list(check.look(look))
    except psycopg.errors.QueryCanceled:
        return [look.finding("unknown", "late", "late", seconds=STATEMENT_SECONDS)]
    except psycopg.errors.InsufficientPrivilege as error:
        return [look.finding("unknown", "needs-rights", "needs-rights", user=look.user, message=_line(error))]
    except psycopg.Error as error:
        if base.connection is not None and is_lost(error):
            raise
        return [look.finding("unknown", "refused", "refused", message=_line(error))]
    except LiteliftError as error:
        return [look.finding("unknown", "failed", "failed", message=redact(error.message), hint=redact(error.hint))]
    except Exception as error:
        # One check that fails must not make the others blind, nor end a watch after months.
        return [look.finding("unknown", "fault", "fault", message=redact(_line(error)), place=_place(error))]


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
    kind = "" if isinstance(error, psycopg.Error) else f"{type(error).__name__}: "
    return kind + " ".join((diag or str(error)).split())


def _place(error: Exception) -> str:
    """Where in litelift an error came from, for who mends it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
