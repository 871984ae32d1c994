"""The token and the password: from files that nobody else may read, or from the environment; never from the words."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from litelift.errors import SecretRefused

Kind = Literal["token", "password"]
LEAST: dict[Kind, int] = {"token": 32, "password": 12}
"""Characters. The right token is taken however often wrong ones were sent, so no number of attempts may lead to it: 32
hexadecimal digits are 128 bits. A password is tried some times in an hour (limits.py)."""
MOST_BYTES = 1024
VARIABLES: dict[Kind, str] = {"token": "LITELIFT_MONITOR_TOKEN", "password": "LITELIFT_MONITOR_PASSWORD"}


@dataclass
class Secret:
    """One of them. A file is read again when it has changed, so that a new password takes no restart."""

    kind: Kind
    path: Path | None = None
    _value: bytes = field(default=b"", repr=False)
    _read: tuple[int, ...] = ()

    def value(self) -> bytes:
        """What it is now. Raises SecretRefused."""
        if self.path is not None:
            self._read_again(self.path)
        return self._value

    def matches(self, given: bytes) -> bool:
        """Whether it was given, in a time that does not tell how much of it was right. Raises SecretRefused."""
        return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(self.value()).digest())

    def _read_again(self, path: Path) -> None:
        try:
            # Not a pipe, which would be waited for.
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise SecretRefused(what=path, message=f"it cannot be read: {error.strerror}") from None
        try:
            found = os.fstat(handle)
            seen = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode)
            if seen == self._read:
                return
            self._read = ()
            _see_to_mode(path, found)
            content = os.read(handle, MOST_BYTES + 1)
        finally:
            os.close(handle)
        self._value = _checked(self.kind, content.rstrip(b"\r\n"), path)
        self._read = seen


def secret(kind: Kind, path: Path | None, take: Callable[[str], str | None]) -> Secret | None:
    """The token or the password; None where there is none.

    Args:
        kind: which of them.
        path: the file that it is in.
        take: gives a variable of the environment, which is asked where there is no file.

    Raises:
        SecretRefused: the file cannot be read or may be read by others, or what is in it is too short.
    """
    if path is not None:
        made = Secret(kind, path)
        made.value()
        return made
    given = take(VARIABLES[kind])
    if not given:
        return None
    return Secret(kind, _value=_checked(kind, os.fsencode(given), VARIABLES[kind]))


def _see_to_mode(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SecretRefused(what=path, message="it is no file")
    if found.st_mode & 0o077:
        raise SecretRefused(
            what=path,
            message=f"others may read or write it (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"chmod 600 {path}",
        )
    if found.st_uid not in (os.geteuid(), 0):
        raise SecretRefused(what=path, message="it belongs to somebody else")


def _checked(kind: Kind, value: bytes, what: object) -> bytes:
    least = LEAST[kind]
    if len(value) > MOST_BYTES:
        raise SecretRefused(what=what, message=f"the {kind} has more than {MOST_BYTES:,} bytes")
    if any(byte < 0x20 or byte == 0x7F for byte in value):
        raise SecretRefused(what=what, message=f"the {kind} is one line, without control characters")
    if kind == "token" and not all(0x21 <= byte <= 0x7E for byte in value):
        # RFC 6750, section 2.1: what a header can carry.
        raise SecretRefused(what=what, message="the token is of visible ASCII characters")
    length = len(value.decode("utf-8", "replace"))
    if length < least:
        raise SecretRefused(what=what, message=f"the {kind} has {length} characters; it takes at least {least}")
    return value
