"""The step that waits until PostgreSQL takes the application's login."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from litelift import errors
from litelift.cutover.context import Context
from litelift.cutover.server import made_container as containers
from litelift.cutover.server import rights
from litelift.cutover.server.engine import opened
from litelift.cutover.settings import ContainerTarget
from litelift.cutover.step import Facts, Step

READY_SECONDS = 60.0
"""For a server that is no container of ours: it ran already, or was started before."""


class ReadyStep(Step):
    """PostgreSQL answers, is healthy, and is as empty as it was made."""

    name: ClassVar[str] = "ready"
    title: ClassVar[str] = "Wait until PostgreSQL takes the application's login"
    phase: ClassVar[int] = 3

    def plan(self, context: Context) -> list[str]:
        """What it would do."""
        lines = [f"wait until PostgreSQL takes the application's login, for at most {_seconds(context):g} s"]
        if isinstance(context.runbook.target, ContainerTarget):
            lines.append("run the container's health check in it")
        return lines

    def estimate(self, context: Context) -> float | None:
        """Seconds: the set-up has waited for the server already."""
        return 1.0

    def do(self, context: Context, facts: Facts) -> Facts | None:
        """Wait for the login, and for the container's health."""
        began = time.monotonic()
        deadline = began + _seconds(context)
        target = context.runbook.target
        if isinstance(target, ContainerTarget):
            with opened(context.facts("server").get("engine") or target.engine) as (client, _):
                container = containers.find(client, target.name)
                if container is None:
                    raise errors.ContainerFailed(name=target.name, message="is not there")
                _wait_for_login(context, deadline, container)
                health = _wait_for_health(context, target, deadline, container)
                return {"seconds": round(time.monotonic() - began, 3), "health": health}
        _wait_for_login(context, deadline, None)
        return {"seconds": round(time.monotonic() - began, 3)}

    def confirm(self, context: Context, facts: Facts) -> Facts | None:
        """Look at the version, and that what was made is still empty."""
        found = rights.look(context.login)
        if context.facts("server").get("makes") and found["relations"]:
            message = f"the database {context.login.database} was made empty, and holds {found['relations']} relations"
            raise errors.TargetError(message=message, hint="Somebody else is at work in it; see who, and roll back.")
        return {"version": found["version"], "relations": found["relations"]}


def _seconds(context: Context) -> float:
    target = context.runbook.target
    return target.ready_timeout if isinstance(target, ContainerTarget) else READY_SECONDS


def _wait_for_login(context: Context, deadline: float, container: Any) -> None:
    """Wait. A refused password is refused for good, and a container that ended will not answer. Raises both."""
    told = False
    before = containers.restarts(container) if container is not None else 0
    while True:
        if container is not None:
            try:
                containers.refuse_ended(container, before)
            except containers.PortLost:
                raise errors.ContainerFailed(name=container.name, message="has lost its port to another") from None
        try:
            rights.look(context.login)
            return
        except errors.TargetUnreachable as error:
            if time.monotonic() > deadline:
                raise
            if not told:
                context.tell(f"waiting for PostgreSQL: {error.message}")
            told = True
        time.sleep(0.2)


def _wait_for_health(context: Context, target: ContainerTarget, deadline: float, container: Any) -> str:
    port = int(context.facts("server")["port"])
    while True:
        status = containers.health_status(container)
        if status != "unhealthy" and containers.probe(container, target, port):
            return "healthy" if status == "healthy" else f"healthy (the engine's own check: {status})"
        if time.monotonic() > deadline:
            message = f"is up and takes logins, but its health check fails (the engine says: {status})"
            raise errors.ContainerFailed(name=container.name, message=message, hint=f"docker inspect {container.name}")
        time.sleep(0.5)
