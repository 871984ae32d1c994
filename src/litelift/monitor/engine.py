"""What a container engine says of its containers, by Docker's API over plain HTTP (podman's socket speaks the same).

The SDK for it is for making containers: it would double the memory of a watch. Only what cannot be reached without it
(ssh://, npipe://) is asked through it.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from litelift.cutover.server.engine import is_local, places
from litelift.errors import EngineRefused, EngineUnreachable

SECONDS = 5.0
"""For one answer."""
MOST = 8 << 20
"""Bytes of one answer."""
Container = Mapping[str, Any]
"""As `GET /containers/NAME/json` has it."""
_COMPOSE = "com.docker.compose"
"""What compose's own labels begin with (docker compose and podman-compose)."""


class _Asks(Protocol):
    def connect(self) -> None:
        """See whether somebody is there. Raises OSError."""

    def get(self, path: str) -> tuple[int, Any]:
        """The status and the JSON of an answer. Raises OSError, HTTPException."""

    def close(self) -> None:
        """End the connection."""


class Engine:
    """An engine that answers."""

    def __init__(self, asks: _Asks, place: str) -> None:
        """`opened` makes it."""
        self._asks = asks
        self.place = place
        self.local = is_local(place)
        """Whether its containers are on this machine."""

    @classmethod
    @contextmanager
    def opened(cls, engine: str | None) -> Iterator[Engine]:
        """The engine at a socket; None: by the environment, else Docker's, else podman's. Raises EngineUnreachable."""
        tried = []
        for place in places(engine):
            try:
                asks = _asks(place)
            except (OSError, ValueError) as error:
                tried.append((place, getattr(error, "strerror", None) or str(error) or type(error).__name__))
                continue
            try:
                yield cls(asks, place)
            finally:
                asks.close()
            return
        # One that is there and refuses says more than those that are nowhere.
        met = [one for one in tried if not one[1].startswith("No such file")] or tried
        where, why = ", ".join(place for place, _ in met), "; ".join(dict.fromkeys(reason for _, reason in met))
        raise EngineUnreachable(where=where, message=why)

    def container(self, name: str) -> Container | None:
        """The container of that name. Raises EngineUnreachable, EngineRefused."""
        found = self._get(f"/containers/{quote(name, safe='')}/json", f"look for the container {name}")
        # The engine takes the beginning of an id for a name, too.
        return found if found is not None and str(found.get("Name", "")).lstrip("/") == name else None

    def of_service(self, service: str, compose: Path | None = None) -> Container | None:
        """The container that compose has made of a service, the newest. Raises EngineUnreachable, EngineRefused.

        Args:
            service: its name in the compose file.
            compose: the file; None: any.
        """
        filters = json.dumps({"label": [f"{_COMPOSE}.service={service}"]})
        query = urlencode({"all": "true", "filters": filters})
        found = self._get(f"/containers/json?{query}", "list its containers") or []
        own = [one for one in found if compose is None or _is_of(one.get("Labels") or {}, compose)]
        if not own:
            return None
        newest = max(own, key=lambda one: one.get("Created") or 0)
        return self.container(str(newest["Names"][0]).lstrip("/"))

    def memory(self, name: str) -> tuple[int, int] | None:
        """Bytes that a container's processes use and those that they may; None where the engine does not say.

        As `docker stats` counts: without the files that the kernel could drop. Raises EngineUnreachable, EngineRefused.
        """
        query = "stream=false&one-shot=true"
        found = self._get(f"/containers/{quote(name, safe='')}/stats?{query}", f"look at the memory of {name}")
        memory = (found or {}).get("memory_stats") or {}
        used, most = memory.get("usage"), memory.get("limit")
        if not used or not most:
            return None
        files = memory.get("stats") or {}
        return max(used - int(files.get("inactive_file") or files.get("total_inactive_file") or 0), 0), int(most)

    def machine(self) -> Mapping[str, Any]:
        """What the engine says of the machine that it is on: MemTotal, NCPU. Raises as `container` does."""
        found: Mapping[str, Any] = self._get("/info", "look at its machine") or {}
        return found

    def _get(self, path: str, action: str) -> Any:
        try:
            status, answer = self._asks.get(path)
        except (OSError, http.client.HTTPException, ValueError) as error:
            message = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise EngineUnreachable(where=self.place, message=message) from None
        if status == 404:
            return None
        if status != 200:
            said = answer.get("message") if isinstance(answer, dict) else None
            raise EngineRefused(action=action, message=said or f"it answered with {status}")
        return answer


def _is_of(labels: Mapping[str, str], compose: Path) -> bool:
    files = [Path(one) for one in (labels.get(f"{_COMPOSE}.project.config_files") or "").split(",") if one]
    folder = labels.get(f"{_COMPOSE}.project.working_dir")
    return compose in files or (folder is not None and any(Path(folder, one) == compose for one in files))


def _asks(place: str) -> _Asks:
    """Raises OSError, ValueError: nobody is there."""
    scheme = urlsplit(place).scheme
    made: _Asks = _Sdk(place) if scheme in ("ssh", "npipe") else _Plain(place)
    try:
        made.connect()
    except BaseException:
        made.close()
        raise
    return made


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


class _Plain:
    """Over a Unix socket, TCP, or TCP with TLS as docker's own programs take it from the environment."""

    def __init__(self, place: str) -> None:
        found = urlsplit(place)
        if found.scheme in ("unix", "http+unix", ""):
            self._connection: http.client.HTTPConnection = _Unix(found.path)
        elif found.scheme == "https" or os.environ.get("DOCKER_TLS_VERIFY"):
            self._connection = http.client.HTTPSConnection(
                found.hostname or "", found.port or 2376, timeout=SECONDS, context=_trust()
            )
        elif found.scheme in ("tcp", "http"):
            self._connection = http.client.HTTPConnection(found.hostname or "", found.port or 2375, timeout=SECONDS)
        else:
            raise ValueError(f"{found.scheme}:// is no engine's address")

    def connect(self) -> None:
        self._connection.connect()

    def get(self, path: str) -> tuple[int, Any]:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read(MOST + 1)
        if len(body) > MOST:
            raise OSError(0, "its answer does not end")
        return answer.status, json.loads(body or b"null")

    def close(self) -> None:
        self._connection.close()


def _trust() -> ssl.SSLContext:
    folder = Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if (folder / "cert.pem").exists():
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


class _Sdk:
    """By docker's SDK."""

    def __init__(self, place: str) -> None:
        try:
            import docker
        except ImportError:
            raise OSError(0, "it takes docker's SDK: pip install 'litelift[cutover]'") from None
        try:
            self._client = docker.APIClient(base_url=place, version="auto", timeout=SECONDS)
        except Exception as error:
            raise OSError(0, str(error)) from None

    def connect(self) -> None:
        """The SDK has asked for the engine's version by then."""

    def get(self, path: str) -> tuple[int, Any]:
        answer = self._client.get(self._client.base_url + path)
        return answer.status_code, answer.json()

    def close(self) -> None:
        self._client.close()
