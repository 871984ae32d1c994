"""The container itself: its options, made and started, waited for, removed."""

from __future__ import annotations

import io
import tarfile
import time
from typing import Any

from litelift import errors
from litelift.cutover.server.engine import RUN_LABEL, Client, doing, said, ulimits
from litelift.cutover.server.image import Image
from litelift.cutover.settings import ContainerTarget
from litelift.redact import text as redact

SUPERUSER = "postgres"
SECRET = "/litelift/superuser-password"
"""Where the superuser's password is in the container: a file of root's (0600), not in what ``inspect`` shows."""
PORT = 5432
STOP_SECONDS = 60
"""How long the server may take to write all down when it is asked to stop."""
REMOVED_SECONDS = 3
"""The same for one that is removed: its volume is, too, or its server has not come up."""
TAIL = 12
"""Lines of a failed container's log that its error repeats."""
SECOND = 1_000_000_000
"""Docker's API counts nanoseconds."""
# What Docker (both of its proxies) and podman (rootful and rootless) say of a port that somebody took meanwhile.
_TAKEN = ("address already in use", "port is already allocated", "ports are not available")


class PortLost(Exception):
    """Somebody took the port since it was found free."""


def health(target: ContainerTarget, port: int) -> list[str]:
    """The health check's command. By TCP: while the image sets itself up, its server answers on a socket already."""
    host = "127.0.0.1"
    if target.network == "host" and target.bind not in ("0.0.0.0", "::"):
        host = target.bind
    inside = port if target.network == "host" else PORT
    return ["CMD-SHELL", f"pg_isready -q -h {host} -p {inside} -U {SUPERUSER} -d postgres"]


def command(target: ContainerTarget, port: int) -> list[str]:
    """The server's words. On the host's network it listens itself, and says by a name that it is this one."""
    if target.network != "host":
        return ["postgres"]
    listens = "*" if target.bind in ("0.0.0.0", "::") else target.bind
    return ["postgres", "-c", f"port={port}", "-c", f"listen_addresses={listens}", "-c", f"cluster_name={target.name}"]


def find(client: Client, name: str) -> Any | None:
    """The container of that name. The engine takes the beginning of an id for one, too."""
    from docker.errors import NotFound

    with doing(f"look for the container {name}"):
        try:
            found = client.containers.get(name)
        except NotFound:
            return None
    return found if found.name == name else None


def label_of(container: Any) -> str | None:
    """The mark of the run that made it."""
    label = container.labels.get(RUN_LABEL)
    return None if label is None else str(label)


def refuse_taken(client: Client, name: str, run: str) -> None:
    """Raise NameTaken where another container has the name."""
    found = find(client, name)
    if found is None or label_of(found) == run:
        return
    image = (found.attrs.get("Config") or {}).get("Image") or "an unknown image"
    whose = f", made by litelift's run {label_of(found)}" if label_of(found) else ""
    words = f"of {image}, {found.status}{whose}"
    hint = f"Nothing of it was touched. Choose another [target] name, or remove it: docker rm {name}"
    raise errors.NameTaken(what=f"a container {name}", found=words, hint=hint)


def create(client: Client, target: ContainerTarget, image: Image, volume: str, port: int, run: str) -> Any:
    """Make the container, not started yet. Raises EngineRefused."""
    hosts = target.network == "host"
    options: dict[str, Any] = {"network_mode": "host"} if hosts else {"ports": {f"{PORT}/tcp": (target.bind, port)}}
    if target.network and not hosts:
        options["network"] = target.network
    if target.memory:
        options["mem_limit"] = target.memory
    if target.cpus:
        options["nano_cpus"] = int(target.cpus * SECOND)
    if target.restart != "no":
        options["restart_policy"] = {"Name": target.restart}
    if target.ulimits:
        options["ulimits"] = ulimits(target)
    with doing(f"make the container {target.name}"):
        return client.containers.create(
            image.id,
            command=command(target, port),
            name=target.name,
            labels={RUN_LABEL: run},
            environment={"POSTGRES_USER": SUPERUSER, "POSTGRES_PASSWORD_FILE": SECRET, "PGDATA": image.data},
            volumes={volume: {"bind": image.mount, "mode": "rw"}},
            shm_size=target.shm,
            # A fast shutdown: the image may not say so, and a smart one would wait for every client.
            stop_signal="SIGINT",
            healthcheck={
                "test": health(target, port),
                "interval": 10 * SECOND,
                "timeout": 5 * SECOND,
                "retries": 5,
                "start_period": 60 * SECOND,
            },
            **options,
        )


def put_password(container: Any, password: str) -> None:
    """Put the superuser's password into a container that has not started. Again and again, to no harm."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder, _, name = SECRET.strip("/").partition("/")
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(entry)
        entry = tarfile.TarInfo(f"{folder}/{name}")
        entry.size, entry.mode = len(password.encode()), 0o600
        tar.addfile(entry, io.BytesIO(password.encode()))
    with doing("put the superuser's password into the container"):
        container.put_archive("/", buffer.getvalue())


def start(container: Any) -> None:
    """Start it. Raises PortLost, EngineRefused."""
    from docker.errors import APIError

    with doing(f"start the container {container.name}"):
        try:
            container.start()
        except APIError as error:
            if any(words in said(error).lower() for words in _TAKEN):
                raise PortLost from error
            raise


def restarts(container: Any) -> int:
    """How often the engine has started it again, after its server had ended."""
    container.reload()
    return int(container.attrs.get("RestartCount") or 0)


def refuse_ended(container: Any, before: int) -> None:
    """Raise ContainerFailed, with the end of its log, where it is not up, or was restarted more often than ``before``.

    PortLost where the port is why.
    """
    again = restarts(container) > before
    state = container.attrs.get("State") or {}
    if container.status in ("running", "created", "configured", "initialized") and not again:
        return
    lines = container.logs(tail=TAIL).decode(errors="replace").strip().splitlines()
    if any(words in "\n".join(lines).lower() for words in _TAKEN):
        raise PortLost
    ended = "ended, was started again, and ended" if again else f"ended with {state.get('ExitCode')}"
    message = f"is not up: its server {ended}"
    said_last = "\n".join(f"  {redact(line)}" for line in lines)
    hint = f"Its log ends so:\n{said_last}" if lines else "Its log is empty."
    raise errors.ContainerFailed(name=container.name, message=message, hint=hint)


def probe(container: Any, target: ContainerTarget, port: int) -> bool:
    """Run the health check's command in it: an engine without systemd (podman) runs it for nobody."""
    with doing("run the health check in the container"):
        return bool(container.exec_run(["/bin/sh", "-c", health(target, port)[1]]).exit_code == 0)


def health_status(container: Any) -> str:
    """What the engine's own health check has found: healthy, unhealthy, starting, or none."""
    container.reload()
    state = container.attrs.get("State") or {}
    found = (state.get("Health") or state.get("Healthcheck") or {}).get("Status")
    return str(found or "none")


def remove(client: Client, name: str, run: str) -> bool:
    """Stop and remove it, if it is this run's."""
    from docker.errors import NotFound

    found = find(client, name)
    if found is None or label_of(found) != run:
        return False
    with doing(f"remove the container {name}"):
        try:
            found.stop(timeout=REMOVED_SECONDS)
            found.remove(v=True, force=True)
        except NotFound:
            return False
    deadline = time.monotonic() + STOP_SECONDS
    while find(client, name) is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    return True
