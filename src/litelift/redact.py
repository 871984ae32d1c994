"""Takes passwords out of text, wherever it goes: errors, reports, the words of a process."""

from __future__ import annotations

import re

# Up to the last @ of the word: a password may itself hold an @ or a slash, and hiding too much does less harm. With one
# slash: a URL that was taken for a path.
_URL = re.compile(r"(?P<before>(?<![a-z0-9+.\-])[a-z0-9+.\-]+://?[^\s/:@]*):[^\s]*@", re.IGNORECASE)

# Up to a space that is not quoted: without quotes, a value may hold quotes, an & or an escaped space ("Connection
# Strings", section 34.1.1 of the PostgreSQL manual).
_KEYWORD = re.compile(
    r"(?P<before>\b[a-z_]*(?:password|passwd|passphrase|pwd|secret|token)\s*=\s*)"
    r"(?:'(?:[^'\\]|\\.)*(?:'|\Z)|\"(?:[^\"\\]|\\.)*\"(?:\\.|\S)*|(?:\\.|\S)+)",
    re.IGNORECASE | re.DOTALL,
)


def text(words: str) -> str:
    """The words without the password of a URL (``//user:pw@``) or a connection string (``password=pw``)."""
    words = _URL.sub(r"\g<before>:***@", words)
    return _KEYWORD.sub(r"\g<before>***", words)
