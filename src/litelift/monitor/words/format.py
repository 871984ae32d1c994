"""Numbers, sizes, durations and moments as the readers of each language write them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from math import isnan
from typing import Any

from litelift.monitor.words.keywords import QUOTED
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
    """A fact as a template's {name:spec} wants it; one that has no such form as it is.

    Args:
        value: text; a number; seconds since 1970 for a moment.
        spec: "" (text as it is, invisible characters as escapes; a number with its thousands), "bytes", "duration",
            "age", "ms", "percent", "moment", or "# table|# tables": the form for one and for all other numbers, #
            standing for it. Of what is to be typed: "plain" (a number), "identifier" and "literal" (as SQL has them),
            "shell" (a word as a shell has it), "sql" (a statement, or what is quoted already, never cut).
    """
    if value is None or (isinstance(value, float) and isnan(value)):
        return "?"
    if spec in _TYPED:
        return visible(_TYPED[spec](str(value)))
    try:
        return _told(value, spec, language)
    except (TypeError, ValueError, OverflowError, OSError):
        # A finding may be another version's, from the samples, or a moment beyond all years: it is told all the same.
        return visible(shorten(str(value)))


def _told(value: Any, spec: str, language: str) -> str:
    if "|" in spec:
        one, many = spec.split("|")
        return (one if value == 1 else many).replace("#", _localized(human.number(value), language))
    if spec == "moment":
        return _moment(datetime.fromtimestamp(value, UTC), language)
    if spec:
        return _localized(_FORMS[spec](value), language)
    if isinstance(value, str):
        return visible(shorten(value))
    whole = isinstance(value, int) or round(value, 1) == round(value)
    return _localized(f"{value:,.0f}" if whole else f"{value:,.1f}", language)


def _identifier(name: str) -> str:
    """As it is written in SQL ("Identifiers and Key Words", section 4.1.1)."""
    if re.fullmatch("[a-z_][a-z0-9_]*", name) and name not in QUOTED:
        return name
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    """As it is written in SQL ("String Constants", section 4.1.2.1), whatever standard_conforming_strings says."""
    quoted = text.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in text else f"'{quoted}'"


_TYPED: dict[str, Callable[[str], str]] = {
    "plain": shorten,
    "sql": str,
    "identifier": _identifier,
    "literal": _literal,
    "shell": shlex.quote,
}
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
