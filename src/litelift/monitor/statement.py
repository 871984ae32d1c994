"""A statement as it may be shown: without the values that stand in it, which are somebody's data, or a password."""

from __future__ import annotations

import re

from litelift.redact import text as redact

LENGTH = 200
"""Characters that are shown."""
READ = 1000
"""Characters that are worth reading for them."""
# "Lexical Structure", section 4.1. What is cut off within one has no end; a quote in a comment or in a name begins
# none, and a comment may hold values, too.
_PARTS = re.compile(
    r"""(?P<comment>--[^\r\n]*|/\*(?:[^*/]|\*(?!/)|/(?!\*)|/\*.*?\*/)*(?:\*/|\Z))
    |(?P<name>"(?:[^"]|"")*(?:"|\Z)|[^\W\d][\w$]*(?!['\w$]))
    |(?P<value>(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
        |\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?\Z)
        |'(?:[^']|'')*(?:'|\Z)
        |(?<![\w$.])(?:\d[\w.]{5,}|\.\d{5,}))""",
    re.DOTALL | re.VERBOSE,
)


def shown(query: str | None) -> str:
    """A statement in one line: its texts and its long numbers, which may be of a person, as '…', its comments away."""
    line = redact(" ".join(_PARTS.sub(_part, query or "").split()))
    return line if len(line) <= LENGTH else line[: LENGTH - 1].rstrip() + "…"


def _part(found: re.Match[str]) -> str:
    if found["comment"] is not None:
        return " "
    return "'…'" if found["value"] is not None else found[0]
