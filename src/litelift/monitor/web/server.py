"""The server itself: uvicorn's, which takes its connections from `accept`, and ends at once."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn
from uvicorn.server import ServerState

from litelift.monitor.web.accept import accept
from litelift.monitor.web.connections import Connections, Held
from litelift.monitor.web.log import Handler, Log
from litelift.monitor.web.protocol import Connection
from litelift.monitor.web.tls import Certificate

HEAD_BYTES = 16384
"""Of a request's head."""
GRACE = 1
"""Seconds in which answers that have begun may end."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Server(uvicorn.Server):
    """A server on sockets that listen already."""

    server_state: ServerState

    def __init__(
        self,
        config: uvicorn.Config,
        listeners: Sequence[socket.socket],
        connections: Connections,
        log: Log,
        certificate: Certificate | None,
        ending: Callable[[], None],
    ) -> None:
        """``ending`` is called when it is to end, before it is waited for what it answers."""
        super().__init__(config)
        self._listeners, self._connections, self._log = listeners, connections, log
        self._certificate, self._ending = certificate, ending
        self._accepting: list[asyncio.Task[None]] = []
        self.ready: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await self.lifespan.startup()
        self.servers = []
        tls, certificate = None, self._certificate
        if certificate is not None:
            tls = lambda: certificate.context(self._log)  # noqa: E731
        for listener in self._listeners:
            taking = accept(listener, self._connection, self._connections, self._log, tls)
            self._accepting.append(asyncio.create_task(taking))
        self.started = True
        self.ready()

    async def on_tick(self, counter: int) -> bool:
        """What is done ten times a second."""
        self._log.sum_up()
        return await super().on_tick(counter) or any(task.done() for task in self._accepting)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        for task in self._accepting:
            task.cancel()
        for listener in self._listeners:
            listener.close()
        self._ending()
        await super().shutdown()
        # An accepting that failed is a fault of ours: it is told as one.
        for result in await asyncio.gather(*self._accepting, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """End by a signal. One that is ignored (nohup) stays so."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._asked)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    def _connection(self, held: Held) -> Connection:
        return Connection(self.config, self.server_state, held, self._connections, self._log)


def configured(application: object, root_path: str) -> uvicorn.Config:
    """uvicorn, with nothing of it that is not needed."""
    return uvicorn.Config(
        application,  # type: ignore[arg-type]
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        root_path=root_path,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=GRACE,
    )


@contextmanager
def told_by(log: Log) -> Generator[None, None, None]:
    """What uvicorn and asyncio tell, in our log."""
    handler = Handler(log)
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagated in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagated
