"""A value map: the plan's words for a column's old and new values, matched exactly or without regard to case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

TURKIC = frozenset({"az", "tr"})


def fold(text: str, locale: str | None) -> str:
    """``text`` case-folded; in Azerbaijani and Turkish I folds to ı and İ to i (Unicode's SpecialCasing, az and tr)."""
    if locale in TURKIC:
        text = text.replace("İ", "i").replace("i\u0307", "i").replace("I", "ı")
    return text.casefold()


@dataclass(frozen=True)
class ValueMap:
    """``values`` maps an old value's text to the new one; ``unmapped`` says what a value does that it does not name."""

    values: dict[str, str]
    unmapped: Literal["fail", "keep", "quarantine"] = "fail"
    match: Literal["exact", "casefold"] = "exact"
    locale: str | None = None

    @cached_property
    def _lookup(self) -> dict[str, str]:
        if self.match == "exact":
            return dict(self.values)
        folded = {fold(old, self.locale): new for old, new in self.values.items()}
        # A value that is already the new one stays what it is, so that a second move over the same data is harmless.
        return {**{fold(new, self.locale): new for new in self.values.values()}, **folded}

    def get(self, text: str) -> str | None:
        """The new value for ``text``, or None where the map does not name it."""
        return self._lookup.get(text if self.match == "exact" else fold(text, self.locale))
