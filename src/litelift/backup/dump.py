"""Writes a database's dump with pg_dump, at a given snapshot."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from litelift.atomic import PRIVATE
from litelift.backup.encryption import encrypting
from litelift.backup.manifest import Archive, DumpFacts, StoredFile
from litelift.backup.program import running, wait_for
from litelift.backup.settings import Backup
from litelift.backup.signs import OnSign, Sign
from litelift.backup.sums import files_in, stored, stored_file
from litelift.backup.tools import Tools
from litelift.errors import UsageError
from litelift.summed import BLOCK, Summed

DIRECTORY: Archive = "database"
FILE: Archive = "database.dump"
SECRET_FILE: Archive = "database.dump.age"
MOST_JOBS = 4
ZSTD_LEVEL, GZIP_LEVEL = 3, 6
LOCK_MILLISECONDS = 600_000


@dataclass(frozen=True, slots=True)
class How:
    """How the dump is written."""

    format: Literal["custom", "directory"]
    compress: str
    """As pg_dump 16 has it: "zstd:3", "gzip:6", "none"."""
    jobs: int
    recipients: tuple[str, ...] = ()

    @property
    def path(self) -> Archive:
        """The archive's name in the backup's folder."""
        if self.format == "directory":
            return DIRECTORY
        return SECRET_FILE if self.recipients else FILE


def how(settings: Backup, tools: Tools, recipients: Sequence[str]) -> How:
    """What the settings and the tools make of it. Raises UsageError for a compression that pg_dump does not know."""
    # Into a container's own disk nothing is written: its dump comes through a pipe.
    piped = bool(recipients) or tools.folder is None
    chosen: Literal["custom", "directory"] = "custom" if piped or settings.format == "custom" else "directory"
    wanted = settings.compress
    if wanted == "auto":
        wanted = "zstd" if tools.zstd else "gzip"
    if wanted == "zstd" and not tools.zstd:
        raise UsageError(
            message=f"pg_dump {tools.words.split()[0]} does not know zstd",
            hint="Compress by gzip, or name the client programs of a later version under [backup] tools.",
        )
    level = settings.level or (ZSTD_LEVEL if wanted == "zstd" else GZIP_LEVEL)
    compress = "none" if wanted == "none" else f"{wanted}:{level if wanted == 'zstd' else min(level, 9)}"
    return How(chosen, compress, jobs_for(settings), tuple(recipients))


def jobs_for(settings: Backup) -> int:
    """How many tables at once."""
    return settings.jobs or max(1, min(MOST_JOBS, os.cpu_count() or 1))


def dump(
    tools: Tools, dsn: str, snapshot: str, folder: Path, way: How, guess: int, on_sign: OnSign
) -> list[StoredFile]:
    """Write the dump into ``folder``; its files.

    Args:
        tools: pg_dump's.
        dsn: the database.
        snapshot: exported by a session that stays open.
        folder: of the backup that is being made.
        way: how.
        guess: about how many bytes it will be, for the progress; 0 where nobody knows.
        on_sign: gets the progress.

    Raises:
        Failed: pg_dump did. OSError: the file could not be written.
    """
    words = [
        f"--format={way.format}",
        *_compress(tools, way.compress),
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={LOCK_MILLISECONDS}",
        # So that a word that is reserved in a later version harms nobody.
        "--quote-all-identifiers",
        "--no-password",
    ]
    if way.format == "directory":
        return _directory(tools, dsn, words, folder, way, guess, on_sign)
    return [_custom(tools, dsn, words, folder, way, guess, on_sign)]


def facts(tools: Tools, way: How) -> DumpFacts:
    """The same for the manifest."""
    jobs = way.jobs if way.format == "directory" else 1
    return DumpFacts(
        program=tools.words,
        source="system" if tools.source == "named" else tools.source,
        format=way.format,
        path=way.path,
        compression=way.compress,
        jobs=jobs,
    )


def _compress(tools: Tools, compress: str) -> list[str]:
    if tools.major >= 16:
        return [f"--compress={compress}"]
    # Before PostgreSQL 16 it takes a level alone, which is zlib's.
    return [f"--compress={compress.partition(':')[2] or 0}"]


def _directory(
    tools: Tools, dsn: str, words: list[str], folder: Path, way: How, guess: int, on_sign: OnSign
) -> list[StoredFile]:
    target = folder / DIRECTORY
    process = tools.start("pg_dump", [*words, f"--jobs={way.jobs}", f"--file={target}"], dsn)
    with running(process, "pg_dump") as finish:
        wait_for(process, lambda: on_sign(Sign("dump", _written(target), guess)))
        finish()
    paths = files_in(target)
    for path in paths:
        path.chmod(PRIVATE)
    return [stored_file(folder, path) for path in paths]


def _custom(
    tools: Tools, dsn: str, words: list[str], folder: Path, way: How, guess: int, on_sign: OnSign
) -> StoredFile:
    path = folder / way.path
    if not way.recipients and tools.folder is not None:
        # Written by pg_dump itself, so that it can go back and note where each table's data begin.
        process = tools.start("pg_dump", [*words, f"--file={path}"], dsn)
        with running(process, "pg_dump") as finish:
            wait_for(process, lambda: on_sign(Sign("dump", _written(path), guess)))
            finish()
        path.chmod(PRIVATE)
        return stored_file(folder, path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(handle, "wb") as file, _piped(tools, words, dsn) as (process, finish):
        summed = Summed(file, lambda more: on_sign(Sign("dump", summed.bytes, guess)))
        if way.recipients:
            with encrypting(summed, way.recipients) as into:
                _pour(process, into.write)
                # A dump that was cut short must not get the end that says that it is whole.
                finish()
        else:
            _pour(process, summed.write)
            finish()
        file.flush()
    return stored(summed, way.path)


@contextmanager
def _piped(tools: Tools, words: list[str], dsn: str) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], object]]]:
    process = tools.start("pg_dump", words, dsn, stdout=subprocess.PIPE)
    with running(process, "pg_dump") as finish:
        yield process, finish


def _pour(process: subprocess.Popen[bytes], write: object) -> None:
    assert process.stdout is not None and callable(write)
    while data := process.stdout.read(BLOCK):
        write(data)


def _written(path: Path) -> int:
    """Bytes that are on the disk already."""
    try:
        if path.is_file():
            return path.stat().st_size
        return sum(entry.stat().st_size for entry in path.iterdir())
    except OSError:
        return 0
