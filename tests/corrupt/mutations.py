"""Mutations of a SQLite file's bytes: blind ones, and ones that know the file format.

Source: "Database File Format", sections 1.3 (the header), 1.5 (the freelist), 1.6 (b-tree pages).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

# Offset and size of the header's fields (section 1.3).
_FIELDS = (
    (0, 16),
    (16, 2),
    (18, 1),
    (19, 1),
    (20, 1),
    (21, 1),
    (22, 1),
    (23, 1),
    (24, 4),
    (28, 4),
    (32, 4),
    (36, 4),
    (40, 4),
    (44, 4),
    (48, 4),
    (52, 4),
    (56, 4),
    (60, 4),
    (64, 4),
    (92, 4),
    (96, 4),
)
_LEAF_TABLE, _INTERIOR_TABLE, _LEAF_INDEX, _INTERIOR_INDEX = 13, 5, 10, 2


@dataclass
class File:
    """A database's bytes, by page."""

    raw: bytearray

    @property
    def size(self) -> int:
        """Of a page, in bytes."""
        size = int.from_bytes(self.raw[16:18], "big")
        return 65536 if size == 1 else size

    @property
    def pages(self) -> int:
        return len(self.raw) // self.size

    def start(self, page: int) -> int:
        """Where a page starts; pages count from 1."""
        return (page - 1) * self.size

    def number(self, at: int, size: int = 4) -> int:
        return int.from_bytes(self.raw[at : at + size], "big")

    def put(self, at: int, value: int, size: int = 4) -> None:
        self.raw[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, "big")

    def trees(self) -> list[tuple[int, int]]:
        """Pages that look like a b-tree's, each with the place of its header."""
        found = []
        for page in range(1, self.pages + 1):
            head = self.start(page) + (100 if page == 1 else 0)
            if self.raw[head] in (_LEAF_TABLE, _INTERIOR_TABLE, _LEAF_INDEX, _INTERIOR_INDEX):
                found.append((page, head))
        return found

    def cells(self, page: int, head: int) -> list[int]:
        """Where a page's cells start."""
        first = head + (12 if self.raw[head] in (_INTERIOR_TABLE, _INTERIOR_INDEX) else 8)
        count = min(self.number(head + 3, 2), self.size // 4)
        places = [self.start(page) + self.number(first + 2 * cell, 2) for cell in range(count)]
        return [at for at in places if at + 8 < self.start(page) + self.size]

    def varint(self, at: int) -> tuple[int, int]:
        """A varint, and where it ends."""
        value = 0
        for place in range(at, at + 8):
            value = value << 7 | self.raw[place] & 0x7F
            if self.raw[place] < 0x80:
                return value, place + 1
        return value << 8 | self.raw[at + 8], at + 9


Mutation = Callable[[File, random.Random], bool]
"""Changes a file in place; False where there is nothing of its kind to change."""


def bits(file: File, dice: random.Random) -> bool:
    for _ in range(dice.choice((1, 1, 2, 8, 30))):
        file.raw[dice.randrange(len(file.raw))] ^= 1 << dice.randrange(8)
    return True


def overwrite(file: File, dice: random.Random) -> bool:
    size = min(dice.choice((1, 4, 16, 100, 512, 5000)), len(file.raw) // 2)
    at = dice.randrange(len(file.raw) - size)
    file.raw[at : at + size] = dice.choice((bytes(size), b"\xff" * size, dice.randbytes(size)))
    return True


def truncate(file: File, dice: random.Random) -> bool:
    keep = dice.randrange(len(file.raw))
    if dice.random() < 0.5:
        keep -= keep % file.size
    del file.raw[max(1, keep) :]
    return True


def swap(file: File, dice: random.Random) -> bool:
    if file.pages < 3:
        return False
    one, other = (file.start(page) for page in dice.sample(range(2, file.pages + 1), 2))
    size = file.size
    file.raw[one : one + size], file.raw[other : other + size] = (
        file.raw[other : other + size],
        file.raw[one : one + size],
    )
    return True


def duplicate(file: File, dice: random.Random) -> bool:
    if file.pages < 3:
        return False
    one, other = (file.start(page) for page in dice.sample(range(2, file.pages + 1), 2))
    file.raw[other : other + file.size] = file.raw[one : one + file.size]
    return True


def header(file: File, dice: random.Random) -> bool:
    at, size = dice.choice(_FIELDS)
    before = file.number(at, size)
    value = dice.choice((0, 1, 2, 3, before - 1, before + 1, before * 2, 1 << (8 * size - 1), -1, dice.getrandbits(16)))
    file.put(at, value, size)
    return file.number(at, size) != before


def _some_page(file: File, dice: random.Random) -> int:
    return dice.choice((0, 1, 2, file.pages, file.pages + 1, 0xFFFFFFFF, dice.randrange(1, file.pages + 1)))


def freelist(file: File, dice: random.Random) -> bool:
    trunk = file.number(32)
    if not 1 < trunk <= file.pages or dice.random() < 0.2:
        file.put(dice.choice((32, 36)), _some_page(file, dice))
        return True
    # The next trunk, the number of leaves, or a leaf.
    file.put(file.start(trunk) + 4 * dice.choice((0, 1, 2, 3)), _some_page(file, dice))
    return True


def child(file: File, dice: random.Random) -> bool:
    """A pointer of an interior page to its child."""
    inner = [(page, head) for page, head in file.trees() if file.raw[head] in (_INTERIOR_TABLE, _INTERIOR_INDEX)]
    if not inner:
        return False
    page, head = dice.choice(inner)
    file.put(dice.choice([head + 8, *file.cells(page, head)]), _some_page(file, dice))
    return True


def overflow(file: File, dice: random.Random) -> bool:
    """A pointer to an overflow page (section 1.6), or the length of what overflows."""
    found = []
    usable = file.size - file.raw[20]
    least = (usable - 12) * 32 // 255 - 23
    for page, head in file.trees():
        if file.raw[head] != _LEAF_TABLE:
            continue
        for at in file.cells(page, head):
            size, after = file.varint(at)
            _, body = file.varint(after)
            if size > usable - 35:
                kept = least + (size - least) % (usable - 4)
                found.append((at, body + (kept if kept <= usable - 35 else least)))
    if not found:
        return False
    cell, at = dice.choice(found)
    if dice.random() < 0.2:
        file.raw[cell] = dice.choice((0x81, 0xFF, 0x80))
    elif at + 4 <= len(file.raw):
        file.put(at, _some_page(file, dice))
    return True


def cell(file: File, dice: random.Random) -> bool:
    """A page's header, or the place of a cell."""
    page, head = dice.choice(file.trees())
    if file.cells(page, head) and dice.random() < 0.6:
        first = head + (12 if file.raw[head] in (_INTERIOR_TABLE, _INTERIOR_INDEX) else 8)
        file.put(first + 2 * dice.randrange(len(file.cells(page, head))), dice.getrandbits(16), 2)
    elif dice.random() < 0.5:
        file.raw[head] = dice.choice((_LEAF_TABLE, _INTERIOR_TABLE, _LEAF_INDEX, _INTERIOR_INDEX, 0))
    else:
        file.put(head + dice.choice((1, 3, 5)), dice.choice((0, 1, 0xFFFF, dice.getrandbits(10))), 2)
    return True


def record(file: File, dice: random.Random) -> bool:
    """The header of a record: the length of itself, or the type of a value (section 2.1)."""
    leaves = [(page, head) for page, head in file.trees() if file.raw[head] == _LEAF_TABLE and file.cells(page, head)]
    if not leaves:
        return False
    page, head = dice.choice(leaves)
    _, after = file.varint(dice.choice(file.cells(page, head)))
    _, body = file.varint(after)
    at = min(body + dice.randrange(6), len(file.raw) - 1)
    file.raw[at] = dice.choice((0, 1, 6, 7, 8, 9, 10, 11, 12, 13, 0x7F, 0x81, 0xFF, dice.getrandbits(8)))
    return True


def schema(file: File, dice: random.Random) -> bool:
    """The rows of sqlite_schema on the first page: SQL, names, root pages."""
    places = [at for at in range(100, min(file.size, len(file.raw))) if file.raw[at]]
    if not places:
        return False
    for _ in range(dice.choice((1, 1, 3))):
        file.raw[dice.choice(places)] = dice.choice((0, 1, 34, 39, 40, 41, 45, 0x80, 0xFF, dice.randrange(32, 127)))
    return True


KINDS: dict[str, Mutation] = {
    "bits flipped": bits,
    "bytes overwritten": overwrite,
    "truncated": truncate,
    "pages swapped": swap,
    "page duplicated": duplicate,
    "header field": header,
    "freelist": freelist,
    "child pointer": child,
    "overflow": overflow,
    "page or cell": cell,
    "record header": record,
    "schema": schema,
}


def mutate(raw: bytes, kind: str, dice: random.Random) -> bytes:
    """A mutated copy; where there is nothing of the kind, bits are flipped."""
    file = File(bytearray(raw))
    if not KINDS[kind](file, dice):
        bits(file, dice)
    return bytes(file.raw)
