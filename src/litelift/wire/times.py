"""Codecs for dates and times, each value read by its own form.

Applications keep times in SQLite as text with a space or a T, with an offset or a Z, as seconds, milliseconds or
microseconds since 1970, as Julian days, and often several of these in one column ("Date And Time Functions",
section 2, Time Values).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import cast

from litelift.plan.match import Numbers
from litelift.sqlite.schema import Value
from litelift.wire.codec import Codec, Misfit, NativeCodec
from litelift.wire.numbers import SPACE

_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,40}))?)?"
    r"(?:\s?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?)?",
    re.ASCII,
)
_CLOCK = re.compile(r"(?:(\d{4}-\d\d-\d\d)[ T])?(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,40}))?)?", re.ASCII)
_PLAIN_STAMPS = re.compile(r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\n)*", re.ASCII)
_WHOLE_STAMPS = re.compile(r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n)*", re.ASCII)
_PLAIN_CLOCKS = re.compile(r"(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\n)*", re.ASCII)
_PLAIN_DATES = re.compile(r"(?:\d{4}-\d\d-\d\d\n)*", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]{1,20})?", re.ASCII)
_SPAN = re.compile(r"(-?)(\d{1,9}):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?", re.ASCII)

JULIAN_YEAR_0 = 1721059.5
JULIAN_YEAR_10000 = 5373484.5
JULIAN_1970 = Fraction(4881175, 2)
EPOCH = datetime(1970, 1, 1)
LAST_MICROSECOND = (datetime.max - EPOCH) // timedelta(microseconds=1)
FIRST_MICROSECOND = (datetime.min - EPOCH) // timedelta(microseconds=1)

# A number below the limit counts seconds, milliseconds or microseconds: each reaches from 1973 at the latest to 5138.
_MAGNITUDES = ((10**11, 1), (10**14, 10**3), (10**17, 10**6))
UNITS = {1: "in seconds", 10**3: "in milliseconds", 10**6: "in microseconds", 10**9: "in nanoseconds"}

# The year 1, and the last day of the year 9999, in seconds since 1970.
_FIRST_SECOND = -62_135_596_800
_LAST_DAY = (253_402_214_400, 253_402_300_799)
# From 1973 to 2103: a number of seconds in these years is believed; the same number of milliseconds is in early 1970.
_BELIEVED = (10**8, 42 * 10**8)
BELIEVED, DOUBTED = "believed seconds", "doubted seconds"
_FLOORS: dict[str, int] = {"milliseconds": 10**3, "microseconds": 10**6}


class Stamp:
    """A moment: microseconds since 1970 (UTC where ``form`` is not "naive"), and the form it was written in."""

    __slots__ = ("form", "microseconds", "rounded")

    def __init__(self, microseconds: int, form: str, rounded: bool) -> None:
        """``rounded``: something below the precision was rounded away."""
        self.microseconds = microseconds
        self.form = form
        self.rounded = rounded

    def datetime(self) -> datetime:
        """As a naive datetime in the years 1 to 9999."""
        return EPOCH + timedelta(microseconds=self.microseconds)


# The days of one column are few, and looked at once.
_days: set[str] = set()
_MOST_DAYS = 50_000


def _are_days(texts: Sequence[str]) -> bool:
    """Whether all are dates that exist, as YYYY-MM-DD."""
    new = set(texts) - _days
    if not new:
        return True
    if not _PLAIN_DATES.fullmatch("\n".join(new) + "\n") or not _exist(new):
        return False
    if len(_days) < _MOST_DAYS:
        _days.update(new)
    return True


def _exist(texts: Collection[str]) -> bool:
    try:
        deque(map(datetime.fromisoformat, texts), 0)
    except ValueError:
        return False
    return True


def read_stamp(value: Value, precision: int, numbers: Numbers) -> Stamp:
    """Read a stored value as a moment, rounded to ``precision`` decimals of a second. Raises Misfit."""
    if isinstance(value, bytes):
        raise Misfit("is a blob, not a time")
    if isinstance(value, str):
        word = value.strip(SPACE)
        found = _STAMP.fullmatch(word)
        if found:
            return _written(found, precision)
        if not _NUMBER.fullmatch(word):
            raise Misfit("is not a date and time")
        value = _number(word)
    assert isinstance(value, int | float)
    return _counted(value, precision, numbers)


def _number(word: str) -> int | float:
    return float(word) if "." in word else int(word)


def _written(found: re.Match[str], precision: int) -> Stamp:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        raise Misfit("is not a date that exists") from None
    seconds = Fraction((moment - EPOCH) // timedelta(seconds=1))
    if fraction:
        seconds += Fraction(int(fraction), 10 ** len(fraction))
    form = "naive"
    if zone:
        form = "offset"
        seconds -= _offset(zone)
    return _rounded(seconds, precision, form)


def _offset(zone: str) -> int:
    """Seconds east of Greenwich. Raises Misfit."""
    if zone[0] not in "+-":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:] if len(zone) > 3 else 0)
    # PostgreSQL's own limit (MAX_TZDISP_HOUR): beyond it the text is no offset but a mistake.
    if hours > 15 or minutes > 59:
        raise Misfit("has an offset that does not exist")
    return (hours * 60 + minutes) * 60 * (1 if zone[0] == "+" else -1)


def _counted(value: int | float, precision: int, numbers: Numbers) -> Stamp:
    if value != value or value in (float("inf"), float("-inf")):
        raise Misfit("is not a finite number")
    julian = JULIAN_YEAR_0 <= value < JULIAN_YEAR_10000
    if numbers == "julian" and not julian:
        raise Misfit("is not a Julian day of the years 0 to 9999")
    if julian and (isinstance(value, float) or numbers == "julian"):
        # A double holds a Julian day to about 40 microseconds; SQLite itself keeps milliseconds.
        milliseconds = math.floor((Fraction(value) - JULIAN_1970) * 86_400_000 + Fraction(1, 2))
        return _rounded(Fraction(milliseconds, 1000), precision, "julian")
    exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    return _rounded(exact / _unit(value, numbers), precision, "epoch")


def _unit(value: int | float, numbers: Numbers = "epoch") -> int:
    """How many of a number's units are a second, by its magnitude; never fewer than the column's own."""
    for unit in UNITS:
        # "Never" is often written as the last second of the year 9999, which is beyond the magnitude of its unit.
        if _LAST_DAY[0] * unit <= value < (_LAST_DAY[1] + 1) * unit:
            return unit
    floor = _FLOORS.get(numbers, 1)
    return next(
        (unit for limit, unit in _MAGNITUDES if unit >= floor and _FIRST_SECOND * unit <= value < limit),
        max(floor, 10**9),
    )


def _credit(value: int | float) -> str:
    """Whether a number that would be seconds by its magnitude is of years that applications write about."""
    return BELIEVED if _BELIEVED[0] <= abs(value) <= _BELIEVED[1] else DOUBTED


def column_numbers(forms: Mapping[str, int]) -> Numbers:
    """How a column's numbers are read, from the forms that a codec of the default reading has counted.

    A number of milliseconds below 10**11 is a moment between 1966 and 1973: a birthday, for instance. By its magnitude
    alone it would be read as seconds. So where a column has milliseconds, and its small numbers make less sense as
    seconds than as milliseconds, all are milliseconds; likewise for microseconds.
    """
    if forms.get("whole number") and forms.get("julian") and not forms.get("epoch"):
        return "julian"
    small, believed = forms.get(UNITS[1], 0), forms.get(BELIEVED, 0)
    if small and (not believed or forms.get(DOUBTED, 0) > believed):
        if forms.get(UNITS[10**3]):
            return "milliseconds"
        if forms.get(UNITS[10**6]):
            return "microseconds"
    return "epoch"


def _is_calendar(value: int) -> bool:
    """Whether a whole number reads as a year, as yyyymmdd or as yyyymmddhhmmss of the years 1900 to 2100."""
    digits = str(value)
    if len(digits) not in (4, 8, 14) or not "1900" <= digits[:4] <= "2100":
        return False
    if len(digits) == 4:
        return True
    month, day, hour, minute, second = (int(digits[at : at + 2] or 0) for at in (4, 6, 8, 10, 12))
    return 1 <= month <= 12 and 1 <= day <= 31 and hour <= 23 and minute <= 59 and second <= 59


def _rounded(seconds: Fraction, precision: int, form: str) -> Stamp:
    scale: int = 10**precision
    exact = seconds * scale
    units = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    microseconds = units * 10 ** (6 - precision)
    if not FIRST_MICROSECOND <= microseconds <= LAST_MICROSECOND:
        raise Misfit("is outside the years 1 to 9999")
    return Stamp(microseconds, form, units != exact)


class _MomentCodec(Codec):
    """What the codecs of moments have in common: ``numbers`` says how a number is read, and ``forms`` counts them."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self.numbers: Numbers = numbers

    def count(self, value: Value, form: str) -> None:
        """Count the form of a value that was read."""
        if isinstance(value, int) and JULIAN_YEAR_0 <= value < JULIAN_YEAR_10000:
            form = "whole number"
        self.forms[form] += 1
        if form == "epoch":
            number = _number(value.strip(SPACE)) if isinstance(value, str) else value
            assert isinstance(number, int | float)
            unit = _unit(number, self.numbers)
            self.forms[UNITS[unit]] += 1
            if unit == 1:
                self.forms[_credit(number)] += 1
            if isinstance(value, int) and _is_calendar(value):
                self.forms["calendar"] += 1


