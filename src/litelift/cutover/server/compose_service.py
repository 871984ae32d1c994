"""The container as a service of a compose file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from litelift.cutover.server import made_container as containers
from litelift.cutover.server.engine import RUN_LABEL
from litelift.cutover.server.splice import Entry
from litelift.cutover.settings import ContainerTarget
from litelift.cutover.step import Facts

SECRET_FILE = ".postgres-superuser-password"
"""Beside the compose file, 0600: compose hands it to the container as a file, so ``inspect`` does not show it."""
PROFILE = "litelift"


def sections(target: ContainerTarget, server: Facts, document: Any) -> dict[str, Entry]:
    """What the compose file gets: by section, a key and its lines.

    Args:
        target: the settings.
        server: the facts of the step ``server``: what it decided and made.
        document: the compose file, parsed.
    """
    image = server["image_facts"]
    secret = _free("postgres-superuser-password", document.get("secrets"))
    volume = _free(server["volume"], document.get("volumes"))
    network = None
    if target.network not in (None, "host"):
        network = _free(str(target.network), document.get("networks"))
    found: dict[str, Entry] = {
        "services": (target.service, _service(target, server, image, secret, volume, network)),
        # External: compose down --volumes leaves it alone.
        "volumes": (volume, [f"name: {_text(server['volume'])}", "external: true"]),
        "secrets": (secret, [f"file: {_text('./' + SECRET_FILE)}"]),
    }
    if network is not None:
        found["networks"] = (network, [f"name: {_text(str(target.network))}", "external: true"])
    return found


def _service(
    target: ContainerTarget, server: Facts, image: Facts, secret: str, volume: str, network: str | None
) -> list[str]:
    port = int(server["port"])
    hosts = target.network == "host"
    lines = [
        "# This container runs already. To have compose run it:",
        f"#   docker rm --force {target.name}   (its data stays in the volume)",
        f"#   take the line with the profile out, and: docker compose up --detach {target.service}",
        f"profiles: [{PROFILE}]",
        f"image: {_text(target.image)}",
        f"container_name: {_text(target.name)}",
        f"restart: {_text(target.restart)}",
    ]
    if hosts:
        lines += ["network_mode: host", "command:", *_list(containers.command(target, port))]
    lines += ["environment:", f"  POSTGRES_USER: {containers.SUPERUSER}"]
    lines += [f"  POSTGRES_PASSWORD_FILE: {_text('/run/secrets/' + secret)}", f"  PGDATA: {_text(image['data'])}"]
    lines += ["secrets:", *_list([secret])]
    lines += ["volumes:", *_list([f"{volume}:{image['mount']}"])]
    if not hosts:
        bind = f"[{target.bind}]" if ":" in target.bind else target.bind
        lines += ["ports:", *_list([f"{bind}:{port}:{containers.PORT}"])]
    if network is not None:
        lines += ["networks:", *_list([network])]
    check = ", ".join(_text(word) for word in containers.health(target, port))
    lines += ["healthcheck:", f"  test: [{check}]", "  interval: 10s", "  timeout: 5s", "  retries: 5"]
    lines += ["  start_period: 60s", f"shm_size: {_text(target.shm)}", "stop_signal: SIGINT"]
    lines.append(f"stop_grace_period: {containers.STOP_SECONDS}s")
    if target.memory:
        lines.append(f"mem_limit: {_text(target.memory)}")
    if target.cpus:
        lines.append(f"cpus: {target.cpus}")
    if target.ulimits:
        lines += ["ulimits:", *(f"  {name}: {most}" for name, most in target.ulimits.items())]
    return [*lines, "labels:", f"  {RUN_LABEL}: {_text(server['run'])}"]


def _list(words: Iterable[str]) -> list[str]:
    return [f"  - {_text(word)}" for word in words]


def _text(words: str) -> str:
    """A string in YAML: in double quotes, which JSON's are; a $ is not compose's to fill in."""
    return json.dumps(words.replace("$", "$$"), ensure_ascii=False)


def _free(name: str, there: Any) -> str:
    """The name, or with a number the first that the section does not have."""
    number, free = 1, name
    while free in (there or {}):
        number += 1
        free = f"{name}-{number}"
    return free
