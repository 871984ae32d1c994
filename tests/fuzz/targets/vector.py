"""Full-text columns: any value has an upper bound for the bytes of its tsvector, in time that grows with its length."""

from __future__ import annotations

from fuzz.drawn import Drawn
from litelift.plan.vectors import vector_bytes

WORDS = (b"a...", b"... ", b"a_b", b"-----")
_TIMES = 30_000


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as up to eight values.

    Nothing is raised, and the bound of a word with many marks inside is there at once.
    """
    for value in Drawn(data).values(8):
        assert vector_bytes(value) >= 0
        if isinstance(value, str):
            assert vector_bytes(f"a{value[:1] * _TIMES}a") >= 0
