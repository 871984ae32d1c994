"""The TLS certificates of the application's addresses: how many days each has left."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from litelift.cutover.health.network import trouble_at
from litelift.cutover.health.settings import HealthCheck, RedisCheck
from litelift.cutover.health.settings_http import HttpSettings
from litelift.monitor.check import SELDOM, Check
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look

SECONDS = 5.0
"""For one address."""
_UTC_TIME, _GENERALIZED_TIME, _SEQUENCE, _CONTEXT_0 = 0x17, 0x18, 0x30, 0xA0


class Validity(NamedTuple):
    """When a certificate holds."""

    begin: datetime
    end: datetime


def _certificates(look: Look) -> Iterator[Finding]:
    shown = (address for address in map(_address, look.watched.health) if address and look.shown(_about(address)))
    addresses = list(dict.fromkeys(shown))
    if not addresses:
        yield look.ok("none")
        return
    with ThreadPoolExecutor(min(len(addresses), 8), "certificates") as pool:
        yield from pool.map(partial(_one, look), addresses)


def _address(check: HealthCheck) -> tuple[str, int] | None:
    url = check.url if isinstance(check, HttpSettings | RedisCheck) else ""
    found = urlsplit(url)
    port = {"https": 443, "rediss": 6379}.get(found.scheme)
    return (found.hostname, found.port or port) if port is not None and found.hostname else None


def _about(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def _one(look: Look, address: tuple[str, int]) -> Finding:
    host, port = address
    about = _about(address)
    try:
        validity = validity_of(_presented(host, port))
    except (OSError, ValueError) as error:
        message = trouble_at(error, host, port)
        return look.finding("unknown", "unseen", "unseen", about=about, place=about, message=message)
    left, whole = (validity.end - look.now).total_seconds() / 86400, (validity.end - validity.begin).days
    limit = look.limit("days_left")
    # Those that live for days only are renewed in the last third of their time, too.
    share = min(1.0, max(whole, 1) / 90)
    state = limit.state(left / share)
    return look.finding(
        state,
        "expired" if left <= 0 else "holds",
        "renew",
        about=about,
        measures=[look.measure("days_left", left)],
        place=about,
        host=host,
        end=validity.end.timestamp(),
        left=max(left, 0.0) * 86400,
    )


def _presented(host: str, port: int) -> bytes:
    """The certificate (DER) that is shown there, whether it is to be trusted or not: that the checks of it say.

    Raises OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection((host, port), timeout=SECONDS))
        found = stack.enter_context(context.wrap_socket(plain, server_hostname=host)).getpeercert(binary_form=True)
    if not found:
        raise OSError(0, "it shows no certificate")
    return found


def validity_of(certificate: bytes) -> Validity:
    """When a certificate (DER) holds: the fourth or fifth field of what is signed (RFC 5280, section 4.1).

    Raises ValueError: it is no certificate.
    """
    try:
        _, signed, _ = _element(_element(certificate)[1])
        kind, _, rest = _element(signed)
        # The version, where it is not the first.
        for _ in range(3 if kind == _CONTEXT_0 else 2):
            _, _, rest = _element(rest)
        kind, validity, _ = _element(rest)
        begin_kind, begin, after = _element(validity)
        end_kind, end, _ = _element(after)
        if kind != _SEQUENCE:
            raise ValueError
        return Validity(_moment(begin_kind, begin), _moment(end_kind, end))
    except (ValueError, IndexError):
        raise ValueError("no certificate that can be read") from None


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The kind and the content of the first element of DER, and what comes after it. Raises IndexError."""
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    return data[0], data[start : start + length], data[start + length :]


def _moment(kind: int, told: bytes) -> datetime:
    """Raises ValueError."""
    text = told.decode("ascii")
    if kind == _UTC_TIME:
        # Its years are of 1950 to 2049 (RFC 5280, section 4.1.2.5.1).
        text = ("19" if text[:2] >= "50" else "20") + text
    elif kind != _GENERALIZED_TIME:
        raise ValueError
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


# Programs renew when a third of the time is left, of 90 days at 30: at 21 that has failed for more than a week.
CHECK = Check("certificate", "services", _certificates, "outside", SELDOM, {"days_left": Limit(21, 7, below=True)})
