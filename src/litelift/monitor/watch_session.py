"""The session that a watch keeps from look to look."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import psycopg

from litelift.errors import TargetError
from litelift.monitor.session import opened
from litelift.postgres.connect import Connection

LOOKS = 4
"""That are made in one session. Who is in a server does not see that it lets nobody in any more, for it is full, or its
passwords are others; and one that shuts down waits for those who are in it."""


class KeptSession:
    """Open as long as the server is well.

    Where it is not, the look itself tries to log in, and says why it cannot.
    """

    def __init__(self) -> None:
        """None is open yet."""
        self.wanted = True
        """Whether the server took a login at the last look."""
        self._connection: Connection | None = None
        self._logins: tuple[str, ...] = ()
        self._looks = 0

    def ready(self, logins: Sequence[str]) -> Connection | None:
        """The session, anew where the old one has served long enough; None where none can be had."""
        if self._connection is not None and not self._serves(tuple(logins)):
            self.close()
        if self._connection is None and self.wanted:
            try:
                self._connection = opened(logins)
            except (TargetError, psycopg.Error):
                self.wanted = False
                return None
            self._logins, self._looks = tuple(logins), 0
        self._looks += 1
        return self._connection

    def close(self) -> None:
        """Let go of it."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _serves(self, logins: tuple[str, ...]) -> bool:
        assert self._connection is not None
        if logins != self._logins or self._looks >= LOOKS:
            return False
        try:
            self._connection.execute("select")
        except psycopg.Error:
            return False
        return True
