"""What can be known of the source without its rows: its size, its log, its free pages, a journal left behind."""

from __future__ import annotations

from pathlib import Path

from litelift import errors
from litelift.preflight.findings import Findings, SourceLook
from litelift.report.format import size
from litelift.sqlite.beside import companion, log_of
from litelift.sqlite.open import Source
from litelift.sqlite.schema import Schema

WORTH_SAVING = 1 << 20
WORTH_SHARE = 0.1
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
"""The first bytes of a rollback journal that holds something ("Database File Format", section 3)."""


def log_size(path: Path) -> int:
    """Bytes of the write-ahead log beside a source."""
    try:
        return log_of(path).stat().st_size
    except OSError:
        return 0


def has_hot_journal(path: Path, held: int | None) -> bool:
    """Whether a program left a rollback journal and is gone ("File Locking And Concurrency", section 4.2)."""
    try:
        with companion(path, "-journal").open("rb") as file:
            return file.read(8) == JOURNAL_MAGIC and held is None
    except OSError:
        return False


def tell_hot_journal(findings: Findings, path: Path, error: errors.LiteliftError) -> None:
    """Tell why a source with a hot journal is not opened."""
    findings.add("source", "blocker", "hot-journal", error.message, error.hint or None)


def look_at_file(findings: Findings, source: Source, schema: Schema) -> SourceLook:
    """Tell what the open source's file is like."""
    connection = source.connection
    free = connection.execute("PRAGMA freelist_count").fetchone()[0] * source.page_size
    log = log_size(source.path)
    findings.add(
        "source",
        "ok",
        "readable",
        f"{size(source.bytes)}, {len(schema.tables):,} tables, {source.encoding}, journal mode {source.journal_mode}",
    )
    if log:
        findings.add(
            "source",
            "note",
            "write-ahead-log",
            f"its write-ahead log holds {size(log)}, which a move reads too",
            f"Copy {source.path.name}-wal with it, if you copy the file.",
        )
    if free >= WORTH_SAVING and free >= source.bytes * WORTH_SHARE:
        findings.add(
            "source",
            "note",
            "free-pages",
            f"{size(free)} of it are free pages: VACUUM would save as much on this disk; a move does not read them",
        )
    return SourceLook(
        path=str(source.path.absolute()),
        bytes=source.bytes,
        log_bytes=log,
        free_bytes=free,
        journal_mode=source.journal_mode,
        encoding=source.encoding,
        tables=len(schema.tables),
    )
