"""What a control group leaves its processes of the machine's memory and cores, in both versions of Linux's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_UNLIMITED = 2**60
"""Version 1 writes its largest number, rounded to pages, where there is no limit (memory.limit_in_bytes)."""


def memory_and_cores(groups: str, root: Path = ROOT) -> tuple[int | None, float | None]:
    """Bytes and cores; None where nothing limits them.

    Args:
        groups: what /proc/PID/cgroup holds (cgroups(7)).
        root: where the control groups are mounted.
    """
    memory: list[float] = []
    cores: list[float] = []
    for line in groups.splitlines():
        _, names, path = line.split(":", 2)
        for base in _bases(names.split(","), root):
            for folder in _upwards(base, path):
                memory += _number(folder / "memory.max") + _number(folder / "memory.limit_in_bytes")
                cores += _share(folder)
    limits = [one for one in memory if 0 < one < _UNLIMITED]
    return int(min(limits)) if limits else None, min((one for one in cores if one > 0), default=None)


def _bases(names: list[str], root: Path) -> list[Path]:
    """Where the hierarchy of these controllers may be mounted; version 2 names none."""
    if names == [""]:
        return [root, root / "unified"]
    return [root / name for name in (*names, ",".join(names))]


def _upwards(base: Path, path: str) -> Iterator[Path]:
    """The group's folder and those above it, each of which limits it too.

    In a container whose groups have no namespace the path is the host's, and not there: its own limits are at the top.
    """
    here = base / path.lstrip("/")
    while here != base and base in here.parents:
        yield here
        here = here.parent
    yield base


def _number(file: Path) -> list[float]:
    with suppress(OSError, ValueError):
        return [float(file.read_text())]
    return []


def _share(folder: Path) -> list[float]:
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return [float(quota) / float(period)]
    with suppress(OSError, ValueError):
        quota = (folder / "cpu.cfs_quota_us").read_text()
        return [float(quota) / float((folder / "cpu.cfs_period_us").read_text())]
    return []
