"""The first bytes of the source: what they promise, or what else the file is.

The facts are from "Database File Format", section 1.3 (the header).
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections import Counter
from contextlib import suppress
from pathlib import Path

from litelift import errors
from litelift.sqlite.beside import log_of

MAGIC = b"SQLite format 3\x00"
WRITE_AHEAD = 2
"""The read and the write version of a database whose journal is a write-ahead log (section 1.3.3)."""

_BEGINNING = 1024
# What a file that is no database may be, by its first bytes.
_OTHERS = (
    (b"\x1f\x8b", "a gzip archive", "Unpack it first: gunzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first: unzstd"),
    (b"\xfd7zXZ", "an xz archive", "Unpack it first: unxz"),
    (b"BZh", "a bzip2 archive", "Unpack it first: bunzip2"),
    (b"PK\x03\x04", "a zip archive", "Unpack it first: unzip"),
    (b"PGDMP", "a PostgreSQL dump", "Load that with pg_restore; litelift reads SQLite."),
    (b"PRAGMA ", "SQL text", "Make a database of it first: sqlite3 new.sqlite <"),
    (b"BEGIN TRANSACTION", "SQL text", "Make a database of it first: sqlite3 new.sqlite <"),
)


def check_header(path: Path) -> bytes:
    """The header of a file that may be a database.

    Raises SourceUnreadable, NotADatabase, SourceEncrypted, SourceTruncated, SourceCorrupt or SourceTooNew.
    """
    try:
        header = beginning(path)
    except OSError as error:
        raise errors.SourceUnreadable(path=path, message=lower_first(error.strerror or str(error))) from error
    size = path.stat().st_size
    if not header:
        raise errors.NotADatabase(path=path, message="the file is empty")
    if not header.startswith(MAGIC):
        raise _not_a_database(path, header, size)
    if len(header) < 100:
        raise errors.SourceTruncated(path=path, expected="at least 512", actual=size)
    if header[19] > 2:
        raise errors.SourceTooNew(
            path=path, version=sqlite3.sqlite_version, message=f"its read version is {header[19]}, not 1 or 2"
        )
    schema_format = int.from_bytes(header[44:48], "big")
    if schema_format > 4:
        raise errors.SourceTooNew(
            path=path, version=sqlite3.sqlite_version, message=f"its schema format is {schema_format}, not 1 to 4"
        )
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    if page_size < 512 or page_size & (page_size - 1):
        raise errors.SourceCorrupt(path=path, message=f"its page size is {page_size}")
    encoding = int.from_bytes(header[56:60], "big")
    if encoding > 3:
        # SQLite itself looks at the last two bits alone.
        raise errors.SourceCorrupt(path=path, message=f"its text encoding is {encoding}, not 1 to 3")
    log = log_of(path)
    if log.exists() and log.stat().st_size:
        return header
    # The page count is valid only where "version valid for" equals the change counter (section 1.3.7).
    pages = int.from_bytes(header[28:32], "big")
    if header[24:28] == header[92:96] and size < pages * page_size:
        raise errors.SourceTruncated(path=path, expected=pages * page_size, actual=size)
    return header


def beginning(path: Path) -> bytes:
    """The first bytes, through a descriptor that this process may have of the file already.

    To close one of our own would give up the locks that this process holds on the file, those of a connection of the
    caller's ("How To Corrupt An SQLite Database File", section 2.2).
    """
    wanted = path.stat()
    with suppress(OSError):
        for held in Path("/dev/fd").iterdir():
            with suppress(OSError, ValueError):
                if os.path.samestat(os.fstat(int(held.name)), wanted):
                    return os.pread(int(held.name), _BEGINNING, 0)
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def lower_first(text: str) -> str:
    """The system's words, as they go on after ours."""
    return text[:1].lower() + text[1:]


def _not_a_database(path: Path, header: bytes, size: int) -> errors.SourceError:
    for magic, kind, way in _OTHERS:
        if header.startswith(magic):
            hint = way if way.endswith(".") else f"{way} {path}"
            return errors.NotADatabase(path=path, message=f"its first bytes are those of {kind}", hint=hint)
    # Bytes 21 to 23 are 64, 32 and 32 in every database; some encryptions leave them, and scramble what follows.
    if header[21:24] == b"\x40\x20\x20":
        plain = 1 <= int.from_bytes(header[44:48], "big") <= 4 and 1 <= int.from_bytes(header[56:60], "big") <= 3
        if plain:
            return errors.SourceCorrupt(path=path, message="its first 16 bytes were written over")
        return errors.SourceEncrypted(path=path)
    # A hundred random bytes have about 6.3 bits each; text and the headers of other files have fewer than 5.6.
    if size >= 512 and size % 512 == 0 and _entropy(header[:100]) > 5.8:
        return errors.SourceEncrypted(path=path)
    said = "it begins with zeros" if not any(header[:100]) else "its first bytes are not those of a SQLite file"
    return errors.NotADatabase(path=path, message=said)


def _entropy(data: bytes) -> float:
    total = len(data)
    return -sum(n / total * math.log2(n / total) for n in Counter(data).values())