class TimestampCodec(_MomentCodec):
    """timestamp, or timestamptz where ``zoned``; ``precision`` in decimals of a second, 0 to 6."""

    def __init__(self, zoned: bool, precision: int | None, numbers: Numbers = "epoch") -> None:
        """See the class."""
        super().__init__(numbers)
        self.zoned = zoned
        self.precision = 6 if precision is None else precision
        self._plain = _PLAIN_STAMPS if self.precision == 6 else _WHOLE_STAMPS

    @property
    def native(self) -> NativeCodec:
        """ISO text, with an offset too, that needs no rounding."""
        return ("timestamptz" if self.zoned else "timestamp", self.precision)

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Naive ISO text, of days alone too."""
        texts = cast(Sequence[str], values)
        days = kinds == {str} and _are_days(texts)
        if not days and not self._are_plain(texts, kinds):
            return None
        self.forms["naive"] += len(texts)
        end = f"{' 00:00:00' if days else ''}{'+00' if self.zoned else ''}"
        return [text + end for text in texts] if end else list(texts)

    def fit(self, values: Sequence[Value], kinds: set[type]) -> bool:
        """Naive ISO text, of days alone too."""
        texts = cast(Sequence[str], values)
        if not (kinds == {str} and _are_days(texts)) and not self._are_plain(texts, kinds):
            return False
        self.forms["naive"] += len(texts)
        return True

    def _are_plain(self, texts: Sequence[str], kinds: set[type]) -> bool:
        return kinds == {str} and self._plain.fullmatch("\n".join(texts) + "\n") is not None and _exist(texts)

    def text(self, value: Value) -> str:
        """See the class."""
        stamp = read_stamp(value, self.precision, self.numbers)
        self.count(value, stamp.form)
        if stamp.rounded:
            self.remarks[f"rounded to {self.precision} decimals of a second"] += 1
        plain = isinstance(value, str) and self._plain.fullmatch(value + "\n")
        text = cast(str, value) if plain else stamp.datetime().isoformat(" ")
        return f"{text}+00" if self.zoned else text


class DateCodec(_MomentCodec):
    """A date; a date with a time only where that time is midnight."""

    def __init__(self, numbers: Numbers = "epoch") -> None:
        """``numbers`` says how a number is read."""
        super().__init__(numbers)

    @property
    def native(self) -> NativeCodec:
        """ISO text, midnight where it has a time."""
        return ("date",)

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """ISO dates."""
        texts = cast(Sequence[str], values)
        if kinds != {str} or not _are_days(texts):
            return None
        self.forms["naive"] += len(texts)
        return list(texts)

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, str) and not _STAMP.fullmatch(value.strip(SPACE)):
            raise Misfit("is not a date")
        stamp = read_stamp(_without_zone(value), 6, self.numbers)
        self.count(value, stamp.form)
        moment = stamp.datetime()
        if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
            raise Misfit("is a date with a time of day")
        if stamp.rounded:
            self.remarks["rounded to 6 decimals of a second"] += 1
        return moment.date().isoformat()


def _without_zone(value: Value) -> Value:
    # 2025-12-13T00:00:00+04:00 is the 13th for whoever wrote it, and the 12th in UTC.
    if isinstance(value, str):
        word = value.strip(SPACE)
        found = _STAMP.fullmatch(word)
        if found and found.group(8):
            _offset(found.group(8))
            return word[: found.start(8)].strip(SPACE)
    return value


class TimeCodec(Codec):
    """A time of day; the date before it (2000-01-01, as Rails writes it) is dropped."""

    def __init__(self, precision: int | None) -> None:
        """``precision`` in decimals of a second, 0 to 6."""
        super().__init__()
        self.precision = 6 if precision is None else precision

    @property
    def native(self) -> NativeCodec:
        """All forms that need no rounding."""
        return ("time", self.precision)

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Whole seconds."""
        if kinds != {str} or not _PLAIN_CLOCKS.fullmatch("\n".join(cast(Sequence[str], values)) + "\n"):
            return None
        return list(cast(Sequence[str], values))

    def text(self, value: Value) -> str:
        """See the class."""
        found = _CLOCK.fullmatch(value.strip(SPACE)) if isinstance(value, str) else None
        if not found:
            raise Misfit("is not a time of day")
        if found.group(1):
            DateCodec().text(found.group(1))
        hour, minute, second = (int(part or 0) for part in found.groups()[1:4])
        if hour > 23 or minute > 59 or second > 59:
            raise Misfit("is not a time of day")
        fraction = found.group(5) or "0"
        exact = Fraction(int(fraction), 10 ** len(fraction)) * 10**self.precision
        units = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
        if units != exact:
            self.remarks[f"rounded to {self.precision} decimals of a second"] += 1
        total = (hour * 3600 + minute * 60 + second) * 10**6 + units * 10 ** (6 - self.precision)
        if total >= 86_400 * 10**6:
            return "24:00:00"
        return (EPOCH + timedelta(microseconds=total)).time().isoformat()


