"""Reading dates, times and intervals, by the standard library only, as whole microseconds.

Text forms are those of section 2 of SQLite's "Date And Time Functions", and those that applications' drivers write.
A time without an offset is UTC.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

SECOND = 1_000_000
DAY = 86_400 * SECOND

_EPOCH = date(1970, 1, 1).toordinal()
_CYCLE_DAYS, _CYCLE_YEARS = 146_097, 400  # the Gregorian calendar repeats after 400 years
_JULIAN_EPOCH = Decimal("2440587.5")  # 1970-01-01 00:00 UTC as a Julian day
_JULIAN_FIRST, _JULIAN_END = 1721059.5, 5373484.5  # the years 0 to 9999

_OFFSET = r"(?P<offset>[Zz]|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d*))?)?"
_DATE = r"(?P<year>\d{4,6})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
_MOMENT = re.compile(rf"\s*{_DATE}(?:(?:[Tt]|\s+){_CLOCK}\s*+(?:(?:UTC|GMT)\s*+)?{_OFFSET})?\s*", re.ASCII)
_TIME = re.compile(rf"\s*(?:{_DATE}(?:[Tt]|\s+))?{_CLOCK}\s*+{_OFFSET}\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_SPAN = re.compile(
    r"\s*(?:(?P<days>[+-]?\d{1,19})(?:\s*(?:(?:days?|d),?|,))?\s+)?(?P<sign>[+-])?(?P<hour>\d{1,19}):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?\s*",
    re.ASCII,
)
_ISO_SPAN = re.compile(
    r"\s*(?P<sign>[+-])?P(?:(?P<years>[+-]?\d{1,19})Y)?(?:(?P<months>[+-]?\d{1,19})M)?(?:(?P<weeks>[+-]?\d{1,19})W)?"
    r"(?:(?P<days>[+-]?\d{1,19})D)?(?:T(?:(?P<hours>[+-]?\d{1,19})H)?(?:(?P<minutes>[+-]?\d{1,19})M)?"
    r"(?:(?P<seconds>[+-]?\d{1,19}(?:\.\d+)?)S)?)?\s*",
    re.ASCII,
)


class Unreadable(ValueError):
    """A value that has no reading for the target's type."""


def _fraction(digits: str | None, precision: int) -> int:
    # In microseconds, rounded half up once, to the column's own precision.
    if not digits:
        return 0
    quantum = Decimal(1).scaleb(-precision)
    return int(Decimal(f"0.{digits}").quantize(quantum, ROUND_HALF_UP) * SECOND)


