"""A table as a multiset of rows: their count and the sum of their digests, which does not depend on their order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

MODULUS = 1 << 128
BUCKETS = 4096


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


def short_digest(line: bytes) -> bytes:
    """Sixteen bytes that stand for a line."""
    return blake2b(line, digest_size=16).digest()


def unlike_buckets(source: Iterable[list[bytes]], target: Iterable[list[bytes]]) -> tuple[int, int, frozenset[int]]:
    """How many rows the two sides have, and the buckets of digests in which they differ, from their lines in batches.

    Rows of the other buckets are equal. Both sides are read in step, so that the server works meanwhile.
    """
    sums = [[0] * BUCKETS, [0] * BUCKETS]
    counts = [0, 0]
    for batches in itertools.zip_longest(source, target, fillvalue=()):
        for side, lines in enumerate(batches):
            counts[side] += len(lines)
            buckets = sums[side]
            for line in lines:
                code = int.from_bytes(short_digest(line), "little")
                buckets[code % BUCKETS] += code
    unlike = frozenset(number for number, (left, right) in enumerate(zip(*sums, strict=True)) if left != right)
    return counts[0], counts[1], unlike
