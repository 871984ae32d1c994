"""What is known of PostgreSQL's releases without asking anybody: the newest of each major version, and when it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

KNOWN_AT = date(2026, 5, 14)
"""When the newest of these came: the announcement "PostgreSQL 18.4, 17.10, 16.14, 15.18, and 14.23 Released"."""


class Release(NamedTuple):
    """A major version."""

    minor: int
    """The newest that is known."""
    ends: date
    """Its last minor release ("Versioning Policy", www.postgresql.org/support/versioning)."""


RELEASES = {
    12: Release(22, date(2024, 11, 21)),
    13: Release(23, date(2025, 11, 13)),
    14: Release(23, date(2026, 11, 12)),
    15: Release(18, date(2027, 11, 11)),
    16: Release(14, date(2028, 11, 9)),
    17: Release(10, date(2029, 11, 8)),
    18: Release(4, date(2030, 11, 14)),
}


def behind(version: int) -> int | None:
    """How many minor releases are missing, at least; None of a major version that is not known."""
    major, minor = divmod(version, 10000)
    return max(RELEASES[major].minor - minor, 0) if major in RELEASES else None


def supported_seconds(version: int, now: datetime) -> float | None:
    """For how long the major version gets mended yet, below 0 for how long it has not; None where not known."""
    known = RELEASES.get(version // 10000)
    if known is None:
        return None
    return (datetime(known.ends.year, known.ends.month, known.ends.day, tzinfo=UTC) - now).total_seconds()
