"""Logging in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from litelift.monitor import page
from litelift.monitor.web.body import form
from litelift.monitor.web.guard import Access, address_of, later
from litelift.monitor.web.language import language_of
from litelift.monitor.web.log import Log


class Entrance:
    """The form, and what it gives."""

    def __init__(self, access: Access, log: Log) -> None:
        """For those who have ``access``."""
        self._access, self._log = access, log

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            Route("/login", self.asked),
            Route("/login", self.given, methods=["POST"]),
            Route("/logout", self.left, methods=["POST"]),
        ]

    async def asked(self, request: Request) -> Response:
        """The form."""
        if self._access.allowed(request):
            return RedirectResponse("./", 303)
        return HTMLResponse(page.login(language_of(request)))

    async def given(self, request: Request) -> Response:
        """A password, or the token, which is one too."""
        address = address_of(request)
        # Before it is looked at: else who has to wait could go on guessing.
        if (wait := self._access.logins.wait(address)) > 0:
            self._log.refused(address, "too many wrong passwords", "")
            return later(wait)
        word = (await form(request)).get("password", "").encode("utf-8", "surrogateescape")
        if not any(one.matches(word) for one in self._access.secrets):
            self._access.logins.failed(address)
            self._log.refused(address, "a wrong password", "")
            return HTMLResponse(page.login(language_of(request), failed=True), 401)
        self._access.logins.succeeded(address)
        answer = RedirectResponse("./", 303)
        answer.set_cookie(
            self._access.cookie,
            self._access.sessions.begun(),
            max_age=self._access.sessions.seconds,
            path=_path(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def left(self, request: Request) -> Response:
        """Log out, of this session alone."""
        if (cookie := self._access.session(request)) is not None:
            self._access.sessions.end(cookie)
        answer = RedirectResponse("login", 303)
        answer.delete_cookie(self._access.cookie, path=_path(request), httponly=True, samesite="strict")
        return answer


def _path(request: Request) -> str:
    return str(request.scope.get("root_path") or "/")
