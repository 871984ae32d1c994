"""Numbers, sizes, durations and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_SIZE_UNITS = ("kB", "MB", "GB", "TB", "PB")


def number(value: int) -> str:
    """``1234567`` as ``1,234,567``."""
    return f"{value:,}"


def count(value: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 table``, ``1,200 tables``; ``plural`` where an s does not do."""
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"


def size(value: int) -> str:
    """Bytes in decimal units: ``812 bytes``, ``1.3 MB``, ``214 MB``."""
    if abs(value) < 1000:
        return count(value, "byte")
    scaled, power = value / 1000, 0
    # 999.7 would be written as 1,000: the next unit reads better.
    while abs(scaled) >= 999.5 and power < len(_SIZE_UNITS) - 1:
        scaled, power = scaled / 1000, power + 1
    unit = _SIZE_UNITS[power]
    return f"{scaled:,.1f} {unit}" if abs(scaled) < 99.95 else f"{scaled:,.0f} {unit}"


def duration(seconds: float) -> str:
    """Seconds: ``340 ms``, ``12.4 s``, ``3 min 05 s``, ``2 h 04 min``."""
    seconds = max(seconds, 0.0)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60:02} min"


def age(seconds: float) -> str:
    """How long ago something was, roughly: ``40 s``, ``12 min``, ``5 h``, ``17 days``."""
    seconds = max(seconds, 0.0)
    for unit, length, until in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 36)):
        if seconds < until * length:
            return f"{seconds // length:.0f} {unit}"
    return count(int(seconds // 86400), "day")


def milliseconds(value: float) -> str:
    """Milliseconds: ``37 ms``, and ``<1 ms`` for what is little."""
    return "<1 ms" if value < 0.5 else f"{value:,.0f} ms"


def percent(share: float) -> str:
    """A share in percent: ``36 %``, and ``<1 %`` for what is little but not nothing."""
    return "<1 %" if 0 < share < 0.5 else f"{share:.0f} %"


def aware(value: datetime) -> datetime:
    """The same moment in UTC; a naive one is UTC already."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def moment(value: datetime) -> str:
    """``23 November 2025, 06:28:11 UTC``."""
    at = aware(value)
    return f"{at.day} {at:%B %Y, %H:%M:%S} UTC"


def listed(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""
