"""Cuts connections to a server's socket, at a chosen moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo


class Cut:
    """Stands between libpq and a server's socket, and cuts all that passes through it."""

    def __init__(self, folder: Path, server: str) -> None:
        self.server, self.pairs, self.frozen = server, list[socket.socket](), threading.Event()
        self.words, self.stops = b"", b""
        self.then: Callable[[], object] = lambda: None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / ".s.PGSQL.5432"))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                upstream = socket.socket(socket.AF_UNIX)
                upstream.connect(self.server)
                self.pairs += [client, upstream]
                for one, other in ((client, upstream), (upstream, client)):
                    threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    def pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if self.frozen.is_set():
                    return
                if self.stops and self.stops in data:
                    self.stops = b""
                    self.cut()
                    return
                last = bool(self.words) and self.words in data
                if last:
                    self.words = b""
                    self.frozen.set()
                other.sendall(data)
                if last:
                    self.then()
                    self.cut()
                    return
            other.shutdown(socket.SHUT_WR)

    def cut_after(self, words: bytes, then: Callable[[], object]) -> None:
        """Cut once the client has sent these words and ``then`` has returned; no answer to them passes."""
        self.words, self.then = words, then

    def cut_before(self, words: bytes) -> None:
        """Cut when the client sends these words, which do not pass either."""
        self.stops = words

    def close(self) -> None:
        """Cut, and let nobody in any more."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut all that there is; new connections pass."""
        for one in self.pairs:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.frozen.clear()


@contextlib.contextmanager
def through_a_cut(url: str, folder: Path) -> Iterator[tuple[Cut, str]]:
    """Stand before the server of ``url``; the URL that leads there."""
    with psycopg.connect(url) as admin:
        (sockets,) = admin.execute("select current_setting('unix_socket_directories')").fetchone() or ("",)
        port = admin.info.port
    between = Cut(folder, f"{sockets}/.s.PGSQL.{port}")
    try:
        yield between, make_conninfo(url, host=str(folder), port=5432)
    finally:
        between.close()