def _offset(text: str | None) -> int:
    if not text or text in "Zz":
        return 0
    digits = text[1:].replace(":", "").ljust(6, "0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hours > 15 or minutes > 59 or seconds > 59:
        raise Unreadable(text)
    span = ((hours * 60 + minutes) * 60 + seconds) * SECOND
    return -span if text[0] == "-" else span


def _clock(found: re.Match[str], precision: int) -> int:
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise Unreadable(found[0])
    return ((hour * 60 + minute) * 60 + second) * SECOND + _fraction(found["fraction"], precision)


def _days(year: int, month: int, day: int) -> int:
    # Days since 1970; years beyond those of datetime.date are moved by whole cycles.
    if year < 1:
        raise Unreadable(f"year {year}")
    cycles = max(0, (year - 9999 + _CYCLE_YEARS - 1) // _CYCLE_YEARS)
    try:
        ordinal = date(year - cycles * _CYCLE_YEARS, month, day).toordinal()
    except ValueError as error:
        raise Unreadable(str(error)) from error
    return ordinal + cycles * _CYCLE_DAYS - _EPOCH


def _rounded(seconds: Decimal, precision: int) -> int:
    # Half up on the line of time, so that a moment before 1970 rounds as its text does.
    units = (seconds.scaleb(precision) + Decimal("0.5")).to_integral_value(ROUND_FLOOR)
    scale: int = 10 ** (6 - precision)
    return int(units) * scale


def moment_of_number(number: int | float, numbers: str, precision: int) -> int:
    """Microseconds since 1970 for a number: a Julian day, or an epoch in seconds, ms, µs or ns by its magnitude."""
    real = isinstance(number, float)
    if real and not abs(number) < 1e300:
        raise Unreadable(repr(number))
    exact = Decimal(repr(number))
    if numbers == "julian" or (real and _JULIAN_FIRST <= number < _JULIAN_END):
        if not 0 <= number < 1e8:
            raise Unreadable(repr(number))
        # SQLite keeps a moment as whole milliseconds of the Julian day ("Date And Time Functions", section 3).
        # The double itself, not its shortest form: they may be 20 µs apart, which is enough to round to another one.
        milliseconds = (Decimal(number) - _JULIAN_EPOCH) * 86_400_000 + Decimal("0.5")
        return _rounded(milliseconds.to_integral_value(ROUND_FLOOR) / 1000, precision)
    seconds = exact.scaleb(-_digits(exact, numbers))
    if abs(seconds) > 10**13:
        raise Unreadable(repr(number))
    return _rounded(seconds, precision)


def _digits(number: Decimal, numbers: str) -> int:
    """How many decimals of a second a number since 1970 counts."""
    for digits in (0, 3, 6, 9):
        # The last day of the year 9999, whatever it is counted in.
        if Decimal(253_402_214_400).scaleb(digits) <= number < Decimal(253_402_300_800).scaleb(digits):
            return digits
    least = {"milliseconds": 3, "microseconds": 6}.get(numbers, 0)
    for digits in (0, 3, 6):
        # The year 1 is as far back as a moment goes; 10**11 seconds are the year 5138.
        first, end = Decimal(-62_135_596_800).scaleb(digits), Decimal(10**11).scaleb(digits)
        if digits >= least and first <= number < end:
            return digits
    return 9


def number_of_text(text: str) -> int | float | None:
    """The number that ``text`` writes, or None."""
    if not _NUMBER.fullmatch(text):
        return None
    stripped = text.strip()
    digits = stripped.lstrip("+-")
    return int(stripped) if digits.isdecimal() and len(digits) < 20 else float(stripped)


def moment_of_text(text: str, numbers: str, precision: int) -> int:
    """Microseconds since 1970 UTC for a text: a date, a date with a time, or a number."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        number = number_of_text(text)
        if number is None:
            raise Unreadable(text)
        return moment_of_number(number, numbers, precision)
    moment = _days(int(found["year"]), int(found["month"]), int(found["day"])) * DAY
    if found["hour"] is None:
        return moment
    return moment + _clock(found, precision) - _offset(found["offset"])


def moment(value: int | float | str, numbers: str = "epoch", precision: int = 6) -> int:
    """Microseconds since 1970 UTC for a stored value. Raises Unreadable."""
    if isinstance(value, str):
        return moment_of_text(value, numbers, precision)
    return moment_of_number(value, numbers, precision)


def local_date(value: int | float | str, numbers: str = "epoch") -> int:
    """Days since 1970 for a value that is exactly a date: a time part must be midnight. Raises Unreadable."""
    if isinstance(value, str):
        found = _MOMENT.fullmatch(value)
        if found is not None:
            # The date as it is written: an offset does not move it to another day.
            if found["hour"] is not None and _clock(found, 9) != 0:
                raise Unreadable(value)
            return _days(int(found["year"]), int(found["month"]), int(found["day"]))
    days, rest = divmod(moment(value, numbers), DAY)
    if rest:
        raise Unreadable(str(value))
    return days


def print_date(days: int) -> tuple[str, str]:
    """A date as PostgreSQL's ISO style prints it, and its era (' BC' or '')."""
    cycles = 0
    if not 1 <= days + _EPOCH <= date.max.toordinal():
        cycles = (days + _EPOCH - 1) // _CYCLE_DAYS
        days -= cycles * _CYCLE_DAYS
    day = date.fromordinal(days + _EPOCH)
    year = day.year + cycles * _CYCLE_YEARS
    shown, era = (year, "") if year > 0 else (1 - year, " BC")
    return f"{shown:04d}-{day.month:02d}-{day.day:02d}", era


def print_clock(microseconds: int) -> str:
    """A time of day as PostgreSQL prints it: no trailing zeros in the fraction."""
    seconds, fraction = divmod(microseconds, SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02d}:{minute:02d}:{second:02d}"
    return f"{text}.{fraction:06d}".rstrip("0") if fraction else text


def print_moment(moment: int, zone: str = "") -> str:
    """A timestamp as PostgreSQL prints it in UTC; ``zone`` is '+00' for timestamptz."""
    days, rest = divmod(moment, DAY)
    day, era = print_date(days)
    return f"{day} {print_clock(rest)}{zone}{era}"


def time_of_day(text: str, precision: int = 6) -> tuple[int, str | None]:
    """Microseconds since midnight, and the offset as written. A date before the time is dropped. Raises Unreadable."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise Unreadable(text)
    if found["year"] is not None:
        _days(int(found["year"]), int(found["month"]), int(found["day"]))
    return _clock(found, precision), found["offset"]


def print_offset(text: str | None) -> str:
    """An offset as PostgreSQL prints it: +00, -03:30."""
    minutes, seconds = divmod(abs(_offset(text)) // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    tail = f":{minutes:02d}:{seconds:02d}" if seconds else f":{minutes:02d}" if minutes else ""
    return f"{'-' if _offset(text) < 0 else '+'}{hours:02d}{tail}"


def offset_is_zero(text: str | None) -> bool:
    """Whether an offset, as written, is none or UTC."""
    return _offset(text) == 0


def span(value: int | float | str, numbers: str = "epoch") -> int:
    """An interval in microseconds: a month is 30 days and a day 24 hours, as where PostgreSQL compares intervals.

    Numbers are microseconds, unless ``numbers`` is "seconds" or "days"; text may be a number, a moment since 1970, a
    clock with days before it, or ISO 8601.
    """
    if isinstance(value, str):
        number = number_of_text(value)
        if number is None:
            return _span_of_text(value)
        value = number
    unit = {"seconds": SECOND, "days": DAY}.get(numbers)
    if unit and abs(value) < 1e300:
        return int((Decimal(value) * unit + Decimal("0.5")).to_integral_value(ROUND_FLOOR))
    if isinstance(value, float):
        if not value.is_integer():
            raise Unreadable(repr(value))
        value = int(value)
    return value


_UNITS = {"year": 360 * DAY, "month": 30 * DAY, "mon": 30 * DAY, "week": 7 * DAY, "day": DAY}
_UNITS |= {"hour": 3600 * SECOND, "minute": 60 * SECOND, "min": 60 * SECOND, "second": SECOND, "sec": SECOND}
_UNITS |= {"millisecond": 1000, "microsecond": 1}
_WORDS = re.compile(rf"\s*([+-]?\d{{1,19}}(?:\.\d+)?)\s*({'|'.join(_UNITS)})s?(?![a-z]),?", re.ASCII | re.IGNORECASE)


def _span_of_words(text: str) -> int | None:
    # 1 day 2 hours 3.5 seconds; a clock may come last.
    total = Decimal(0)
    end = 0
    while found := _WORDS.match(text, end):
        total += Decimal(found[1]) * _UNITS[found[2].lower()]
        end = found.end()
    rest = text[end:].strip()
    if end == 0 or (rest and not _SPAN.fullmatch(rest)):
        return None
    return int(total.to_integral_value(ROUND_HALF_UP)) + (_span_of_text(rest) if rest else 0)


def _span_of_text(text: str) -> int:
    if _MOMENT.fullmatch(text):
        return moment_of_text(text, "epoch", 6)
    found = _SPAN.fullmatch(text)
    if found:
        clock = ((int(found["hour"]) * 60 + int(found["minute"])) * 60 + int(found["second"] or 0)) * SECOND
        clock += _fraction(found["fraction"], 6)
        return int(found["days"] or 0) * DAY + (-clock if found["sign"] == "-" else clock)
    found = _ISO_SPAN.fullmatch(text)
    if found and len(text.strip().lstrip("+-")) > 1:
        months = int(found["years"] or 0) * 12 + int(found["months"] or 0)
        days = months * 30 + int(found["weeks"] or 0) * 7 + int(found["days"] or 0)
        seconds = Decimal(found["seconds"] or 0) + int(found["hours"] or 0) * 3600 + int(found["minutes"] or 0) * 60
        total = days * DAY + _rounded(seconds, 6)
        return -total if found["sign"] == "-" else total
    words = _span_of_words(text)
    if words is not None:
        return words
    raise Unreadable(text)


__all__ = [
    "DAY",
    "Unreadable",
    "local_date",
    "moment",
    "offset_is_zero",
    "print_clock",
    "print_date",
    "print_moment",
    "print_offset",
    "span",
    "time_of_day",
]
