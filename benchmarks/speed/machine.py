"""The machine, in general terms: no names, no paths."""

from __future__ import annotations

import os
import platform
import sqlite3

from benchmarks.speed.results import Machine
from benchmarks.speed.server import BenchServer


def machine(server: BenchServer) -> Machine:
    """What is told of where it was measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cores,
        memory,
        platform.system(),
        platform.python_version(),
        sqlite3.sqlite_version,
        server.version.split(" ")[0],
        server.settings,
    )
