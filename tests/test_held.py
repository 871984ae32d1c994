"""A lock in a file: it is one's own until one lets go of it, whoever looks, and ends with the process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from litelift.held import held, holder

_LOOK = "import pathlib, sys; from litelift.held import holder; print(holder(pathlib.Path(sys.argv[1])) or 'nobody')"


class BusyError(Exception):
    """Somebody else holds it."""


def holder_elsewhere(path: Path) -> str:
    """Who holds it, as another process sees it."""
    words = [sys.executable, "-c", _LOOK, str(path)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def handles() -> int | None:
    """How many files this process has open; None where the system does not say."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else None


def test_who_looks_in_the_process_that_holds_it_takes_nothing_from_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held(lock, BusyError):
        own = holder(lock)
        assert own is not None and own.startswith(f"process {os.getpid()} on ")
        (tmp_path / "other name").hardlink_to(lock)
        assert holder(tmp_path / "other name") == own
        assert holder_elsewhere(lock) == own
    assert (holder(lock), holder_elsewhere(lock)) == (None, "nobody")


def test_another_thread_of_the_process_is_refused_and_what_it_tried_takes_nothing_from_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    refused = []

    def try_it() -> None:
        with pytest.raises(BusyError) as raised, held(lock, BusyError):
            pass
        refused.append(str(raised.value))

    with held(lock, BusyError):
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
        assert refused == [holder(lock)] == [holder_elsewhere(lock)]
        before = handles()
    assert holder_elsewhere(lock) == "nobody"
    assert before is None or handles() == before - 2
    with held(lock, BusyError):
        pass


def test_a_fork_holds_nothing_and_takes_nothing_from_its_parent(tmp_path: Path) -> None:
    lock, other = tmp_path / "lock", tmp_path / "other"
    with held(lock, BusyError):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                seen = holder(lock)
                with held(other, BusyError):
                    status = 0 if seen is not None and seen.startswith(f"process {os.getppid()} on ") else 2
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        assert holder_elsewhere(lock) == holder(lock)
