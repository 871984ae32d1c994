"""What the server's memory and cores are worth: how much of them its settings should give it.

After "Resource Consumption" and "Query Planning" of PostgreSQL's manual, and the rules that pgtune documents
(https://github.com/le0pard/pgtune), where those say more than the manual.
"""

from __future__ import annotations

from collections.abc import Iterator

from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.machine import Machine
from litelift.monitor.advise.server_facts import Facts
from litelift.monitor.advise.server_settings import ServerSettings
from litelift.report.format import size

MB, GB = 2**20, 2**30
WORTH = 2.0
"""How many times too small something has to be before it is worth a person's time, and a restart."""
SHARE = 0.25
"""Of the memory for shared_buffers: "a reasonable starting value" (20.4.1)."""
MOST_SHARE = 0.40
"""More "is unlikely to work better" (20.4.1)."""
TEMP_BYTES = 100 * MB
"""Sorts and hashes that did not fit have to have written so much before work_mem is worth a word."""
CONNECTIONS_USED = 0.8
MOST_CONNECTIONS = 500
_STANDBY_FIRST = "raise it on the standbys first: one with less than its primary has stops"
"""27.4.3 "Administrator's Overview" of hot standbys."""
PARALLEL_CORES = 8
"""The server's own default of worker processes is for so many."""


def memory_rules(settings: ServerSettings, machine: Machine, facts: Facts) -> Iterator[Advice]:
    """What follows from the memory; nothing where it is not known."""
    memory = machine.memory
    if memory is None:
        return
    yield from _shared_buffers(settings, machine, facts, memory)
    yield from _cache(settings, machine, memory)
    yield from _work(settings, facts, memory)
    yield from _maintenance(settings, facts, memory)


def connection_rules(settings: ServerSettings, machine: Machine, facts: Facts) -> Iterator[Advice]:
    """What follows from how many connections there are, where they come near to the limit."""
    name = "max_connections"
    if name not in settings or machine.memory is None:
        return
    most = int(settings[name].setting)
    room = machine.memory - settings["shared_buffers"].bytes
    # Each is a process, which sorts and hashes in work_mem; beyond that a pool does more than a larger number.
    proposed = min(most * 2, MOST_CONNECTIONS, int(room * 0.5 / max(settings["work_mem"].bytes, 4 * MB)))
    if facts.connections >= CONNECTIONS_USED * most and proposed >= most * 1.5:
        yield settings.advice(
            name,
            str(proposed),
            f"{facts.connections} of {most} connections are in use now. (Where the application could "
            "share some by a pool, "
            "that does more: PgBouncer)",
            gain="nobody is turned away",
            weight=85,
            source='20.3.1 "Connection Settings"',
            blocked=_STANDBY_FIRST if facts.standbys else None,
        )


def core_rules(settings: ServerSettings, machine: Machine, *, standbys: bool = False) -> Iterator[Advice]:
    """What follows from the cores; ``standbys`` says whether other servers follow this one."""
    if machine.cores is None:
        return
    cores = max(int(machine.cores), 1)
    workers, parallel = int(settings["max_worker_processes"].setting), int(settings["max_parallel_workers"].setting)
    if cores >= PARALLEL_CORES * WORTH:
        for name, value in (("max_worker_processes", workers), ("max_parallel_workers", parallel)):
            if name in settings and value * WORTH <= cores:
                yield settings.advice(
                    name,
                    str(cores),
                    f"There are {cores} cores ({machine.known_from}), and at most {value} of them "
                    "work on large queries",
                    gain="large queries and builds of indexes use the cores that are there",
                    weight=20,
                    source='20.4.6 "Worker Processes"; pgtune',
                    blocked=_STANDBY_FIRST if standbys and name == "max_worker_processes" else None,
                )
    per_query = "max_parallel_workers_per_gather"
    if cores == 1 and per_query in settings and int(settings[per_query].setting) > 0:
        yield settings.advice(
            per_query,
            "0",
            f"There is one core ({machine.known_from}): workers of one query would only wait for each other",
            gain="no processes that are started for nothing",
            weight=15,
            source='20.4.6 "Worker Processes"',
        )


def written(number: float) -> str:
    """An amount as a setting has it, in whole units."""
    for unit, word in ((GB, "GB"), (MB, "MB")):
        if number >= unit and int(number) % unit == 0:
            return f"{int(number) // unit}{word}"
    return f"{max(int(number) // MB, 1)}MB"


