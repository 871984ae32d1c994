"""A table as a multiset of rows: their count and the sum of their digests, which does not depend on their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

MODULUS = 1 << 128


@dataclass(slots=True)
class Sums:
    """The rows of a table, or of a part of it: the sums of its parts add up to the table's, modulo 2 to the 128."""

    count: int = 0
    total: int = 0

    def add(self, lines: Iterable[bytes]) -> None:
        """Add rows by their canonical lines, digested by BLAKE2b."""
        # Its whole digest comes faster than a short one, which is asked for by name.
        digests = [blake2b(line).digest() for line in lines]
        self.count += len(digests)
        self.total = (self.total + sum(map(int.from_bytes, digests))) % MODULUS

    def __iadd__(self, other: Sums) -> Sums:
        """Add the sums of another part, which were made by the same digest."""
        self.count += other.count
        self.total = (self.total + other.total) % MODULUS
        return self
