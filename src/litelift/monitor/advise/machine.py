"""The memory, the cores and the disk that the server has: of this machine, of its container, or as somebody says.

Nothing is guessed: a server that is reached through a port may be anywhere.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from litelift.errors import LiteliftError, UsageError
from litelift.monitor.advise.control_group import memory_and_cores
from litelift.monitor.checks.disks_folders import data_of
from litelift.monitor.engine import Engine
from litelift.monitor.watched import Watched
from litelift.postgres.connect import Connection
from litelift.report.format import size

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_LEAST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Machine:
    """What the server has. None is what is not known."""

    memory: int | None = None
    """Bytes."""
    cores: float | None = None
    ssd: bool | None = None
    known_from: str = ""
    """How it is known, in words."""
    available: int | None = None
    """Bytes of memory that a program could have now, where it is this machine's."""
    measured: bool = False
    """Whether the memory is not only what somebody said."""


def bytes_of(words: str) -> int:
    """The bytes of "16GB". Units are those of PostgreSQL, of 1024. Raises UsageError."""
    found = _SIZE.fullmatch(words.strip())
    number = float(found[1]) * _UNITS[found[2].lower()] if found else 0.0
    if not _LEAST <= number < 2**60:
        raise UsageError(message=f"expected an amount of memory, for instance 16GB; got {words}")
    return int(number)


def machine_of(
    connection: Connection,
    watched: Watched,
    memory: str | None = None,
    cores: float | None = None,
    disk: str | None = None,
) -> Machine:
    """What is known of the machine, or the container, that the server is in.

    Args:
        connection: to the server.
        watched: which says whether the server is in a container.
        memory: told by a person, as "16GB".
        cores: told by a person.
        disk: told by a person, "ssd" or "hdd".

    Raises:
        UsageError: what was told is none.
    """
    if cores is not None and not 0 < cores <= 4096:
        raise UsageError(message=f"expected a number of cores; got {cores:g}")
    if disk not in (None, "ssd", "hdd"):
        raise UsageError(message=f"expected ssd or hdd; got {disk}")
    told = bytes_of(memory) if memory is not None else None
    found = _of_container(watched) if watched.backups.container is not None else _of_process(connection)
    if told is not None and found.memory is not None and told > found.memory:
        raise UsageError(
            message=f"the server has {size(found.memory)} of memory ({found.known_from}); got {memory}",
            hint="Leave --memory out, or name less, where other programs need the rest.",
        )
    if told is not None or cores is not None:
        found = replace(found, known_from="as was said")
    return replace(
        found,
        memory=told or found.memory,
        cores=cores or found.cores,
        ssd=disk == "ssd" if disk is not None else _is_ssd(watched),
    )


def _of_container(watched: Watched) -> Machine:
    name = str(watched.backups.container)
    try:
        with Engine.opened(watched.backups.engine) as engine:
            container, host = engine.container(name), engine.machine()
    except LiteliftError as error:
        return Machine(known_from=f"not known: {error.message}")
    if container is None:
        return Machine(known_from=f"not known: there is no container {name}")
    limits = container.get("HostConfig") or {}
    # What is 0 is no limit.
    memory = [int(one) for one in (host.get("MemTotal"), limits.get("Memory")) if one]
    shares = [float(one) for one in (host.get("NCPU"),) if one]
    shares += [float(one) / 1e9 for one in (limits.get("NanoCpus"),) if one]
    shares += [float(one) / float(limits.get("CpuPeriod") or 100_000) for one in (limits.get("CpuQuota"),) if one]
    return Machine(
        min(memory, default=None),
        min((one for one in shares if one > 0), default=None),
        known_from=f"of the container {name}",
        measured=bool(memory),
    )


def _of_process(connection: Connection) -> Machine:
    """Of this machine, where the session's process is one of it: behind a port may be a tunnel, or a container."""
    info = connection.info
    process = Path(f"/proc/{info.backend_pid}")
    try:
        words = (process / "cmdline").read_bytes()
        control_groups = (process / "cgroup").read_text()
        # The title of a session's process ("update_process_title"): postgres: user database host.
        if not words.startswith(b"postgres") or info.dbname.encode() not in words or info.user.encode() not in words:
            raise ProcessLookupError
        facts: dict[str, str] = dict(re.findall(r"^(\w+):\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE))
        seen = len(os.sched_getaffinity(info.backend_pid))
    except (OSError, AttributeError):
        return Machine(known_from="not known: the server's process is not one of this machine")
    limit, share = memory_and_cores(control_groups)
    whole = int(facts["MemTotal"]) * 1024
    available = int(facts.get("MemAvailable", facts["MemTotal"])) * 1024
    memory = min(whole, limit or whole)
    cores = min(float(seen), share or float(seen))
    words_of_it = (
        "of this machine" if memory == whole and cores == seen else "of this machine, as its control group limits it"
    )
    return Machine(memory, cores, None, words_of_it, min(available, memory), measured=True)


def _is_ssd(watched: Watched) -> bool | None:
    """Whether the data's disk says that it does not turn. That it does is said by virtual ones too."""
    data = data_of(watched)
    folders = [place.folder for place in data.places if place.name == "data"] if data is not None else []
    for folder in folders:
        with suppress(OSError, ValueError):
            device = folder.stat().st_dev
            place = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve(strict=True)
            # Of a partition the disk says it.
            for one in (place, place.parent):
                file = one / "queue" / "rotational"
                if file.exists():
                    return True if int(file.read_text()) == 0 else None
    return None
