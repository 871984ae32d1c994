"""What the quarantine's page shows of litelift.quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, or a whole row, that was kept aside."""

    table: str
    column: str | None
    """None: the whole row; ``original`` is its JSON then."""
    key: Mapping[str, Any]
    original: bytes
    """Its first 2,000 bytes at least."""
    size: int
    """Bytes of all of it."""
    storage_class: str
    """SQLite's: "text", "blob" and so on."""
    reason: str
    at: datetime
    stands_in: str | None = None
    """What the row holds in its place."""
    seen_at: datetime | None = None
    """When a person had looked at it; None where nobody has noted that."""

    @property
    def readable(self) -> str:
        """The original as text; bytes that are no UTF-8, and those of a blob that are not text, as escapes."""
        return self.original.decode("utf-8", "surrogateescape")

    @property
    def hexadecimal(self) -> str:
        """The original in groups of two digits."""
        return self.original.hex(" ")


@dataclass(frozen=True, slots=True)
class Entries:
    """A page of them."""

    label: str
    """How the database is called."""
    entries: Sequence[Entry]
    total: int
    """Of the table that is asked for, or of all."""
    tables: Mapping[str, int] = field(default_factory=dict)
    """How many each table has."""
    table: str | None = None
    """Which one is asked for: the query parameter "table"."""
    next: str | None = None
    """What the query parameter "after" says for the next page; None on the last."""
    after: str | None = None
    """What it said for this one; None on the first."""
