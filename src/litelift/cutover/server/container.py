"""PostgreSQL in a container: a fresh volume, a free port, and a superuser that is not the application's."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from secrets import token_hex
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from litelift import errors
from litelift.cutover.context import Context
from litelift.cutover.credentials import Login, keep_login, kept_login, new_password
from litelift.cutover.server import image as images
from litelift.cutover.server import made_container as containers
from litelift.cutover.server import port as ports
from litelift.cutover.server import rights, roles
from litelift.cutover.server import volume as volumes
from litelift.cutover.server.engine import Client, doing, host_of, is_local, opened
from litelift.cutover.server.image import Image
from litelift.cutover.server.made_container import SUPERUSER, PortLost
from litelift.cutover.server.roles import Wanted
from litelift.cutover.settings import ContainerTarget
from litelift.cutover.step import Facts
from litelift.postgres.connect import Connection, connect, normalized

ANSWER_SECONDS = 2
"""For one try at its port, where somebody else may listen and say nothing (libpq counts no fewer)."""
RACES = 5
"""How often a port may be lost to somebody between its being found free and its being listened on."""


class Container:
    """[target] kind = "container"."""

    def __init__(self, target: ContainerTarget) -> None:
        """Of these settings."""
        self.target = target

    def plan(self, context: Context) -> list[str]:
        """What it would do."""
        target = self.target
        pulled = " (pulled, where it is missing)" if target.pull == "missing" else ""
        limits = [f"memory {target.memory}" if target.memory else "", f"{target.cpus} CPUs" if target.cpus else ""]
        return [
            f"make the container {target.name} of {target.image}{pulled}, restart {target.restart}"
            + "".join(f", {limit}" for limit in limits if limit),
            f"make the volume {target.volume} for its data; one that is there is left alone, and a fresh one made",
            f"listen on {target.bind}:{target.port}, or the next port that is free",
            f"make the role {target.role} and its database {target.database} (UTF-8)",
            f"keep the login in {context.login_path} (0600), and the superuser's beside it",
        ]

    def estimate(self, context: Context) -> float | None:
        """Seconds, with the image there."""
        return 8.0

    def check(self, context: Context) -> Facts:
        """Look at the engine, the image, the names, the volume and the port."""
        target, run = self.target, token_hex(8)
        with opened(target.engine) as (client, place):
            version = client.version()
            facts: Facts = {
                "kind": "container",
                "makes": True,
                "run": run,
                "engine": place,
                "engine_version": " ".join(
                    [*[part["Name"] for part in (version.get("Components") or [])[:1]], version.get("Version", "")]
                ),
                "container": target.name,
                "image": target.image,
                "database": target.database,
                "role": target.role,
            }
            containers.refuse_taken(client, target.name, run)
            self._refuse_unknown_network(client)
            image = images.find(client, target.image)
            if image is None:
                images.refuse_unpullable(target)
                # What it holds decides the rest, once it is there.
                return facts
            return facts | self._decide(client, place, image, run)

    def _refuse_unknown_network(self, client: Client) -> None:
        if self.target.network in (None, "host"):
            return
        with doing("list its networks"):
            names = sorted(network.name for network in client.networks.list())
        if self.target.network not in names:
            message = f"it has no network {self.target.network}; it has {', '.join(names)}"
            raise errors.EngineRefused(action="join the network", message=message, hint="Make it, or name another.")

    def _decide(self, client: Client, place: str, image: Image, run: str) -> Facts:
        """What is made, and what is to be told of it, where it is not what was asked for."""
        target = self.target
        volume, there = volumes.decide(client, place, target, image.id, run)
        resolved = f"left as it is; a fresh one is made beside it: {volume}"
        told = [(f"the volume {name} is there already, and {holds}", resolved) for name, holds in there]
        port, said = self._port(client, place, target.port, set())
        older = [{"volume": name, "holds": holds} for name, holds in there]
        return {
            "image_facts": asdict(image),
            "volume": volume,
            "older_volumes": older,
            "port": port,
            "told": [*told, *said],
        }

    def _port(self, client: Client, place: str, first: int, lost: set[int]) -> tuple[int, list[tuple[str, str]]]:
        bind, local = self.target.bind, is_local(place)
        port = ports.next_free(client, bind, first, local=local, besides=lost)
        if port == first:
            return port, []
        who = ports.holder(client, bind, first, local=local) or "something that came and went"
        return port, [(f"port {first} of {bind} is taken by {who}", f"the next free one is used: {port}")]

    def do(self, context: Context, facts: Facts) -> Facts:
        """Make the volume and the container, start it, and make the role and the database in it."""
        known: dict[str, Any] = dict(facts)
        wanted = Wanted(known["database"], known["role"], known["run"])

        def note(told: Iterable[tuple[str, str]] = (), **found: object) -> None:
            known.update(found)
            context.note(**found)
            for message, resolved in told:
                context.issue(message, resolved)

        note(told=() if known.get("begun") else known.get("told", ()), begun=True)
        with opened(known["engine"]) as (client, place):
            if "volume" not in known:
                context.tell(f"pulling {self.target.image}")
                note(**self._decide(client, place, images.get(client, self.target), wanted.run))
            while not volumes.make(client, known["volume"], wanted.run):
                # Somebody made one of that name since it was looked for.
                note(**self._decide(client, place, Image(**known["image_facts"]), wanted.run))
            superuser = self._superuser(context, place, known)
            container = self._start(context, client, place, known, superuser.password, note)
            superuser = self._superuser(context, place, known)
            login = kept_login(context.login_path)
            password = login.password if login else new_password()
            login = Login(superuser.host, superuser.port, wanted.database, wanted.role, password)
            keep_login(context.login_path, login)
            note(container_id=container.id, host=superuser.host, port=superuser.port)
            with connect(normalized(superuser.url)) as admin:
                made = roles.make(admin, wanted, login.password)
                _close(admin)
        # What was noted is returned, too: of what check decided, some may have been decided anew.
        return {
            **{name: found for name, found in known.items() if name != "told"},
            "credentials": str(context.login_path),
            "superuser_credentials": str(context.folder / "superuser.json"),
            **made,
        }

    def _superuser(self, context: Context, place: str, known: Facts) -> Login:
        path = context.folder / "superuser.json"
        kept = kept_login(path)
        host = host_of(place, self.target.bind)
        login = Login(host, known["port"], "postgres", SUPERUSER, kept.password if kept else new_password())
        keep_login(path, login)
        return login

    def _start(self, context: Context, client: Client, place: str, known: Facts, password: str, note: Any) -> Any:
        """The container, up and answering; on another port where the one that was found free is lost meanwhile."""
        target, run, lost = self.target, known["run"], set[int]()
        while True:
            containers.refuse_taken(client, target.name, run)
            container = containers.find(client, target.name) or containers.create(
                client, target, Image(**known["image_facts"]), known["volume"], known["port"], run
            )
            try:
                before = containers.restarts(container)
                if container.status != "running":
                    containers.put_password(container, password)
                    containers.start(container)
                self._wait(container, place, known["port"], password, before)
                return container
            except PortLost:
                lost.add(known["port"])
                containers.remove(client, target.name, run)
                if len(lost) > RACES:
                    message = "each that was free was taken before it was listened on"
                    raise errors.PortTaken(address=target.bind, message=message) from None
                port, told = self._port(client, place, known["port"], lost)
                note(told=told, port=port)

    def _wait(self, container: Any, place: str, port: int, password: str, before: int) -> None:
        """Wait until the superuser is let in, by the server that is in this container."""
        login = Login(host_of(place, self.target.bind), port, "postgres", SUPERUSER, password)
        deadline = time.monotonic() + self.target.ready_timeout
        while True:
            containers.refuse_ended(container, before)
            try:
                with connect(normalized(make_conninfo(login.url, connect_timeout=ANSWER_SECONDS))) as admin:
                    name = (admin.execute("show cluster_name").fetchone() or ("",))[0]
                    if self.target.network != "host" or name == self.target.name:
                        return
                    refusal = "another PostgreSQL answers on its port"
            except (errors.TargetUnreachable, errors.TargetAuthFailed, psycopg.Error) as error:
                refusal = str(error)
            if time.monotonic() > deadline:
                message = f"is up, and its server lets nobody in after {self.target.ready_timeout:g} s: {refusal}"
                raise errors.ContainerFailed(name=container.name, message=message, hint=f"docker logs {container.name}")
            time.sleep(0.25)

    def confirm(self, context: Context, facts: Facts) -> Facts:
        """Log in as the application."""
        return rights.confirm_least(context.login)

    def undo(self, context: Context, facts: Facts) -> Facts:
        """Remove the container and the fresh volume; older ones stay."""
        dropped: list[str] = []
        if facts.get("begun"):
            with opened(facts["engine"]) as (client, _):
                if containers.remove(client, facts["container"], facts["run"]):
                    dropped.append(f"the container {facts['container']}")
                if facts.get("volume") and volumes.remove(client, facts["volume"], facts["run"]):
                    dropped.append(f"the volume {facts['volume']}")
        for path in (context.login_path, context.folder / "superuser.json"):
            path.unlink(missing_ok=True)
        return {"dropped": dropped}

    def wake(self, context: Context, facts: Facts) -> bool:
        """Start the container again."""
        name = facts["container"]
        with opened(facts["engine"]) as (client, place):
            container = containers.find(client, name)
            if container is None or containers.label_of(container) != facts["run"]:
                hint = f"Its data is in the volume {facts['volume']}."
                raise errors.ContainerFailed(name=name, message="is not there any more", hint=hint)
            if container.status == "running":
                return False
            before = containers.restarts(container)
            try:
                containers.start(container)
                password = self._superuser(context, place, facts).password
                self._wait(container, place, facts["port"], password, before)
            except PortLost:
                who = ports.holder(client, self.target.bind, facts["port"], local=is_local(place)) or "somebody"
                message = f"cannot be started again: its port {facts['port']} is taken by {who}"
                raise errors.ContainerFailed(
                    name=name, message=message, hint="Free that port, and try again."
                ) from None
            return True


def _close(admin: Connection) -> None:
    """Keep the application's role out of the server's own databases: the server is nobody else's."""
    for name in ("postgres", "template1"):
        admin.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
