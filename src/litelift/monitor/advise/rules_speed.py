"""Settings of the log, the planner and what is written, and those that let one see what is slow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.machine import Machine
from litelift.monitor.advise.rules_memory import GB, MB, written
from litelift.monitor.advise.server_facts import Facts
from litelift.monitor.advise.server_settings import ServerSettings, elements
from litelift.report.format import size

CHECKPOINTS = 10
REQUESTED = 0.3
"""Of at least CHECKPOINTS this share has to have come because the WAL was full."""
MOST_WAL = 16 * GB
HUGE = 8 * GB
"""From which shared_buffers on pages of 4 kB cost something worth a word."""
_CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_FAST_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")
"""Those that are read without a call of the kernel (vdso(7))."""


def speed_rules(settings: ServerSettings, machine: Machine, facts: Facts, *, local: bool) -> Iterator[Advice]:
    """What makes the whole server faster."""
    yield from _wal(settings, facts)
    name = "random_page_cost"
    if machine.ssd and name in settings and float(settings[name].setting) > 2:
        yield settings.advice(
            name,
            "1.1",
            "The data lie on a disk that does not turn, where a page from anywhere costs hardly more than the next one",
            gain="the planner takes an index where it is faster",
            weight=65,
            source='20.7.2 "Planner Cost Constants": "a lower value for random_page_cost, e.g., 1.1"',
        )
    name = "huge_pages"
    if local and settings["shared_buffers"].bytes >= HUGE and settings[name].setting == "try" and _huge_pages() == 0:
        yield settings.advice(
            name,
            "try",
            f"shared_buffers has {size(settings['shared_buffers'].bytes)} in pages of 4 kB, whose "
            "tables each session has to keep",
            gain="memory, and some processor time",
            weight=10,
            source='19.4.5 "Linux Huge Pages"',
            blocked=(
                "have the system keep some: sysctl -w vm.nr_hugepages=N, N from SHOW "
                "shared_memory_size_in_huge_pages; then restart"
            ),
        )


def seeing_rules(settings: ServerSettings, facts: Facts, *, local: bool) -> Iterator[Advice]:
    """What lets one see what is slow."""
    name = "shared_preload_libraries"
    loaded = elements(settings[name].setting) if name in settings else None
    if (
        loaded is not None
        and facts.has_statements
        and "pg_stat_statements" not in loaded
        and not settings[name].pending
    ):
        yield settings.advice(
            name,
            ", ".join([*loaded, "pg_stat_statements"]),
            "Which queries are slow is not known: pg_stat_statements counts them, and this command "
            "advises indexes by it",
            gain="slow queries are seen",
            weight=58,
            source='F.32 "pg_stat_statements"; after the restart: CREATE EXTENSION pg_stat_statements',
            values=[*loaded, "pg_stat_statements"],
        )
    name = "log_min_duration_statement"
    if name in settings and int(settings[name].setting) == -1:
        yield settings.advice(
            name,
            "1s",
            "Statements that take long leave no trace in the log. (Their text may hold values of "
            "persons: who reads the log "
            "has to be allowed to; log_parameter_max_length = 0 keeps out those that are bound)",
            gain="what was slow last night can be read in the morning",
            weight=25,
            source='20.8.2 "When to Log"',
        )
    name = "track_io_timing"
    if name in settings and not settings.is_on(name) and local and _fast_clock():
        yield settings.advice(
            name,
            "on",
            "How long reading and writing take is not measured; this machine's clock is read without "
            "a call of the kernel",
            gain="it is seen whether the disk is what is slow",
            weight=12,
            source='20.9.1 "Cumulative Query and Index Statistics"',
        )


def _wal(settings: ServerSettings, facts: Facts) -> Iterator[Advice]:
    name = "max_wal_size"
    made = facts.checkpoints_timed + facts.checkpoints_requested
    if name in settings and made >= CHECKPOINTS and facts.checkpoints_requested >= REQUESTED * made:
        current = settings[name].bytes
        proposed = min(max(current * 2, 2 * GB), MOST_WAL)
        # A move or a restore makes many in an hour, and says nothing of the days that follow.
        often = facts.checkpoints_requested / max(facts.checkpoint_seconds / 3600, 1) > 1
        if proposed > current and often and facts.checkpoint_seconds >= 86400:
            yield settings.advice(
                name,
                written(proposed),
                f"{facts.checkpoints_requested:,} of {made:,} checkpoints came early, because "
                f"{size(current)} of WAL was full: "
                f"each has whole pages written again. It takes up to {size(proposed)} of the disk",
                gain="fewer checkpoints, less that is written",
                weight=55,
                source='20.5.2 "Checkpoints", 30.5 "WAL Configuration"',
            )
    name = "checkpoint_completion_target"
    if name in settings and float(settings[name].setting) < 0.8:
        yield settings.advice(
            name,
            "0.9",
            "Checkpoints write all at once, in a part of the time that they have; 0.9 is "
            "PostgreSQL's own default since 14",
            gain="no jams at the disk",
            weight=35,
            source='20.5.2 "Checkpoints"',
        )
    name = "wal_buffers"
    if (
        name in settings
        and settings[name].source != "default"
        and 0 < settings[name].bytes < MB <= settings["shared_buffers"].bytes // 32
    ):
        yield settings.advice(
            name,
            "-1",
            f"Somebody has set it to {settings[name].shown}; the server would choose a thirty-second "
            "of shared_buffers, at most 16 MB",
            gain="sessions that write do not wait for each other",
            weight=20,
            source='20.5.1 "Settings"',
        )


def _huge_pages() -> int | None:
    try:
        return int(Path("/proc/sys/vm/nr_hugepages").read_text())
    except (OSError, ValueError):
        return None


def _fast_clock() -> bool:
    try:
        return _CLOCK.read_text().strip() in _FAST_CLOCKS
    except OSError:
        return False
