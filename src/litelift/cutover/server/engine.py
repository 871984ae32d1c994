"""The container engine, by Docker's API; podman's socket speaks the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from litelift import errors
from litelift.cutover.settings import ContainerTarget

RUN_LABEL = "litelift.run"
"""On whatever a run makes in an engine; its value is the run's mark."""
CALL_SECONDS = 120.0
Client = Any
"""docker.DockerClient: the SDK has no types."""


def places(engine: str | None) -> list[str]:
    """Where an engine may answer, the first choice first."""
    named = engine or os.environ.get("DOCKER_HOST")
    if named:
        return [named]
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    sockets = ["/var/run/docker.sock", f"{runtime}/docker.sock", "/run/podman/podman.sock"]
    return [f"unix://{path}" for path in [*sockets, f"{runtime}/podman/podman.sock"]]


def is_local(place: str) -> bool:
    """Whether the engine is this machine's own."""
    return place.startswith(("unix:", "npipe:")) or place.startswith("/")


def host_of(place: str, bind: str) -> str:
    """The address at which a port that the engine publishes on ``bind`` is reached from here."""
    if not is_local(place) and bind in ("0.0.0.0", "::"):
        return urlsplit(place).hostname or bind
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)


@contextmanager
def opened(engine: str | None) -> Iterator[tuple[Client, str]]:
    """A client, and where its engine is. Raises MissingPart, EngineUnreachable."""
    try:
        import docker
        from docker.errors import DockerException
        from requests.exceptions import RequestException
    except ImportError:
        raise errors.MissingPart(what='[target] kind = "container"', package="docker") from None
    tried = []
    for place in places(engine):
        try:
            # from_env knows DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.
            environment = {**os.environ, "DOCKER_HOST": place}
            client = docker.from_env(version="auto", timeout=int(CALL_SECONDS), environment=environment)
        except (DockerException, RequestException, OSError, ValueError) as error:
            tried.append((place, _reason(error)))
            continue
        try:
            yield client, place
        finally:
            client.close()
        return
    where, why = ", ".join(place for place, _ in tried), "; ".join(dict.fromkeys(reason for _, reason in tried))
    raise errors.EngineUnreachable(where=where, message=why)


def ulimits(target: ContainerTarget) -> list[Any]:
    """The limits of a container's processes, as the SDK takes them."""
    from docker.types import Ulimit

    return [Ulimit(name=name, soft=most, hard=most) for name, most in target.ulimits.items()]


@contextmanager
def doing(action: str) -> Iterator[None]:
    """Say what could not be done where the engine refuses. Raises EngineRefused."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise errors.EngineRefused(action=action, message=said(error)) from error


def said(error: Exception) -> str:
    """What the engine, or the way to it, says of an error."""
    words = str(getattr(error, "explanation", None) or error)
    return " ".join(words.split())[:500]


def _reason(error: Exception) -> str:
    # The SDK wraps what the socket said three times over.
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return said(error)
