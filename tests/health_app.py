"""A small application for the health checks: real HTTP on a port of its own, answering as each test says."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import TypeAdapter

from litelift.cutover.health.result import HealthResult
from litelift.cutover.health.run import run_checks
from litelift.cutover.health.settings import HealthCheck, When


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body's fields."""
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser sent back."""
        return {name: one.value for name, one in SimpleCookie(self.headers.get("cookie", "")).items()}


@dataclass(frozen=True)
class Reply:
    """An answer. What is no text is sent as JSON."""

    body: Any = ""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def data(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else str(self.body).encode()


def as_json(document: Any, status: int = 200) -> Reply:
    """An answer of JSON."""
    return Reply(json.dumps(document), status, "application/json")


def to(place: str, *headers: tuple[str, str], status: int = 302) -> Reply:
    """A redirect."""
    return Reply("", status, headers=(("Location", place), *headers))


@dataclass
class App:
    """The application: what it answers by path, or by method and path; and what was asked of it."""

    port: int = 0
    scheme: str = "http"
    routes: dict[str, Reply | Callable[[Asked], Reply]] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        """The address of a path."""
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def script(self, path: str, text: str) -> None:
        """Serve a script."""
        self.routes[path] = Reply(text, kind="text/javascript")

    def answer(self, asked: Asked) -> Reply:
        """What the application answers."""
        self.seen.append(asked)
        path = urlsplit(asked.path).path
        found = self.routes.get(f"{asked.method} {path}") or self.routes.get(path)
        if found is None:
            return Reply("<title>Not here</title>", 404)
        return found(asked) if callable(found) else found

    def paths(self, method: str = "GET") -> list[str]:
        """What was asked for, in order."""
        return [asked.path for asked in self.seen if asked.method == method]


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[App]:
    """An application that serves."""
    app = App(scheme="https" if context else "http")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            names = {name.lower(): value for name, value in self.headers.items()}
            reply = app.answer(Asked(self.command, self.path, names, body))
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.data)))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(reply.data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = _serve

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us, or has heard enough, is no error."""

    server = Server(("127.0.0.1", 0), Handler)
    app.port = server.server_port
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()


def check_of(**keys: Any) -> HealthCheck:
    """A check from its keys, as the file has them. Without retries, and patient, where it does not say otherwise."""
    given = {"name": keys["kind"], "retries": 0, "pause": 0, "timeout": 60, **keys}
    if given["kind"] == "http":
        given.setdefault("samples", 1)
        given.setdefault("max_average_ms", 60_000)
    made: HealthCheck = TypeAdapter(HealthCheck).validate_python(given)
    return made


def made(folder: Path, *checks: HealthCheck, when: When = "after", **given: Any) -> list[HealthResult]:
    """The results of checks, in a project's folder."""
    return run_checks(checks, when, folder=folder, output=folder / "output.log", **given)


def one(folder: Path, when: When = "after", **keys: Any) -> HealthResult:
    """The result of one check, from its keys."""
    return made(folder, check_of(**keys), when=when)[0]
