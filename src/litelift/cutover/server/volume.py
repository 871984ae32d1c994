"""The volume: always a fresh one. What is in an older one of that name is looked at, told, and left alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from litelift import errors
from litelift.cutover.server.engine import RUN_LABEL, Client, doing, is_local, said, ulimits
from litelift.cutover.settings import ContainerTarget

DEPTH = 3
"""PG_VERSION is in the data folder, which the images of PostgreSQL 18 on keep two folders down: 18/docker."""
MOST = 100
_LOOK = """
for f in /look/PG_VERSION /look/*/PG_VERSION /look/*/*/PG_VERSION; do
    if [ -f "$f" ]; then echo "version $(cat "$f") ."; exit; fi
done
if [ -n "$(ls -A /look)" ]; then echo "other ."; else echo "empty ."; fi
"""
ENDS = "."
LOOKS = 5
"""How often it is looked: an engine may lose the end of what a container has said that is gone already."""


def decide(
    client: Client, place: str, target: ContainerTarget, image: str, run: str
) -> tuple[str, list[tuple[str, str]]]:
    """The name of the fresh volume, and those that are there already, each with what it holds."""
    name = target.volume
    there: list[tuple[str, str]] = []
    for number in range(1, MOST):
        candidate = name if number == 1 else f"{name}-{number}"
        volume = find(client, candidate)
        if volume is None or _is_of(volume, run):
            return candidate, there
        there.append((candidate, holding(client, place, volume, target, image)))
    raise errors.NameTaken(what=f"a volume {name}, and so up to {name}-{MOST - 1}", found="none of them was looked for")


def find(client: Client, name: str) -> Any | None:
    """The volume, if the engine has it."""
    from docker.errors import NotFound

    with doing(f"look for the volume {name}"):
        try:
            return client.volumes.get(name)
        except NotFound:
            return None


def make(client: Client, name: str, run: str) -> bool:
    """Make it, unless this run has; False where somebody else has one of that name by now."""
    volume = find(client, name)
    if volume is None:
        with doing(f"make the volume {name}"):
            client.volumes.create(name, labels={RUN_LABEL: run})
        # Docker answers with the one that is there, and says nothing of it.
        volume = find(client, name)
    return volume is not None and _is_of(volume, run)


def remove(client: Client, name: str, run: str) -> bool:
    """Remove it, if it is this run's."""
    volume = find(client, name)
    if volume is None or not _is_of(volume, run):
        return False
    with doing(f"remove the volume {name}"):
        volume.remove()
    return True


def holding(client: Client, place: str, volume: Any, target: ContainerTarget, image: str) -> str:
    """What a volume holds, in words; nothing in it is touched, and no server is started on it."""
    folder = Path(volume.attrs.get("Mountpoint") or "")
    if is_local(place) and folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
        return _words(*_look_here(folder))
    return _words(*_look_inside(client, volume.name, target, image))


def _words(kind: str, version: str) -> str:
    if kind == "version":
        return f"holds the data of PostgreSQL {version}"
    return {"other": "holds files that are not PostgreSQL's", "empty": "is empty"}.get(kind, f"{kind} ({version})")


def _look_here(folder: Path) -> tuple[str, str]:
    for depth in range(DEPTH):
        for found in sorted(folder.glob("*/" * depth + "PG_VERSION")):
            return "version", found.read_text(errors="replace").strip()
    return ("other" if any(folder.iterdir()) else "empty"), ""


def _look_inside(client: Client, name: str, target: ContainerTarget, image: str) -> tuple[str, str]:
    """Look by a container of the image, which sees the volume read-only, for where the engine's files are not ours."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    for _ in range(LOOKS):
        try:
            output: bytes = client.containers.run(
                image,
                entrypoint=["/bin/sh", "-c", _LOOK],
                command=[],
                user="0",
                volumes={name: {"bind": "/look", "mode": "ro"}},
                network_mode="none",
                ulimits=ulimits(target),
                remove=True,
            )
        except (DockerException, RequestException) as error:
            return "could not be looked into", said(error)
        kind, *rest = output.decode(errors="replace").split() or [""]
        if rest[-1:] == [ENDS]:
            return kind, " ".join(rest[:-1])
    return "could not be looked into", "the engine lost what was seen"


def _is_of(volume: Any, run: str) -> bool:
    return (volume.attrs.get("Labels") or {}).get(RUN_LABEL) == run
