"""Batches to blocks for COPY, in text or in binary format, by the compiled path or by Python alone."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from litelift.compiled import Native
from litelift.postgres.types import PgType
from litelift.sqlite.scan import Batch
from litelift.sqlite.schema import Value
from litelift.wire.binary import HEADER, TRAILER, Packer, packer
from litelift.wire.codec import NULL, Codec, Stand, encode, escape, texts
from litelift.wire.text import ByteaCodec

if TYPE_CHECKING:
    from litelift import _native

Format = Literal["text", "binary"]

LARGE_BYTES = 1 << 20
"""Of a blob that is not copied into a block."""

PIECE_BYTES = 4 << 20
"""Of a large value, which goes to the server piece by piece."""

MANY = 8
"""After so many batches on end that were not plain, no more are tried as a whole; so of single rows in a stream."""

STREAM_ROWS = 5000
STREAM_BYTES = 256 << 10
"""Of one block of a stream."""


def copy_format(types: Sequence[PgType], stand_ins: Sequence[str | None], *, compiled: bool) -> Format:
    """The format in which a table's rows are written.

    Binary where C writes it and every column's type has a binary form: the server reads it faster, and C writes it
    faster. Python writes text faster.

    Args:
        types: the columns' types.
        stand_ins: for each column the default that may take a misfit's place, None where none does. It is in the
            server's words; one that cannot be packed makes the table's format text.
        compiled: the compiled path reads the rows.
    """
    if not compiled:
        return "text"
    for pg, stand_in in zip(types, stand_ins, strict=True):
        pack = packer(pg)
        if pack is None:
            return "text"
        try:
            if stand_in is not None:
                pack(stand_in)
        except ValueError:
            return "text"
    return "binary"


@dataclass(frozen=True, slots=True)
class Streamed:
    """How many rows were written, of how many bytes; the row after them, which is not plain; whether there are more."""

    rows: int
    bytes: int
    left: _native.Batch | None
    ended: bool


class Blocks:
    """Makes a table's blocks: `add` or `put` every column of a batch, then take its `block`."""

    def __init__(
        self, types: Sequence[PgType], codecs: Sequence[Codec], form: Format, module: Native | None = None
    ) -> None:
        """``module`` is the compiled path; without it ``add`` takes batches of Python's values only."""
        self.codecs = codecs
        self.binary = form == "binary"
        self.packers: list[Packer | None] = [packer(pg) for pg in types]
        self.texts: list[list[str]] = [[] for _ in codecs]
        self.fields: list[list[bytes | None]] = [[] for _ in codecs]
        self.writer = None
        self.plainless = 0
        self.credit: float = MANY
        self.large: dict[tuple[int, int], bytes] = {}
        self.natives: list[_native.Codec | None] = [None] * len(codecs)
        if module is not None:
            self.writer = module.Writer(len(codecs), self.binary)
            known = [codec.native for codec in codecs]
            self.natives = [module.Codec(*kind) if kind is not None else None for kind in known]

    @property
    def header(self) -> bytes:
        """What comes before the first block."""
        return HEADER if self.binary else b""

    @property
    def trailer(self) -> bytes:
        """What comes after the last block."""
        return TRAILER if self.binary else b""

    def add(self, place: int, batch: Batch, number: int, stand_in: Stand) -> None:
        """Encode a batch's column ``number`` as the table's at ``place``; see `encode` for ``stand_in``."""
        codec, native = self.codecs[place], self.natives[place]
        if self.writer is not None and native is not None:
            forms = self.writer.encode(place, batch, number, native)  # type: ignore[arg-type]
            if forms is not None:
                self._count(codec, *forms)
                return
        values = batch.column(number)
        if self.writer is None and isinstance(codec, ByteaCodec):
            values = self._without_large(place, values)
        if self.binary:
            self.put(place, texts(codec, values, stand_in))
        else:
            self._put_texts(place, encode(codec, values, stand_in))

    def write_rows(self, batch: Batch, first: int, write: Callable[[memoryview], object]) -> int | None:
        """Write the block of a batch whose values are all plain, and return its size; None where one is not.

        The batch's columns from ``first`` are the table's.
        """
        if self.writer is None or None in self.natives or self.plainless > MANY:
            return None
        told = self.writer.rows(batch, first, tuple(self.natives))  # type: ignore[arg-type]
        if told is None:
            self.plainless += 1
            return None
        self.plainless = 0
        forms, holes = told
        for place, naive, offset in forms:
            self._count(self.codecs[place], naive, offset)
        with memoryview(self.writer) as block:
            if not holes:
                write(block)
                return len(block)
            done = 0
            with memoryview(batch) as values:  # type: ignore[arg-type]
                for at, start, size in holes:
                    write(block[done:at])
                    for place in range(start, start + size, PIECE_BYTES):
                        write(values[place : min(place + PIECE_BYTES, start + size)])
                    done = at
            write(block[done:])
            return len(block) + sum(size for _, _, size in holes)

    def stream(self, reader: _native.Reader, first: int, write: Callable[[memoryview], object]) -> Streamed:
        """Write what the reader has, as long as it is plain; its columns from ``first`` are the table's.

        Ask `streams` before.
        """
        assert self.writer is not None
        rows, ended, left, forms = reader.stream(self.writer, first, tuple(self.natives), STREAM_ROWS, STREAM_BYTES)
        for place, naive, offset in forms:
            self._count(self.codecs[place], naive, offset)
        with memoryview(self.writer) as block:
            if rows:
                write(block)
            # Rows that are not plain cost several times as much one by one as together.
            self.credit = min(self.credit + rows / 100, MANY) - (left is not None)
            return Streamed(rows, len(block), left, ended)

    @property
    def streams(self) -> bool:
        """Whether every column can be plain, and most rows so far were."""
        return self.writer is not None and bool(self.natives) and None not in self.natives and self.credit >= 0

    def _count(self, codec: Codec, naive: int, offset: int) -> None:
        if naive:
            codec.forms["naive"] += naive
        if offset:
            codec.forms["offset"] += offset

    def put(self, place: int, found: Sequence[str | None]) -> None:
        """Take a column's texts, None for NULL."""
        if not self.binary:
            self._put_texts(place, [NULL if text is None else escape(text) for text in found])
            return
        pack = self.packers[place]
        assert pack is not None
        fields = [None if text is None else pack(text) for text in found]
        if self.writer is not None:
            self.writer.put(place, fields)
        else:
            self.fields[place] = fields

    def _put_texts(self, place: int, escaped: list[str]) -> None:
        if self.writer is not None:
            self.writer.put(place, escaped)
        else:
            self.texts[place] = escaped

    def _without_large(self, place: int, values: Sequence[Value]) -> Sequence[Value]:
        """The values with nothing in the place of large ones, which are written on their own."""
        found = {at: value for at, value in enumerate(values) if isinstance(value, bytes) and len(value) >= LARGE_BYTES}
        self.large.update({(at, place): value for at, value in found.items()})
        return [b"" if at in found else value for at, value in enumerate(values)] if found else values

    def write_block(self, rows: int, dropped: Collection[int], write: Callable[[bytes], object]) -> int:
        """Write the batch's rows, without those ``dropped``; returns how many bytes that were."""
        if not self.large:
            block = self.block(rows, dropped)
            if block:
                write(block)
            return len(block)
        size = 0
        for piece in self._pieces(rows, dropped):
            size += len(piece)
            write(piece)
        self.large.clear()
        return size

    def _pieces(self, rows: int, dropped: Collection[int]) -> Iterator[bytes]:
        """The rows field by field, and the large values piece by piece after what stands for an empty one."""
        for row in (row for row in range(rows) if row not in dropped):
            if self.binary:
                yield struct.pack("!h", len(self.fields))
            for place in range(len(self.codecs)):
                large = self.large.get((row, place), b"")
                if self.binary:
                    field = self.fields[place][row]
                    yield _length(large or field) + (field or b"")
                else:
                    yield self.texts[place][row].encode()
                for at in range(0, len(large), PIECE_BYTES):
                    piece = large[at : at + PIECE_BYTES]
                    yield piece if self.binary else piece.hex().encode()
                if not self.binary:
                    yield b"\n" if place + 1 == len(self.codecs) else b"\t"

    def block(self, rows: int, dropped: Collection[int]) -> bytes:
        """The batch's rows, without those ``dropped``."""
        if self.writer is not None:
            if not dropped:
                return self.writer.block(rows)
            marks = bytearray(rows)
            for index in dropped:
                marks[index] = 1
            return self.writer.block(rows, bytes(marks))
        if self.binary:
            packed = zip(*self.fields, strict=True)
            return b"".join(_packed(row) for index, row in enumerate(packed) if index not in dropped)
        lines = list(map("\t".join, zip(*self.texts, strict=True)))
        if dropped:
            lines = [line for index, line in enumerate(lines) if index not in dropped]
        return ("\n".join(lines) + "\n").encode() if lines else b""


def _packed(row: Sequence[bytes | None]) -> bytes:
    parts = [struct.pack("!h", len(row))]
    for field in row:
        parts.append(_length(field))
        if field is not None:
            parts.append(field)
    return b"".join(parts)


def _length(field: bytes | None) -> bytes:
    return struct.pack("!i", -1 if field is None else len(field))
