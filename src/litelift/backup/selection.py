"""Which entries of a backup's archive bring chosen tables back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from litelift.backup.encryption import decrypting
from litelift.backup.manifest import Manifest
from litelift.backup.program import Failed, running
from litelift.backup.store import Backup
from litelift.backup.sums import BLOCK
from litelift.backup.tools import Tools
from litelift.backup.verify import restorer_for
from litelift.errors import BackupDamaged, UsageError

_ROWS = ("TABLE DATA", "SEQUENCE SET")
# A foreign key, and what a view keeps, would need the rows of others.
_NEED_OTHERS = ("FK CONSTRAINT", "MATERIALIZED VIEW DATA", "BLOB", "BLOBS", "BLOB METADATA", "SUBSCRIPTION")


def named_tables(manifest: Manifest, words: Sequence[str]) -> list[str]:
    """The tables that the words name, as the manifest has them: with their schema, or without where that is enough.

    Raises UsageError.
    """
    known = {table.table: table.table for table in manifest.tables}
    found = []
    for word in words:
        plain = word.replace('"', "")
        near = [name for name in known if name == word]
        near = near or [name for name in known if name.replace('"', "") == plain]
        near = near or [name for name in known if name.partition(".")[2].replace('"', "") == plain]
        if len(near) != 1:
            told = "is not in the backup" if not near else f"may be {' or '.join(near)}"
            raise UsageError(
                message=f"the table {word} {told} ({manifest.name})",
                hint="Name it as schema.table does, as it is written.",
            )
        found.append(near[0])
    return list(dict.fromkeys(found))


@contextmanager
def selection(backup: Backup, chosen: Sequence[str], tools: str | None, identities: Sequence[Any]) -> Iterator[Path]:
    """A list for ``pg_restore --use-list``: the whole structure without foreign keys, and the rows of ``chosen`` alone.

    Raises BackupDamaged, BackupKey.
    """
    manifest = backup.read()
    lines = _listed(backup, manifest, restorer_for(manifest, tools), identities)
    kept = [line for line in lines if _wanted(line, chosen)]
    with NamedTemporaryFile("w", prefix="litelift-", suffix=".list", encoding="utf-8") as file:
        file.write("\n".join(kept) + "\n")
        file.flush()
        yield Path(file.name)


def _listed(backup: Backup, manifest: Manifest, restorer: Tools, identities: Sequence[Any]) -> list[str]:
    archive = backup.folder / manifest.dump.path
    secret = manifest.encryption is not None
    words = ["--list"] if secret else ["--list", str(archive)]
    process = restorer.start(
        "pg_restore", words, None, stdin=subprocess.PIPE if secret else None, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        with running(process, "pg_restore") as finish:
            if secret:
                _feed(process, archive, identities, manifest.name)
            said = process.stdout.read()
            finish()
    except Failed as failed:
        raise BackupDamaged(name=manifest.name, message=f"its archive cannot be read: {failed.message}") from failed
    return [line for line in said.decode().splitlines() if line and not line.startswith(";")]


def _feed(process: subprocess.Popen[bytes], archive: Path, identities: Sequence[Any], name: str) -> None:
    """Give the beginning of an encrypted archive, until its contents are known."""
    assert process.stdin is not None
    with archive.open("rb") as encrypted, decrypting(encrypted, identities, name) as plain:
        while data := plain.read(BLOCK):
            try:
                process.stdin.write(data)
            except BrokenPipeError:
                break
    try:
        process.stdin.close()
    except BrokenPipeError:
        return


def _wanted(line: str, chosen: Sequence[str]) -> bool:
    """Whether an entry is needed. Its line has names without quotes, so one that only looks alike may come along."""
    entry = line.partition("; ")[2].split(" ", 2)[2]
    if entry.startswith(_NEED_OTHERS):
        return False
    if not entry.startswith(_ROWS):
        return True
    if entry.startswith("SEQUENCE SET"):
        return True
    names = [name.replace('"', "").replace(".", " ", 1) for name in chosen]
    return any(entry.startswith(f"TABLE DATA {name} ") for name in names)
