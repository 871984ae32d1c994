"""What a number counts in a column of spans of time."""

from __future__ import annotations

from litelift.plan.match import Numbers
from litelift.sqlite.census import ColumnCensus

_MOST_DAYS = 10_000


def span_numbers(declared: str, census: ColumnCensus | None = None) -> Numbers:
    """The unit of a column's numbers, by its declared type and, where they are counted, by the numbers themselves.

    Piccolo declares SECONDS. Pony declares INTERVAL and stores days; but where ``census`` finds whole numbers alone
    that would be more than 27 years, they are microseconds, as under any other type.
    """
    words = declared.strip().upper()
    if words == "SECONDS":
        return "seconds"
    if not words.startswith("INTERVAL"):
        return "epoch"
    if census is None or census.reals:
        return "days"
    return "days" if census.least >= -_MOST_DAYS and census.greatest <= _MOST_DAYS else "epoch"
