"""What stands in a value of ``[[environment]]`` for the application's login."""

from __future__ import annotations

import re
from collections.abc import Mapping

WORDS = ("url", "host", "port", "database", "user", "password")
"""See ``Login.words``."""

BRACES = re.compile(r"(?<!\$)\{([A-Za-z_]+)\}")
"""A word in braces; ``${X}`` is another file format's own."""

UNKNOWN = {word: "{" + word + "}" for word in WORDS}
"""Before there is a login: each word stands for itself."""


def filled(value: str, words: Mapping[str, str]) -> str:
    """``value`` with {url}, {host}... replaced, once; other braces stay as they are."""
    return BRACES.sub(lambda found: words.get(found[1], found[0]), value)
