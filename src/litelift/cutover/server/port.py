"""The port: who holds one that is taken, and the next that is free."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Collection
from contextlib import suppress

import psutil

from litelift import errors
from litelift.cutover.server.engine import Client, doing

TRIES = 100


def next_free(client: Client, bind: str, first: int, *, local: bool, besides: Collection[int] = ()) -> int:
    """The first port from ``first`` on that nobody holds, and that is none of ``besides``. Raises PortTaken."""
    for port in range(first, min(first + TRIES, 65536)):
        if port not in besides and holder(client, bind, port, local=local) is None:
            return port
    last = min(first + TRIES, 65536) - 1
    raise errors.PortTaken(address=bind, message=f"all from {first} to {last} are taken")


def holder(client: Client, bind: str, port: int, *, local: bool) -> str | None:
    """Who holds a port of an address; None where it is free.

    Args:
        client: the engine, whose containers may publish it.
        bind: the address.
        port: the port.
        local: whether the engine is this machine's: what listens on another cannot be asked.

    Raises:
        PortTaken: nobody may listen there.
    """
    published = _publisher(client, bind, port)
    if published is not None or not local:
        return published
    return None if _can_bind(bind, port) else _listener(bind, port) or "a process that this user may not see"


def _publisher(client: Client, bind: str, port: int) -> str | None:
    with doing("list its containers"):
        running = client.api.containers()
    for container in running:
        for entry in container.get("Ports") or []:
            # podman tells a range by its first port and how many there are.
            first, many = entry.get("PublicPort") or 0, entry.get("range") or 1
            if first <= port < first + many and entry.get("Type", "tcp") == "tcp" and _meet(bind, entry.get("IP")):
                name = next(iter(container.get("Names") or [container["Id"][:12]])).lstrip("/")
                return f"the container {name} ({container.get('Image')})"
    return None


def _can_bind(bind: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: what is left of ended connections (TIME_WAIT) is in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            # Below 1024: the engine may, where this user may not (ip(7)).
            if error.errno == errno.EACCES:
                return _listener(bind, port) is None
            raise errors.PortTaken(address=f"{bind}:{port}", message=os.strerror(error.errno or 0)) from error
    return True


def _listener(bind: str, port: int) -> str | None:
    """The process that listens there. Others' processes are seen by root alone, or not at all (macOS)."""
    with suppress(psutil.AccessDenied):
        for found in psutil.net_connections("tcp"):
            if found.status != psutil.CONN_LISTEN or found.laddr.port != port or not _meet(bind, found.laddr.ip):
                continue
            if found.pid is None:
                return "a process that this user may not see"
            with suppress(psutil.Error):
                return f"the process {psutil.Process(found.pid).name()} ({found.pid})"
            return f"the process {found.pid}"
    return None


def _meet(one: str, other: str | None) -> bool:
    """Whether two who listen on these addresses are in each other's way."""
    if not other:
        return True
    mine, theirs = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return mine == theirs or mine.is_unspecified or theirs.is_unspecified
