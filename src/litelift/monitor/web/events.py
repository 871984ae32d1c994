"""The page, kept as it is: server-sent events (HTML, section 9.2) of what has changed in what a client has."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable

from litelift.errors import SecretRefused
from litelift.monitor.web.current import FRESH, Current, Shown
from litelift.monitor.web.log import Log
from litelift.monitor.words import Language

CLIENTS = 400
"""At once."""
HEARTBEAT = 15.0
"""Seconds in which nothing has changed, after which it is said that the server is there: proxies end what is silent."""
RETRY = 3000
"""Milliseconds until a browser comes again."""


class Events:
    """Those who look, each with what they have."""

    def __init__(self, current: Current, log: Log) -> None:
        """Of what is shown now."""
        self._current, self._log = current, log
        self._clients = 0
        self._over = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether there is room for nobody more."""
        return self._clients >= CLIENTS

    def end(self) -> None:
        """End all of them."""
        self._over.set()

    async def stream(self, language: Language, allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
        """What is sent to one client, until it goes, or may not look any more."""
        self._clients += 1
        try:
            yield f"retry: {RETRY}\n\n".encode()
            has: dict[str, str] = {}
            shown: Shown | None = None
            said = time.monotonic()
            while not self._over.is_set() and _may(allowed):
                before, shown = shown, await self._shown()
                message = b""
                if shown is not None and shown is not before:
                    message = await self._changed(shown, language, has)
                if not message and time.monotonic() - said >= HEARTBEAT:
                    message = b"event: alive\ndata: {}\n\n"
                if message:
                    said = time.monotonic()
                    yield message
                await self._pause()
        finally:
            self._clients -= 1

    async def _shown(self) -> Shown | None:
        try:
            return await self._current.shown()
        except (sqlite3.Error, OSError) as error:
            # The page stays as it is, and says itself how old it is.
            self._log.failed("the samples", str(error))
            return None

    async def _changed(self, shown: Shown, language: Language, has: dict[str, str]) -> bytes:
        """The event of what is not as the client has it; it has it then. Nothing where all is."""
        now = await self._current.fragments(shown, language)
        changed = {name: html for name, (digest, html) in now.items() if has.get(name) != digest}
        if not changed:
            return b""
        has.update({name: digest for name, (digest, _) in now.items()})
        return b"event: update\ndata: " + json.dumps({"fragments": changed}, ensure_ascii=False).encode() + b"\n\n"

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._over.wait(), FRESH)
        except TimeoutError:
            return


def _may(allowed: Callable[[], bool]) -> bool:
    try:
        return allowed()
    except SecretRefused:
        return False
