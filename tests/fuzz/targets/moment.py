"""Dates and times: what litelift and SQLite's own date functions both read is one moment, and so it is to the proof."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime, timedelta
from typing import cast

from fuzz import words
from fuzz.drawn import Drawn
from litelift.plan.match import Numbers
from litelift.prove import times
from litelift.sqlite.schema import Value
from litelift.wire.codec import Misfit
from litelift.wire.times import IntervalCodec, TimeCodec, read_stamp
from test_native_codecs import STAMP_TEXTS

WORDS = (
    *(text.encode() for text in STAMP_TEXTS),
    *words("now P1DT2H 2451545.0 -00:00:01"),
    b"1 day, 2:00:00",
)
_NUMBERS = ("epoch", "milliseconds", "microseconds", "julian", "seconds", "days")
_sqlite = sqlite3.connect(":memory:")
MILLISECOND = 1000


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as one value of a time column.

    The loader reads it or tells a Misfit, the proof reads it or tells Unreadable. What both read is the same to the
    microsecond; what SQLite reads of it too is the same to the millisecond that SQLite keeps.
    """
    drawn = Drawn(data)
    numbers = cast(Numbers, _NUMBERS[drawn.below(len(_NUMBERS))])
    precision = drawn.below(7)
    value = drawn.value()
    if value is None or isinstance(value, bytes):
        return
    _moment(value, "epoch" if numbers in ("seconds", "days") else numbers, precision)
    _clock(value, precision)
    _span(value, numbers)


def _moment(value: Value, numbers: Numbers, precision: int) -> None:
    assert isinstance(value, int | float | str)
    try:
        proved = times.moment(value, numbers, precision)
    except times.Unreadable:
        proved = None
    try:
        stamp = read_stamp(value, precision, numbers)
    except Misfit:
        return
    assert proved == stamp.microseconds, f"the loader reads {stamp.datetime()}; the proof {proved}"
    if precision == 6:
        theirs = _of_sqlite(value, stamp.form)
        if theirs is not None:
            far = abs(theirs - stamp.datetime())
            assert far <= timedelta(microseconds=MILLISECOND), f"SQLite reads {theirs}; litelift {stamp.datetime()}"


def _of_sqlite(value: Value, form: str) -> datetime | None:
    """The moment by SQLite's own functions; None where they read it as something else, or not."""
    if isinstance(value, str):
        if form not in ("naive", "offset") or "\0" in value or not value.isascii():
            return None
        query = "select strftime('%Y-%m-%d %H:%M:%f', ?)"
    elif form == "julian" and isinstance(value, float):
        query = "select strftime('%Y-%m-%d %H:%M:%f', ?)"
    else:
        return None
    (text,) = _sqlite.execute(query, (value,)).fetchone()
    if text is None or text.startswith(("0000", "-")):
        return None
    return datetime.fromisoformat(text)


def _clock(value: Value, precision: int) -> None:
    if not isinstance(value, str):
        return
    try:
        loaded = TimeCodec(precision).text(value)
    except Misfit:
        return
    clock, offset = times.time_of_day(value, precision)
    assert times.offset_is_zero(offset)
    assert times.print_clock(clock) == times.print_clock(times.time_of_day(loaded)[0] if loaded[:2] < "24" else clock)
    assert loaded[:2] < "24" or clock == times.DAY


def _span(value: Value, numbers: Numbers) -> None:
    assert isinstance(value, int | float | str)
    with suppress(times.Unreadable):
        times.span(value, numbers)
    try:
        loaded = IntervalCodec(numbers).text(value)
    except Misfit:
        return
    # PostgreSQL's interval has 64 bits for its microseconds; the server refuses more.
    number = loaded.removesuffix(" microseconds")
    if number != loaded and abs(int(number)) < 2**63:
        assert times.span(value, numbers) == times.span(loaded), loaded
