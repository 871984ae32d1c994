"""Takes connections from a listening socket: counted before anything is read of them, and within a time with TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial

from litelift.monitor.web.connections import Connections, Held
from litelift.monitor.web.log import Log

HANDSHAKE_SECONDS = 10.0
FULL_PAUSE = 0.1
"""Seconds until another is taken where the process or the machine has no file descriptor for it."""


async def accept(
    listener: socket.socket,
    made: Callable[[Held], asyncio.Protocol],
    connections: Connections,
    log: Log,
    tls: Callable[[], ssl.SSLContext] | None,
) -> None:
    """Take connections until it is cancelled.

    Args:
        listener: bound, listening, and not blocking.
        made: makes the protocol of a connection.
        connections: those that are open.
        log: is told of those for which there is no room.
        tls: gives the context, where there is one.
    """
    loop = asyncio.get_running_loop()
    begun: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                client, peer = await loop.sock_accept(listener)
            except OSError:
                # Of the client that has gone again, or for want of descriptors (accept(2)): the listener is as it was.
                await asyncio.sleep(FULL_PAUSE)
                continue
            address = str(peer[0]) if isinstance(peer, tuple) else "unix"
            if not connections.admit(address):
                log.refused(address, "too many connections", "")
                client.close()
                continue
            held = Held(address, client.close)
            connections.add(held)
            task = loop.create_task(_begin(client, held, made, connections, tls))
            held.drop = partial(_cancel, task, client)
            begun.add(task)
            task.add_done_callback(begun.discard)
    finally:
        for task in list(begun):
            task.cancel()


def _cancel(task: asyncio.Task[None], client: socket.socket) -> None:
    # A task that has not begun closes nothing.
    task.add_done_callback(lambda _: client.close())
    task.cancel()


async def _begin(
    client: socket.socket,
    held: Held,
    made: Callable[[Held], asyncio.Protocol],
    connections: Connections,
    tls: Callable[[], ssl.SSLContext] | None,
) -> None:
    loop = asyncio.get_running_loop()
    try:
        if tls is None:
            await loop.connect_accepted_socket(lambda: made(held), client)
        else:
            await loop.connect_accepted_socket(
                lambda: made(held),
                client,
                ssl=tls(),
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=HANDSHAKE_SECONDS,
            )
    except OSError:
        # No TLS, none that we speak, or none in time: what else is on the open Internet.
        connections.remove(held)
        client.close()
    except BaseException:
        connections.remove(held)
        client.close()
        raise
