"""A `litelift monitor serve` that runs, and those who come to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

import forked
from broken import wait_for
from litelift.move.journal import make_schema

TOKEN = "4b9d2f50c7e8a1360d5b7f2e9c8a4d61"
PASSWORD = "correct horse battery"
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


@dataclass
class Running:
    """One that runs."""

    process: forked.Forked
    url: str
    said: list[str] = field(default_factory=list)
    """Its lines on stderr."""

    @property
    def port(self) -> int:
        """The port that it has."""
        return int(self.url.rstrip("/").rpartition(":")[2])

    def get(self, path: str = "/", method: str = "GET", **headers: str) -> httpx.Response:
        """Ask; a header's name has _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(method, self.url.rstrip("/") + path, headers=named, timeout=60)

    def client(self, **more: Any) -> httpx.Client:
        """Somebody with cookies."""
        return httpx.Client(base_url=self.url, timeout=60, **more)

    def raw(self, sent: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        """A connection from ``source``, in which these bytes were sent."""
        made = socket.create_connection(("127.0.0.1", self.port), 60, source_address=(source, 0))
        made.sendall(sent)
        return made

    def told(self, *words: str) -> bool:
        """Whether one line of the log has all of these words."""
        return any(all(word in line for word in words) for line in self.said)


def litelift_toml(folder: Path, url: str = NO_DATABASE, settings: str = "") -> Path:
    """A litelift.toml about the database at ``url``."""
    file = folder / "litelift.toml"
    file.write_text(f'[backup]\nurl = "{url}"\n{settings}')
    return file


def secret(folder: Path, name: str, content: str, mode: int = 0o600) -> Path:
    """A file with a token or a password in it."""
    file = folder / name
    file.write_text(content + "\n")
    file.chmod(mode)
    return file


@contextlib.contextmanager
def serving(
    file: Path,
    *words: str | Path,
    settings: Mapping[str, Any] | None = None,
    cwd: Path | None = None,
    **environment: str,
) -> Iterator[Running]:
    """Serve what ``file`` is about, with these words, until the test has done."""
    where = [] if {"--port", "--socket"} & set(words) else ["--port", "0"]
    process = forked.fork(
        ["monitor", "serve", file, "--json", *where, *words],
        cwd=cwd or file.parent,
        environment={**os.environ, **environment},
        settings=settings,
    )
    running = Running(process, "")
    listener = threading.Thread(target=_listen, args=(process, running.said), daemon=True)
    listener.start()
    try:
        document = ""
        while (line := process.stdout.readline()) and line != "}\n":
            document += line
        assert line, running.said
        running.url = json.loads(document + line)["urls"][0]
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
        listener.join(60)
        process.stdout.close()
        process.stderr.close()
    assert status == 0, running.said


def quarantined(url: str, originals: Sequence[bytes], storage_class: str = "blob", table: str = "people") -> None:
    """Put values into the quarantine of a database, as a move does; its schema is made as a move makes it."""
    with psycopg.connect(url, autocommit=True) as connection:
        make_schema(connection)
        run = connection.execute(
            "insert into litelift.run (run_id, version, mode, schema_name, source)"
            " values (gen_random_uuid(), '1', 'whole', 'public', '{}') returning run_id"
        ).fetchone()
        assert run is not None
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into litelift.quarantine (run_id, table_name, column_name, row_key, original, storage_class,"
                " reason) values (%s, %s, 'age', %s, %s, %s, 'no number')",
                [(*run, table, json.dumps({"id": n}), value, storage_class) for n, value in enumerate(originals)],
            )


def _listen(process: forked.Forked, said: list[str]) -> None:
    for line in process.stderr:
        said.append(line.rstrip("\n"))


def closed(connection: socket.socket) -> bool:
    """Whether the server has closed the connection; what it has said before that is read."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except (ConnectionError, ssl.SSLError):
        return True
    return True


def wait_until_closed(connections: list[socket.socket]) -> None:
    """Wait for that of all of them."""
    left = list(connections)

    def none_left() -> bool:
        left[:] = [one for one in left if not closed(one)]
        return not left

    wait_for(none_left)
