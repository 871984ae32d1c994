"""Which files go into an archive, and under which names."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path
from unicodedata import combining, normalize


def matching(patterns: Sequence[str], folder: Path, own: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The files that match the patterns, relative to ``folder``; and the patterns that match none.

    Args:
        patterns: as glob has them, ** for all folders below; absolute ones too.
        folder: the project's.
        own: folders of litelift's, whose files are left out.
    """
    leave_out = {path.resolve() for path in own}
    files: list[Path] = []
    missing = []
    for pattern in patterns:
        # A pattern may be absolute, which Path.glob does not take.
        names = sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207
        found = [folder / name for name in names]
        found = [path for path in found if path.is_file() and leave_out.isdisjoint(path.resolve().parents)]
        if not found:
            missing.append(pattern)
        files += found
    return files, missing


def inside(path: Path, folder: Path) -> str:
    """A name in the archive that leads out of nothing: relative to the project's ``folder``, else the whole path."""
    try:
        name = path.relative_to(folder)
    except ValueError:
        name = path.resolve().relative_to("/")
    return name.as_posix() if ".." not in name.parts else path.resolve().relative_to("/").as_posix()


def plain(name: str) -> str:
    """A project's name in ASCII, for a file's: "ATİS" is ATIS."""
    name = "".join(letter for letter in normalize("NFKD", name) if not combining(letter))
    return "".join(letter if (letter.isalnum() and letter.isascii()) or letter in "-_" else "-" for letter in name)[:60]
