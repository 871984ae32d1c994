"""Who is answered: each request is looked at before any other part of the server sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from litelift.errors import SecretRefused
from litelift.monitor.page import POLICY
from litelift.monitor.web.credentials import Secret
from litelift.monitor.web.limits import Logins, Requests
from litelift.monitor.web.log import Log
from litelift.monitor.web.origin import foreign, not_of_this_machine
from litelift.monitor.web.sessions import Sessions

HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer", with which a form says "Origin: null" (Fetch, section 3.2): then it cannot be told from others.
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
"""Of every answer that does not say them itself."""
_OPEN = ("/login", "/static/")
_HEALTH = "/healthz"


@dataclass(frozen=True)
class Access:
    """Who may look."""

    token: Secret | None
    password: Secret | None
    sessions: Sessions
    requests: Requests
    logins: Logins
    """With a password."""
    tokens: Logins
    """With a token: a program that has a wrong one keeps nobody from typing the password."""
    cookie: str
    """The name of the session's cookie."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Without one of them, everybody who reaches the server may look."""
        return tuple(one for one in (self.token, self.password) if one is not None)

    def session(self, request: Request) -> str | None:
        """The session's cookie that a request has, whatever it is worth."""
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return None
        return found.value if found is not None else None

    def logged_in(self, request: Request) -> bool:
        """Whether it has a session that holds. Raises SecretRefused."""
        cookie = self.session(request)
        return cookie is not None and self.sessions.valid(cookie)

    def allowed(self, request: Request) -> bool:
        """Whether its sender may look, now. Raises SecretRefused."""
        return not self.secrets or self._token_is_right(request) or self.logged_in(request)

    def _token_is_right(self, request: Request) -> bool:
        given = bearer(request)
        return given is not None and self.token is not None and self.token.matches(given)


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client is not None else "unix"


def bearer(request: Request) -> bytes | None:
    """The token that a request gives (RFC 6750, section 2.1)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else None


def path_of(request: Request) -> str:
    """The path below --root-path."""
    return str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))


def later(seconds: float) -> Response:
    """That it is too early."""
    return PlainTextResponse("too many\n", 429, {"retry-after": str(math.ceil(seconds))})


class Guard:
    """The application, for those who may."""

    def __init__(self, app: ASGIApp, access: Access, log: Log) -> None:
        """In front of ``app``."""
        self._app, self._access, self._log = app, access, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it be answered."""
        if scope["type"] != "http":
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        answer = self._answer(request) or self._app
        await answer(scope, receive, sent)

    def _answer(self, request: Request) -> Response | None:
        """What is said to who may not; None to who may."""
        access, path = self._access, path_of(request)
        if (wait := access.requests.wait(address_of(request))) > 0:
            return self._refused(request, "too many requests", later(wait))
        if path == _HEALTH:
            return None
        why = foreign(request) or (None if access.secrets else not_of_this_machine(request.headers))
        if why is not None:
            return self._refused(request, why, PlainTextResponse(f"refused: {why}\n", 403))
        if path.startswith(_OPEN):
            return None
        try:
            return None if access.allowed(request) else self._unknown(request)
        except SecretRefused as error:
            self._log.failed("who may look", error.message)
            return PlainTextResponse("nobody is let in: see the server's log\n", 503)

    def _unknown(self, request: Request) -> Response:
        address = address_of(request)
        if "authorization" in request.headers:
            # The right one is not kept waiting: no number of guesses leads to it, and Prometheus may share an address.
            if (wait := self._access.tokens.wait(address)) > 0:
                return self._refused(request, "too many wrong tokens", later(wait))
            self._access.tokens.failed(address)
            return self._refused(request, "a wrong token", _unauthorized())
        why = "a session that has ended" if self._access.session(request) else "no token and no session"
        if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            return self._refused(request, why, RedirectResponse("login", 303))
        return self._refused(request, why, _unauthorized())

    def _refused(self, request: Request, why: str, answer: Response) -> Response:
        self._log.refused(address_of(request), why, f"{request.method} {path_of(request)}")
        return answer


def _unauthorized() -> Response:
    return PlainTextResponse("give a token\n", 401, {"www-authenticate": 'Bearer realm="litelift"'})
