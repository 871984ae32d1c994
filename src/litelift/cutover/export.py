"""The file of rows that were written since the switch: one JSON object a line, whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from litelift import __version__
from litelift.atomic import PRIVATE, write_whole
from litelift.errors import ExportFailed

NAME = "written-since-cutover.jsonl"
SUMMARY = "written-since-cutover.json"
_ON_ONE_LINE = {ord("\n"): " ", ord("\r"): " ", 0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class ExportFile:
    """Writes `NAME` into a folder. It has its name when it is whole and on the disk; a failure leaves nothing.

    Within ``with``, write lines; at the end call `finish`.
    """

    def __init__(self, folder: Path) -> None:
        """``folder`` is there, or is made."""
        self.path = folder / NAME
        self.part = folder / f".{NAME}.part"
        self.bytes = self.lines = 0
        self._sum = hashlib.sha256()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Begin. Raises ExportFailed."""
        try:
            self.part.parent.mkdir(parents=True, exist_ok=True)
            self.part.unlink(missing_ok=True)
            self._file = os.fdopen(os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb", 1 << 20)
        except OSError as error:
            raise _failed(self.path, error) from error
        return self

    def line(self, head: str, key: str | None, row: str | None) -> None:
        """Add a row: ``head`` is JSON's beginning up to the key, ``key`` and ``row`` are JSON as the server wrote it.

        A ``json`` column may hold line breaks, which can only stand between its tokens (RFC 8259, section 7); what
        Unicode calls one can only stand within a string.
        """
        self._write(f'{head}, "key": {key or "null"}, "row": {row or "null"}}}'.translate(_ON_ONE_LINE))

    def finish(self, counts: dict[str, Any]) -> str:
        """Add the last line, put the file in its place, and its counts and SHA-256 beside it; return the SHA-256.

        Raises ExportFailed.
        """
        self._write(json.dumps({"summary": {"rows": self.lines, **counts}}, ensure_ascii=False))
        file = self._opened()
        digest = self._sum.hexdigest()
        try:
            file.flush()
            os.fsync(file.fileno())
            file.close()
            self._file = None
            self.part.replace(self.path)
            about = {
                "format": 1,
                "litelift": __version__,
                "written": datetime.now(UTC).isoformat(),
                "file": NAME,
                "bytes": self.bytes,
                "sha256": digest,
                "rows": self.lines - 1,
                **counts,
            }
            # It synchronises the folder, and with it the new name.
            write_whole(
                self.path.with_name(SUMMARY), json.dumps(about, indent=2, ensure_ascii=False) + "\n", mode=PRIVATE
            )
        except OSError as error:
            raise _failed(self.path, error) from error
        return digest

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no part."""
        if self._file is not None:
            # What is still in the buffer has no room either.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
        self.part.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the file is not open")
        return self._file

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape") + b"\n"
        try:
            self._opened().write(data)
        except OSError as error:
            raise _failed(self.path, error) from error
        self._sum.update(data)
        self.bytes += len(data)
        self.lines += 1


def _failed(path: Path, error: OSError) -> ExportFailed:
    return ExportFailed(message=f"{path} cannot be written: {error.strerror}")
