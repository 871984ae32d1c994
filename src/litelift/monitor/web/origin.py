"""Whether a request comes from the dashboard's own page, or from another site that a browser has open."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

FORWARDED = ("x-forwarded-for", "x-real-ip", "forwarded")


def foreign(request: Request) -> str | None:
    """Why a request is another site's; None where it is not. As net/http's CrossOriginProtection (Go 1.25) has it.

    A link to a page may be anywhere; nothing else of it is fetched from elsewhere. A form that is sent must say where
    it was: every browser does so by Sec-Fetch-Site, or, without TLS, by Origin.
    """
    headers, reads = request.headers, request.method in ("GET", "HEAD")
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        opened = reads and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return None if opened or site in ("same-origin", "none") else "asked for by another site"
    if origin is not None:
        return None if _host(origin) == headers.get("host") else "asked for by another site"
    return None if reads else "it does not say which site it is from"


def not_of_this_machine(headers: Headers) -> str | None:
    """Why a request may come from elsewhere though the server listens here alone; None where it does not.

    A name that somebody else's DNS leads to 127.0.0.1 brings a foreign page here as the same site (DNS rebinding); a
    proxy brings everybody.
    """
    if not _is_loopback(headers.get("host", "")):
        return "its Host is not this machine's"
    if any(name in headers for name in FORWARDED):
        return "a proxy brings it, and there is no password"
    return None


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
