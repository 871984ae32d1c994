"""The tests that take longest are begun first: one that is begun last keeps a worker busy while the others are idle."""

from __future__ import annotations

import os

import pytest

LONG = (
    "test_a_kill_at_any_line_of_the_journal_is_gone_on_with_or_taken_back",
    "test_chaos.py",
    "test_backup_cron.py",
    "test_corrupt.py",
    "test_cutover_container.py",
    "test_example.py",
    "test_property_move.py",
    "test_fidelity",
)
"""Modules and tests, by a part of their names."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones at the beginning of each worker's share.

    pytest-xdist hands out the tests in contiguous shares of one size, and lets idle workers steal from a share's end.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    long = [item for item in items if any(part in item.nodeid for part in LONG)]
    chosen = set(long)
    rest = [item for item in items if item not in chosen]
    # A module whose tests share what takes long to start stays with one worker.
    modules = sorted({item.path for item in long})
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for item in long:
        apart = "test_a_kill_at" in item.nodeid
        at = long.index(item) if apart else modules.index(item.path)
        shares[at % workers].append(item)
    size = len(items) // workers
    ordered: list[pytest.Item] = []
    for number, share in enumerate(shares):
        room = max(0, size - len(share)) if number + 1 < workers else len(rest)
        ordered += [*share, *rest[:room]]
        rest = rest[room:]
    items[:] = ordered
