"""One watch of a folder at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from litelift.errors import WatchBusy
from litelift.held import held
from litelift.monitor.folder import make_folder

LOCK = "watch.lock"


@contextmanager
def watch_held(folder: Path) -> Iterator[None]:
    """Be the only watch of a folder, which is made where it is not there. Raises WatchBusy and OSError."""
    make_folder(folder)
    with held(folder / LOCK, lambda who: WatchBusy(who=who)):
        yield
