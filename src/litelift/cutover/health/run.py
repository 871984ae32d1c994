"""Runs health checks, one after the other, and returns what they found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from litelift.cutover.credentials import Login
from litelift.cutover.health.attempt import Attempt, Surroundings
from litelift.cutover.health.kinds import Make, how_to_make
from litelift.cutover.health.result import Failing, HealthResult, Latency, Slow
from litelift.cutover.health.secret import read_secrets
from litelift.cutover.health.settings import HealthCheck, HttpCheck, InSession, When


def run_checks(
    checks: Sequence[HealthCheck],
    when: When,
    *,
    folder: Path,
    output: Path,
    login: Login | None = None,
    headers: Mapping[str, str] | None = None,
    through_http: bool = True,
    way: Callable[[HealthCheck], Make] = how_to_make,
    tell: Callable[[str], None] = lambda said: None,
) -> list[HealthResult]:
    """Make the checks that are for ``when``, in their order, and return a result of each.

    An application that fails is a result; it raises nothing.

    Args:
        checks: the file's; a session that a login leaves is for those after it.
        when: "before" takes an average above its limit as told, "after" as a failure.
        folder: the project's: paths are relative to it, and commands run in it.
        output: the file that gets what commands print.
        login: the application's login in PostgreSQL, for checks that query it.
        headers: sent with every request to the checks' own addresses: those that the maintenance lets through.
        through_http: whether the checks that go through HTTP are made.
        way: gives how each check is made.
        tell: shows a line to whoever looks on.

    Raises:
        HealthCheckUnusable: a variable or a file that a check names is missing; nothing has been asked then.
        MissingPart: a library is not installed.
    """
    asked = chosen(checks, when, through_http)
    secrets = read_secrets(asked, folder)
    secrets.add(*(headers or {}).values())
    if login is not None:
        secrets.add(login.password, short=True)
    around = Surroundings(folder, output, secrets, login, headers or {})
    ways = [(check, way(check)) for check in asked]
    results = []
    with asyncio.Runner() as runner:
        for check, make in ways:
            result = _result(check, make, when, around, runner)
            results.append(result)
            tell(result.words)
    return results


def chosen(checks: Sequence[HealthCheck], when: When, through_http: bool = True) -> list[HealthCheck]:
    """Those of the checks that are made."""
    return [check for check in checks if when in check.when and (through_http or not check.through_http)]


def _result(check: HealthCheck, make: Make, when: When, around: Surroundings, runner: asyncio.Runner) -> HealthResult:
    began = time.monotonic()
    left: list[str] = []
    number = 0
    while True:
        number += 1
        attempt = Attempt(around, AsyncExitStack())
        failing: Failing | None = None
        found = ""
        try:
            found = make(check, attempt, runner)
        except Failing as error:
            failing = error
        left += attempt.left
        # What leaves something behind is not tried again: it would leave more.
        if failing is None or left or number > check.retries or _hopeless(check, around):
            break
        time.sleep(check.pause)
    hide = around.secrets.hide
    slow = isinstance(failing, Slow)
    return HealthResult(
        name=check.name,
        kind=check.kind,
        asked=hide(check.asks),
        ok=(failing is None or (slow and when == "before")) and not left,
        attempts=number,
        seconds=round(time.monotonic() - began, 3),
        found=hide(str(failing) if failing else found),
        expected=hide(failing.expected) if failing else None,
        got=hide(failing.got) if failing else None,
        latency=Latency.of(attempt.milliseconds),
        limit_ms=check.max_average_ms if isinstance(check, HttpCheck) else None,
        slow=slow,
        left=[hide(one) for one in left],
    )


def _hopeless(check: HealthCheck, around: Surroundings) -> bool:
    """Whether trying again cannot help: the login that it needs has failed after all its own attempts."""
    return isinstance(check, InSession) and check.session is not None and check.session not in around.sessions
