"""Hostile files: moved and the same by a second path, or refused in our words; in time, in memory, and untouched."""

from __future__ import annotations

from pathlib import Path

import pytest

import hostile_files
from corrupt.judge import judge

CASES = {
    **{name: (maker, ("proved", "quarantine")) for name, maker in hostile_files.MOVED.items()},
    **{name: (maker, ("refused",)) for name, maker in hostile_files.REFUSED.items()},
    **{name: (maker, ("proved", "quarantine", "refused")) for name, maker in hostile_files.EITHER.items()},
}


# What has no end is stopped as it is by default, only sooner.
IMPATIENT = {
    "litelift.prove.patience:LEAST_SECONDS": 1.0,
    "litelift.prove.patience:Patience.__init__.__defaults__": [1.0],
}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_is_moved_or_refused_in_time_and_in_memory(case: str, tmp_path: Path, database: str) -> None:
    maker, allowed = CASES[case]
    path = tmp_path / "hostile.sqlite"
    maker(path)
    # By turns alone and with workers, the same each time.
    verdict = judge(path, database, "--jobs", str(1 + list(CASES).index(case) % 2), settings=IMPATIENT)
    assert verdict.faults == ()
    assert verdict.outcome in allowed, verdict
