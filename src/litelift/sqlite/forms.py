"""Forms that texts of a column may have, whatever the column is declared as: hints for a person, no more."""

from __future__ import annotations

import json
import re

JSON_CHARS = 4096

# Of texts that each end with U+001F, so that a whole batch is looked at in one go.
FORMS: dict[str, re.Pattern[str]] = {
    "uuid": re.compile(r"(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\x1f)*"),
    "date and time": re.compile(r"(?:\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\x1f)*"),
    "JSON": re.compile(r"(?:\s*(?:\{[^\x1f]*\}|\[[^\x1f]*\])\s*\x1f)*"),
    "number": re.compile(r"(?:-?\d+(?:\.\d+)?\x1f)*"),
}


def has_form(name: str, text: str) -> bool:
    """Whether a text has the form."""
    return FORMS[name].fullmatch(text + "\x1f") is not None and (name != "JSON" or _is_json(text))


def _is_json(text: str) -> bool:
    # A long document is taken at its brackets' word: parsing is slow.
    if len(text) > JSON_CHARS:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
