"""Puts SQLite files and old backups into one archive, reads it back, and then may remove the backups."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from litelift.archive.choose import plain
from litelift.archive.manifest import Item, Manifest, beside
from litelift.archive.read import read_archive
from litelift.archive.write import write_archive
from litelift.backup.archive_items import (
    Chosen,
    Wanted,
    choose,
    file_bytes,
    items_of_backup,
    items_of_files,
    state_of,
)
from litelift.backup.history import write_event
from litelift.backup.signs import OnSign, Phase, Sign, silent
from litelift.backup.store import Backup, Store
from litelift.errors import ArchiveDamaged, ArchiveFailed, BackupBusy, BackupDamaged, UsageError
from litelift.held import held
from litelift.redact import text as redact
from litelift.report.format import size
from litelift.summed import OnBytes

LOCK = ".litelift-archive.lock"
MAKING = ".making"


@dataclass(slots=True)
class Made:
    """An archive that was made, read back, and compared."""

    path: Path
    manifest: Manifest
    seconds: float
    removed: list[str] = field(default_factory=list)
    """The backups that were removed."""
    stay: dict[str, str] = field(default_factory=dict)
    """The backups that were archived and not removed although that was asked for, and why."""
    issues: list[str] = field(default_factory=list)
    """What a person should know."""


def make_archive(
    wanted: Wanted,
    store: Store | None,
    project: str,
    folder: Path,
    *,
    output: Path | None = None,
    keep_days: int = 90,
    remove: bool = False,
    on_sign: OnSign = silent,
) -> Made:
    """Make an archive of what is wanted, and read all of it back.

    Args:
        wanted: what goes in.
        store: where the backups lie; None where there are none.
        project: the application's name.
        folder: where archives lie; it is made.
        output: the archive itself, in another folder, which is there.
        keep_days: for so many days it is to be kept.
        remove: remove the backups once they are in it; never the newest good one, never the newest proved one.
        on_sign: gets signs of life.

    Raises:
        UsageError: nothing is wanted, or the output is there already.
        SourceError: SQLite cannot read one of the files.
        BackupNotFound, BackupBusy.
        BackupDamaged: a backup that was named is not what was made.
        ArchiveFailed: it cannot be written, or what goes into it has changed meanwhile. Nothing is left of it.
        ArchiveDamaged: what was read back is another. Nothing is left of it.
    """
    began = time.monotonic()
    path = output or folder
    try:
        with ExitStack() as stack:
            if store is not None and wanted.of_backups and store.path.is_dir():
                stack.enter_context(store.held())
            chosen = choose(wanted, store)
            path, working = stack.enter_context(_place(folder, output, project))
            items, states = _items(wanted, chosen, working, on_sign)
            manifest = _write(path, items, project, keep_days, working, on_sign)
            made = Made(path, manifest, round(time.monotonic() - began, 3), issues=chosen.issues)
            if store is not None and remove:
                _remove(made, chosen, states, store)
    except OSError as error:
        failed = ArchiveFailed(path=path, message=_told(error))
        _note_failure(store, failed, began)
        raise failed from error
    except (BackupBusy, UsageError):
        raise
    except BaseException as error:
        _note_failure(store, error, began)
        raise
    _note(store, made)
    return made


@contextmanager
def _place(folder: Path, output: Path | None, project: str) -> Iterator[tuple[Path, Path]]:
    """The archive's path, and a folder beside it to work in, both of this process alone; what kills left is removed."""
    if output is None and not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True)
        # It holds the application's data, and may lie within its code.
        (folder / ".gitignore").write_text("*\n")
    if output is not None:
        folder = output.absolute().parent
        if not folder.is_dir():
            raise UsageError(message=f"there is no folder {folder}", hint="Make it, or mount the disk.")
    with held(folder / LOCK, lambda who: BackupBusy(folder=folder, who=who)):
        for left in folder.glob(f".*{MAKING}"):
            shutil.rmtree(left)
        path = output or _free(folder, project)
        if path.exists() or path.is_symlink() or beside(path).exists():
            raise UsageError(message=f"there is already {path}", hint="An archive is never replaced: name another.")
        working = folder / f".{path.name[:40]}{MAKING}"
        working.mkdir(mode=0o700)
        try:
            yield path, working
        finally:
            shutil.rmtree(working, ignore_errors=True)


def _free(folder: Path, project: str) -> Path:
    stem = f"{plain(project)}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, 1000))
    paths = (folder / f"{name}.tar.gz" for name in names)
    return next(path for path in paths if not path.exists() and not beside(path).exists())


def _items(
    wanted: Wanted, chosen: Chosen, copies: Path, on_sign: OnSign
) -> tuple[list[Item], dict[str, dict[str, tuple[int, int]]]]:
    """What goes in, and the state of each backup's files. A damaged backup chosen by its age alone is left out."""
    items: list[Item] = []
    states = {}
    with _work(on_sign, "sum", sum(backup.read().bytes for backup in chosen.backups)) as reading:
        for backup in list(chosen.backups):
            try:
                state = state_of(backup)
                items += items_of_backup(backup, reading)
                states[backup.name] = state
            except BackupDamaged as error:
                if backup.name in chosen.named:
                    raise
                chosen.backups.remove(backup)
                chosen.issues.append(f"left out: {error.message}")
    if not items and not chosen.files:
        raise UsageError(message="there is nothing to archive: " + "; ".join(chosen.issues))
    with _work(on_sign, "take", sum(file_bytes(path) for path in chosen.files)) as copying:
        return [*items_of_files(chosen, wanted, copies, copying), *items], states


def _write(path: Path, items: Sequence[Item], project: str, keep_days: int, working: Path, on_sign: OnSign) -> Manifest:
    until = (datetime.now(UTC) + timedelta(days=keep_days)).date()
    with _work(on_sign, "pack", sum(item.path.stat().st_size for item in items)) as packing:
        manifest = write_archive(path, items, project, until, packing, part=working / "archive.part")
    try:
        with _work(on_sign, "back", manifest.bytes) as reading:
            found = read_archive(path, manifest.sha256, reading)
        if found != manifest:
            raise ArchiveDamaged(path=path, message="its manifest is another")
    except BaseException:
        # What nobody has compared must not lie there as an archive.
        path.unlink(missing_ok=True)
        beside(path).unlink(missing_ok=True)
        raise
    return manifest


@contextmanager
def _work(on_sign: OnSign, phase: Phase, total: int) -> Iterator[OnBytes]:
    """What counts bytes for a phase, which is not told where there is nothing to do."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        on_sign(Sign(phase, done, max(total, done)))

    if total:
        on_sign(Sign(phase, 0, total))
    yield count
    if total:
        on_sign(Sign(phase, total, total, message=size(total), finished=True))


def protected(backups: Sequence[Backup]) -> dict[str, str]:
    """The backups that are never removed, and why, of all that there are, the oldest first.

    Of each database the newest good one, which is a safety dump only where there is no other; the newest that a drill
    has restored; and all of them where none is good.
    """
    found: dict[str, str] = {}
    databases: dict[tuple[str, str, str | None], list[Backup]] = {}
    for backup in backups:
        if (manifest := backup.manifest) is not None:
            key = (manifest.project, manifest.database, manifest.server.system_identifier)
            databases.setdefault(key, []).append(backup)
    for together in databases.values():
        good = [backup for backup in together if backup.good]
        proved = [backup for backup in good if backup.standing.proved]
        if not good:
            found |= {backup.name: "there is no good one of its database" for backup in together}
        if proved:
            found[proved[-1].name] = "it is the newest that a drill has restored"
        if good:
            regular = [backup for backup in good if backup.read().kind != "safety"]
            found[(regular or good)[-1].name] = "it is the newest good one"
    return found


def _remove(made: Made, chosen: Chosen, states: dict[str, dict[str, tuple[int, int]]], store: Store) -> None:
    kept = protected(store.backups())
    for backup in chosen.backups:
        name = backup.name
        if name in kept:
            made.stay[name] = kept[name]
            # One that was chosen by its age is left for a later time, and nobody need do anything.
            if name not in chosen.named:
                continue
        else:
            why = _removed(backup, states[name], store)
            if why is None:
                made.removed.append(name)
                continue
            made.stay[name] = why
        made.issues.append(f"the backup {name} stays: {made.stay[name]}")


def _removed(backup: Backup, state: dict[str, tuple[int, int]], store: Store) -> str | None:
    """Remove a backup; or why it stays."""
    try:
        if state_of(backup) != state:
            return "it was changed meanwhile"
        store.remove(backup)
    except OSError as error:
        return f"it could not be removed: {_told(error)}"
    return None


def _note(store: Store | None, made: Made) -> None:
    if store is None or not store.path.is_dir():
        return
    facts = {
        "path": str(made.path),
        "bytes": made.manifest.bytes,
        "sha256": made.manifest.sha256,
        "backups": made.manifest.backups,
        "files": len(made.manifest.single),
        "removed": made.removed,
    }
    try:
        write_event(store.path, "archive", ok=True, seconds=made.seconds, facts=facts)
    except OSError as error:
        made.issues.append(f"it is not in the history: {_told(error)}")


def _note_failure(store: Store | None, error: BaseException, began: float) -> None:
    if store is None or not store.path.is_dir():
        return
    message = "stopped" if isinstance(error, KeyboardInterrupt) else redact(str(error)) or type(error).__name__
    # The disk may be full: then the error itself is all that there is.
    with suppress(OSError):
        write_event(store.path, "archive", ok=False, seconds=round(time.monotonic() - began, 3), message=message)


def _told(error: OSError) -> str:
    said = error.strerror or str(error)
    return f"{os.fsdecode(error.filename)}: {said}" if isinstance(error.filename, str | bytes) else said
