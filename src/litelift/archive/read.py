"""Reads an archive back, and compares every file in it with its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from litelift.archive.manifest import MANIFEST, Manifest, manifest_beside, parsed
from litelift.archive.stream import damage, members, sum_of
from litelift.errors import ArchiveDamaged, LiteliftError
from litelift.summed import OnBytes, Summed

MOST_MANIFEST = 64 << 20
"""Bytes of a manifest: some 150,000 files."""


def read_archive(path: Path, sha256: str | None = None, on_bytes: OnBytes | None = None) -> Manifest:
    """Read a whole archive, and compare every file in it with its manifest.

    Args:
        path: the archive.
        sha256: its own, where it is known; None asks the manifest beside it, if there is one.
        on_bytes: told of the bytes of the archive that were read.

    Raises:
        ArchiveDamaged: a byte of it is another, or it is not there, or what is in it is not what it says.
        ArchiveTooNew: its format is of a later litelift.
        OSError: it may not be read, or the disk fails.
    """
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    with damage(path), path.open("rb") as file:
        summed = Summed(file, on_bytes)
        with members(summed) as each:
            for member, content in each:
                if manifest is not None:
                    raise ArchiveDamaged(path=path, message=f"{member.name} comes after its manifest")
                if member.name == MANIFEST:
                    manifest = _manifest(path, member.size, content)
                else:
                    found[member.name] = (member.size, sum_of(content))
        whole = summed.digest.hexdigest()
    if manifest is None:
        raise ArchiveDamaged(path=path, message="it has no manifest")
    _compare(path, manifest, found)
    if sha256 is None and (aside := manifest_beside(path)) is not None:
        sha256 = aside.sha256 or None
    if sha256 is not None and sha256 != whole:
        raise ArchiveDamaged(path=path, message=f"its SHA-256 is {whole}, and was {sha256}")
    return manifest.model_copy(update={"file": path.name, "bytes": summed.bytes, "sha256": whole})


def _manifest(path: Path, size: int, content: IO[bytes]) -> Manifest:
    if size > MOST_MANIFEST:
        raise ArchiveDamaged(path=path, message=f"its manifest has {size} bytes")
    try:
        return parsed(content.read(), path)
    except LiteliftError:
        raise
    except (ValueError, RecursionError):
        raise ArchiveDamaged(path=path, message="its manifest cannot be read") from None


def _compare(path: Path, manifest: Manifest, found: dict[str, tuple[int, str]]) -> None:
    due: dict[str, tuple[int, str]] = {}
    for file in manifest.files:
        if file.name in due or _leads_out(file.name):
            raise ArchiveDamaged(path=path, message=f"its manifest has the name {file.name!r}, which cannot be")
        due[file.name] = (file.bytes, file.sha256)
    for name in sorted(due.keys() | found.keys()):
        if due.get(name) != found.get(name):
            told = "is missing" if name not in found else "is not in the manifest" if name not in due else "is another"
            raise ArchiveDamaged(path=path, message=f"{name} {told}")


def _leads_out(name: str) -> bool:
    """Whether a name in an archive, put below a folder, would be anything but a file there."""
    return "\0" in name or any(part in ("", ".", "..") for part in name.split("/"))
