"""Takes a file out of an archive: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from litelift.archive.manifest import ArchivedFile, Manifest
from litelift.archive.read import read_archive
from litelift.archive.stream import copy, damage, members
from litelift.atomic import PRIVATE, whole_file
from litelift.errors import ArchiveDamaged, ExtractFailed, NotInArchive
from litelift.shorten import shortened
from litelift.sqlite.beside import companion
from litelift.summed import OnBytes, Summed


def restore_source(path: Path, to: Path) -> str:
    """Put the archive's SQLite file at ``to``, whole or not at all; return its SHA-256.

    A file that is there is replaced, and its permissions and owner stay; else it is its owner's alone.

    Raises:
        ArchiveDamaged: its content is not what was put in, or the archive cannot be read.
        ArchiveTooNew: its format is of a later litelift.
        ExtractFailed: it cannot be written.
    """
    manifest = read_archive(path)
    due = next((file for file in manifest.files if file.name == manifest.source), None)
    if due is None:
        raise ArchiveDamaged(path=path, message="it has no SQLite file")
    _extract(path, due, to, None)
    return due.sha256


def extract_file(path: Path, name: str, to: Path, on_bytes: OnBytes | None = None) -> ArchivedFile:
    """Put the file ``name`` of the archive ``path`` at ``to``, whole or not at all.

    Args:
        path: the archive. All of it is read and compared first.
        name: as `find_file` takes it.
        to: a file that is there is replaced, and its permissions and owner stay; else it is its owner's alone.
        on_bytes: told of the bytes of the archive that were read; it is read twice.

    Raises:
        NotInArchive: there is no such file in it.
        ArchiveDamaged: its content is not what was put in, or the archive cannot be read.
        ArchiveTooNew: its format is of a later litelift.
        ExtractFailed: it cannot be written; or a journal lies there that SQLite would take for its own.
    """
    due = find_file(read_archive(path, on_bytes=on_bytes), path, name)
    for suffix in ("-wal", "-journal"):
        log = companion(to, suffix)
        if log.exists() and log.stat().st_size:
            told = f"{log} lies there, and SQLite would take it for this file's: move it away first"
            raise ExtractFailed(path=to, archive=path, message=told)
    _extract(path, due, to, on_bytes)
    return due


def find_file(manifest: Manifest, path: Path, name: str) -> ArchivedFile:
    """The file of that name in the archive ``path``, or the one whose name ends in "/" and that.

    Raises NotInArchive, with what is in it.
    """
    exact = [file for file in manifest.files if file.name == name]
    found = exact or [file for file in manifest.single if file.name.endswith(f"/{name}")]
    if len(found) != 1:
        raise not_in(manifest, path, name)
    return found[0]


def not_in(manifest: Manifest, path: Path, name: str) -> NotInArchive:
    """The error that says what is in it instead."""
    names = [*manifest.backups, *(file.name for file in manifest.single)]
    return NotInArchive(path=path, name=name, hint=f"It holds {shortened(names, 8)}." if names else None)


def _extract(path: Path, due: ArchivedFile, to: Path, on_bytes: OnBytes | None) -> None:
    part = to.with_name(f".{to.name[:40]}.litelift.part")
    try:
        old = to.stat() if to.is_file() else None
        with whole_file(to, mode=PRIVATE, part=part) as file, damage(path), path.open("rb") as archive:
            summed = Summed(file)
            with members(Summed(archive, on_bytes)) as each:
                for member, content in each:
                    if member.name == due.name:
                        copy(content, summed)
            if summed.digest.hexdigest() != due.sha256:
                raise ArchiveDamaged(path=path, message=f"{due.name} is another")
            if old is not None:
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), old.st_mode & 0o7777)
    except OSError as error:
        raise ExtractFailed(path=to, archive=path, message=error.strerror or str(error)) from error
