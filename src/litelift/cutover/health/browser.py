"""How a check goes through HTTP: headers, cookies, redirects and sessions, every answer bounded."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import httpx

from litelift.cutover.health.answer import HOPS, REDIRECTS, Answer, loop, origin, shown
from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.network import trouble
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings_http import HttpSettings
from litelift.cutover.health.trust import trust_of
from litelift.report.format import size

_CSRF = {"csrftoken": "X-CSRFToken", "XSRF-TOKEN": "X-XSRF-TOKEN"}
"""Cookies with a CSRF token, and the header that proves it was read: Django's; Laravel's and Angular's."""


@dataclass
class Session:
    """What a login left for the checks after it."""

    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    token: str | None = None
    """Sent as Bearer."""


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
            verify=trust_of(check, attempt.surroundings.folder),
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
                if not follow or answer.status not in REDIRECTS or "location" not in answer.headers:
                    return answer
                seen.append(answer.url)
                if len(seen) > HOPS:
                    raise Failing(f"an answer to {method} {shown(url)}", f"a redirect loop: {loop(seen)}")
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
