"""The connections that are open: so many, so many of one address; who says nothing makes room for who does."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from litelift.monitor.web.limits import network

MOST = 1000
OF_ONE_ADDRESS = 300
"""A school's users share one."""
OTHERS = 64
"""File descriptors that are not connections'."""


@dataclass(eq=False)
class Held:
    """A connection."""

    address: str
    drop: Callable[[], None]
    """Closes it at once."""


class Connections:
    """All of them."""

    def __init__(self, shared: Callable[[str], bool], most: int, of_one: int) -> None:
        """``shared`` says of an address whether many come from it."""
        self._shared = shared
        self._most, self._of_one = min(most, _descriptors() - OTHERS), of_one
        self._addresses: Counter[str] = Counter()
        self._open: set[Held] = set()
        self._waiting: dict[Held, None] = {}
        """Those that have not sent a request, those that began to wait first before the others."""

    def admit(self, address: str) -> bool:
        """Whether there is room for one more; one that waits is dropped for it."""
        of = network(address)
        if not self._shared(address) and self._addresses[of] >= self._of_one and not self._make_room(of):
            return False
        return len(self._open) < self._most or self._make_room(None)

    def add(self, held: Held) -> None:
        """One more, which has sent nothing yet."""
        self._open.add(held)
        self._addresses[network(held.address)] += 1
        self._waiting[held] = None

    def remove(self, held: Held) -> None:
        """It is closed."""
        if held in self._open:
            self._open.remove(held)
            self._waiting.pop(held, None)
            of = network(held.address)
            self._addresses[of] -= 1
            if not self._addresses[of]:
                del self._addresses[of]

    def waits(self, held: Held, waits: bool) -> None:
        """Whether it is waited for a request of it, or one is being answered."""
        if not waits or held not in self._open:
            self._waiting.pop(held, None)
        elif held not in self._waiting:
            self._waiting[held] = None

    def _make_room(self, of: str | None) -> bool:
        first = next((held for held in self._waiting if of is None or network(held.address) == of), None)
        if first is None:
            return False
        self.remove(first)
        first.drop()
        return True


def _descriptors() -> int:
    """As many as the system gives us, the limit being raised to what we need (setrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + OTHERS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft
