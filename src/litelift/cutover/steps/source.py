"""Keeps the SQLite database as it was at the last moment, notices who writes to it, and puts it back."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from secrets import token_hex
from typing import Any

from litelift.archive.extract import restore_source
from litelift.cutover.context import Context
from litelift.cutover.step import Facts, Step, Undo
from litelift.cutover.switched import replaced
from litelift.errors import SourceKeptBroken, SourceWrittenTo
from litelift.report.format import size
from litelift.sqlite.beside import companion
from litelift.sqlite.copy import copy_database, what_is_wrong
from litelift.sqlite.identity import identity, identity_from_json
from litelift.sqlite.open import source_path, writers_held

COPY = "source.sqlite"
_PARTS = ("", "-wal", "-journal")
PIECE = 1 << 20


class KeepSource(Step):
    """A copy by SQLite's backup, at one snapshot; and what the files are known by again."""

    name = "source-keep"
    title = "Keep a copy of the source, and its checksums"
    back = "Put the SQLite file back, if it was changed"
    phase = 4
    undo_stage = Undo.SOURCE

    def wanted(self, context: Context) -> bool:
        """Not in a rehearsal, which never comes so far that it would be put back."""
        return not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """What is copied."""
        return [f"a copy of {context.runbook.source_path} under {context.runbook.state}"]

    def estimate(self, context: Context) -> float | None:
        """About 300 MB a second, and the checksums."""
        try:
            return 0.5 + context.runbook.source_path.stat().st_size / 150e6
        except OSError:
            return None

    def check(self, context: Context) -> Facts:
        """Where the copy goes."""
        path = source_path(context.runbook.source_path)
        return {"source": str(path), "copy": str(context.folder / "kept" / COPY)}

    def do(self, context: Context, facts: Facts) -> Facts:
        """Copy at one snapshot, in which nobody writes."""
        path, copy = Path(facts["source"]), Path(facts["copy"])
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        with writers_held(path):
            known = identity(path)
            copy_database(path, copy)
        found = path.stat()
        return {
            "sha256": checksum(copy),
            "bytes": copy.stat().st_size,
            "identity": known.as_json(),
            "files": checksums(path),
            "mode": found.st_mode & 0o7777,
            "owner": [found.st_uid, found.st_gid],
        }

    def confirm(self, context: Context, facts: Facts) -> None:
        """Read the copy as a database. Raises SourceKeptBroken."""
        copy = Path(facts["copy"])
        said = what_is_wrong(copy)
        if said is not None:
            raise SourceKeptBroken(path=copy, expected=facts["sha256"], actual=said)

    def undo(self, context: Context, facts: Facts) -> Facts:
        """Put the copy back where the source is not what it was; what it became is kept."""
        # Before the switch the application serves on this file: what is written to it is its own.
        if "sha256" not in facts or not replaced(context):
            return {"changed": False}
        path, copy = Path(facts["source"]), Path(facts["copy"])
        if checksums(path) == facts["files"]:
            return {"changed": False}
        kept_copy(context)
        aside = context.folder / "kept" / "changed"
        _keep_aside(path, aside)
        _put_back(copy, path, facts)
        context.issue(
            f"the SQLite file was changed since the move; it is as it was kept again ({size(facts['bytes'])})",
            f"what it had become is kept in {aside}",
        )
        return {"changed": True, "aside": str(aside)}


class SourceUnchanged(Step):
    """Nobody wrote to the source while it was moved."""

    name = "source-unchanged"
    title = "See that nobody wrote to the source meanwhile"
    phase = 4

    def wanted(self, context: Context) -> bool:
        """Not in a rehearsal, beside which the application goes on."""
        return not context.rehearsal

    def estimate(self, context: Context) -> float:
        """A look at the file's header."""
        return 0.1

    def do(self, context: Context, facts: Facts) -> None:
        """Raises SourceWrittenTo."""
        how = changed_since_kept(context)
        if how is not None:
            raise SourceWrittenTo(how=how)


def kept_copy(context: Context) -> Path | None:
    """The copy that was kept, out of the archive where it is gone or is another. None where nothing was kept.

    Raises ArchiveDamaged, ArchiveTooNew, ExtractFailed.
    """
    facts = context.facts("source-keep")
    if "sha256" not in facts:
        return None
    copy, archive = Path(facts["copy"]), context.facts("archive")
    if "sha256" in archive and not (copy.is_file() and checksum(copy) == facts["sha256"]):
        copy.parent.mkdir(parents=True, exist_ok=True)
        restore_source(Path(archive["path"]), copy)
        resolved = f"it was taken out of {archive['path']}"
        context.issue("the kept copy of the SQLite file was gone, or was another", resolved)
    return copy


def changed_since_kept(context: Context) -> str | None:
    """How the source is not what it was when it was kept, in words; None where it is the same, or nothing was kept."""
    kept = context.facts("source-keep")
    if "identity" not in kept:
        return None
    return identity_from_json(kept["identity"]).differs(identity(Path(kept["source"])))


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(path: Path) -> dict[str, str]:
    """The SHA-256 of a database's file and of what SQLite keeps beside it, those that hold something."""
    found = {}
    for part in _PARTS:
        file = companion(path, part) if part else path
        if file.exists() and file.stat().st_size:
            found[part] = checksum(file)
    return found


def _keep_aside(path: Path, aside: Path) -> None:
    """Copy what the source became, once: a second attempt may find it put back already."""
    if aside.exists():
        return
    part = aside.with_name(f"{aside.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for suffix in _PARTS:
        file = companion(path, suffix) if suffix else path
        if file.exists():
            shutil.copy2(file, part / file.name)
            _synchronise(part / file.name)
    part.replace(aside)


def _put_back(copy: Path, path: Path, facts: dict[str, Any]) -> None:
    """The copy in the source's place, whole or not at all, with its mode and owner."""
    actual = checksum(copy)
    if actual != facts["sha256"]:
        raise SourceKeptBroken(path=copy, expected=facts["sha256"], actual=actual)
    part = path.with_name(f".{path.name[:40]}.{token_hex(4)}.part")
    try:
        shutil.copyfile(copy, part)
        part.chmod(facts["mode"])
        if os.geteuid() == 0:
            os.chown(part, *facts["owner"])
        _synchronise(part)
        # A log of the other file must not be taken for this one's ("Write-Ahead Logging", "The WAL File").
        for suffix in ("-wal", "-shm", "-journal"):
            companion(path, suffix).unlink(missing_ok=True)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _synchronise(path.parent)


def _synchronise(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
