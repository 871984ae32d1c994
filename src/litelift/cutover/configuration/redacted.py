"""What changes in a file of configuration, line by line, without a secret in it: for the terminal and the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from litelift.redact import text as redact

HIDDEN = "***"
SECRET = re.compile(r"pass|pwd|secret|key|token|credential|private|salt|dsn|auth", re.IGNORECASE)
"""A name that has one of these is a secret's, though it be another's too: hiding too much does less harm."""

_LINE = re.compile(r"(\ufeff?\s*(?:#+\s*)?(?:-\s+)?(?:export\s+)?([\w.-]+|<<)\s*[=:]\s*)(.*)", re.DOTALL)
_NOTHING = re.compile(r"\s*(?:#.*|<%.*%>\s*)?")


def line(words: str, secrets: Iterable[str] = ()) -> str:
    """A line of a .env or a YAML file, without its secret.

    Args:
        words: the line.
        secrets: what is hidden wherever it stands.
    """
    pair = _LINE.fullmatch(words)
    if pair is None:
        # What is no key with a value may be a secret's second line.
        shown = redact(words) if _NOTHING.fullmatch(words) else HIDDEN
    elif SECRET.search(pair[2]) and pair[3].strip():
        return pair[1] + HIDDEN
    else:
        shown = redact(words)
    for secret in secrets:
        if len(secret) > 3:
            shown = shown.replace(secret, HIDDEN)
    return shown


def diff(before: str, after: str, secrets: Iterable[str] = ()) -> list[str]:
    """The changed lines, as diff(1) marks them, with the number of the line where each change begins."""
    return list(_diff(before.splitlines(), after.splitlines(), list(secrets)))


def _diff(before: list[str], after: list[str], secrets: list[str]) -> Iterator[str]:
    for what, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        yield f"@@ line {new_start + 1} @@"
        yield from (f"-{line(old, secrets)}" for old in before[start:end])
        yield from (f"+{line(new, secrets)}" for new in after[new_start:new_end])
