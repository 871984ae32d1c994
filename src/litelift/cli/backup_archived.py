"""litelift backup archive --list and --extract: the archives that are there, and what comes out of one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

import typer

from litelift.archive.extract import extract_file, find_file
from litelift.archive.manifest import Manifest, beside
from litelift.backup.archived import SUFFIX, Listed, archived, archives, extract_backup
from litelift.backup.signs import Phase, Sign
from litelift.backup.store import Store
from litelift.cli.backup_archive_place import is_what, place
from litelift.cli.backup_view import BackupView
from litelift.cli.output import Output
from litelift.errors import NotInArchive, UsageError
from litelift.report.format import count, size
from litelift.report.text import visible


def list_archives(output: Output, words: list[str], folder: Path | None, *, verify: bool) -> None:
    """Show the archives in a folder, and exit with 1 where one is damaged, with 3 where one is to be looked at."""
    if len(words) > 1:
        raise UsageError(message=f"expected one folder; got {len(words)}")
    named = bool(words) and not is_what(words[0])
    where = Path(words[0]) if named else place(words[0] if words else None, folder).archives
    with BackupView(output.err, output.quiet or output.json) as view:
        counter = _Counter(view, "back", _total(where) if verify else 0)
        # The default folder is made with the first archive.
        found = archives(where, verify=verify, on_bytes=counter) if where.is_dir() or named else []
        counter.finish()
    today = datetime.now(UTC).date()
    damaged = [one for one in found if one.damage]
    look = [one for one in found if one.manifest is None or one.expired(today)]
    code = 1 if damaged else 3 if look else 0
    if output.json:
        output.document(
            {
                "folder": str(where),
                "archives": [_listed_json(one) for one in found],
                "exit_code": code,
            }
        )
    else:
        output.say(*(f"{visible(one.path.name)}  {_standing(one)}" for one in found))
        if not found:
            output.say(f"There are no archives in {visible(str(where))}.", "Make one: litelift backup archive")
        elif not output.quiet:
            total = size(sum(one.bytes for one in found))
            output.say(f"{count(len(found), 'archive')} in {visible(str(where))}, {total}")
    raise typer.Exit(code)


def _total(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(f"*{SUFFIX}") if path.is_file())


def _standing(one: Listed) -> str:
    if one.damage:
        return f"{size(one.bytes):>8}  DAMAGED: {visible(one.damage)}"
    if one.manifest is None:
        return f"{size(one.bytes):>8}  no {beside(one.path).name} beside it: --verify reads the archive itself"
    manifest, now = one.manifest, datetime.now(UTC)
    age = count((now - manifest.made).days, "day")
    holds = [count(len(manifest.single), "file")] if manifest.single else []
    holds += [count(len(manifest.backups), "backup")] if manifest.backups else []
    until = f"keep until {manifest.keep_until}"
    if one.expired(now.date()):
        until = f"EXPIRED on {manifest.keep_until}: copy what you still want, and delete it"
    checked = "  every checksum holds" if one.verified else ""
    return f"{size(one.bytes):>8}  {age} old  {' and '.join(holds)}  {until}{checked}"


def _listed_json(one: Listed) -> dict[str, Any]:
    manifest = one.manifest
    return {
        "path": str(one.path),
        "bytes": one.bytes,
        "made": manifest.made.isoformat() if manifest else None,
        "keep_until": manifest.keep_until.isoformat() if manifest else None,
        "expired": one.expired(datetime.now(UTC).date()),
        "project": manifest.project if manifest else None,
        "files": [file.name for file in manifest.single] if manifest else [],
        "backups": manifest.backups if manifest else [],
        "verified": one.verified,
        "damage": one.damage,
    }


def take_out(output: Output, words: list[str], name: str, to: Path | None, folder: Path | None) -> None:
    """Take a backup or a file out of the archive that the words name."""
    if len(words) != 1:
        raise UsageError(
            message=f"expected one archive; got {len(words)}",
            hint="litelift backup archive --extract NAME --to PATH ARCHIVE",
        )
    path = Path(words[0])
    if not path.is_file():
        raise UsageError(message=f"there is no archive {path}", hint="See: litelift backup archive --list")
    with BackupView(output.err, output.quiet or output.json) as view:
        # Once to know what is in it, and twice to take it out.
        counter = _Counter(view, "back", 3 * path.stat().st_size)
        manifest = archived(path, counter)
        if _is_file(manifest, path, name):
            if to is None:
                raise UsageError(message="the file needs a place", hint=f"--extract {quote(name)} --to FILE")
            if to.exists() or to.is_symlink():
                raise UsageError(message=f"there is already {to}", hint="Nothing is replaced: name another with --to.")
            due = extract_file(path, name, to, counter)
            said: dict[str, Any] = {"path": str(to), "file": due.name, "bytes": due.bytes, "sha256": due.sha256}
            line = f"{visible(str(to))}: {size(due.bytes)}, SHA-256 {due.sha256}"
        else:
            store = Store(to.absolute()) if to is not None else place(None, folder).store
            back = extract_backup(path, name, store, counter)
            said = {"path": str(back.folder), "backup": back.name, "bytes": back.read().bytes}
            line = f"{visible(str(back.folder))}: {size(back.read().bytes)}, every checksum compared"
        counter.finish()
    if output.json:
        output.document({**said, "archive": str(path), "exit_code": 0})
    else:
        output.say(line)


def _is_file(manifest: Manifest, path: Path, name: str) -> bool:
    if any(backup.startswith(name) for backup in manifest.backups):
        return False
    try:
        find_file(manifest, path, name)
    except NotInArchive:
        if manifest.backups:
            return False
        raise
    return True


class _Counter:
    """Makes signs of bytes that were read."""

    def __init__(self, view: BackupView, phase: Phase, total: int) -> None:
        self.view, self.phase, self.total, self.done = view, phase, total, 0

    def __call__(self, more: int) -> None:
        self.done += more
        self.view(Sign(self.phase, self.done, max(self.total, self.done)))

    def finish(self) -> None:
        if self.done:
            self.view(Sign(self.phase, self.done, self.done, message=size(self.done), finished=True))
