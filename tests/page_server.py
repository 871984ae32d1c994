"""Serves the page to a browser, and what changes of it, so that the page can be tried by itself."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from litelift.monitor import page
from litelift.monitor.page.view import View
from litelift.monitor.words import Language


class PageServer:
    """What is served: the view, and whether anybody is answered."""

    def __init__(self, view: View, entries: page.Entries) -> None:
        self.view, self.entries = view, entries
        self.away = threading.Event()
        self.clients: list[tuple[Language, queue.Queue[bytes | None], dict[str, str]]] = []
        self.asked: list[str] = []
        self.port = 0
        self.one = threading.Lock()
        """Who shows another view, or begins to look."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def show(self, view: View) -> None:
        """Another view, to all who look."""
        with self.one:
            self.view = view
            for language, client, has in self.clients:
                client.put(self.update(language, has))

    def update(self, language: Language, has: dict[str, str]) -> bytes:
        """The event of what is not as a client has it, who has it then."""
        now = page.fragments(self.view, language)
        changed = {name: html for name, html in now.items() if has.get(name) != html}
        has.update(now)
        return b"event: update\ndata: " + json.dumps({"fragments": changed}).encode() + b"\n\n"

    def leave(self) -> None:
        """Answer nobody any more."""
        self.away.set()
        with self.one:
            for _, client, _ in self.clients:
                client.put(None)
            self.clients.clear()

    def come_back(self) -> None:
        """Answer again."""
        self.away.clear()


@contextmanager
def serving(view: View, entries: page.Entries) -> Iterator[PageServer]:
    """A server on a free port."""
    served = PageServer(view, entries)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            if served.away.is_set():
                self.close_connection = True
                return
            asked = urlsplit(self.path)
            language: Language = "az" if parse_qs(asked.query).get("language") == ["az"] else "en"
            name = asked.path.removeprefix("/")
            if name == "events":
                self._events(language)
            elif name.startswith("static/"):
                asset = page.ASSETS[name.removeprefix("static/")]
                self._answer(asset.content, asset.media_type)
            elif name == "login":
                self._answer(page.login(language, "failed" in asked.query).encode())
            elif name == "quarantine":
                self._answer(page.quarantine(served.entries, language, user_may_log_out=True).encode())
            else:
                self._answer(page.document(served.view, language, user_may_log_out=True).encode())

        def _answer(self, content: bytes, media_type: str = "text/html; charset=utf-8") -> None:
            self.send_response(200)
            self.send_header("content-type", media_type)
            self.send_header("content-security-policy", page.POLICY)
            self.end_headers()
            self.wfile.write(content)

        def _events(self, language: Language) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            waiting: queue.Queue[bytes | None] = queue.Queue()
            has: dict[str, str] = {}
            with served.one:
                waiting.put(b"retry: 100\n\n" + served.update(language, has))
                served.clients.append((language, waiting, has))
            try:
                while (event := waiting.get()) is not None:
                    self.wfile.write(event)
                    self.wfile.flush()
            except OSError:
                return

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield served
    finally:
        served.leave()
        server.shutdown()
        thread.join()
        server.server_close()
