"""What goes into an archive: SQLite files, each taken at one moment, and backups, whose sums are compared."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from litelift.archive.choose import inside, matching
from litelift.archive.manifest import BACKUPS, FILES, SOURCE, Item
from litelift.archive.stream import sum_of
from litelift.backup.store import Backup, Store
from litelift.errors import BackupDamaged, SourceUnreadable, UsageError
from litelift.report.format import count
from litelift.sqlite.beside import companion
from litelift.sqlite.copy import copy_database, what_is_wrong
from litelift.sqlite.header import MAGIC
from litelift.sqlite.open import source_bytes, source_path
from litelift.summed import OnBytes, Summed

_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be archived. Where no file, no name and no age is given: the source, and what the patterns match."""

    folder: Path
    """The project's folder: what is below it is named relative to it."""
    files: Sequence[Path] = ()
    backups: Sequence[str] = ()
    """Names of backups, as `litelift.backup.store.Store.find` takes them."""
    older_than: int | None = None
    """Days: the backups that were made before are archived too."""
    source: Path | None = None
    """The SQLite file that was moved, or is to be."""
    patterns: Sequence[str] = ()
    """As ``[archive] files`` has them."""
    own: Sequence[Path] = ()
    """Folders of litelift's, in which the patterns match nothing."""

    @property
    def of_backups(self) -> bool:
        """Whether backups are asked for."""
        return bool(self.backups) or self.older_than is not None


@dataclass(slots=True)
class Chosen:
    """What was found of it."""

    files: list[Path] = field(default_factory=list)
    backups: list[Backup] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    """Those of them that were asked for by name."""
    issues: list[str] = field(default_factory=list)
    """What a person should know: what was left out, and why."""


def choose(wanted: Wanted, store: Store | None) -> Chosen:
    """Find what is wanted. Raises UsageError where that is nothing, SourceError, BackupNotFound and BackupDamaged."""
    chosen = Chosen()
    if wanted.files:
        files = [source_path(path) for path in wanted.files]
    elif wanted.of_backups:
        files = []
    else:
        files, missing = matching(wanted.patterns, wanted.folder, wanted.own)
        chosen.issues += [f"nothing matches {pattern} of [archive] files" for pattern in missing]
        if wanted.source is not None and wanted.source.is_file():
            files = [wanted.source, *files]
        elif wanted.source is not None:
            chosen.issues.append(f"there is no file {wanted.source} any more: it is left out")
    chosen.files = _once(files)
    if store is not None and wanted.of_backups:
        _choose_backups(chosen, wanted, store)
    if not chosen.files and not chosen.backups:
        hint = "Name a SQLite file, --backup NAME, or fewer days with --older-than. See: litelift backup list"
        older = f": no backup is older than {count(wanted.older_than, 'day')}" if wanted.older_than is not None else ""
        raise UsageError(message=f"there is nothing to archive{older}", hint=hint)
    return chosen


def _once(files: Sequence[Path]) -> list[Path]:
    """Without those that come twice, and without what SQLite keeps beside another: that is in its copy."""
    found = {path.resolve(): path for path in reversed(files)}
    databases = {path for path in found if is_database(path)}
    left_out = {companion(path, suffix) for path in databases for suffix in _BESIDE}
    return [path for real, path in reversed(found.items()) if real not in left_out]


def _choose_backups(chosen: Chosen, wanted: Wanted, store: Store) -> None:
    found = {(backup := store.find(name)).name: backup for name in wanted.backups}
    chosen.named = set(found)
    for backup in found.values():
        backup.read()
    if wanted.older_than is not None:
        before = datetime.now(UTC) - timedelta(days=wanted.older_than)
        for backup in store.backups():
            if backup.manifest is None:
                chosen.issues.append(f"the backup {backup.name} is left out: {backup.damage}")
            elif backup.manifest.started < before:
                found.setdefault(backup.name, backup)
    chosen.backups = sorted(found.values(), key=lambda backup: backup.read().started)


def is_database(path: Path) -> bool:
    """Whether a file begins as SQLite's do. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def file_bytes(path: Path) -> int:
    """The size of a file, with what SQLite keeps beside it."""
    return source_bytes(path) if is_database(path) else path.stat().st_size


def items_of_files(chosen: Chosen, wanted: Wanted, copies: Path, on_bytes: OnBytes) -> list[Item]:
    """The files as they go in: of a database a copy of this moment, which is made in ``copies``.

    Raises SourceError where SQLite cannot read one, OSError.
    """
    items = []
    for number, path in enumerate(chosen.files):
        source = wanted.source is not None and path.resolve() == wanted.source.resolve()
        name = f"{SOURCE}{path.name}" if source else f"{FILES}{inside(path.absolute(), wanted.folder)}"
        if not is_database(path):
            _refuse_journal(path)
            items.append(Item(path, name))
            continue
        copy = copies / f"{number}.sqlite"
        facts = path.stat()
        copy_database(path, copy, on_bytes)
        os.utime(copy, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        wrong = what_is_wrong(copy)
        if wrong is not None:
            chosen.issues.append(f"{path} is archived as it is, and SQLite finds it damaged: {wrong}")
        items.append(Item(copy, name, origin=path.absolute()))
    return items


def _refuse_journal(path: Path) -> None:
    for suffix in ("-wal", "-journal"):
        log = companion(path, suffix)
        if log.exists() and log.stat().st_size:
            told = f"SQLite does not know it as a database, and {log.name} beside it belongs to it"
            hint = "Stop the program that writes to it; or export it with the application's own key, and archive that."
            raise SourceUnreadable(path=path, message=told, hint=hint)


def items_of_backup(backup: Backup, on_bytes: OnBytes) -> list[Item]:
    """The files of a backup, each with its sum, and all that its manifest names compared with that.

    Raises BackupDamaged, OSError.
    """
    due = {file.name: file.sha256 for file in backup.read().files}
    items = []
    for name in _names(backup):
        path = backup.folder / name
        with path.open("rb") as file:
            sha256 = sum_of(Summed(file, on_bytes))
        if due.setdefault(name, sha256) != sha256:
            raise BackupDamaged(name=backup.name, message=f"{name} is another")
        items.append(Item(path, f"{BACKUPS}{backup.name}/{name}", sha256=sha256))
    missing = sorted(due.keys() - {item.name.removeprefix(f"{BACKUPS}{backup.name}/") for item in items})
    if missing:
        raise BackupDamaged(name=backup.name, message=f"{missing[0]} is missing")
    return items


def state_of(backup: Backup) -> dict[str, tuple[int, int]]:
    """The size and time of each of its files, by which a change is seen. Raises BackupDamaged, OSError."""
    facts = {name: (backup.folder / name).stat() for name in _names(backup)}
    return {name: (fact.st_size, fact.st_mtime_ns) for name, fact in facts.items()}


def _names(backup: Backup) -> list[str]:
    """All files in the folder. Raises BackupDamaged for what is neither a file nor a folder."""
    found = []
    for folder, folders, files in os.walk(backup.folder, onerror=_raise):
        for entry in (*folders, *files):
            path = Path(folder, entry)
            mode = path.lstat().st_mode
            name = path.relative_to(backup.folder).as_posix()
            if stat.S_ISREG(mode):
                found.append(name)
            elif not stat.S_ISDIR(mode):
                raise BackupDamaged(name=backup.name, message=f"{name} in it is neither a file nor a folder")
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error
