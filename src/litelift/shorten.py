"""Long lists in one line: the first of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence


def shortened(words: Sequence[str], most: int, *, separator: str = ", ", total: int | None = None) -> str:
    """``a, b and 5 more``; between other separators ``a; b; and 5 more``.

    Args:
        words: what is listed, or only the first of it.
        most: how many are shown.
        separator: stands between them.
        total: how many there are, where ``words`` are not all.
    """
    shown = words[:most]
    rest = (len(words) if total is None else total) - len(shown)
    said = separator.join(shown)
    return f"{said}{' ' if separator == ', ' else separator}and {rest:,} more" if rest > 0 else said
