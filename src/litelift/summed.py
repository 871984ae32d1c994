"""A file that sums what passes through it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import RawIOBase
from typing import IO

BLOCK = 1 << 20

OnBytes = Callable[[int], None]
"""Gets the number of bytes that were done since its last call."""


class Summed(RawIOBase):
    """A file that sums what passes through it."""

    def __init__(self, file: IO[bytes], on_bytes: OnBytes | None = None) -> None:
        """``on_bytes`` is told of all that passes."""
        self.file = file
        self.digest = hashlib.sha256()
        self.bytes = 0
        self.on_bytes = on_bytes

    def read(self, size: int = -1) -> bytes:
        """See `io.RawIOBase.read`."""
        data = self.file.read(size)
        self._add(data)
        return data

    def write(self, data: object) -> int:
        """See `io.RawIOBase.write`; all is written."""
        content = bytes(memoryview(data))  # type: ignore[arg-type]
        self.file.write(content)
        self._add(content)
        return len(content)

    def flush(self) -> None:
        """See `io.IOBase.flush`."""
        if not self.file.closed:
            self.file.flush()

    def _add(self, data: bytes) -> None:
        self.digest.update(data)
        self.bytes += len(data)
        if self.on_bytes is not None and data:
            self.on_bytes(len(data))
