"""Numbers, sizes, durations and moments as the readers of each language write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from litelift.report import format as human
from litelift.report.text import shorten, visible

_UNITS = {
    "az": {
        "bytes": "bayt",
        "byte": "bayt",
        "min": "dəq",
        "h": "saat",
        "s": "san",
        "ms": "msan",
        "days": "gün",
        "day": "gün",
    }
}
_MONTHS = {
    "az": (
        *("yanvar", "fevral", "mart", "aprel", "may", "iyun"),
        *("iyul", "avqust", "sentyabr", "oktyabr", "noyabr", "dekabr"),
    )
}


def formatted(value: Any, spec: str, language: str) -> str:
    """A fact as a template's {name:spec} wants it.

    Args:
        value: text; a number; seconds since 1970 for a moment.
        spec: "" (text as it is, invisible characters as escapes; a number with its thousands), "bytes", "duration",
            "age", "ms", "percent", "moment", "plain" (a number that is to be typed), "identifier" and "literal" (as SQL
            has them), "sql" (a statement, never cut), or "# table|# tables": the form for one and for all other
            numbers, # standing for it.
    """
    if value is None:
        return "?"
    if "|" in spec:
        one, many = spec.split("|")
        return (one if value == 1 else many).replace("#", _localized(human.number(value), language))
    if spec == "identifier":
        # As it is written in SQL ("Identifiers and Key Words", section 4.1.1): the words tell what to type.
        quoted = str(value).replace('"', '""')
        return str(value) if re.fullmatch("[a-z_][a-z0-9_]*", str(value)) else visible(f'"{quoted}"')
    if spec in ("plain", "sql"):
        return visible(str(value))
    if spec == "literal":
        quoted = str(value).replace("'", "''")
        return visible(f"'{quoted}'")
    if spec == "moment":
        return _moment(datetime.fromtimestamp(value, UTC), language)
    if spec:
        return _localized(_FORMS[spec](value), language)
    if isinstance(value, str):
        return visible(shorten(value))
    return _localized(f"{value:,}" if isinstance(value, int) else f"{value:,.1f}", language)


_FORMS: dict[str, Any] = {
    "bytes": lambda value: human.size(round(value)),
    "duration": human.duration,
    "age": human.age,
    "ms": human.milliseconds,
    "percent": human.percent,
}


def _localized(text: str, language: str) -> str:
    """What is written in English in another language: its units, and its comma and point."""
    if language == "en":
        return text
    words = text.translate(str.maketrans(",.", ".,")).split(" ")
    return " ".join(_UNITS[language].get(word, word) for word in words)


def _moment(at: datetime, language: str) -> str:
    if language == "en":
        return f"{at.day} {at:%B %Y, %H:%M} UTC"
    return f"{at.day} {_MONTHS[language][at.month - 1]} {at:%Y, %H:%M} UTC"
