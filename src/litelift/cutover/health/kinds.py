"""Which module makes a check of which kind; its libraries are loaded when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module

from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings import HealthCheck
from litelift.errors import MissingPart

Make = Callable[[HealthCheck, Attempt, asyncio.Runner], str]
"""Makes one attempt, and returns what was found. Raises Failing."""


def how_to_make(check: HealthCheck) -> Make:
    """How an attempt at ``check`` is made. Raises MissingPart where the library for it is not installed."""
    try:
        module = import_module(f"litelift.cutover.health.{check.kind}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("litelift"):
            raise
        raise MissingPart(
            what=f'a health check of kind "{check.kind}"', package=(error.name or "a library").partition(".")[0]
        ) from None
    attempt = module.attempt
    if not asyncio.iscoroutinefunction(attempt):
        # Not among asyncio's: a signal that ends litelift must end what it has started.
        return lambda check, made, runner: str(attempt(check, made))

    async def bounded(check: HealthCheck, made: Attempt) -> str:
        async with made.stack:
            try:
                async with asyncio.timeout(check.timeout):
                    return str(await attempt(check, made))
            except TimeoutError:
                raise Failing(f"all of it within {check.timeout:g} s", f"no end: {made.stage}") from None

    return lambda check, made, runner: runner.run(bounded(check, made))
