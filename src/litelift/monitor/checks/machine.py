"""This machine's memory and load: for the charts, and told only where they are extreme. Linux says them in /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.finding import Finding, Limit, worst
from litelift.monitor.look import Look

_PROC = Path("/proc")
_KILLS = timedelta(hours=1)
"""Within which a process that was ended for want of memory is told."""


def _machine(look: Look, proc: Path = _PROC) -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    load = os.getloadavg()[1] / cores
    measures = [look.measure("load", load)]
    facts: dict[str, Any] = {"load": load, "cores": cores}
    try:
        memory, swap, kills = read_memory(proc)
    except (OSError, KeyError, ValueError):
        yield look.finding(look.limit("load").state(load), "load", "load", measures=measures, **facts)
        return
    measures += [
        look.measure("memory_percent", memory, "percent", most=100.0),
        look.measure("swap_percent", swap, "percent", most=100.0),
        look.measure("oom_kills", kills),
    ]
    before = look.past.value(f"{look.check}.oom_kills", look.now - _KILLS)
    # Since the machine was started, which it may have been meanwhile.
    killed = int(kills - before[1]) if before is not None and kills >= before[1] else 0
    short, busy = look.limit("memory_percent").state(memory), look.limit("load").state(load)
    # Pages that nobody has asked for in weeks fill a swap too: it is of interest where there is no memory either.
    swapping = look.limit("swap_percent").state(swap) if memory >= 80 else "ok"
    killing = look.limit("killed").state(killed)
    measures.append(look.measure("killed", killed))
    state = worst([short, busy, swapping, killing])
    said = next(
        (word for word, one in (("killed", killing), ("memory", short), ("swap", swapping)) if one == state), "load"
    )
    yield look.finding(
        state,
        "fine" if state == "ok" else said,
        "load" if said == "load" else "memory",
        measures=measures,
        memory=memory,
        swap=swap,
        killed=killed,
        **facts,
    )


def read_memory(proc: Path) -> tuple[float, float, int]:
    """Percent of the memory and of the swap that are used, and the processes that were ended for want of memory since
    the machine was started ("oom_kill" of /proc/vmstat). Raises OSError, KeyError, ValueError where it is not Linux's.
    """
    lines = (line.split(":") for line in (proc / "meminfo").read_text().splitlines())
    known = {name: int(rest.split()[0]) for name, rest in lines}
    memory = 100 * (1 - known["MemAvailable"] / known["MemTotal"])
    swap = 100 * (1 - known["SwapFree"] / known["SwapTotal"]) if known["SwapTotal"] else 0.0
    counted = dict(line.split() for line in (proc / "vmstat").read_text().splitlines())
    return memory, swap, int(counted.get("oom_kill", 0))


CHECKS = (
    Check(
        "machine",
        "machine",
        _machine,
        "outside",
        SOMETIMES,
        {
            # Of the last five minutes, for each core: a backup or a report makes 1 of it, a runaway 4.
            "load": Limit(4),
            # What is available counts the caches: at 95 % the next large query may have a process ended.
            "memory_percent": Limit(95, 98),
            "swap_percent": Limit(90),
            "killed": Limit(1),
        },
    ),
)
