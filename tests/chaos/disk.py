"""A disk of a size, which can fill and be made larger: a tmpfs, for which it takes root's right to mount."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

ATTEMPTS = 20


class Disk:
    """A tmpfs mounted at ``folder``, of ``size`` bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        """Make the folder, and mount."""
        self.folder = folder
        folder.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder))

    def resize(self, size: int) -> None:
        """Make it of ``size`` bytes."""
        _mount("-o", f"remount,size={size}", str(self.folder))

    def leave(self, room: int) -> None:
        """Leave so many bytes free. What is written meanwhile is in the way of that, and it is tried again."""
        for attempt in range(ATTEMPTS):
            try:
                self.resize(self.used() + room)
                return
            except subprocess.CalledProcessError:
                if attempt == ATTEMPTS - 1:
                    raise

    def used(self) -> int:
        """How many bytes are in use."""
        facts = os.statvfs(self.folder)
        return (facts.f_blocks - facts.f_bfree) * facts.f_frsize

    def fill(self) -> None:
        """Leave no byte free."""
        with contextlib.suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def close(self) -> None:
        """Unmount, even what is in use."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False, capture_output=True, timeout=30)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True, timeout=30)


@functools.cache
def may_mount() -> bool:
    """Whether this user may mount."""
    with tempfile.TemporaryDirectory(prefix="litelift-chaos-") as folder:
        try:
            Disk(Path(folder) / "disk", 1 << 20).close()
        except (OSError, subprocess.SubprocessError):
            return False
    return True


@contextlib.contextmanager
def disk(folder: Path, size: int) -> Iterator[Disk]:
    """A disk for a while."""
    made = Disk(folder, size)
    try:
        yield made
    finally:
        made.close()
