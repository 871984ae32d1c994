"""A statement as it may be shown: without the values that stand in it, which are somebody's data, or a password."""

from __future__ import annotations

import re

from litelift.redact import text as redact
from litelift.report.text import shorten

LENGTH = 200
"""Characters that are shown."""
READ = 1000
"""Characters that are worth reading for them."""
# "String Constants", section 4.1.2: what is cut off within one has no end.
_VALUES = re.compile(r"""\$(\w*)\$.*?(?:\$\1\$|\Z)|[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)""", re.DOTALL)


def shown(query: str | None) -> str:
    """A statement in one line, its text values as '…'."""
    return shorten(redact(_VALUES.sub("'…'", " ".join((query or "").split()))), LENGTH)
