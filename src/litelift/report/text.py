"""Foreign text (names and values of somebody's database) made visible and short."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

MAX_VALUE = 240
"""Characters of one value in a table; the rest is in report.json."""

MAX_SQL = 20_000
"""Characters of one object's SQL."""

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# Cc: controls; Cf: bidirectional overrides and zero-width characters, which make one name look like another; Cs: bytes
# that are not UTF-8; Co and Cn draw nothing or a box; Zl and Zp break a line. Zs other than the space look like one.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def escape_of(character: str) -> str | None:
    """The visible escape of a character that would not be seen, or None where it is seen as it is."""
    if " " <= character <= "~" or unicodedata.category(character) not in _INVISIBLE:
        return None
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def pieces(text: str, keep: str = "") -> list[tuple[bool, str]]:
    """The text as runs of ``(is an escape, characters)``; characters in ``keep`` stay as they are."""
    runs: list[tuple[bool, str]] = []
    for character in text:
        escape = None if character in keep else escape_of(character)
        escaped = escape is not None
        if runs and runs[-1][0] == escaped:
            runs[-1] = (escaped, runs[-1][1] + (escape or character))
        else:
            runs.append((escaped, escape or character))
    return runs


def visible(text: str, keep: str = "") -> str:
    """The text with every invisible character as an escape."""
    return "".join(part for _, part in pieces(text, keep))


def shorten(text: str, limit: int = MAX_VALUE) -> str:
    """At most ``limit`` characters, and how many there are."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def value(content: object) -> str:
    """A value for a table: NULL for None, text as it is, everything else as JSON."""
    if content is None:
        return "NULL"
    if isinstance(content, str):
        return shorten(content) if content else "(empty text)"
    if isinstance(content, bytes):
        return shorten("\\x" + content.hex())
    return shorten(json.dumps(content, ensure_ascii=False, default=str))


def key(content: Mapping[str, Any] | None) -> str:
    """A row's key: ``id = 7``, ``school = 3, code = 'A'``."""
    if not content:
        return "—"
    parts = []
    for name, part in content.items():
        shown = f"'{shorten(part, 80)}'" if isinstance(part, str) else value(part)
        parts.append(f"{shorten(name, 80)} = {shown}")
    return ", ".join(parts)


def title(kind: str) -> str:
    """A notice's kind as a heading: ``not-valid`` becomes ``Not valid``."""
    words = kind.replace("-", " ").replace("_", " ").strip() or "other"
    return words[0].upper() + words[1:]
