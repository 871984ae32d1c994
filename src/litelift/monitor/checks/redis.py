"""Redis: whether it answers, how fast, and what it says of its memory, its clients and what it writes to its disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from litelift.cutover.health.network import trouble
from litelift.cutover.health.settings import RedisCheck
from litelift.errors import HealthCheckUnusable
from litelift.monitor.bounded import bounded
from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.checks.redis_protocol import Refused, Session
from litelift.monitor.finding import Finding, Limit, State, worst
from litelift.monitor.look import Look

SECONDS = 3.0
"""For one answer."""
ALL_SECONDS = 8.0
"""For one server."""
PINGS = 3


def _redis(look: Look) -> Iterator[Finding]:
    given = [check for check in look.watched.health if isinstance(check, RedisCheck)]
    servers = {check.name: check for check in [*given, *(one.check for one in look.watched.settings.redis)]}
    if not servers:
        yield look.ok("none")
    for name, check in servers.items():
        if not look.shown(name):
            continue
        yield _one(look, name, check)


def _one(look: Look, name: str, check: RedisCheck) -> Finding:
    from litelift.cutover.health.secret import Secrets, read_secrets

    place = _place(check.url)
    secrets = Secrets()
    try:
        secrets = read_secrets([check], look.watched.project)
        password = secrets.passwords.get(check.name)
        milliseconds, info = bounded(f"redis {name} {place}", ALL_SECONDS, lambda: _asked(check, password))
    except HealthCheckUnusable as error:
        return look.finding("unknown", "failed", "failed", about=name, message=error.message, hint=error.hint)
    except Refused as error:
        message = secrets.hide(str(error))
        return look.finding("critical", "refused-login", "login", about=name, place=place, message=message)
    except TimeoutError:
        return look.finding("critical", "silent", "start", about=name, place=place, seconds=SECONDS)
    except (OSError, ValueError) as error:
        message = secrets.hide(trouble(error, check.url))
        return look.finding("critical", "down", "start", about=name, place=place, message=message)
    return _finding(look, name, place, milliseconds, info)


def _asked(check: RedisCheck, password: str | None) -> tuple[float, dict[str, str]]:
    session = Session(check.url, check.user, password, SECONDS)
    try:
        milliseconds = session.milliseconds(PINGS)
        try:
            return milliseconds, session.info()
        except Refused:
            # A login that may not: that it answers is what is known.
            return milliseconds, {}
    finally:
        session.close()


def _place(url: str) -> str:
    """An address without what may be secret in it."""
    found = urlsplit(url)
    return found.path if found.scheme == "unix" else f"{found.hostname}:{found.port or 6379}"


def _finding(look: Look, name: str, place: str, milliseconds: float, info: Mapping[str, str]) -> Finding:
    number = {key: int(value) for key, value in info.items() if value.isdecimal()}
    measures = [look.measure("latency", milliseconds / 1000, "seconds")]
    used, most = number.get("used_memory"), number.get("maxmemory") or None
    clients, allowed = number.get("connected_clients"), number.get("maxclients") or None
    memory = 100 * used / most if used is not None and most is not None else None
    sessions = 100 * clients / allowed if clients is not None and allowed is not None else None
    if used is not None:
        measures.append(look.measure("memory", used, "bytes", most=float(most) if most else None))
    for measure, share in (("memory_percent", memory), ("clients_percent", sessions)):
        if share is not None:
            measures.append(look.measure(measure, share, "percent", most=100.0))
    counted = (
        ("evicted", "evicted_keys"),
        ("rejected", "rejected_connections"),
        ("commands", "total_commands_processed"),
    )
    measures += [look.measure(as_, number[key], counter=True) for as_, key in counted if key in number]
    evicts = info.get("maxmemory_policy", "noeviction") != "noeviction"
    evicting = _rate(look, name, "evicted")
    rejecting = _rate(look, name, "rejected")
    # The gravest first; of those that are as grave, the first is told.
    said: list[tuple[State, str, str]] = [
        (_disk(info), "unsaved", "disk"),
        # One that evicts is full by design: it is a cache.
        ("ok" if evicts or memory is None else look.limit("memory_percent").state(memory), "memory", "memory"),
        (look.limit("rejected").state(rejecting or 0.0), "rejecting", "clients"),
        ("ok" if sessions is None else look.limit("clients_percent").state(sessions), "clients", "clients"),
        ("warning" if info.get("loading") == "1" else "ok", "loading", "wait"),
        ("warning" if info.get("master_link_status") == "down" else "ok", "unlinked", "link"),
        (look.limit("evicted").state(evicting or 0.0), "evicting", "memory"),
        (look.limit("latency").state(milliseconds / 1000), "slow", "slow"),
    ]
    state = worst([one for one, _, _ in said])
    found, do = next((word, do) for one, word, do in said if one == state) if state != "ok" else ("up", "wait")
    return look.finding(
        state,
        found if used is not None or found != "up" else "answers",
        do,
        about=name,
        measures=measures,
        place=place,
        version=info.get("redis_version"),
        ms=milliseconds,
        used=used,
        most=most,
        memory=memory,
        clients=clients,
        allowed=allowed,
        evicted=evicting,
        rejected=rejecting,
        message=_unsaved(info),
        master=info.get("master_host"),
    )


def _disk(info: Mapping[str, str]) -> State:
    if info.get("rdb_last_bgsave_status") == "err" or info.get("aof_last_write_status") == "err":
        return "critical"
    return "warning" if info.get("aof_last_bgrewrite_status") == "err" else "ok"


def _unsaved(info: Mapping[str, str]) -> str | None:
    names = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
    return ", ".join(f"{name}:err" for name in names if info.get(name) == "err") or None


def _rate(look: Look, name: str, counter: str) -> float | None:
    """A second, as it was lately."""
    before = look.past.value(f"{look.check}[{name}].{counter}", look.now)
    return before[1] if before is not None and (look.now - before[0]).total_seconds() < 600 else None


CHECKS = (
    Check(
        "redis",
        "services",
        _redis,
        "outside",
        SOMETIMES,
        {
            # A PING takes well under a millisecond on the same machine, and some in a network.
            "latency": Limit(0.1, 1.0),
            # With maxmemory and without eviction every write is refused at 100 %.
            "memory_percent": Limit(85, 95),
            "clients_percent": Limit(80, 95),
            # A second: one refused is somebody who saw an error.
            "rejected": Limit(0.001),
            # A second: so many are more than a cache makes room for; it is too small.
            "evicted": Limit(100),
        },
    ),
)
