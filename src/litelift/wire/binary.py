"""COPY's binary format: from a value's text to what its type's receive function takes.

Facts are from the PostgreSQL manual, COPY, "Binary Format", and from the receive functions in src/backend/utils/adt.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import partial

from litelift.postgres.types import PgType

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

Packer = Callable[[str], bytes]
"""Raises ValueError for a text that it cannot read, though PostgreSQL perhaps can."""

_DAY_0 = date(2000, 1, 1).toordinal()
_MOMENT_0 = datetime(2000, 1, 1)
_ZONED_0 = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def packer(pg: PgType) -> Packer | None:
    """What packs texts for a column of type ``pg``; None where its binary form is not known."""
    if pg.kind == "enum":
        return str.encode
    return _PACKERS.get(pg.base) if pg.kind == "base" else None


def _bool(text: str) -> bytes:
    if text not in ("t", "f"):
        raise ValueError(text)
    return b"\x01" if text == "t" else b"\x00"


def _integer(text: str, size: int) -> bytes:
    try:
        return int(text).to_bytes(size, "big", signed=True)
    except OverflowError:
        raise ValueError(text) from None


def _real(text: str) -> bytes:
    return struct.pack("!d", float(text))


def _single(text: str) -> bytes:
    """The float nearest to the decimal itself, as strtof() finds it; by way of a double it might round twice."""
    value = float(text)
    try:
        near = struct.unpack("!f", struct.pack("!f", value))[0]
    except OverflowError:
        raise ValueError(text) from None
    if near == value or value != value:
        return struct.pack("!f", near)
    exact = Fraction(text)
    bits = struct.unpack("!I", struct.pack("!f", abs(near)))[0]
    sign = 0x80000000 if value < 0 else 0

    def distance(candidate: int) -> tuple[Fraction, int]:
        found = Fraction(struct.unpack("!f", struct.pack("!I", candidate))[0])
        return abs(found - abs(exact)), candidate & 1

    finite = [candidate for candidate in (bits - 1, bits, bits + 1) if 0 <= candidate < 0x7F800000]
    return struct.pack("!I", sign | min(finite, key=distance))


def _numeric(text: str) -> bytes:
    number = text.removeprefix("-")
    whole, _, decimals = number.partition(".")
    if not (whole + decimals).isascii() or not (whole + decimals).isdigit():
        raise ValueError(text)
    scale = len(decimals)
    whole = "0" * (-len(whole) % 4) + whole
    decimals += "0" * (-scale % 4)
    digits = whole + decimals
    groups = [int(digits[at : at + 4]) for at in range(0, len(digits), 4)]
    weight = len(whole) // 4 - 1
    first = next((at for at, group in enumerate(groups) if group), len(groups))
    groups, weight = groups[first:], weight - first
    while groups and not groups[-1]:
        groups.pop()
    sign = 0x4000 if groups and text.startswith("-") else 0
    return struct.pack(f"!HhHH{len(groups)}H", len(groups), weight if groups else 0, sign, scale, *groups)


def _bytea(text: str) -> bytes:
    if not text.startswith("\\x"):
        raise ValueError(text)
    return bytes.fromhex(text[2:])


def _date(text: str) -> bytes:
    return struct.pack("!i", date.fromisoformat(text).toordinal() - _DAY_0)


def _timestamp(text: str) -> bytes:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError(text)
    return struct.pack("!q", (moment - _MOMENT_0) // _MICROSECOND)


def _timestamptz(text: str) -> bytes:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return struct.pack("!q", (moment - _ZONED_0) // _MICROSECOND)


def _time(text: str) -> bytes:
    if text == "24:00:00":
        return struct.pack("!q", 86_400 * 10**6)
    clock = time.fromisoformat(text)
    if clock.tzinfo is not None:
        raise ValueError(text)
    since = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond)
    return struct.pack("!q", since // _MICROSECOND)


def _uuid(text: str) -> bytes:
    found = bytes.fromhex(text.replace("-", ""))
    if len(found) != 16:
        raise ValueError(text)
    return found


def _jsonb(text: str) -> bytes:
    return b"\x01" + text.encode()


_PACKERS: dict[str, Packer] = {
    "bool": _bool,
    "int2": partial(_integer, size=2),
    "int4": partial(_integer, size=4),
    "int8": partial(_integer, size=8),
    "float4": _single,
    "float8": _real,
    "numeric": _numeric,
    **dict.fromkeys(("text", "varchar", "bpchar", "citext", "json"), str.encode),
    "bytea": _bytea,
    "date": _date,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "time": _time,
    "uuid": _uuid,
    "jsonb": _jsonb,
}
