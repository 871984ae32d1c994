"""The monitor's own folder: what is measured says who uses the application, and when."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a monitor's folder, for its owner alone, and out of sight of git. Raises OSError."""
    if not folder.is_dir():
        # Another process may make it in the same moment.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone, where there is none, in whatever folder. Raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
