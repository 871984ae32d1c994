"""The image: there, or pulled; and what it says of PostgreSQL in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from litelift import errors
from litelift.cutover.server.engine import Client, doing, said
from litelift.cutover.settings import ContainerTarget

USUAL = "/var/lib/postgresql/data"


@dataclass(frozen=True, slots=True)
class Image:
    """What a container of it needs to be told; ``major`` is None where the image does not say."""

    id: str
    major: int | None
    data: str
    """The data folder: its PGDATA."""
    mount: str
    """Where a volume belongs: the official images up to 17 keep one at PGDATA, from 18 on above it."""


def find(client: Client, name: str) -> Image | None:
    """The image, if the engine has it."""
    from docker.errors import ImageNotFound

    with doing(f"look at the image {name}"):
        try:
            found = client.images.get(name)
        except ImageNotFound:
            return None
    config = found.attrs.get("Config") or {}
    environment = dict(line.partition("=")[::2] for line in config.get("Env") or [])
    data = environment.get("PGDATA") or USUAL
    kept = [PurePosixPath(path) for path in config.get("Volumes") or {}]
    above = [path for path in kept if PurePosixPath(data).is_relative_to(path)]
    major = environment.get("PG_MAJOR", "").partition(".")[0]
    return Image(found.id, int(major) if major.isdigit() else None, data, str(above[0]) if above else data)


def get(client: Client, target: ContainerTarget) -> Image:
    """The image, pulled where it is missing and may be. Raises ImageMissing."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    found = find(client, target.image)
    if found is not None:
        return found
    refuse_unpullable(target)
    try:
        client.images.pull(target.image)
    except (DockerException, RequestException) as error:
        raise errors.ImageMissing(image=target.image, message=f"pulling it failed: {said(error)}") from error
    found = find(client, target.image)
    if found is None:
        raise errors.ImageMissing(image=target.image, message="the engine does not have it after a pull either")
    return found


def refuse_unpullable(target: ContainerTarget) -> None:
    """Raise ImageMissing where the runbook keeps a missing image from being pulled."""
    if target.pull == "never":
        raise errors.ImageMissing(image=target.image, message='[target] pull = "never" keeps it from being pulled')
