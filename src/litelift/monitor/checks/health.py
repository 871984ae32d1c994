"""The application as its users reach it: the project's own [[health]] checks, made again and again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg.conninfo import conninfo_to_dict

from litelift.cutover.credentials import Login
from litelift.cutover.health.answer import shown
from litelift.cutover.health.settings import HealthCheck, HttpCheck, InSession, PageCheck, PostgresCheck, TcpCheck
from litelift.cutover.health.settings_http import HttpSettings
from litelift.errors import LiteliftError
from litelift.monitor.check import SELDOM, SOMETIMES, Check
from litelift.monitor.checks import health_certificates
from litelift.monitor.finding import Finding, Limit, State, worst
from litelift.monitor.look import Look, NoPast
from litelift.monitor.watched import Watched

if TYPE_CHECKING:
    from litelift.cutover.health.result import HealthResult

SECONDS = 8.0
"""For one address, whatever its own time-out is: who runs the checks from a plugin waits ten."""
QUICK = 2.0
"""Seconds within which one that fails has failed by a blip, perhaps, and is tried once more."""
SAMPLES = 3
BESIDE = 8
"""Addresses at once."""
NOTICED = 0.1
"""Seconds below which nobody notices that something has become several times as slow."""


def _often(check: HealthCheck) -> bool:
    return isinstance(check, HttpCheck | TcpCheck)


def made_of(watched: Watched) -> list[HealthCheck]:
    """The project's checks that are made; with each the login that it needs, before it."""
    checks = [check for check in watched.health if "after" in check.when and check.kind != "redis"]
    chosen = watched.settings.health
    if chosen is None:
        return [check for check in checks if _only_reads(check)]
    wanted = set(chosen)
    wanted |= {check.session for check in checks if isinstance(check, InSession) and check.name in wanted} - {None}  # type: ignore[arg-type]
    return [check for check in checks if check.name in wanted]


def _only_reads(check: HealthCheck) -> bool:
    """Whether it changes nothing, and leaves no session behind."""
    if isinstance(check, InSession) and check.session is not None:
        return False
    if isinstance(check, HttpCheck):
        return check.method != "POST"
    return isinstance(check, TcpCheck | PageCheck | PostgresCheck)


def _health(look: Look, often: bool) -> Iterator[Finding]:
    made = [check for check in made_of(look.watched) if look.shown(check.name)]
    # What needs a session is made with the login, by one browser.
    alone = [[check] for check in made if not _in_session(check) and check.kind != "login" and _often(check) == often]
    together = [check for check in made if _in_session(check) or check.kind == "login"]
    units = [*alone, *([together] if together and not often else [])]
    if not units:
        yield look.ok("none")
        return
    with ThreadPoolExecutor(min(len(units), BESIDE), "health") as pool:
        for findings in pool.map(partial(_made, look), units):
            yield from findings


def _in_session(check: HealthCheck) -> bool:
    return isinstance(check, InSession) and check.session is not None


def _made(look: Look, checks: Sequence[HealthCheck]) -> list[Finding]:
    try:
        results = _asked(look, [_bounded(look.watched, check) for check in checks])
        if len(results) == 1 and not results[0].ok and not results[0].slow and results[0].seconds < QUICK:
            results = _asked(look, [_bounded(look.watched, check) for check in checks])
    except LiteliftError as error:
        facts: dict[str, Any] = {"message": error.message, "hint": error.hint}
        return [look.finding("unknown", "failed", "failed", about=check.name, **facts) for check in checks]
    return [_finding(look, check, result) for check, result in zip(checks, results, strict=True)]


def _asked(look: Look, checks: Sequence[HealthCheck]) -> list[HealthResult]:
    """Their results, by what takes least. Raises LiteliftError."""
    # Imported where there is something to ask: a megabyte that a watch without health checks has no use for.
    from litelift.cutover.health.run import run_checks
    from litelift.monitor.checks import health_http

    watched = look.watched
    # Who looks once, and has no past, does not stay for years with the libraries of a browser.
    stays = not isinstance(look.past, NoPast)
    if stays and any(check.through_http and not health_http.fits(check) for check in checks):
        from litelift.cutover.health import process

        return process.results(checks, watched.project)
    login = _login(watched.logins[-1])
    return run_checks(
        checks, "after", folder=watched.project, output=Path(os.devnull), login=login, way=health_http.way
    )


