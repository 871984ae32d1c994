"""The step that puts the SQLite file and its backups into an archive."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from litelift.archive.choose import inside, matching, plain
from litelift.archive.manifest import FILES, SOURCE, Item, beside
from litelift.archive.read import read_archive
from litelift.archive.write import part_of, write_archive
from litelift.cutover.context import Context
from litelift.cutover.step import Facts, Step
from litelift.errors import ArchiveDamaged, ArchiveFailed
from litelift.report.format import count, size
from litelift.sqlite.beside import log_of

RATE = 40e6
"""Bytes a second that are compressed, written and read back, as measured on one core of a small server."""
TOLD_SECONDS = 5.0


class MakeArchive(Step):
    """Makes the archive, and reads all of it back. It stays whatever comes after."""

    name = "archive"
    title = "Put the SQLite file and its backups into an archive"
    phase = 6

    def wanted(self, context: Context) -> bool:
        """Not in a rehearsal, after which the file goes on to be written to."""
        return not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """What goes where."""
        items, missing = _items(context)
        archive = context.runbook.archive
        lines = [
            f"put {count(len(items), 'file')} ({size(_bytes(items))}) into {_folder(context)}/, "
            f"with checksums, to be kept for {count(archive.keep_days, 'day')}"
        ]
        lines += [f"  {item.path} ({size(item.path.stat().st_size)})" for item in items if item.path.is_file()]
        return lines + [f"  nothing matches {pattern}" for pattern in missing]

    def estimate(self, context: Context) -> float | None:
        """By the size of the files."""
        return 0.5 + _bytes(_items(context)[0]) / RATE

    def check(self, context: Context) -> Facts:
        """Find the files, and decide the archive's name. Raises ArchiveFailed where there is no source."""
        items, missing = _items(context)
        if not items[0].path.is_file():
            raise ArchiveFailed(path=_folder(context), message=f"there is no file {items[0].path}")
        for pattern in missing:
            context.issue(f"nothing matches {pattern} of [archive] files", "the archive is made without")
        now = datetime.now(UTC)
        name = f"{plain(context.runbook.project.name)}-{now:%Y%m%d-%H%M%S}-{context.folder.name}.tar.gz"
        return {
            "path": str(_folder(context) / name),
            "items": [[str(item.path), item.name] for item in items],
            "missing": missing,
            "keep_until": (now + timedelta(days=context.runbook.archive.keep_days)).date().isoformat(),
        }

    def do(self, context: Context, facts: Facts) -> Facts:
        """Write it; one that was written whole before a kill stays."""
        path = Path(facts["path"])
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True)
            # It holds the application's data, and may lie within its code.
            (path.parent / ".gitignore").write_text("*\n")
        items = [Item(Path(where), name) for where, name in facts["items"]]
        part_of(path).unlink(missing_ok=True)
        if path.exists() and beside(path).exists():
            manifest = read_archive(path)
        else:
            progress = _Progress(context, _bytes(items))
            until = datetime.fromisoformat(facts["keep_until"]).date()
            manifest = write_archive(path, items, context.runbook.project.name, until, progress)
        return {
            "sha256": manifest.sha256,
            "bytes": manifest.bytes,
            "source_bytes": manifest.content_bytes,
            "ratio": round(manifest.ratio, 3),
            "manifest": str(beside(path)),
            "files": [{"file": file.name, "bytes": file.bytes, "sha256": file.sha256} for file in manifest.files],
        }

    def confirm(self, context: Context, facts: Facts) -> Facts:
        """Read it back, and compare every checksum; the source's is the one that was noted when it was kept."""
        path = Path(facts["path"])
        manifest = read_archive(path, facts["sha256"])
        kept = context.facts("source-keep").get("sha256")
        found = next(file.sha256 for file in manifest.files if file.name == manifest.source)
        if kept is not None and found != kept:
            raise ArchiveDamaged(path=path, message=f"{manifest.source} is not the file that was moved")
        return {"read_back": True}

    def undo(self, context: Context, facts: Facts) -> None:
        """Take away what is not whole; an archive stays."""
        if "path" in facts:
            part_of(Path(facts["path"])).unlink(missing_ok=True)


class _Progress:
    def __init__(self, context: Context, total: int) -> None:
        self.context, self.total, self.done = context, total, 0
        self.told = time.monotonic()

    def __call__(self, more: int) -> None:
        self.done += more
        if time.monotonic() - self.told >= TOLD_SECONDS:
            self.told = time.monotonic()
            share = 100 * self.done // max(self.total, 1)
            self.context.tell(f"archive: {size(self.done)} of {size(self.total)} ({share} %)")


def _folder(context: Context) -> Path:
    return (context.runbook.folder / context.runbook.archive.folder).resolve()


def _items(context: Context) -> tuple[list[Item], list[str]]:
    """The source first, then what the patterns match; and the patterns that match nothing."""
    runbook = context.runbook
    source = runbook.source_path
    copy = Path(context.facts("source-keep").get("copy") or source)
    items = [Item(copy, f"{SOURCE}{source.name}")]
    # The original's log is in the kept copy already; neither goes in twice.
    seen = {path.resolve() for path in (source, copy, log_of(source), source.with_name(source.name + "-shm"))}
    files, missing = matching(runbook.archive.files, runbook.folder, (_folder(context), runbook.state))
    for path in files:
        if path.resolve() not in seen:
            seen.add(path.resolve())
            items.append(Item(path, f"{FILES}{inside(path, runbook.folder)}"))
    return items, missing


def _bytes(items: list[Item]) -> int:
    return sum(item.path.stat().st_size for item in items if item.path.is_file())
