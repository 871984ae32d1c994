"""SQLite's date and time functions ("Date And Time Functions").

Where the clock is the source, the text is made by to_char(); where a column is, by extract() and lpad(), for to_char()
is not IMMUTABLE and an index needs that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from litelift.translate.value import Moment, Refused, Typed, quote_text

FORMATS = {"date": "%Y-%m-%d", "time": "%H:%M:%S", "datetime": "%Y-%m-%d %H:%M:%S"}
CLOCK_WORDS = {"current_date": "date", "current_time": "time", "current_timestamp": "datetime"}
FUNCTIONS = frozenset({*FORMATS, *CLOCK_WORDS, "strftime", "unixepoch", "julianday"})

NOW = "now() AT TIME ZONE 'UTC'"

_SHIFT = re.compile(r"([+-]?)(\d+(?:\.\d+)?) +(second|minute|hour|day|month|year)s?", re.ASCII)
_TO_CHAR = {"Y": "YYYY", "m": "MM", "d": "DD", "H": "HH24", "M": "MI", "S": "SS", "f": "SS.MS", "j": "DDD"}
_FIELDS = {"Y": ("year", 4), "m": ("month", 2), "d": ("day", 2), "H": ("hour", 2), "M": ("minute", 2), "j": ("doy", 3)}
# They came with SQLite 3.46.
_SHORT = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M"}


@dataclass(frozen=True, slots=True)
class _Time:
    """A time value: the timestamp without time zone, in UTC, and whether it is the clock (``plain``: nothing else)."""

    sql: str
    clock: bool
    plain: bool
    subsecond: bool


def call(name: str, arguments: list[Typed], need: Callable[[str], str]) -> Typed:
    """A call of one of ``FUNCTIONS``. ``need`` notes one of our own functions and returns its SQL name."""
    if name in CLOCK_WORDS:
        if arguments:
            raise Refused(f"{name} with arguments")
        name = CLOCK_WORDS[name]
    if name == "strftime":
        if not arguments or not isinstance(arguments[0].value, str):
            raise Refused("strftime() with a format that is no literal")
        return shown(_time(arguments[1:], need), arguments[0].value)
    moment = _time(arguments, need)
    if name == "unixepoch":
        if moment.subsecond:
            return Typed(
                f"round(extract(epoch from {_clocked(moment)})::numeric, 3)::double precision", "real", atomic=True
            )
        return Typed(_epoch(moment), "int", atomic=True)
    if name == "julianday":
        # The Julian day of 1970-01-01 00:00 UTC is 2440587.5.
        return Typed(
            f"extract(epoch from {_clocked(moment)})::double precision / 86400.0::double precision"
            " + 2440587.5::double precision",
            "real",
        )
    format_ = FORMATS[name]
    if moment.subsecond:
        format_ = format_.replace("%S", "%f")
    return shown(moment, format_)


def shown(moment: _Time, format_: str) -> Typed:
    """The text that strftime() makes."""
    for short, long in _SHORT.items():
        format_ = format_.replace(f"%{short}", long)
    pieces = re.findall(r"%.|[^%]+|%$", format_, re.DOTALL)
    number = None
    if len(pieces) == 1 and pieces[0] in ("%s", "%Y", "%m", "%d", "%H", "%M", "%S", "%j", "%w"):
        number = _number(moment, pieces[0][1])
    sql = _by_to_char(moment, pieces) if moment.clock else _by_extract(moment, pieces)
    return Typed(
        sql,
        "text",
        atomic=sql.startswith(("to_char(", "lpad(")) and not re.search(r"\|\|", sql),
        number=number,
        moment=Moment(moment.sql, format_, moment.clock, moment.plain),
    )


def _time(arguments: list[Typed], need: Callable[[str], str]) -> _Time:
    """The time value and its modifiers."""
    modifiers = []
    for argument in arguments[1:]:
        if not isinstance(argument.value, str):
            raise Refused("a date modifier that is no literal")
        modifiers.append(argument.value.strip().lower())
    value = arguments[0] if arguments else None
    if value is None or (
        isinstance(value.value, str) and value.value.strip().lower() in ("now", "subsec", "subsecond")
    ):
        if value is not None and isinstance(value.value, str) and value.value.strip().lower() != "now":
            modifiers.insert(0, "subsec")
        sql, clock = NOW, True
    else:
        sql, clock = _stored(value, modifiers, need), False
    plain = clock
    subsecond = False
    for modifier in modifiers:
        if modifier in ("subsec", "subsecond"):
            subsecond = True
        elif modifier == "utc" and clock:
            # "now" is in UTC already ("Modifiers", 17: a no-op where the time is known to be UTC).
            continue
        else:
            sql, plain = _modified(sql, modifier), False
    return _Time(sql, clock, plain, subsecond)


def _stored(value: Typed, modifiers: list[str], need: Callable[[str], str]) -> str:
    """A column (or text) as a timestamp in UTC. Takes 'unixepoch' out of ``modifiers``."""
    epoch = bool(modifiers) and modifiers[0] in ("unixepoch", "auto")
    if epoch:
        modifiers.pop(0)
    if value.constant:
        raise Refused("a date function of a literal beside the clock")
    if value.kind == "timestamptz":
        return f"{value.operand} AT TIME ZONE 'UTC'"
    if value.kind in ("int", "real", "numeric") and epoch:
        return f"to_timestamp({value.operand}::double precision) AT TIME ZONE 'UTC'"
    if epoch or value.values is not None:
        raise Refused("a date function of what is not a time")
    if value.kind == "timestamp":
        return value.operand
    if value.kind == "date":
        return f"{value.operand}::timestamp"
    if value.kind == "text":
        if value.moment is not None and value.moment.format == FORMATS["date"]:
            return f"date_trunc('day', {value.moment.sql})"
        return f"{need('read_time')}({value.exact.operand})"
    raise Refused(f"a date function of a {value.kind}")


def _modified(sql: str, modifier: str) -> str:
    shift = _SHIFT.fullmatch(modifier)
    if shift is not None:
        sign, amount, unit = shift.groups()
        words = f"interval '{'-' if sign == '-' else ''}{amount} {unit}'"
        if unit in ("month", "year"):
            if "." in amount:
                raise Refused(f"the date modifier {modifier}")
            # SQLite lets a day that the month does not have run over into the next one; PostgreSQL would cut it.
            return f"date_trunc('month', {sql}) + {words} + (({sql}) - date_trunc('month', {sql}))"
        return f"({sql}) + {words}"
    if modifier in ("start of day", "start of month", "start of year"):
        return f"date_trunc('{modifier.removeprefix('start of ')}', {sql})"
    raise Refused(f"the date modifier {modifier}")


def _clocked(moment: _Time) -> str:
    return "now()" if moment.plain else f"({moment.sql})"


def _epoch(moment: _Time) -> str:
    return f"floor(extract(epoch from {_clocked(moment)}))::bigint"


def _number(moment: _Time, code: str) -> str:
    if code == "s":
        return _epoch(moment)
    field = {"w": "dow", "S": "second"}.get(code) or _FIELDS[code][0]
    return f"floor(extract({field} from {moment.sql}))::bigint"


def _by_to_char(moment: _Time, pieces: list[str]) -> str:
    """to_char(), with what it has no pattern for added by ||."""
    parts: list[str] = []
    pattern = ""
    for piece in pieces:
        code = piece[1:] if piece.startswith("%") else ""
        if code in _TO_CHAR:
            pattern += _TO_CHAR[code]
        elif code in ("s", "w"):
            if pattern:
                parts.append(f"to_char({moment.sql}, {quote_text(pattern)})")
                pattern = ""
            parts.append(f"{_number(moment, code)}::text")
        else:
            pattern += _plain(piece)
    if pattern:
        parts.append(f"to_char({moment.sql}, {quote_text(pattern)})")
    return " || ".join(parts) or "''::text"


def _plain(piece: str) -> str:
    """Text in a to_char() pattern; letters and quotes would be read as patterns, so they are quoted."""
    if piece.startswith("%"):
        if piece != "%%":
            raise Refused(f"strftime() with {piece}")
        piece = "%"
    if not re.search(r'[A-Za-z"\\]', piece):
        return piece
    return '"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _by_extract(moment: _Time, pieces: list[str]) -> str:
    parts: list[str] = []
    for piece in pieces:
        code = piece[1:] if piece.startswith("%") else ""
        if code in _FIELDS:
            field, width = _FIELDS[code]
            parts.append(f"lpad(extract({field} from {moment.sql})::int::text, {width}, '0')")
        elif code == "S":
            parts.append(f"lpad(floor(extract(second from {moment.sql}))::int::text, 2, '0')")
        elif code == "f":
            # SQLite rounds to milliseconds but never up to the next minute.
            seconds = f"least(round(extract(second from {moment.sql})::numeric, 3), 59.999)"
            parts.append(f"lpad({seconds}::text, 6, '0')")
        elif code in ("s", "w"):
            parts.append(f"{_number(moment, code)}::text")
        elif piece.startswith("%") and piece != "%%":
            raise Refused(f"strftime() with {piece}")
        else:
            parts.append(quote_text("%" if piece == "%%" else piece))
    return " || ".join(parts) if len(parts) > 1 else (parts[0] if parts else "''::text")
