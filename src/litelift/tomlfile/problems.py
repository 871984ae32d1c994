"""What is wrong in a file: collected, placed on its line, and told together with the nearest right word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from litelift.errors import UsageError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: the keys that lead to it in the file, and what to say."""

    keys: tuple[str | int, ...]
    message: str


def combined(
    kind: type[UsageError],
    path: Path | str,
    lines: Mapping[tuple[str | int, ...], int],
    problems: Iterable[Problem],
) -> UsageError:
    """One error that tells all problems, in the file's order, each with its line."""
    told = sorted({(line_of(lines, p.keys), p.message) for p in problems})
    first_line, message = told[0]
    more = [f"\n{path}:{line}: {other}" for line, other in told[1:]]
    return kind(path=path, line=first_line, message=message + "".join(more))


def line_of(lines: Mapping[tuple[str | int, ...], int], keys: tuple[str | int, ...]) -> int:
    """The line of ``keys``, or of the nearest table around it; 1 where the file has none of them."""
    for end in range(len(keys), 0, -1):
        if keys[:end] in lines:
            return lines[keys[:end]]
        wanted = [ascii_lower(key) for key in keys[:end]]
        for written, line in lines.items():
            if len(written) == end and [ascii_lower(key) for key in written] == wanted:
                return line
    return 1


def find(sections: Mapping[str, _T], name: str) -> _T | None:
    """The section of that name, exact or else without regard to ASCII case."""
    if not sections:
        return None
    if name in sections:
        return sections[name]
    folded = ascii_lower(name)
    return next((section for written, section in sections.items() if ascii_lower(written) == folded), None)


def ascii_lower(name: str | int) -> str:
    """SQLite's own case folding of names: A to Z only."""
    text = str(name)
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)


def section_words(keys: tuple[str | int, ...]) -> str:
    """The header of a table as the file would write it."""
    if not keys:
        return "the file's top level"
    return f"[[{dotted(keys)}]]" if isinstance(keys[-1], int) else f"[{dotted(keys)}]"


def dotted(keys: tuple[str | int, ...]) -> str:
    """A dotted key as TOML writes it; control characters are escaped, for it goes to a terminal.

    Positions in arrays are left out: the line says which one it is.
    """
    parts = [key for key in keys if isinstance(key, str)]
    return ".".join(k if re.fullmatch(r"[A-Za-z0-9_-]+", k) else json.dumps(k, ensure_ascii=False) for k in parts)


def shown(value: object) -> str:
    """A value from the file, short enough for a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    return repr(value) if isinstance(value, str) else str(value)


def either(words: list[str]) -> str:
    """The words as a sentence has them: a, b or c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message: the nearest of ``known`` to ``word``, or nothing where none is near."""
    by_fold = {known_word.casefold(): known_word for known_word in known}
    near = get_close_matches(word.casefold(), by_fold, 1)
    return f"; did you mean {by_fold[near[0]]!r}?" if near else ""
