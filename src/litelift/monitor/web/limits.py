"""How often somebody may ask, and how long who guessed wrong has to wait. All of it is bounded, whoever asks."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

ADDRESSES = 4096
"""That are remembered, at most: those that asked last."""
REQUESTS_A_SECOND = 20.0
REQUESTS_AT_ONCE = 600.0
"""Enough for two hundred people behind one address who open the page in the same second."""
FREE_FAILURES = 3
"""Somebody who mistypes is not to wait."""
FIRST_WAIT = 1.0
"""Seconds; each further failure doubles it."""
LONGEST_WAIT = 900.0
FORGOTTEN = 3600.0
"""Seconds without another failure, after which nothing is held against an address."""
FAILURES_OF_ALL = 60.0
FAILURES_OF_ALL_A_SECOND = 1 / 30
"""Of all addresses together: guesses from ten thousand are no more than those from a hundred."""

Clock = Callable[[], float]


def network(address: str) -> str:
    """What is counted as one address: an IPv6 network of 64 bits, which each subscriber has to himself (RFC 6177)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


@dataclass
class Bucket:
    """A token bucket: so many at once, so many a second."""

    most: float
    a_second: float
    held: float
    at: float

    def wait(self, now: float) -> float:
        """Take one; seconds until there is one, where there is none."""
        self.held = min(self.most, self.held + (now - self.at) * self.a_second)
        self.at = now
        if self.held >= 1:
            self.held -= 1
            return 0.0
        return (1 - self.held) / self.a_second


class Requests:
    """How often each address asks."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        """Nobody has asked yet."""
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait(self, address: str) -> float:
        """Count a request; seconds that its sender has to wait, 0 where it may be answered."""
        now, of = self._clock(), network(address)
        bucket = self._buckets.setdefault(of, Bucket(REQUESTS_AT_ONCE, REQUESTS_A_SECOND, REQUESTS_AT_ONCE, now))
        self._buckets.move_to_end(of)
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket.wait(now)


@dataclass
class _Failures:
    count: int = 0
    at: float = 0.0
    until: float = 0.0


class Logins:
    """Failed logins: each makes an address wait for longer, and too many of all make those wait who never got in."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        """Nobody has failed yet."""
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._of_all = Bucket(FAILURES_OF_ALL, FAILURES_OF_ALL_A_SECOND, FAILURES_OF_ALL, clock())
        self._all_until = 0.0
        self._known: OrderedDict[str, None] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds that the address has to wait before it may try again."""
        now, of = self._clock(), network(address)
        one = self._failures.get(of)
        own = one.until - now if one is not None else 0.0
        of_all = self._all_until - now if of not in self._known else 0.0
        return max(own, of_all, 0.0)

    def failed(self, address: str) -> None:
        """Count a wrong password or token."""
        now, of = self._clock(), network(address)
        one = self._failures.setdefault(of, _Failures())
        self._failures.move_to_end(of)
        if len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)
        if now - one.at > FORGOTTEN:
            one.count = 0
        one.count, one.at = one.count + 1, now
        if one.count > FREE_FAILURES:
            # Bounded before it is a number that no machine has.
            one.until = now + min(FIRST_WAIT * 2.0 ** min(one.count - FREE_FAILURES - 1, 20), LONGEST_WAIT)
        if (wait := self._of_all.wait(now)) > 0:
            self._all_until = max(self._all_until, now + wait)

    def succeeded(self, address: str) -> None:
        """Nothing is held against an address whose user knows the password."""
        of = network(address)
        self._failures.pop(of, None)
        self._known[of] = None
        self._known.move_to_end(of)
        if len(self._known) > ADDRESSES:
            self._known.popitem(last=False)
