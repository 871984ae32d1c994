"""Containers: whether each runs and is healthy, how often its engine had to start it again, and what it may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from litelift.cutover.settings import ContainerTarget
from litelift.errors import EngineRefused
from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.finding import Finding, Limit, Measure, State, worst
from litelift.monitor.look import Look

if TYPE_CHECKING:
    from litelift.monitor.engine import Container, Engine

_RESTARTS = timedelta(hours=1)
"""Within which the engine's starting it again is told."""
_SIGKILLED = 128 + 9
_JUST = 600.0
"""Seconds: one that was started again and has not run longer may be at it still."""


def _container(look: Look) -> Iterator[Finding]:
    watched = look.watched
    names = dict.fromkeys(watched.settings.containers)
    own = watched.backups.container
    if own is not None:
        names = {own: None, **names}
    if not names:
        yield look.ok("none")
        return
    # Imported where a container is looked for: an HTTP client that a watch without containers has no use for.
    from litelift.monitor.engine import Engine

    with Engine.opened(watched.settings.engine or watched.backups.engine) as engine:
        for name in filter(look.shown, names):
            found = engine.container(name) or (_of_compose(look, engine) if name == own else engine.of_service(name))
            yield _gone(look, name, engine.place) if found is None else _finding(look, engine, name, found)


def _of_compose(look: Look, engine: Engine) -> Container | None:
    """The container that stands in for the cutover's own since somebody ran compose with the file that it wrote."""
    runbook = look.watched.runbook
    target = runbook.target if runbook is not None else None
    if runbook is None or not isinstance(target, ContainerTarget) or target.compose is None:
        return None
    return engine.of_service(target.service, (runbook.folder / target.compose).resolve())


def _gone(look: Look, name: str, place: str) -> Finding:
    return look.finding("critical", "gone", "find", about=name, name=name, place=place)


def _finding(look: Look, engine: Engine, name: str, found: Container) -> Finding:
    own = str(found.get("Name") or name).lstrip("/")
    state = found.get("State") or {}
    status = str(state.get("Status") or ("running" if state.get("Running") else "exited"))
    health = (state.get("Health") or state.get("Healthcheck") or {}).get("Status")
    restarts = int(found.get("RestartCount") or 0)
    up = _seconds(look, state.get("StartedAt"))
    measures = [look.measure("running", status == "running"), look.measure("restarts", restarts)]
    lately = _lately(look, name, restarts, up)
    measures.append(look.measure("restarted", lately))
    again = look.limit("restarted").state(lately)
    memory = _memory(engine, own, found) if status == "running" else None
    full: State = "ok"
    share = None
    if memory is not None:
        share = 100 * memory[0] / memory[1]
        full = look.limit("memory_percent").state(share)
        measures.append(look.measure("memory", memory[0], "bytes", most=float(memory[1])))
        measures.append(look.measure("memory_percent", share, "percent", most=100.0))
    if up is not None and status == "running":
        measures.append(Measure("uptime", up, "seconds"))
    grave, said, do = _said(status, health, _killed(status, state), again, full)
    return look.finding(
        grave,
        said,
        do,
        about=name,
        measures=measures,
        name=own,
        status=status,
        code=state.get("ExitCode"),
        ended=_seconds(look, state.get("FinishedAt")),
        up=up,
        restarts=restarts,
        lately=lately,
        share=share,
    )


def _said(status: str, health: str | None, killed: bool, again: State, full: State) -> tuple[State, str, str]:
    if status in ("paused", "restarting"):
        return "critical", status, "unpause" if status == "paused" else "log"
    if status != "running":
        return ("critical", "killed", "memory") if killed else ("critical", "stopped", "start")
    if health == "unhealthy":
        return "critical", "unhealthy", "log"
    if killed:
        return worst(["warning", again]), "was-killed", "memory"
    if full != "ok" and worst([full, again]) == full:
        return full, "memory", "memory"
    return again, "running" if again == "ok" else "restarted", "log"


def _killed(status: str, state: Mapping[str, Any]) -> bool:
    """Whether the kernel has ended a process of it for want of memory, or all of it, as who sends SIGKILL does: podman
    does not tell these apart everywhere."""
    return bool(state.get("OOMKilled")) or (status != "running" and state.get("ExitCode") == _SIGKILLED)


def _lately(look: Look, name: str, restarts: int, up: float | None) -> int:
    """How often the engine has started it again of late."""
    before = look.past.value(f"{look.check}[{name}].restarts", look.now - _RESTARTS)
    if before is not None:
        # A count that has shrunk is that of another container, or of one that somebody has started.
        return max(restarts - round(before[1]), 0)
    return restarts if up is not None and up < _JUST else 0


def _memory(engine: Engine, name: str, found: Container) -> tuple[int, int] | None:
    """Where it may not use all of the machine's."""
    if not (found.get("HostConfig") or {}).get("Memory"):
        return None
    try:
        return engine.memory(name)
    except EngineRefused:
        # An engine that may not see its cgroups; the rest it has told.
        return None


def _seconds(look: Look, moment: str | None) -> float | None:
    """Since a moment as the engine writes it; "0001-01-01..." is none."""
    try:
        at = datetime.fromisoformat(moment or "")
    except ValueError:
        return None
    return None if at.year < 1971 else max((look.now - at).total_seconds(), 0.0)


CHECKS = (
    Check(
        "container",
        "services",
        _container,
        "outside",
        SOMETIMES,
        {
            # Once in an hour may be an update of the engine; three times is a server that cannot stay up.
            "restarted": Limit(1, 3),
            # Of its own limit, at which the kernel ends its processes.
            "memory_percent": Limit(90, 97),
        },
    ),
)
