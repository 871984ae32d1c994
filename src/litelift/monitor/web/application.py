"""What is answered: each address of the dashboard, and nothing beside them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import anyio
import psycopg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from litelift.errors import LiteliftError, SecretRefused
from litelift.monitor import page
from litelift.monitor.document import document
from litelift.monitor.prometheus.exposition import CONTENT_TYPE, exposition
from litelift.monitor.watched import Watched
from litelift.monitor.web import export
from litelift.monitor.web.current import Current
from litelift.monitor.web.entrance import Entrance
from litelift.monitor.web.events import Events
from litelift.monitor.web.guard import Access
from litelift.monitor.web.language import COOKIE, asked, language_of
from litelift.monitor.web.log import Log
from litelift.monitor.web.quarantine import Batch, batches, entries, is_place, why
from litelift.monitor.web.report import POLICY, report_of

YEAR = 365 * 86400
EXPORTS = 2
"""At once; each has a session in the database."""
READERS = 2
"""Of the quarantine's pages."""
NO_PROXY_BUFFER = {"x-accel-buffering": "no"}
"""nginx else keeps events until it has a buffer of them (ngx_http_proxy_module, proxy_buffering)."""


class Dashboard:
    """The application."""

    def __init__(self, watched: Watched, access: Access, current: Current, events: Events, log: Log) -> None:
        """For what is watched."""
        self._watched, self._access, self._current, self._events, self._log = watched, access, current, events, log
        self._exports = 0
        self._readers = anyio.CapacityLimiter(READERS)

    def application(self) -> Starlette:
        """As ASGI."""
        routes = [
            Route("/", self.home),
            Route("/events", self.events),
            Route("/quarantine", self.quarantine),
            Route("/quarantine.csv", self.quarantine_csv),
            Route("/quarantine.json", self.quarantine_json),
            Route("/check.json", self.check),
            Route("/metrics", self.metrics),
            Route("/report", self.report),
            Route("/healthz", self.health),
            Route("/static/{name}", self.static),
            *Entrance(self._access, self._log).routes(),
        ]
        kinds = (LiteliftError, psycopg.Error, sqlite3.Error, OSError)
        return Starlette(routes=routes, exception_handlers=dict.fromkeys(kinds, self._failed))

    async def home(self, request: Request) -> Response:
        """The page."""
        shown = await self._current.shown()
        may_leave = self._access.session(request) is not None and self._access.logged_in(request)
        made = await self._current.document(shown, language_of(request), may_leave)
        return _remembering(request, HTMLResponse(made))

    async def events(self, request: Request) -> Response:
        """What changes of it."""
        if self._events.full:
            self._log.refused("", "too many who look", "")
            return PlainTextResponse("too many look already\n", 503, {"retry-after": "10"})
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        stream = self._events.stream(language_of(request), lambda: self._access.allowed(request))
        return StreamingResponse(stream, media_type="text/event-stream", headers=NO_PROXY_BUFFER)

    async def quarantine(self, request: Request) -> Response:
        """A page of what was kept aside."""
        table, after = _table(request), request.query_params.get("after") or None
        if after is not None and not is_place(after):
            raise HTTPException(400, "that is no place in it")
        found = await anyio.to_thread.run_sync(entries, self._watched, table, after, limiter=self._readers)
        may_leave = self._access.logged_in(request)
        return _remembering(
            request, HTMLResponse(page.quarantine(found, language_of(request), user_may_log_out=may_leave))
        )

    async def quarantine_csv(self, request: Request) -> Response:
        """All of it, for a spreadsheet."""
        return await self._exported(request, export.as_csv, "text/csv; charset=utf-8", "quarantine.csv")

    async def quarantine_json(self, request: Request) -> Response:
        """All of it, exactly."""
        return await self._exported(request, export.as_json, "application/json", "quarantine.json")

    async def check(self, request: Request) -> Response:
        """What the checks found last, as `litelift monitor check --json` has it."""
        shown = await self._current.shown()
        at = max((one.at for one in shown.standing), default=datetime.now(UTC))
        findings = [one.finding for one in shown.standing]
        # In ASCII: the name of a folder may be no UTF-8.
        made = json.dumps(document(at, None, findings, language_of(request)))
        return Response(made, media_type="application/json")

    async def metrics(self, request: Request) -> Response:
        """The same for Prometheus."""
        shown = await self._current.shown()
        made = exposition(shown.standing, project=self._watched.label, incidents=shown.incidents)
        return Response(made, headers={"content-type": CONTENT_TYPE})

    async def report(self, request: Request) -> Response:
        """The completion report."""
        found = await anyio.to_thread.run_sync(report_of, self._watched)
        if found is None:
            raise HTTPException(404, "there is no report of a move")
        headers = {"content-security-policy": POLICY}
        return FileResponse(found, media_type="text/html; charset=utf-8", headers=headers)

    async def health(self, request: Request) -> Response:
        """That the server is there, and nothing more: anybody may ask."""
        return PlainTextResponse("ok\n")

    async def static(self, request: Request) -> Response:
        """A file of the page."""
        asset = page.ASSETS.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        tag = f'"{asset.hash}"'
        forever = request.query_params.get("v") == asset.hash
        headers = {"etag": tag, "cache-control": f"public, max-age={YEAR}, immutable" if forever else "no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    async def _exported(
        self,
        request: Request,
        form: Callable[[Iterator[Batch]], Iterator[bytes]],
        media_type: str,
        name: str,
    ) -> Response:
        if self._exports >= EXPORTS:
            return PlainTextResponse("others are exporting; try again\n", 503, {"retry-after": "10"})
        headers = {"content-disposition": f'attachment; filename="{name}"', **NO_PROXY_BUFFER}
        if request.method == "HEAD":
            return Response(headers=headers, media_type=media_type)
        read = batches(self._watched, _table(request))
        self._exports += 1
        try:
            # Before the answer has begun: what is wrong is said by its status.
            first = await anyio.to_thread.run_sync(next, read, ())
        except BaseException:
            self._exports -= 1
            raise

        def all_of_them() -> Iterator[Batch]:
            yield first
            yield from read

        def over() -> None:
            self._exports -= 1
            read.close()

        return _Export(_pieces(form(all_of_them())), over, media_type=media_type, headers=headers)

    async def _failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, SecretRefused):
            self._log.failed("who may look", error.message)
            return PlainTextResponse("nobody is let in: see the server's log\n", 503)
        said = error.message if isinstance(error, LiteliftError) else str(error)
        if isinstance(error, psycopg.Error):
            said = why(error)
        self._log.failed(request.url.path, said)
        return PlainTextResponse(f"{said}\n", 503)


class _Export(StreamingResponse):
    """An answer, of whose end somebody is told, also where its client has gone before it began."""

    def __init__(self, pieces: AsyncIterator[bytes], over: Callable[[], None], **more: Any) -> None:
        super().__init__(pieces, **more)
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


def _table(request: Request) -> str | None:
    """Whose entries are asked for. Raises HTTPException: no table has such a name."""
    name = request.query_params.get("table") or None
    if name is not None and "\0" in name:
        raise HTTPException(400, "no table has such a name")
    return name


async def _pieces(lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    # An error ends the connection before the answer's end: the client knows that it has not got all.
    while piece := await anyio.to_thread.run_sync(_joined, lines):
        yield piece


def _joined(lines: Iterator[bytes]) -> bytes:
    """Some lines, so that each is not a packet of its own; nothing at the end."""
    held = bytearray()
    for line in lines:
        held += line
        if len(held) >= 65536:
            break
    return bytes(held)


def _remembering(request: Request, answer: Response) -> Response:
    """The answer, with which the browser keeps the language that its user has asked for."""
    if (language := asked(request)) is not None:
        path = request.scope.get("root_path") or "/"
        answer.set_cookie(COOKIE, language, max_age=YEAR, path=path, httponly=True, samesite="strict")
    return answer
