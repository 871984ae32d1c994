"""Who is logged in: a signed cookie, which says until when. It is worth nothing after a restart or another password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from litelift.monitor.web.credentials import Secret

REVOKED = 10_000
"""Logouts that are remembered, at most."""


class Sessions:
    """The sessions that were begun with one of the secrets."""

    def __init__(self, secrets_of: tuple[Secret, ...], hours: float, clock: Callable[[], float] = time.time) -> None:
        """Sessions that last so many hours."""
        self.seconds = int(hours * 3600)
        self._secrets = secrets_of
        self._random = secrets.token_bytes(32)
        self._clock = clock
        self._revoked: OrderedDict[str, None] = OrderedDict()

    def begun(self) -> str:
        """A new session's cookie."""
        said = f"{int(self._clock()) + self.seconds}.{secrets.token_urlsafe(16)}"
        return f"{said}.{self._signature(said)}"

    def valid(self, cookie: str) -> bool:
        """Whether the cookie is one of ours, and still holds. Raises SecretRefused."""
        said, _, signature = cookie.rpartition(".")
        if not cookie.isascii() or not hmac.compare_digest(signature, self._signature(said)):
            return False
        return int(said.partition(".")[0]) > self._clock() and said not in self._revoked

    def end(self, cookie: str) -> None:
        """Log out: the cookie is worth nothing any more. Raises SecretRefused."""
        if self.valid(cookie):
            self._revoked[cookie.rpartition(".")[0]] = None
            if len(self._revoked) > REVOKED:
                self._revoked.popitem(last=False)

    def _signature(self, said: str) -> str:
        # Of the secrets as they are now: another password ends what was begun with the old one.
        key = self._random + b"\0".join(hashlib.sha256(one.value()).digest() for one in self._secrets)
        return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
