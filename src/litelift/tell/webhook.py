"""Posts a document to an address that is itself a secret: nothing that is told of it holds any of it."""

from __future__ import annotations

import asyncio
from typing import Any

CONNECT_SECONDS = 5.0
ATTEMPT_SECONDS = 15.0
"""Of one attempt, in all: an answer that trickles in ends with it too."""
PAUSES = (1.0, 4.0)
"""Seconds before the second and the third attempt."""


def post(address: str, document: dict[str, Any], *, attempts: int = 1 + len(PAUSES)) -> str | None:
    """Send ``document`` as JSON to ``address`` by POST; what is wrong, or None where it was taken (a status of 2xx).

    What may pass is tried again (no answer, 408, 429, 5xx); a redirect is not followed.
    """
    try:
        import httpx
    except ImportError:
        return "it needs httpx, which is not installed (pip install httpx)"

    async def attempt() -> tuple[str | None, bool]:
        limits = httpx.Timeout(ATTEMPT_SECONDS, connect=CONNECT_SECONDS)
        try:
            async with (
                asyncio.timeout(ATTEMPT_SECONDS),
                httpx.AsyncClient(timeout=limits) as client,
                client.stream("POST", address, json=document) as answer,
            ):
                status = answer.status_code
        except TimeoutError:
            return f"no answer in {ATTEMPT_SECONDS:g} s", True
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, ValueError):
            return "the address is none that can be posted to", False
        except Exception as error:
            # Whatever it is (for a port above 65535 a group of them), nothing else is the worse for it. Its words may
            # hold the address.
            return f"no answer ({type(error).__name__})", isinstance(error, httpx.HTTPError | OSError)
        return (None if 200 <= status < 300 else f"it answered {status}"), status in (408, 429) or status >= 500

    async def all_attempts() -> str | None:
        wrong, again = await attempt()
        for pause in PAUSES[: attempts - 1]:
            if wrong is None or not again:
                break
            await asyncio.sleep(pause)
            wrong, again = await attempt()
        return wrong

    return asyncio.run(all_attempts())
