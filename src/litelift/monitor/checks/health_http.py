"""The check ``http`` with the standard library alone, for a process that makes it every minute for years.

What the cutover's own checks use for it (httpx, an event loop) would take a fifth of a watch's memory. What is expected
of an answer is held against it by the same code.
"""

from __future__ import annotations

import asyncio
import http.client
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from urllib.parse import urljoin, urlsplit
from urllib.request import Request

from litelift.cutover.health.answer import HOPS, REDIRECTS, Answer, loop, origin, shown
from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.expectations import document_of, expect_fields, expect_headers, expect_status, expect_texts
from litelift.cutover.health.kinds import Make, how_to_make
from litelift.cutover.health.network import trouble
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings import HealthCheck, HttpCheck
from litelift.cutover.health.trust import trust_of
from litelift.monitor.bounded import bounded
from litelift.report.format import size

_PIECE = 1 << 16


def fits(check: HealthCheck) -> bool:
    """Whether it can be made so."""
    return isinstance(check, HttpCheck) and check.session is None and check.method != "POST"


def way(check: HealthCheck) -> Make:
    """How a check is made: so, or as the cutover makes it. Raises MissingPart."""
    if not fits(check):
        return how_to_make(check)

    def make(check: HealthCheck, made: Attempt, runner: asyncio.Runner) -> str:
        assert isinstance(check, HttpCheck)
        try:
            # Each wait is bounded, and all of them together.
            return bounded(f"{check.name} {check.url}", check.timeout + 1, lambda: _attempt(check, made))
        except TimeoutError:
            raise Failing(f"all of it within {check.timeout:g} s", f"no end: {made.stage}") from None

    return make


def _attempt(check: HttpCheck, made: Attempt) -> str:
    """What was found. Raises Failing, TimeoutError."""
    with _client(check, made) as client:
        for _ in range(check.samples):
            answer = client.ask(check.method, check.url, check.redirects)
            expect_status(answer, check.statuses, check.debug_pages)
            expect_headers(answer, check.response_headers)
            if check.json_fields:
                expect_fields(document_of(answer), check.json_fields)
            expect_texts(answer, check.present, check.absent)
            made.milliseconds.append(answer.milliseconds)
    return f"status {answer.status}"


class _Headers(dict[str, str]):
    """By names in lower case."""

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(name.lower(), default)


class _Client:
    def __init__(self, check: HttpCheck, made: Attempt) -> None:
        self._check = check
        self._made = made
        self._ends = time.monotonic() + check.timeout
        self._cookies = CookieJar()
        self._connections: dict[tuple[str, str, int], http.client.HTTPConnection] = {}
        own = {**check.headers, **made.surroundings.secrets.headers.get(check.name, {})}
        self._own = {"User-Agent": "litelift-health", "Accept": "*/*", **own}

    def ask(self, method: str, url: str, follow: bool) -> Answer:
        """The answer, redirects followed. Raises Failing, TimeoutError."""
        began = time.perf_counter()
        seen: list[str] = []
        first = url
        try:
            while True:
                answer = self._one(method, url, began)
                if not follow or answer.status not in REDIRECTS or "location" not in answer.headers:
                    return answer
                seen.append(url)
                if len(seen) > HOPS:
                    raise Failing(f"an answer to {method} {shown(url)}", f"a redirect loop: {loop(seen)}")
                url = urljoin(url, answer.headers["location"])
                if urlsplit(url).scheme not in ("http", "https"):
                    raise Failing(f"a redirect to a page from {shown(answer.url)}", f"one to {urlsplit(url).scheme}:")
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException, UnicodeError, ValueError, zlib.error) as error:
            raise Failing(f"an answer to {method} {shown(first)}", trouble(error, first)) from None

    def close(self) -> None:
        """End all connections."""
        for connection in self._connections.values():
            connection.close()

    def _one(self, method: str, url: str, began: float) -> Answer:
        what = f"{method} {shown(url)}"
        self._made.stage = f"{what} had sent no answer"
        connection = self._connection(url)
        request = Request(url, method=method, headers=self._own if origin(url) == origin(self._check.url) else {})
        self._cookies.add_cookie_header(request)
        self._wait(connection)
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, headers=dict(request.header_items()))
        response = connection.getresponse()
        self._made.stage = f"{what} had answered with {response.status}, and not to its end"
        self._cookies.extract_cookies(response, request)
        body = self._body(connection, response, url)
        self._made.stage = f"{what} had answered with {response.status}"
        self._made.surroundings.secrets.add(*(cookie.value or "" for cookie in self._cookies))
        headers = _Headers((name.lower(), value) for name, value in response.getheaders())
        return Answer(response.status, url, headers, body, (time.perf_counter() - began) * 1000)

    def _body(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, url: str) -> bytes:
        limit = int(self._check.max_body_mb * 1_000_000)
        encoding = (response.getheader("content-encoding") or "identity").lower()
        # None was asked for; there are servers that send it all the same.
        unpacked = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in ("gzip", "x-gzip", "deflate") else None
        body = bytearray()
        while piece := response.read1(_PIECE):
            body += unpacked.decompress(piece, limit + 1) if unpacked is not None else piece
            if len(body) > limit:
                raise Failing(f"an answer of at most {size(limit)} from {shown(url)}", "a larger one (max_body_mb)")
            self._wait(connection)
        if response.length:
            raise http.client.IncompleteRead(bytes(body), response.length)
        # So that the connection takes the next request.
        response.close()
        return bytes(body)

    def _connection(self, url: str) -> http.client.HTTPConnection:
        where = origin(url)
        if where not in self._connections:
            scheme, host, port = where
            self._connections[where] = (
                http.client.HTTPSConnection(host, port, context=trust_of(self._check, self._made.surroundings.folder))
                if scheme == "https"
                else http.client.HTTPConnection(host, port)
            )
        return self._connections[where]

    def _wait(self, connection: http.client.HTTPConnection) -> None:
        """Let no wait last longer than all may. Raises TimeoutError."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.timeout = left
        if connection.sock is not None:
            connection.sock.settimeout(left)


@contextmanager
def _client(check: HttpCheck, made: Attempt) -> Iterator[_Client]:
    client = _Client(check, made)
    try:
        yield client
    finally:
        client.close()
