"""How long who guesses has to wait, and how little is remembered of whoever asks."""

from __future__ import annotations

import pytest

from litelift.monitor.web import limits
from litelift.monitor.web.limits import Logins, Requests, network


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_each_failure_beyond_three_doubles_the_wait_up_to_a_quarter_of_an_hour() -> None:
    clock = Clock()
    logins = Logins(clock)
    waits = []
    for _ in range(16):
        logins.failed("203.0.113.1")
        waits.append(logins.wait("203.0.113.1"))
        clock.now += waits[-1] + 60
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert logins.wait("203.0.113.2") == 0
    clock.now += 3601
    logins.failed("203.0.113.1")
    assert logins.wait("203.0.113.1") == 0


def test_guesses_from_very_many_addresses_are_no_more_and_who_got_in_before_still_does() -> None:
    clock = Clock()
    logins = Logins(clock)
    logins.succeeded("192.0.2.1")
    tried = 0
    for n in range(10_000):
        address = f"10.{n // 65536}.{n // 256 % 256}.{n % 256}"
        clock.now += 0.1
        if logins.wait(address) == 0:
            tried += 1
            logins.failed(address)
    # In 1,000 seconds: 60, one in 30 seconds, and the one by which each wait is noticed.
    assert tried <= 60 + 2 * 34
    assert logins.wait("192.0.2.1") == 0


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ADDRESSES", 100)
    requests, logins = Requests(Clock()), Logins(Clock())
    for n in range(1000):
        requests.wait(f"10.0.{n // 256}.{n % 256}")
        logins.failed(f"10.0.{n // 256}.{n % 256}")
        logins.succeeded(f"10.1.{n // 256}.{n % 256}")
    assert len(requests._buckets) == len(logins._failures) == len(logins._known) == 100


def test_an_ipv6_subscribers_addresses_are_one() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9%eth0") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1")
    assert network("unix") == "unix"
