"""What a source is known by again: whether the file, or what its write-ahead log adds, is as it was.

The file's header counts its changes ("Database File Format", section 1.3.7), but not each of those that a write-ahead
log holds; the log's own header has salts that change whenever it begins anew (section 4.1).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from litelift.sqlite.beside import log_of
from litelift.sqlite.header import beginning

_LOG_HEADER = 32


@dataclass(frozen=True, slots=True)
class Log:
    """A write-ahead log that holds something: its size in bytes, its time, and its salts."""

    bytes: int
    modified_ns: int
    salts: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A source file at one moment. ``changes`` is the header's change counter, ``schema`` its schema cookie."""

    inode: int
    bytes: int
    modified_ns: int
    changes: int
    schema: int
    log: Log | None = None

    def as_json(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return asdict(self)

    def differs(self, now: Identity) -> str | None:
        """How ``now`` is another state than this one, in words; None where it is the same.

        With a log as it was, all that can have happened to the file is that pages of the log were copied into it.
        """
        if self.inode != now.inode:
            return "another file stands in its place"
        if self.log is not None or now.log is not None:
            return None if self.log == now.log else "its write-ahead log is another"
        if (self.changes, self.schema) != (now.changes, now.schema):
            return "it was written to"
        if self.bytes != now.bytes:
            return f"it had {self.bytes:,} bytes, and has {now.bytes:,}"
        return "the file was touched" if self.modified_ns != now.modified_ns else None


def identity(path: Path) -> Identity:
    """Look at a source file. Raises OSError."""
    header = beginning(path)
    found = path.stat()
    return Identity(
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        int.from_bytes(header[24:28], "big"),
        int.from_bytes(header[40:44], "big"),
        _log(log_of(path)),
    )


def identity_from_json(content: dict[str, Any]) -> Identity:
    """What `Identity.as_json` made. Raises TypeError, KeyError."""
    log = content.get("log")
    return Identity(**{**content, "log": None if log is None else Log(**log)})


def _log(path: Path) -> Log | None:
    try:
        with path.open("rb") as file:
            header = file.read(_LOG_HEADER)
        found = path.stat()
    except FileNotFoundError:
        return None
    return Log(found.st_size, found.st_mtime_ns, header[16:24].hex()) if found.st_size > _LOG_HEADER else None
