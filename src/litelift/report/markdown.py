"""Text and tables for GitHub's Markdown that no foreign value can break."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from litelift.report.text import visible


class Markdown(str):
    """Text that is Markdown already; every other str is foreign, and escaped when it is printed."""

    __slots__ = ()


# An entity is text wherever it stands (CommonMark 2.5), so a pipe can never end a cell, nor < begin a tag. A backslash
# before a pipe would be eaten by the table itself.
_ENTITIES = {"|": "&#124;", "<": "&lt;", ">": "&gt;", "&": "&amp;", "`": "&#96;"}
_BACKSLASHED = frozenset("\\*[]~$#")
_INSIDE_WORD = re.compile(r"(?<=[^\W_])_+(?=[^\W_])")
_LINK = re.compile(r"(?i)(?<=[a-z])(?P<scheme>:)(?=//)|(?<=www)(?P<www>\.)")
# What would begin a block at the beginning of a line: "- ", "+ ", "1. ", "1) ", and rules of - or =
_BLOCK = re.compile(r"^(?P<number>\d*)(?P<mark>(?<=\d)[.)](?=\s|$)|(?<!\d)[-+=](?=[\s\-+=]|$))")


def escape(text: str) -> Markdown:
    """Foreign text as Markdown that shows exactly it, on one line; invisible characters are shown as escapes."""
    text = visible(text)
    # Inside a word an underscore is only itself, and survey_answers stays readable as source.
    plain = {at for found in _INSIDE_WORD.finditer(text) for at in range(*found.span())}
    links = {found.start(): "&#58;" if found["scheme"] else "&#46;" for found in _LINK.finditer(text)}
    out = []
    for at, character in enumerate(text):
        if at in links:
            out.append(links[at])
        elif character in _ENTITIES:
            out.append(_ENTITIES[character])
        elif character in _BACKSLASHED or (character == "_" and at not in plain):
            out.append("\\" + character)
        else:
            out.append(character)
    escaped = _BLOCK.sub(r"\g<number>\\\g<mark>", "".join(out))
    # Outer spaces would be trimmed, and inner runs drawn as one.
    escaped = re.sub(r"^ | $|(?<= ) ", "&#32;", escaped)
    return Markdown(escaped)


def printed(value: object) -> object:
    """What a template prints: Markdown as it is, all else escaped."""
    return value if isinstance(value, Markdown) or not isinstance(value, str) else escape(value)


def inline(code: str) -> Markdown:
    """A code span that its content cannot close (CommonMark 6.1)."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    ticks = "`" * (longest + 1)
    space = " " if longest else ""
    return Markdown(f"{ticks}{space}{visible(code)}{space}{ticks}")


def fence(code: str, language: str = "") -> Markdown:
    """A code block that its content cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    ticks = "`" * max(3, longest + 1)
    return Markdown(f"{ticks}{language}\n{visible(code, keep=chr(10) + chr(9))}\n{ticks}")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """A table; a header that begins with > is aligned to the right."""
    head = [header.removeprefix(">") for header in headers]
    lines = [_line(head), "|" + "|".join("---:" if header.startswith(">") else "---" for header in headers) + "|"]
    lines += [_line(row) for row in rows]
    return Markdown("\n".join(lines))


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(printed(cell)) for cell in cells) + " |"