def _round(number: float) -> int:
    """Down to a number that a person would write."""
    step = GB if number >= 8 * GB else 256 * MB if number >= GB else 64 * MB if number >= 256 * MB else MB
    return max(int(number) // step * step, MB)


def _shared_buffers(settings: ServerSettings, machine: Machine, facts: Facts, memory: int) -> Iterator[Advice]:
    name = "shared_buffers"
    if name not in settings or settings["shared_memory_type"].setting != "mmap" or settings[name].pending:
        return
    current = settings[name].bytes
    # More than there is to hold is of no use; it grows, so twice that.
    proposed = _round(min(memory * SHARE, max(facts.cluster_bytes * 2, 128 * MB)))
    if machine.available is not None:
        proposed = min(proposed, _round(current + machine.available / 2))
    source = '20.4.1 "Memory": 25 % of the memory, and not more than 40 %'
    if current > memory * MOST_SHARE:
        fits = _round(memory * SHARE)
        why = (
            f"It is {100 * current / memory:.0f} % of the memory, {size(memory)} ({machine.known_from}); "
            "the system keeps what it reads too"
        )
        yield settings.advice(
            name, written(fits), why, gain="memory for sessions and for the system", weight=90, source=source
        )
    elif current * WORTH <= proposed:
        why = (
            f"The databases take {size(facts.cluster_bytes)}, {size(current)} of which the server can hold; "
            f"it has {size(memory)} of memory ({machine.known_from}). "
            f"{facts.hit_percent:.1f} % of what was asked for was there"
        )
        blocked = None
        if settings["huge_pages"].setting == "on":
            blocked = "huge_pages is on: have the system keep enough of them first; the server would not start without"
        elif not machine.measured:
            blocked = (
                "the memory was said, not measured, and with more than there is the server would not "
                "start: set it by hand"
            )
        yield settings.advice(
            name,
            written(proposed),
            why,
            gain="fewer reads from the disk",
            weight=80 if facts.hit_percent < 99 else 50,
            source=source,
            blocked=blocked,
        )


def _cache(settings: ServerSettings, machine: Machine, memory: int) -> Iterator[Advice]:
    name = "effective_cache_size"
    if name not in settings:
        return
    current, most = settings[name].bytes, memory * 0.75
    if machine.available is not None:
        # What other programs of the machine hold is not there for what was read.
        most = min(most, machine.available + settings["shared_buffers"].bytes)
    proposed = _round(most)
    why = f"The server has {size(memory)} of memory ({machine.known_from}), most of which is free to hold what was read"
    source = '20.7.2 "Planner Cost Constants"; pgtune: three quarters of the memory'
    if current * WORTH <= proposed or current > memory:
        gain = "the planner knows what reading by an index costs"
        yield settings.advice(name, written(proposed), why, gain=gain, weight=40, source=source)


def _work(settings: ServerSettings, facts: Facts, memory: int) -> Iterator[Advice]:
    name = "work_mem"
    if name not in settings:
        return
    current = settings[name].bytes
    connections = int(settings["max_connections"].setting)
    workers = int(settings["max_worker_processes"].setting)
    left = memory - min(settings["shared_buffers"].bytes, memory // 2)
    # pgtune's: what is left, by all that may sort at once, three times each.
    proposed = min(_round(left / ((connections + workers) * 3)), 256 * MB)
    source = '20.4.1 "Memory": each sort or hash of each session may take so much; pgtune'
    if current * connections > memory * WORTH and current > 4 * MB:
        why = f"{connections} sessions that sort once each could take {size(current * connections)} of {size(memory)}"
        yield settings.advice(
            name,
            written(max(proposed, 4 * MB)),
            why,
            gain="the server is not killed for its memory",
            weight=70,
            source=source,
        )
    elif facts.temp_bytes >= TEMP_BYTES and current * WORTH <= proposed:
        why = f"{facts.temp_files:,} sorts and hashes did not fit, and wrote {size(facts.temp_bytes)} to the disk"
        yield settings.advice(name, written(proposed), why, gain="they are made in memory", weight=60, source=source)


def _maintenance(settings: ServerSettings, facts: Facts, memory: int) -> Iterator[Advice]:
    name = "maintenance_work_mem"
    if name not in settings:
        return
    current = settings[name].bytes
    proposed = _round(min(memory / 16, 2 * GB, max(facts.largest_table, MB)))
    if current * WORTH <= proposed:
        why = (
            f"The largest table has {size(facts.largest_table)}; to sort it for an index takes "
            f"{size(current)} at a time"
        )
        yield settings.advice(
            name,
            written(proposed),
            why,
            gain="indexes are built, and dead rows removed, in fewer passes",
            weight=30,
            source='20.4.1 "Memory"; pgtune: a sixteenth of the memory, at most 2GB',
        )
