"""Watches ATİS from outside: when it did not serve, and how many visits it said that it had counted."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

EVERY = 0.05
VISIT_EVERY = 0.2
SECONDS = 30.0


@dataclass(frozen=True)
class Outage:
    """From the first answer that was no 200 to the next that was one; times as of ``time.monotonic``."""

    began: float
    ended: float | None

    @property
    def seconds(self) -> float:
        """How long; to this moment where it has not ended."""
        return (self.ended if self.ended is not None else time.monotonic()) - self.began


@dataclass
class Watch:
    """Asks for the front page every 50 ms, and opens a link share five times a second.

    The front page asks the database each time, and a visit writes to it.
    """

    url: str
    share: str
    outages: list[Outage] = field(default_factory=list)
    asked: int = 0
    visits: Counter[str] = field(default_factory=Counter)
    """Visits: "counted" by the answer, "refused" by an answer, or "unknown" where none came."""
    slowest: float = 0.0
    """Seconds of the slowest good answer."""

    def __post_init__(self) -> None:
        self._end = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._look, self._visit)]

    def __enter__(self) -> Self:
        """Begin."""
        for each in self._threads:
            each.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._end.set()
        for each in self._threads:
            each.join()

    def since(self, moment: float) -> list[Outage]:
        """Outages that began at or after a moment."""
        return [each for each in self.outages if each.began >= moment]

    def _look(self) -> None:
        with httpx.Client(base_url=self.url, timeout=SECONDS) as http:
            while not self._end.is_set():
                at = time.monotonic()
                good = self._status(http, "/") == 200
                now = time.monotonic()
                self.asked += 1
                open_one = bool(self.outages) and self.outages[-1].ended is None
                if good:
                    self.slowest = max(self.slowest, now - at)
                    if open_one:
                        self.outages[-1] = Outage(self.outages[-1].began, now)
                elif not open_one:
                    self.outages.append(Outage(at, None))
                self._end.wait(max(0.0, EVERY - (now - at)))

    def _visit(self) -> None:
        with httpx.Client(base_url=self.url, timeout=SECONDS) as http:
            while not self._end.is_set():
                status = self._status(http, self.share)
                self.visits["counted" if status == 200 else "refused" if status else "unknown"] += 1
                self._end.wait(VISIT_EVERY)

    @staticmethod
    def _status(http: httpx.Client, path: str) -> int:
        try:
            return http.get(path).status_code
        except httpx.HTTPError:
            return 0
