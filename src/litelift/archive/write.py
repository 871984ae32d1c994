"""Writes an archive: whole and on the disk, or not at all."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, cast

from litelift.archive.manifest import MANIFEST, SOURCE, ArchivedFile, Item, Manifest, as_text, beside
from litelift.atomic import no_more_readable_than, whole_file, write_whole
from litelift.errors import ArchiveFailed
from litelift.summed import OnBytes, Summed

LEVEL = 6


def part_of(path: Path) -> Path:
    """Where an archive is while it is being written; a kill leaves it, and the next try takes it away."""
    return path.with_name(f".{path.name}.part")


def write_archive(
    path: Path,
    items: Sequence[Item],
    project: str,
    keep_until: date,
    on_bytes: OnBytes | None = None,
    *,
    part: Path | None = None,
) -> Manifest:
    """Put files into the archive ``path`` (.tar.gz), the source first, and the others in the order of their names.

    It has its name once it is whole and on the disk, and is no more readable than the least readable of its files.
    Memory is flat.

    Args:
        path: the archive; one that is there is replaced.
        items: the files. The source is the one whose name begins with source/.
        project: the application's name.
        keep_until: the day until which it is to be kept.
        on_bytes: told of the bytes that were read.
        part: where it is while it is being written, on the same file system; None is `part_of`.

    Raises:
        ArchiveFailed: a file cannot be read, is not what it must be, or has changed meanwhile; or the disk is full.
            Nothing is left.
    """
    items = sorted(items, key=lambda item: (not item.name.startswith(SOURCE), item.name))
    source = next((item.name for item in items if item.name.startswith(SOURCE)), "")
    manifest = Manifest(project=project, made=datetime.now(UTC), keep_until=keep_until, source=source, files=[])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o644
        for item in items:
            mode &= no_more_readable_than(item.path)
        with whole_file(path, mode=mode, part=part or part_of(path)) as file:
            summed = Summed(file)
            # Without a time, and in this order: the same files make the same archive.
            with gzip.GzipFile(
                filename="", mode="wb", compresslevel=LEVEL, fileobj=cast(BinaryIO, summed), mtime=0
            ) as zipped:
                _fill(zipped, items, manifest, on_bytes)
        manifest = manifest.model_copy(
            update={"file": path.name, "bytes": summed.bytes, "sha256": summed.digest.hexdigest()}
        )
        try:
            write_whole(beside(path), as_text(manifest), mode=mode)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ArchiveFailed(path=path, message=error.strerror or str(error)) from error
    return manifest


def _fill(zipped: gzip.GzipFile, items: Sequence[Item], manifest: Manifest, on_bytes: OnBytes | None) -> None:
    with tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for item in items:
            manifest.files.append(_put(tar, item, on_bytes))
        content = as_text(manifest, inside=True).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mtime, member.mode = len(content), int(manifest.made.timestamp()), 0o600
        tar.addfile(member, BytesIO(content))


def _put(tar: tarfile.TarFile, item: Item, on_bytes: OnBytes | None) -> ArchivedFile:
    origin = item.origin or item.path
    with item.path.open("rb") as file:
        facts = os.fstat(file.fileno())
        member = tarfile.TarInfo(item.name)
        member.size, member.mtime, member.mode = facts.st_size, facts.st_mtime, facts.st_mode & 0o777
        summed = Summed(file, on_bytes)
        tar.addfile(member, cast(IO[bytes], summed))
        if file.read(1) or os.fstat(file.fileno()).st_mtime_ns != facts.st_mtime_ns:
            raise OSError(None, f"{origin} was written to meanwhile")
    sha256 = summed.digest.hexdigest()
    if item.sha256 is not None and item.sha256 != sha256:
        raise OSError(None, f"{origin} is not what it was: its SHA-256 is {sha256}, and was {item.sha256}")
    return ArchivedFile(
        name=item.name,
        path=str(origin),
        bytes=facts.st_size,
        sha256=sha256,
        modified=datetime.fromtimestamp(facts.st_mtime, UTC),
    )