SPAN_UNITS: dict[str, int] = {"seconds": 10**6, "days": 86_400 * 10**6}
"""Microseconds in a unit that spans of time are stored in."""


class IntervalCodec(Codec):
    """A span of time: microseconds (Django), a datetime since 1970 (SQLAlchemy), HH:MM:SS, or ``numbers`` of a unit."""

    def __init__(self, numbers: Numbers = "epoch") -> None:
        """``numbers``: "seconds" or "days" are the unit of a number; otherwise it is a microsecond."""
        super().__init__()
        self.unit = SPAN_UNITS.get(numbers)

    def text(self, value: Value) -> str:
        """See the class."""
        if self.unit and isinstance(value, int | float) and math.isfinite(value):
            microseconds = Fraction(value) * self.unit
            return f"{math.floor(microseconds + Fraction(1, 2))} microseconds"
        if isinstance(value, int):
            return f"{value} microseconds"
        if isinstance(value, str):
            word = value.strip(SPACE)
            found = _SPAN.fullmatch(word)
            if found:
                return word
            stamp = _STAMP.fullmatch(word)
            if stamp:
                return f"{_written(stamp, 6).microseconds} microseconds"
            if re.fullmatch(r"-?P[0-9A-Z.,\-]+|-?[0-9]+ [a-z]+(?: .*)?", word):
                return word
        raise Misfit("is not a span of time")
