"""Which pieces of advice are meant: by their kind, their name, or their numbers in a list."""

from __future__ import annotations

from collections.abc import Sequence

from litelift.errors import UsageError
from litelift.monitor.advise.advice import KINDS, Advice
from litelift.shorten import shortened


def only(advice: Sequence[Advice], words: Sequence[str]) -> list[Advice]:
    """Those that ``words`` name, each a kind or the name of one; all where there are none. Raises UsageError."""
    names = {one.name for one in advice}
    for word in words:
        if word not in KINDS and word not in names and word.partition(":")[0] not in KINDS:
            raise UsageError(
                message=f"expected a kind of advice, or one by its name; got {word}",
                hint=f"Kinds are {', '.join(KINDS)}; --json shows the name of each.",
            )
    return [one for one in advice if not words or one.kind in words or one.name in words]


def numbered(advice: Sequence[Advice], words: str) -> list[Advice] | None:
    """Those that a person typed, as "1 3-5" or "all"; none for an empty line. None where it is neither."""
    if words.strip().lower() in ("all", "yes", "y"):
        return list(advice)
    wanted: set[int] = set()
    for part in words.replace(",", " ").split():
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            return [] if words.strip().lower() in ("n", "no", "none") else None
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= len(advice):
            return None
        wanted |= set(range(low, high + 1))
    return [one for number, one in enumerate(advice, 1) if number in wanted]


def listed(advice: Sequence[Advice]) -> str:
    """Their names in a line."""
    return shortened([one.object for one in advice], 5)
