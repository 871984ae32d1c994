"""What no PRAGMA tells: the CHECKs and collations in the text of a CREATE TABLE."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|$)|\s+|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[^\W\d][\w$]*|\d[\w.]*|[<>!=]=|<>|\|\||.""",
    re.DOTALL,
)
_QUOTES = {'"': '"', "`": "`", "[": "]"}


@dataclass(frozen=True)
class CheckText:
    """A CHECK: its name if it has one, its condition, and the table's columns that the condition reads."""

    name: str
    sql: str
    columns: tuple[str, ...]


def tokens(sql: str) -> list[str]:
    """The tokens, without comments and white space."""
    found = (match.group() for match in _TOKEN.finditer(sql))
    return [token for token in found if not token.isspace() and not token.startswith(("--", "/*"))]


def unquoted(token: str) -> str:
    """The name that a token is, quoted or not."""
    close = _QUOTES.get(token[0])
    if close is None:
        return token
    return token[1:-1] if token[0] == "[" else token[1:-1].replace(close * 2, close)


def checks(sql: str, columns: list[str]) -> Iterator[CheckText]:
    """The CHECKs of a CREATE TABLE, those of its columns and its own; ``columns`` are the table's."""
    words = tokens(sql)
    places = {column.lower(): column for column in columns}
    for at, depth in _depths(words):
        if depth != 1 or words[at].upper() != "CHECK" or words[at + 1 : at + 2] != ["("]:
            continue
        condition = words[at + 2 : _close(words, at + 1)]
        read = [
            places[unquoted(word).lower()]
            for place, word in enumerate(condition)
            if word[0] != "'" and unquoted(word).lower() in places and condition[place + 1 : place + 2] != ["("]
        ]
        named = at >= 2 and words[at - 2].upper() == "CONSTRAINT"
        yield CheckText(unquoted(words[at - 1]) if named else "", " ".join(condition), tuple(dict.fromkeys(read)))


def collations(sql: str, columns: list[str]) -> dict[str, str]:
    """The columns that have a collation of their own other than BINARY."""
    words = tokens(sql)
    places = {column.lower(): column for column in columns}
    found: dict[str, str] = {}
    column = None
    for at, depth in _depths(words):
        if depth != 1:
            continue
        if words[at - 1] in ("(", ","):
            column = places.get(unquoted(words[at]).lower())
        elif column and words[at].upper() == "COLLATE" and words[at + 1 :]:
            name = unquoted(words[at + 1]).upper()
            if name != "BINARY":
                found[column] = name
    return found


def _depths(words: list[str]) -> Iterator[tuple[int, int]]:
    depth = 0
    for at, word in enumerate(words):
        depth -= word == ")"
        yield at, depth
        depth += word == "("


def _close(words: list[str], opened: int) -> int:
    depth = 0
    for at in range(opened, len(words)):
        depth += (words[at] == "(") - (words[at] == ")")
        if depth == 0:
            return at
    return len(words)
