"""What there is to be seen now, made once for all who look: two hundred of them cost no more than one."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TypeVar

from litelift.monitor import page
from litelift.monitor.samples import FILE, Samples, Standing, opened
from litelift.monitor.watched import Watched
from litelift.monitor.words import Language

FRESH = 1.0
"""Seconds until it is looked whether there are new samples."""
ANEW = 5.0
"""Seconds until it is made anew in any case: that nobody watches is to be seen, and how long ago something was."""
AROUND = 60.0
"""Seconds until it is looked again at what changes rarely."""
T = TypeVar("T")


class Shown:
    """What is to be seen, and how it is said; each language is made when somebody asks for it."""

    def __init__(self, view: page.View, standing: Sequence[Standing], incidents: int) -> None:
        """What was found, and how many incidents are open."""
        self.view, self.standing, self.incidents = view, standing, incidents
        self.at = view.at
        self._fragments: dict[Language, Mapping[str, tuple[str, str]]] = {}
        self._documents: dict[tuple[Language, bool], bytes] = {}

    def fragments(self, language: Language) -> Mapping[str, tuple[str, str]]:
        """By the id of the element: a digest, and the HTML."""
        if language not in self._fragments:
            made = page.fragments(self.view, language)
            self._fragments[language] = {name: (_digest(html), html) for name, html in made.items()}
        return self._fragments[language]

    def document(self, language: Language, user_may_log_out: bool) -> bytes:
        """The whole page."""
        key = (language, user_may_log_out)
        if key not in self._documents:
            self._documents[key] = page.document(self.view, language, user_may_log_out=user_may_log_out).encode()
        return self._documents[key]


class Current:
    """What is shown now. Its methods are the event loop's; what takes time is done in one thread."""

    def __init__(self, watched: Watched) -> None:
        """Of what is watched."""
        self._watched = watched
        self._thread = ThreadPoolExecutor(1, "shown")
        self._stack = ExitStack()
        self._samples: Samples | None = None
        self._seen: tuple[object, ...] = ()
        self._shown: Shown | None = None
        self._looked = self._made = 0.0
        self._around: page.Around | None = None
        self._around_at: float | None = None
        self._looking: threading.Thread | None = None
        self._one = asyncio.Lock()

    async def shown(self) -> Shown:
        """What is to be seen. Raises sqlite3.Error, OSError: the samples or the baseline cannot be read."""
        async with self._one:
            if self._shown is None or time.monotonic() - self._looked >= FRESH:
                self._look_around()
                self._shown = await self._run(self._refresh)
            return self._shown

    async def fragments(self, shown: Shown, language: Language) -> Mapping[str, tuple[str, str]]:
        """The fragments of what is to be seen."""
        return await self._run(shown.fragments, language)

    async def document(self, shown: Shown, language: Language, user_may_log_out: bool) -> bytes:
        """Its page."""
        return await self._run(shown.document, language, user_may_log_out)

    def close(self) -> None:
        """Close the samples. It is not waited for what is being made."""
        self._thread.submit(self._stack.close)
        self._thread.shutdown(wait=False, cancel_futures=False)

    async def _run(self, do: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do, *given)

    def _look_around(self) -> None:
        now = time.monotonic()
        if self._looking is None and (self._around_at is None or now - self._around_at >= AROUND):
            self._around_at = now
            # Not in the one thread, and in none that is waited for at the end: a server may not answer.
            loop = asyncio.get_running_loop()
            self._looking = threading.Thread(target=self._see_around, args=(loop,), name="around", daemon=True)
            self._looking.start()

    def _see_around(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            found = page.around(self._watched)
            # The loop that has ended meanwhile wants nothing of it.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._seen_around, found)
        finally:
            self._looking = None

    def _seen_around(self, found: page.Around) -> None:
        self._around, self._made = found, 0.0

    def _refresh(self) -> Shown:
        now = time.monotonic()
        self._looked = now
        try:
            seen = self._open()
            if self._shown is not None and seen == self._seen and now - self._made < ANEW:
                return self._shown
            samples, at = self._samples, datetime.now(UTC)
            standing = samples.findings() if samples is not None else []
            incidents = samples.incidents(at) if samples is not None else []
            view = page.view(self._watched, samples, at, around=self._around)
        except (sqlite3.Error, OSError):
            self._forget()
            raise
        self._seen, self._made = seen, now
        return Shown(view, standing, sum(one.closed is None for one in incidents))

    def _open(self) -> tuple[object, ...]:
        """Which state of the samples there is; they are opened again where the file is another one."""
        try:
            found = (self._watched.folder / FILE).stat()
        except FileNotFoundError:
            self._forget()
            return ()
        file = (found.st_dev, found.st_ino)
        if self._samples is None or self._seen[:2] != file:
            self._forget()
            self._samples = self._stack.enter_context(opened(self._watched.folder))
        return (*file, self._samples.version())

    def _forget(self) -> None:
        self._samples = None
        self._stack.close()


def _digest(html: str) -> str:
    return hashlib.blake2b(html.encode(), digest_size=16).hexdigest()
