"""How a check goes through HTTP: headers, cookies, redirects and sessions, every answer bounded."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.network import trouble
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings_base import file_of
from litelift.cutover.health.settings_http import HttpSettings
from litelift.errors import HealthCheckUnusable
from litelift.report.format import size

HOPS = 10
"""Redirects that are followed."""
_REDIRECTS = (301, 302, 303, 307, 308)
_CSRF = {"csrftoken": "X-CSRFToken", "XSRF-TOKEN": "X-XSRF-TOKEN"}
"""Cookies with a CSRF token, and the header that proves it was read: Django's; Laravel's and Angular's."""


@dataclass
class Session:
    """What a login left for the checks after it."""

    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    token: str | None = None
    """Sent as Bearer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end."""

    status: int
    url: str
    """Where it came from, redirects followed."""
    headers: httpx.Headers
    body: bytes
    milliseconds: float
    """From the first request to the last byte, redirects with it."""

    @property
    def text(self) -> str:
        """The body as text; what is not of its encoding is replaced."""
        charset = self.headers.get("content-type", "").lower().partition("charset=")[2].split(";")[0].strip("\"' ")
        try:
            return self.body.decode(charset or "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    @property
    def is_html(self) -> bool:
        """Whether it says so, or looks so where it says nothing."""
        kind = self.headers.get("content-type", "").lower()
        return "html" in kind if kind else self.body.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


def origin(url: str | SplitResult) -> tuple[str, str, int]:
    """Scheme, host and port."""
    found = urlsplit(url) if isinstance(url, str) else url
    return found.scheme, (found.hostname or "").lower(), found.port or (443 if found.scheme == "https" else 80)


def shown(url: str) -> str:
    """An address as it is told: without a user, and without a query, for that may hold a token."""
    found = urlsplit(url)
    query = "?..." if found.query else ""
    return f"{found.scheme}://{found.netloc.rpartition('@')[2]}{found.path}{query}"


class Browser:
    """A client of one attempt. Its time is bounded by the attempt's, so there is no other time-out."""

    def __init__(
        self, check: HttpSettings, attempt: Attempt, session: Session | None = None, also: Iterable[str] = ()
    ) -> None:
        """``session``: of a login, or one that a login fills. ``also``: addresses that get its secrets, as its own."""
        self.check = check
        self.attempt = attempt
        self.session = session or Session()
        self._homes = {origin(url) for url in (check.url, *also)}
        around = attempt.surroundings
        self._own = {**check.headers, **around.secrets.headers.get(check.name, {}), **around.headers}
        self._client = httpx.AsyncClient(
            verify=_trust(check, attempt),
            cookies=self.session.cookies,
            timeout=None,
            # A proxy of the environment would answer in the application's place, and ~/.netrc log in unasked.
            trust_env=False,
            headers={"User-Agent": "litelift-health"},
        )

    async def __aenter__(self) -> Self:
        """Nothing is connected yet."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self.session.cookies = self._client.cookies
        await self._client.__aexit__(kind, error, trace)

    @property
    def cookies(self) -> httpx.Cookies:
        """Those of now."""
        return self._client.cookies

    async def ask(
        self,
        method: str,
        url: str,
        *,
        follow: bool = True,
        json: Any = None,
        form: dict[str, str] | None = None,
        body: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """The answer to one request. Raises Failing where there is none."""
        began = time.perf_counter()
        given = {**self._headers(url, method), **(headers or {})}
        seen: list[str] = []
        try:
            request = self._client.build_request(method, url, json=json, data=form, content=body, headers=given)
            while True:
                answer = await self._send(request, began)
                if not follow or answer.status not in _REDIRECTS or "location" not in answer.headers:
                    return answer
                seen.append(answer.url)
                if len(seen) > HOPS:
                    raise Failing(f"an answer to {method} {shown(url)}", f"a redirect loop: {_loop(seen)}")
                request = self._next(request, answer)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:
            raise Failing(f"an answer to {method} {shown(url)}", trouble(error, url)) from None

    def _headers(self, url: str, method: str) -> dict[str, str]:
        """What is sent to ``url``; what is secret goes where it belongs, and nowhere else."""
        if origin(url) not in self._homes:
            return {}
        headers = dict(self._own)
        if self.session.token is not None:
            headers["Authorization"] = f"Bearer {self.session.token}"
        if method not in ("GET", "HEAD", "OPTIONS"):
            headers["Referer"] = url
            for cookie in self._client.cookies.jar:
                if cookie.name in _CSRF and cookie.value:
                    headers[_CSRF[cookie.name]] = unquote(cookie.value)
        return headers

    async def _send(self, request: httpx.Request, began: float) -> Answer:
        url = str(request.url)
        what = f"{request.method} {shown(url)}"
        self.attempt.stage = f"{what} had sent no answer"
        response = await self._client.send(request, stream=True, follow_redirects=False)
        limit = int(self.check.max_body_mb * 1_000_000)
        body = bytearray()
        try:
            self.attempt.stage = f"{what} had answered with {response.status_code}, and not to its end"
            async for chunk in response.aiter_bytes():
                body += chunk
                self.attempt.stage = f"{what} had sent {size(len(body))} of its answer, and not its end"
                if len(body) > limit:
                    raise Failing(f"an answer of at most {size(limit)} from {shown(url)}", "a larger one (max_body_mb)")
        finally:
            await response.aclose()
        self.attempt.stage = f"{what} had answered with {response.status_code}"
        self.attempt.surroundings.secrets.add(*(cookie.value or "" for cookie in self._client.cookies.jar))
        took = (time.perf_counter() - began) * 1000
        return Answer(response.status_code, url, response.headers, bytes(body), took)

    def _next(self, request: httpx.Request, answer: Answer) -> httpx.Request:
        """The request that a redirect asks for (RFC 9110, 15.4)."""
        url = str(request.url.join(answer.headers["location"]))
        if urlsplit(url).scheme not in ("http", "https"):
            raise Failing(f"a redirect to a page from {shown(answer.url)}", f"one to {urlsplit(url).scheme}:")
        becomes_get = answer.status == 303 or (answer.status in (301, 302) and request.method == "POST")
        if becomes_get or request.method in ("GET", "HEAD"):
            method = "HEAD" if request.method == "HEAD" else "GET"
            return self._client.build_request(method, url, headers=self._headers(url, method))
        headers = self._headers(url, request.method)
        if "content-type" in request.headers:
            headers["Content-Type"] = request.headers["content-type"]
        return self._client.build_request(request.method, url, headers=headers, content=request.content)


def _trust(check: HttpSettings, attempt: Attempt) -> ssl.SSLContext | bool:
    if not check.verify:
        return False
    if check.ca is None:
        return _systems_own()
    path = file_of(attempt.surroundings.folder, check.ca)
    try:
        return ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError):
        raise HealthCheckUnusable(check=check.name, message=f"{path} (ca) holds no certificate in PEM") from None


@cache
def _systems_own() -> ssl.SSLContext:
    """Whom the system trusts; not httpx's own list, which knows no authority of the house."""
    return ssl.create_default_context()


def _loop(seen: list[str]) -> str:
    """The addresses of a loop, from its first."""
    first = seen.index(seen[-1]) if seen.count(seen[-1]) > 1 else max(0, len(seen) - 4)
    around = seen[first:][:4]
    return " → ".join(shown(url) for url in around) + " → ..."
