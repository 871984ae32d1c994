"""The check ``redis``: PING, and a key of its own that is set, read and removed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from secrets import token_hex
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.network import trouble
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings import RedisCheck

EXPIRES = 60
"""Seconds after which the key is gone even where nobody could remove it."""


async def attempt(check: RedisCheck, attempt: Attempt) -> str:
    """What was found. Raises Failing."""
    attempt.stage = f"{check.url} had not answered PING"
    # RESP 2: it is what a server before version 6 speaks, and all that is asked here is in it.
    client: Redis = Redis.from_url(
        check.url,
        username=check.user,
        password=attempt.surroundings.secrets.passwords.get(check.name),
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    attempt.stack.push_async_callback(client.aclose)
    try:
        began = time.perf_counter()
        await _ask(client, "PING")
        attempt.milliseconds.append((time.perf_counter() - began) * 1000)
        return await _round_trip(check, attempt, client) if check.write else "PING"
    except NoPermissionError as error:
        raise Failing("the right to it in Redis", str(error)) from None
    except AuthenticationError as error:
        raise Failing("a session in Redis", f"a refusal: {error}") from None
    except (RedisError, OSError, UnicodeError) as error:
        raise Failing(f"an answer of Redis at {check.url}", trouble(error, check.url)) from None


async def _round_trip(check: RedisCheck, attempt: Attempt, client: Redis) -> str:
    key, value = f"{check.prefix}{token_hex(8)}", token_hex(8)

    async def remove() -> None:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(check.timeout):
                await _ask(client, "DEL", key)
                return
        attempt.left.append(f"the key {key}, for {EXPIRES} s at most")

    attempt.stage = f"{check.url} had not answered SET"
    attempt.stack.push_async_callback(remove)
    await _ask(client, "SET", key, value, "EX", EXPIRES)
    got = await _ask(client, "GET", key)
    if got != value:
        raise Failing("the value that was set", "none" if got is None else "another")
    return "PING, SET and GET"


async def _ask(client: Redis, *words: str | int) -> Any:
    return await client.execute_command(*words)  # type: ignore[no-untyped-call]