def _bounded(watched: Watched, check: HealthCheck) -> HealthCheck:
    """The check as it may be made every minute: once, and not for long where nobody has named it."""
    named = watched.settings.health is not None and check.name in watched.settings.health
    changed: dict[str, object] = {"retries": 0}
    if not named or _often(check):
        changed["timeout"] = min(check.timeout, SECONDS)
    if isinstance(check, HttpCheck):
        # What is slow is told by this check's own limits.
        changed |= {"samples": min(check.samples, SAMPLES), "max_average_ms": 1e9}
    if isinstance(check, PostgresCheck) and check.url is None:
        changed["url"] = watched.logins[-1]
    return check.model_copy(update=changed)


def _login(dsn: str) -> Login:
    """The application's login; what it says must not be told."""
    given = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
    port = given.get("port", "5432").split(",")[0]
    host, database = given.get("host", "localhost"), given.get("dbname", "")
    return Login(host, int(port), database, given.get("user", ""), given.get("password", ""))


def _finding(look: Look, check: HealthCheck, result: HealthResult) -> Finding:
    seconds = result.latency.average / 1000 if result.latency is not None else None
    measures = [look.measure("up", result.ok)]
    facts: dict[str, Any] = {
        "name": check.name,
        "asked": _by_hand(check, result),
        "message": result.reason,
        "kind": check.kind,
    }
    if seconds is None or not result.ok:
        return look.finding("critical", "down", "down", about=check.name, measures=measures, **facts)
    series = f"{look.check}[{check.name}].latency"
    normal = look.baseline.measures.get(series) if look.baseline is not None else None
    ratio = seconds / normal if normal else None
    measures.append(look.measure("latency", seconds, "seconds"))
    slow = _limit(look, check).state(seconds)
    slower: State = "ok"
    if ratio is not None and seconds >= NOTICED:
        measures.append(look.measure("slower", ratio))
        slower = look.limit("slower").state(ratio)
    state = worst([slow, slower])
    found = "up" if state == "ok" else "slower" if slow != state else "slow" if normal is None else "slow-beside"
    return look.finding(
        state,
        found,
        "slow",
        about=check.name,
        measures=measures,
        ms=seconds * 1000,
        normal=normal * 1000 if normal is not None else None,
        ratio=ratio,
        **facts,
    )


def _by_hand(check: HealthCheck, result: HealthResult) -> str:
    """What to try; without an address's query, for that may hold a token, and what is told goes far."""
    return shown(check.url) if isinstance(check, HttpSettings) else result.asked


def _limit(look: Look, check: HealthCheck) -> Limit:
    """What the check itself says of its average stands before what is said of all."""
    limit = look.limit("latency")
    if isinstance(check, HttpCheck) and "max_average_ms" in check.model_fields_set:
        own = check.max_average_ms / 1000
        return Limit(own, max(limit.critical or 0.0, own) if limit.critical is not None else None)
    return limit


_LIMITS = {
    # What an answer may take on average was half a second at the seed's cutover, too; ten of it is a page that is left.
    "latency": Limit(0.5, 5.0),
    # Times what it was at the cutover.
    "slower": Limit(4),
}
CHECKS = (
    Check("health", "services", partial(_health, often=True), "outside", SOMETIMES, _LIMITS),
    # A page with all of its scripts, a query over a table, a login: not every minute, and as slow as all it asks for.
    Check(
        "health-deep",
        "services",
        partial(_health, often=False),
        "outside",
        SELDOM,
        {"latency": Limit(5.0, 20.0), "slower": Limit(4)},
    ),
    health_certificates.CHECK,
)
