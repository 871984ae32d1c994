"""One connection: uvicorn's protocol, with a time within which a request has to be there, and an answer to be taken."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from litelift.monitor.web.connections import Connections, Held
from litelift.monitor.web.log import Log

REQUEST_SECONDS = 10.0
"""For the head of a request, and again for its body; not for each of its bytes."""
READ_SECONDS = 20.0
"""Within which a client has to take what is written for it, or 48 KiB of it: there are 64 KiB of memory for each."""
HIGH, LOW = 65536, 16384


class Connection(H11Protocol):
    """A connection, which is dropped where its client does not go on."""

    def __init__(self, config: Config, state: ServerState, held: Held, connections: Connections, log: Log) -> None:
        """``held`` is its place among the ``connections``."""
        super().__init__(config, state, {})
        self._held, self._all, self._log = held, connections, log
        self._awaited: type[h11.IDLE] | type[h11.SEND_BODY] | None = None
        self._request: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(HIGH, LOW)
        self._held.drop = transport.abort
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._all.remove(self._held)
        for timer in (self._request, self._reading):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Look whether that was all."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the end."""
        super().on_response_complete()
        self._look()

    def timeout_keep_alive_handler(self) -> None:
        """Close it, whether or not all of the last answer is taken."""
        super().timeout_keep_alive_handler()
        self._look()

    def shutdown(self) -> None:
        """The same at the server's end."""
        super().shutdown()
        self._look()

    def pause_writing(self) -> None:
        """What is written is not taken as fast."""
        super().pause_writing()
        self._taken_within()

    def resume_writing(self) -> None:
        """It was taken."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        super().resume_writing()

    def _look(self) -> None:
        """Set the time for what is waited for now."""
        if self.transport.is_closing():
            # Which it does once all is taken.
            self._taken_within()
        state = self.conn.their_state
        awaited = state if state in (h11.IDLE, h11.SEND_BODY) else None
        self._all.waits(self._held, awaited is not None)
        if awaited is self._awaited:
            return
        self._awaited = awaited
        if self._request is not None:
            self._request.cancel()
            self._request = None
        if awaited is not None:
            self._request = self.loop.call_later(REQUEST_SECONDS, self._too_slow)

    def _taken_within(self) -> None:
        if self._reading is None:
            self._reading = self.loop.call_later(READ_SECONDS, self._drop, "it does not read its answer")

    def _too_slow(self) -> None:
        # Browsers open connections beforehand, and say nothing in them.
        begun = self._awaited is h11.SEND_BODY or self.conn.trailing_data[0]
        self._drop("a request that does not end" if begun else None)

    def _drop(self, why: str | None) -> None:
        if why is not None:
            self._log.refused(self._held.address, why, "")
        self.transport.abort()


def connection(*given: Any) -> Connection:
    """A new connection."""
    return Connection(*given)
