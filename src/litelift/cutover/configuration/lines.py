"""Lines of a text, by offsets, whatever they end with."""

from __future__ import annotations

import re

_EOL = re.compile(r"\r\n|\r|\n|\Z")


def line_start(text: str, at: int) -> int:
    """Where the line of ``at`` begins."""
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def line_end(text: str, at: int) -> int:
    """Where the line of ``at`` ends, before what ends it."""
    return _end(text, at).start()


def next_line(text: str, at: int) -> int:
    """Where the line after that of ``at`` begins; the text's end where it is the last."""
    return _end(text, at).end()


def line_break(text: str) -> str:
    """What ends the text's first line; a line feed where nothing does."""
    return _end(text, 0).group() or "\n"


def inserted(text: str, at: int, line: str) -> str:
    """The text with a line after that of ``at``, which ends as that one does; see ``without``."""
    end, after = line_end(text, at), next_line(text, at)
    if after > end:
        return text[:after] + line + text[end:after] + text[after:]
    return text + line_break(text) + line


def appended(text: str, line: str) -> str:
    """The text with a line at its end; a last line that nothing ends stays one that nothing ends."""
    last = re.search(r"(?:\r\n|\r|\n)\Z", text)
    return inserted(text, last.start() if last else len(text), line)


def commented(lines: str) -> str:
    """The lines as a comment."""
    return re.sub(r"(\A|\r\n|\r|\n)", r"\1# ", lines)


def without(text: str, start: int, end: int) -> str:
    """The text without the whole lines from ``start`` to ``end``, and without what ends one of them."""
    after = next_line(text, end)
    if after > end or not start:
        return text[:start] + text[after:]
    return re.sub(r"(?:\r\n|\r|\n)\Z", "", text[:start])


def _end(text: str, at: int) -> re.Match[str]:
    found = _EOL.search(text, at)
    assert found is not None
    return found
