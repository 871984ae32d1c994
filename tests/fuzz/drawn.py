"""Values drawn from a fuzzer's bytes: the same bytes give the same values, and no bytes are wrong."""

from __future__ import annotations

import struct

from litelift.sqlite.schema import Value

MOST_TIMES = 6000
"""How often a piece is repeated: beyond the 4300 digits that Python makes a number of, and its depth of recursion."""


class Drawn:
    """Takes values off the front; at the end there are only zeros."""

    def __init__(self, data: bytes) -> None:
        """Draw from ``data``."""
        self.data = data
        self.place = 0

    @property
    def more(self) -> bool:
        """Whether bytes are left."""
        return self.place < len(self.data)

    def take(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        found = self.data[self.place : self.place + size]
        self.place += size
        return found

    def below(self, limit: int) -> int:
        """A number from 0 up to, but without, the limit, which is at most 256."""
        return (self.take(1) or b"\0")[0] % limit

    def piece(self) -> bytes:
        """So many bytes as the first of them says."""
        return self.take(self.below(256))

    def text(self) -> str:
        """A piece as text, as SQLite's text is read: bytes that are not UTF-8 as lone surrogates."""
        return self.piece().decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self.data))

    def value(self) -> Value:
        """A value of any storage class; SQLite stores NULL for a NaN."""
        match self.below(7):
            case 0:
                return None
            case 1:
                return int.from_bytes(self.take(8), "big", signed=True)
            case 2:
                return self.below(256) - 128
            case 3:
                (real,) = struct.unpack("!d", self.take(8).ljust(8, b"\0"))
                return None if real != real else float(real)
            case 4:
                return self.piece()
            case 5:
                return self.text()
        times = int.from_bytes(self.take(2), "big") % MOST_TIMES
        return self.text()[:4] * times + self.text()

    def values(self, most: int) -> list[Value]:
        """At most so many values, as long as there are bytes."""
        found: list[Value] = []
        while self.more and len(found) < most:
            found.append(self.value())
        return found
