"""Where a request comes from, when a reverse proxy brings it."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

UNIX = "unix"
"""As a proxy: whoever connects to the Unix socket."""
_HERE = ("127.0.0.0/8", "::1")


def behind(application: ASGIApp, proxies: Sequence[str]) -> ASGIApp:
    """The application, which is told the address that one of these proxies says, and whether it was reached by TLS."""
    trusted = [one for one in proxies if one != UNIX]
    made: Any = ProxyHeadersMiddleware(application, [*trusted, UNIX] if UNIX in proxies else trusted)  # type: ignore[arg-type]

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client") is None:
            scope["client"] = (UNIX, 0)
        await made(scope, receive, send)

    return named


def is_shared(proxies: Sequence[str]) -> Callable[[str], bool]:
    """Whether many may come from an address: a proxy's, this machine's with all its users, a Unix socket's."""
    networks = [ipaddress.ip_network(one) for one in (*proxies, *_HERE) if one != UNIX]

    def shared(address: str) -> bool:
        with contextlib.suppress(ValueError):
            return any(ipaddress.ip_address(address.partition("%")[0]) in one for one in networks)
        return True

    return shared
