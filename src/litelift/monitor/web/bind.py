"""Where the server listens: addresses, or a Unix socket."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from pathlib import Path
from typing import Any

from litelift.errors import AddressUnusable, ServeRefused

BACKLOG = 512
Address = tuple[socket.AddressFamily, tuple[Any, ...]]


def addresses(host: str, port: int) -> list[Address]:
    """What a name or an address stands for. Raises ServeRefused."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise ServeRefused(message=f"{host} is no address, and no name of one", hint="") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def is_loopback(address: Address) -> bool:
    """Whether nobody but this machine reaches it."""
    return ipaddress.ip_address(str(address[1][0]).partition("%")[0]).is_loopback


def listening(where: list[Address]) -> list[socket.socket]:
    """Sockets that listen there; all on the port of the first, where it may be any. Raises AddressUnusable."""
    made: list[socket.socket] = []
    try:
        for family, address in where:
            host, port, *rest = address
            if made and not port:
                port = made[0].getsockname()[1]
            made.append(_bound(family, (host, port, *rest)))
    except BaseException:
        for one in made:
            one.close()
        raise
    return made


def _bound(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    # Said to be TCP, so that asyncio sends what is there at once (TCP_NODELAY).
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 has a socket of its own.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise _unusable(error, address) from None
    return made


def _unusable(error: OSError, address: tuple[Any, ...]) -> AddressUnusable:
    host, port = address[:2]
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        hint = f"Name another with --port (0: any that is free), or see who has it: ss -ltnp sport = :{port}"
        return AddressUnusable(where=where, message="somebody else listens there", hint=hint)
    if error.errno == errno.EADDRNOTAVAIL:
        hint = "See which this machine has: ip address"
        return AddressUnusable(where=where, message="it is no address of this machine", hint=hint)
    if error.errno == errno.EACCES:
        hint = "Name a port from 1024 on with --port, and put a reverse proxy before it."
        return AddressUnusable(where=where, message="this user may not listen on that port", hint=hint)
    return AddressUnusable(where=where, message=error.strerror or str(error))


def unix_listening(path: Path, mode: int) -> socket.socket:
    """A Unix socket that listens at ``path``, with the mode ``mode``. Raises AddressUnusable."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _take_away_left(path)
        old = os.umask(0o177)
        try:
            made.bind(str(path))
        finally:
            os.umask(old)
        path.chmod(mode)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressUnusable(where=path, message="somebody else listens there") from None
        raise AddressUnusable(where=path, message=error.strerror or str(error)) from None
    return made


def _take_away_left(path: Path) -> None:
    """Remove the socket that a server left behind which was killed, and nothing else."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise AddressUnusable(where=path, message="there is something else in its place")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
