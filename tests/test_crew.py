"""The crew opens its processes together, and does without those that are killed meanwhile."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from litelift.move.crew import Crew, gather
from litelift.move.worker import Worker
from litelift.sqlite.open import open_source

JOBS = 3


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "app.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("create table t(a); insert into t values (1), (2), (3)")
    return path


def rows(worker: Worker, task: int) -> tuple[int, int]:
    """What a worker reads, and which process it is."""
    found = worker.source.connection.execute("select count(*) from t").fetchone()[0]
    return int(found), os.getpid()


def read_by(crew: Crew, path: Path) -> set[tuple[int, bool]]:
    """What all of the crew read, and whether other processes did."""
    with closing(open_source(path)) as source:
        crew.open_together(source, None)
        try:
            return {(count, process != os.getpid()) for _, (count, process) in crew.run(rows, range(20))}
        finally:
            crew.close()


def test_all_read_once_each_is_open(source: Path) -> None:
    assert read_by(gather(JOBS), source) == {(3, True)}


@pytest.mark.parametrize("killed", [1, JOBS])
def test_a_process_that_is_killed_before_it_is_open_is_done_without(source: Path, killed: int) -> None:
    crew = gather(JOBS)
    assert crew.processes is not None
    for process in list(crew.processes.pool._processes.values())[:killed]:
        process.kill()
        process.join()
    assert read_by(crew, source) == {(3, False)}
    assert crew.jobs == 1
