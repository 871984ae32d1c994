"""Names: kept as they are; made unique, the same way each time, where PostgreSQL cannot keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal

MAX_BYTES = 63
SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})


class Namer:
    """One namespace of PostgreSQL: the relations of a schema, the columns or constraints of a table."""

    def __init__(
        self, identifiers: Literal["preserve", "lower"] = "preserve", taken: frozenset[str] = frozenset()
    ) -> None:
        """``taken`` names are not given again."""
        self.identifiers = identifiers
        self.taken = set(taken)
        self.reserved: set[str] = set()
        self.changed: dict[str, str] = {}

    def reserve(self, wanted: str) -> None:
        """Keep a name that the source gives from being made up for something else."""
        self.reserved.add(wanted.lower() if self.identifiers == "lower" else wanted)

    def made_up(self, wanted: str) -> str:
        """A name for what has none in the source: one that the source gives is left to what has it there."""
        return self._name(wanted, lambda name: name in self.taken or name in self.reserved)

    def name(self, wanted: str) -> str:
        """The name that ``wanted`` gets: itself where that fits (63 bytes; PostgreSQL manual, 4.1.1) and is free."""
        return self._name(wanted, self.taken.__contains__)

    def _name(self, wanted: str, is_taken: Callable[[str], bool]) -> str:
        kept = wanted.lower() if self.identifiers == "lower" else wanted
        # PostgreSQL's text has neither NULs nor bytes that are not UTF-8, which SQLite's names may have.
        kept = kept.replace("\x00", "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        given = kept
        if len(given.encode()) > MAX_BYTES or is_taken(given) or not given:
            digest = hashlib.sha256(wanted.encode("utf-8", "surrogateescape")).hexdigest()
            stem = kept.encode()[: MAX_BYTES - 9].decode("utf-8", "ignore")
            given = f"{stem}_{digest[:8]}"
            counter = 8
            while is_taken(given):
                counter += 1
                given = f"{stem}_{digest[counter - 8 : counter]}"
        self.taken.add(given)
        if given != wanted:
            self.changed[wanted] = given
        return given
