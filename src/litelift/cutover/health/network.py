"""Why nothing answered, in words."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit


def trouble(error: BaseException, url: str) -> str:
    """What an error of a connection to ``url`` means."""
    found = urlsplit(url)
    port = found.port or {"https": 443, "http": 80, "redis": 6379, "rediss": 6379}.get(found.scheme, 0)
    return trouble_at(error, found.hostname or found.path, port)


def trouble_at(error: BaseException, host: str, port: int) -> str:
    """The same, of a host (or the path of a socket) and a port."""
    where = f"{host}:{port}" if port and not host.startswith("/") else host
    for one in _causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"a TLS certificate of {where} that is not trusted: {one.verify_message or one.reason}"
        if isinstance(one, ssl.SSLError):
            said = (one.reason or str(one)).replace("_", " ").lower()
            hint = " (it may not speak TLS)" if "wrong version" in said or "record layer" in said else ""
            return f"an error of TLS from {where}: {said}{hint}"
        if isinstance(one, socket.gaierror):
            return f"no address of the name {host} (DNS): {one.strerror}"
        if isinstance(one, UnicodeError):
            return f"a host's name that is none: {host}"
        if isinstance(one, ConnectionRefusedError) or (isinstance(one, FileNotFoundError) and host.startswith("/")):
            return f"a refusal: nothing listens on {where}"
        if isinstance(one, ConnectionResetError | BrokenPipeError):
            return f"a connection to {where} that was cut off"
        if isinstance(one, OSError) and one.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return f"no way to {where}: {one.strerror}"
    said = " ".join(re.sub(r"\[Errno -?\d+\] ", "", str(error)).split()).rstrip(".")
    if "complete message" in said or "incomplete chunked" in said or "IncompleteRead" in said:
        return f"a connection to {where} that was closed in the middle of the answer"
    if type(error).__name__ == "DecodingError":
        return f"an answer of {where} that is not in the encoding that it names"
    if "status line" in said or "illegal header" in said:
        return f"an answer of {where} that is not HTTP's"
    if "disconnected" in said or "closed" in said:
        return f"a connection to {where} that was closed without an answer"
    return f"{type(error).__name__}{f': {said[:200]}' if said else ''} from {where}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
