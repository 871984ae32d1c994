"""Asks a Redis for what it says of itself: three commands of its protocol ("RESP", version 2), over a plain socket.

The client library is for applications: it would take a tenth of a watch's memory.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

MOST = 1 << 20
"""Bytes of one answer."""


class Refused(Exception):
    """The server answered with an error."""


class Session:
    """A connection to a Redis. Every wait of it is bounded."""

    def __init__(self, url: str, user: str | None, password: str | None, seconds: float) -> None:
        """Connect and log in. Raises OSError, Refused.

        Args:
            url: redis://HOST:PORT/DATABASE, rediss:// with TLS, or unix:///PATH.
            user: of an ACL.
            password: None where none is wanted.
            seconds: for each answer.
        """
        self._socket = _connected(url, seconds)
        self._file: BinaryIO = self._socket.makefile("rb")
        try:
            if password is not None:
                self.ask("AUTH", *([user] if user else []), password)
        except BaseException:
            self.close()
            raise

    def ask(self, *words: str) -> Any:
        """The answer to a command. Raises OSError, Refused."""
        given = [word.encode() for word in words]
        lines = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in given)
        self._socket.sendall(b"*%d\r\n%s" % (len(given), lines))
        return self._answer()

    def milliseconds(self, times: int) -> float:
        """What a PING takes, on average of so many. Raises OSError, Refused."""
        began = time.perf_counter()
        for _ in range(times):
            self.ask("PING")
        return (time.perf_counter() - began) * 1000 / times

    def info(self) -> dict[str, str]:
        """What it says of itself. Raises OSError, Refused."""
        told = self.ask("INFO")
        lines = told.decode("utf-8", "replace").splitlines() if isinstance(told, bytes) else []
        return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))

    def close(self) -> None:
        """End the connection."""
        self._file.close()
        self._socket.close()

    def _answer(self) -> Any:
        line = self._file.readline(MOST)
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError(104, "closed without an answer")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode("utf-8", "replace"))
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self._file.read(min(length, MOST) + 2)[:-2]
        if kind in (b"+", b":"):
            return rest
        raise OSError(0, "an answer that is not Redis's")


def _connected(url: str, seconds: float) -> socket.socket:
    found = urlsplit(url)
    if found.scheme == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(seconds)
        try:
            made.connect(unquote(found.path))
        except BaseException:
            made.close()
            raise
        return made
    host = found.hostname or "127.0.0.1"
    made = socket.create_connection((host, found.port or 6379), timeout=seconds)
    if found.scheme != "rediss":
        return made
    try:
        return ssl.create_default_context().wrap_socket(made, server_hostname=host)
    except BaseException:
        made.close()
        raise
