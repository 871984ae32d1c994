"""litelift backup archive: makes one, and says what is in it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import typer
from rich.text import Text

from litelift.archive.choose import plain
from litelift.archive.manifest import Manifest
from litelift.backup.archive import Made, make_archive
from litelift.backup.archive_items import Wanted
from litelift.cli.backup_archive_place import is_what, place
from litelift.cli.backup_view import BackupView
from litelift.cli.output import Output
from litelift.errors import UsageError
from litelift.report.format import count, duration, size
from litelift.report.text import visible

SHOWN = 12
"""Lines of what is in an archive."""


def make(
    output: Output,
    words: list[str],
    backups: list[str],
    older_than: int | None,
    path: Path | None,
    keep_days: int | None,
    folder: Path | None,
    *,
    remove: bool,
) -> None:
    """Make an archive of what the words and options of the command name, and exit with its status."""
    what = words.pop(0) if words and is_what(words[0]) else None
    if remove and not backups and older_than is None:
        hint = "It removes backups, which --backup and --older-than name. A SQLite file stays; remove it yourself."
        raise UsageError(message="there is nothing that --remove could remove", hint=hint)
    at = place(what, folder)
    runbook = at.runbook
    wanted = Wanted(
        folder=at.folder,
        files=[Path(word) for word in words],
        backups=backups,
        older_than=older_than,
        source=runbook.source_path if runbook is not None else None,
        patterns=at.settings.files,
        own=[at.archives, at.store.path, *([runbook.state] if runbook is not None else [])],
    )
    project = at.project or plain(Path(words[0]).stem if words else at.folder.name) or "application"
    days = keep_days or at.settings.keep_days
    with BackupView(output.err, output.quiet or output.json) as view:
        made = make_archive(
            wanted, at.store, project, at.archives, output=path, keep_days=days, remove=remove, on_sign=view
        )
    code = 3 if made.issues else 0
    if output.json:
        output.document({**_as_json(made), "exit_code": code})
    else:
        _show(output, made, days)
    raise typer.Exit(code)


def _as_json(made: Made) -> dict[str, Any]:
    manifest = made.manifest.model_dump(mode="json", exclude={"file", "source"})
    return {
        "path": str(made.path),
        **manifest,
        "ratio": round(made.manifest.ratio, 3),
        "backups": made.manifest.backups,
        "seconds": made.seconds,
        "removed": made.removed,
        "stay": made.stay,
        "issues": made.issues,
    }


def _show(output: Output, made: Made, days: int) -> None:
    manifest = made.manifest
    if not output.quiet:
        output.say(*_contents(manifest, all_of_it=output.verbose))
    output.say(
        f"{visible(str(made.path))}: {size(manifest.bytes)}, {manifest.ratio:.1f} times smaller than what is in it "
        f"({size(manifest.content_bytes)})"
    )
    if not output.quiet:
        output.say(
            f"Read back, and every checksum compared: {duration(made.seconds)} in all. "
            f"Keep it until {manifest.keep_until} ({count(days, 'day')}).",
        )
        output.say(*(f"Removed: the backup {name}" for name in made.removed))
        output.say(
            *(f"Stays:   the backup {name}: {why}" for name, why in made.stay.items()),
        )
        single = manifest.single or manifest.files
        name = quote(manifest.backups[0] if manifest.backups else single[0].name)
        output.say(f"Out of it: litelift backup archive --extract {name} --to PATH {quote(str(made.path))}")
    _issues(output, made.issues)


def _contents(manifest: Manifest, *, all_of_it: bool) -> list[str]:
    lines = [f"  {visible(file.name):<50} {size(file.bytes):>10}" for file in manifest.single]
    for name in manifest.backups:
        files = manifest.of_backup(name)
        total = size(sum(file.bytes for file in files.values()))
        lines.append(f"  {f'backups/{name}':<50} {total:>10}  {count(len(files), 'file')}")
    if len(lines) > SHOWN and not all_of_it:
        lines = [*lines[:SHOWN], f"  and {len(lines) - SHOWN} more (--verbose shows them)"]
    return lines


def _issues(output: Output, issues: list[str]) -> None:
    if issues and not output.json:
        output.say(Text("To look at:", style="bold yellow"), *(f"  {visible(issue)}" for issue in issues))
