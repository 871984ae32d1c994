"""The databases of a folder, unpacked, and where each comes from."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_SUFFIXES = (".sqlite", ".sqlite3", ".db")


class SamplesError(Exception):
    """The folder of samples cannot be used; the message says why."""


@dataclass(frozen=True)
class Origin:
    """Where a sample comes from, in Markdown."""

    words: str
    licence: str


def find(folder: Path) -> list[Path]:
    """The databases of a folder, packed ones too, by name. Raises SamplesError."""
    if not folder.is_dir():
        raise SamplesError(f"there is no folder {folder}")
    found = [path for path in folder.iterdir() if path.with_suffix("").suffix in _SUFFIXES and path.suffix == ".zst"]
    found += [path for path in folder.iterdir() if path.suffix in _SUFFIXES]
    if not found:
        raise SamplesError(f"{folder} holds no SQLite files ({', '.join(_SUFFIXES)}, or these with .zst)")
    return sorted(found, key=name)


def name(path: Path) -> str:
    """A sample's name: its file's, without suffixes."""
    return re.sub(r"\.(sqlite3?|db)(\.zst)?$", "", path.name)


def unpack(path: Path, target: Path) -> None:
    """Copy a database, or unpack it. Raises SamplesError where nothing can unpack it."""
    if path.suffix != ".zst":
        shutil.copy(path, target)
        return
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-dqf", str(path), "-o", str(target)], check=True)
        return
    _unpacker()(path, target)


def _unpacker() -> Callable[[Path, Path], None]:
    try:
        import zstandard
    except ImportError as error:
        raise SamplesError("the samples are packed: install zstd, or Python's package zstandard") from error

    def unpack_with(path: Path, target: Path) -> None:
        with path.open("rb") as packed, target.open("wb") as plain:
            zstandard.ZstdDecompressor().copy_stream(packed, plain)

    return unpack_with


def origins(folder: Path) -> dict[str, Origin]:
    """The origins in the folder's SOURCES.md, a table with the columns name, repository @ commit, path and licence."""
    page = folder / "SOURCES.md"
    found: dict[str, Origin] = {}
    for line in page.read_text("utf-8").splitlines() if page.is_file() else []:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) < 4 or cells[0] == "name" or set(cells[0]) <= {"-", ":"}:
            continue
        repository = re.fullmatch(r"([\w.-]+/[\w.-]+) @ ([0-9a-f]+)", cells[1])
        words = cells[2]
        if repository:
            link = f"https://github.com/{repository[1]}/tree/{repository[2]}"
            words = f"[{repository[1]}]({link}): {_path(cells[2])}"
        found[cells[0]] = Origin(words, "as its origin's" if cells[3] == "see path" else cells[3])
    return found


def _path(words: str) -> str:
    return f"`{words}`" if re.fullmatch(r"\S+", words) else words
