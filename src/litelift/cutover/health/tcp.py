"""The check ``tcp``: a port that takes connections."""

from __future__ import annotations

import asyncio
import contextlib
import time

from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.network import trouble_at
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings import TcpCheck


async def attempt(check: TcpCheck, attempt: Attempt) -> str:
    """What was found. Raises Failing."""
    attempt.stage = f"{check.host}:{check.port} had not taken the connection"
    began = time.perf_counter()
    try:
        _, writer = await asyncio.open_connection(check.host, check.port)
    except (OSError, UnicodeError) as error:
        raise Failing(f"a connection to {check.host}:{check.port}", trouble_at(error, check.host, check.port)) from None
    attempt.milliseconds.append((time.perf_counter() - began) * 1000)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return f"{check.host}:{check.port} takes connections"
