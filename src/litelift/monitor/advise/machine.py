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
        ssd=disk == "ssd" if disk is not None else found.ssd,
    )


def _of_container(watched: Watched) -> Machine:
    from litelift.cutover.server.engine import opened

    name = watched.backups.container
    try:
        with opened(watched.backups.engine) as (client, _):
            limits = client.containers.get(name).attrs.get("HostConfig") or {}
            host = client.info()
    except LiteliftError as error:
        return Machine(known_from=f"not known: {error.message}")
    except Exception as error:  # the engine's own errors, which docker's SDK has many of
        return Machine(known_from=f"not known: the container {name} cannot be looked at ({type(error).__name__})")
    period = float(limits.get("CpuPeriod") or 100_000)
    shares = [
        float(host.get("NCPU") or 0),
        float(limits.get("NanoCpus") or 0) / 1e9,
        float(limits.get("CpuQuota") or 0) / period,
    ]
    memory = [int(host.get("MemTotal") or 0), int(limits.get("Memory") or 0)]
    return Machine(
        min((one for one in memory if one > 0), default=None),
        min((one for one in shares if one > 0), default=None),
        known_from=f"of the container {name}",
        measured=True,
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
    return Machine(memory, cores, _is_ssd(connection), words_of_it, min(available, memory), measured=True)


def _is_ssd(connection: Connection) -> bool | None:
    """Whether the data folder's disk says that it does not turn. That it does is said by virtual ones too."""
    row = connection.execute(
        "select setting from pg_settings where name = 'data_directory'"  # only for those who may know it
    ).fetchone()
    if row is None or not row[0]:
        return None
    with suppress(OSError, ValueError):
        device = Path(row[0]).stat().st_dev
        place = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve(strict=True)
        for folder in (place, place.parent):
            file = folder / "queue" / "rotational"
            if file.exists():
                return True if int(file.read_text()) == 0 else None
    return None
