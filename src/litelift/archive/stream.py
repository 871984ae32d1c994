"""An archive as a stream: its members one after the other, in flat memory, whatever somebody has made of it."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Self, cast

from litelift.errors import ArchiveDamaged
from litelift.summed import BLOCK, Summed

MOST_HEADER = 1 << 20
"""Bytes of a member's long name and other properties; tarfile reads them whole. A path has at most 4,096 (limits.h)."""


class _Member(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        plain = found.type in (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE)
        if not plain and found.size > MOST_HEADER:
            raise tarfile.TarError(f"a header in it has {found.size} bytes")
        return found


@contextmanager
def members(file: IO[bytes] | Summed) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes]]]]:
    """The regular files of an archive, each to be read before the next; then gzip's own checksum is looked at.

    Raises tarfile.TarError for what is no plain file, such as a link or a device, and for a name that comes twice.
    """
    with gzip.GzipFile(fileobj=cast(BinaryIO, file), mode="rb") as zipped:

        def each() -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
            seen = set()
            with tarfile.open(fileobj=zipped, mode="r|", tarinfo=_Member) as tar:
                for member in tar:
                    content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                    if content is None:
                        raise tarfile.TarError(f"{member.name} is no file")
                    if member.name in seen:
                        raise tarfile.TarError(f"{member.name} is in it twice")
                    seen.add(member.name)
                    yield member, content

        yield each()
        # gzip looks at its checksum when it has read all.
        while zipped.read(BLOCK):
            pass


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what reading the archive ``path`` raises into ArchiveDamaged."""
    try:
        yield
    except FileNotFoundError as error:
        raise ArchiveDamaged(path=path, message="it is not there") from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveDamaged(path=path, message=str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ArchiveDamaged(path=path, message="it cannot be read as a tar") from error


def sum_of(content: IO[bytes] | Summed) -> str:
    """The SHA-256 of what is left of a file, in hexadecimal."""
    digest = hashlib.sha256()
    while data := content.read(BLOCK):
        digest.update(data)
    return digest.hexdigest()


def copy(content: IO[bytes], to: Summed) -> None:
    """Copy what is left of a file."""
    while data := content.read(BLOCK):
        to.write(data)
