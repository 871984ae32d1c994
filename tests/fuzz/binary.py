"""What COPY's binary format says, read back by rules of its own ("COPY", "Binary Format", and the send functions)."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from decimal import Decimal

_DAY_0 = datetime(2000, 1, 1)


def fields(block: bytes, columns: int) -> list[list[bytes | None]]:
    """The rows of a block without its header and trailer."""
    rows: list[list[bytes | None]] = []
    place = 0
    while place < len(block):
        (count,) = struct.unpack_from("!h", block, place)
        assert count == columns
        place += 2
        row: list[bytes | None] = []
        for _ in range(count):
            (size,) = struct.unpack_from("!i", block, place)
            place += 4
            assert size >= -1
            row.append(None if size < 0 else block[place : place + size])
            assert size < 0 or len(row[-1] or b"") == size
            place += max(0, size)
        rows.append(row)
    return rows


def text(base: str, field: bytes) -> str:
    """A field as a text of its type that PostgreSQL takes."""
    match base:
        case "bool":
            return {b"\0": "f", b"\1": "t"}[field]
        case "int2" | "int4" | "int8":
            assert len(field) == int(base[3:])
            return str(int.from_bytes(field, "big", signed=True))
        case "float4":
            return repr(struct.unpack("!f", field)[0])
        case "float8":
            return repr(struct.unpack("!d", field)[0])
        case "numeric":
            return _numeric(field)
        case "bytea":
            return "\\x" + field.hex()
        case "date":
            (days,) = struct.unpack("!i", field)
            return (_DAY_0 + timedelta(days=days)).date().isoformat()
        case "timestamp" | "timestamptz":
            (microseconds,) = struct.unpack("!q", field)
            moment = (_DAY_0 + timedelta(microseconds=microseconds)).isoformat(" ")
            return moment + ("+00" if base == "timestamptz" else "")
        case "time":
            (microseconds,) = struct.unpack("!q", field)
            if microseconds == 86_400 * 10**6:
                return "24:00:00"
            return (_DAY_0 + timedelta(microseconds=microseconds)).time().isoformat()
        case "uuid":
            assert len(field) == 16
            return field.hex()
        case "jsonb":
            assert field[:1] == b"\x01"
            return field[1:].decode()
    return field.decode()


def _numeric(field: bytes) -> str:
    count, weight, sign, scale = struct.unpack_from("!HhHH", field)
    groups = struct.unpack_from(f"!{count}H", field, 8)
    assert len(field) == 8 + 2 * count and all(group < 10_000 for group in groups)
    special = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}.get(sign)
    if special is not None:
        return special
    digits = "".join(f"{group:04}" for group in groups) or "0"
    number = Decimal((sign == 0x4000, tuple(map(int, digits)), 4 * (weight + 1 - count)))
    whole = f"{number:f}"
    decimals = len(whole.partition(".")[2].rstrip("0"))
    assert decimals <= scale
    return whole
