"""Which entries of a backup's archive bring chosen tables back."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from litelift.backup.manifest import Manifest
from litelift.backup.program import Failed, running
from litelift.backup.store import Backup
from litelift.backup.tools import Tools
from litelift.backup.verify import feed, restorer_for, unreadable
from litelift.errors import UsageError

# A foreign key, and what a view keeps, would need the rows of others.
_NEED_OTHERS = ("FK CONSTRAINT", "MATERIALIZED VIEW DATA", "BLOB", "BLOBS", "BLOB METADATA", "SUBSCRIPTION")


def named_tables(manifest: Manifest, words: Sequence[str]) -> list[str]:
    """The tables that the words name: with their schema, or without where that is enough. A partitioned one is whole.

    Raises UsageError.
    """
    known = list(dict.fromkeys(table.root or table.table for table in manifest.tables))
    found = []
    for word in words:
        near = [name for name in known if name == word]
        near = near or [name for name in known if ".".join(_parts(name)) == word]
        near = near or [name for name in known if _parts(name)[1] == word]
        if len(near) != 1:
            told = "is not in the backup" if not near else f"may be {' or '.join(near)}"
            raise UsageError(
                message=f"the table {word} {told} ({manifest.name})",
                hint="Name it as schema.table does, as it is written.",
            )
        found.append(near[0])
    return list(dict.fromkeys(found))


def with_rows(manifest: Manifest, chosen: Sequence[str]) -> list[str]:
    """The tables that hold the rows of the chosen ones: the partitions of those that have some."""
    return [table.table for table in manifest.tables if (table.root or table.table) in chosen]


@contextmanager
def selection(backup: Backup, chosen: Sequence[str], tools: str | None, identities: Sequence[Any]) -> Iterator[Path]:
    """A list for ``pg_restore --use-list``: the whole structure without foreign keys, and the rows of ``chosen`` alone.

    Raises BackupDamaged, BackupKey.
    """
    manifest = backup.read()
    lines = _listed(backup, manifest, restorer_for(manifest, tools), identities)
    filled = with_rows(manifest, chosen)
    kept = [line for line in lines if _wanted(line, filled)]
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
                feed(process, archive, identities, manifest.name)
            said = process.stdout.read()
            finish()
    except Failed as failed:
        raise unreadable(failed, manifest.name) from failed
    return [line for line in said.decode().splitlines() if line and not line.startswith(";")]


def _wanted(line: str, chosen: Sequence[str]) -> bool:
    """Whether an entry is needed. Its line has names without quotes, so one that only looks alike may come along."""
    entry = line.partition("; ")[2].split(" ", 2)[2]
    if entry.startswith(_NEED_OTHERS):
        return False
    if not entry.startswith("TABLE DATA "):
        return True
    # A line ends where a name does not.
    names = [" ".join(_parts(name)).replace("\r", " ").replace("\n", " ") for name in chosen]
    return any(entry.startswith(f"TABLE DATA {name} ") for name in names)


def _parts(name: str) -> tuple[str, str]:
    """Schema and table of a name as SQL has it: "my schema".grades."""
    found = re.fullmatch(r'("(?:[^"]|"")*"|[^."]*)\.("(?:[^"]|"")*"|[^"]*)', name, re.DOTALL)
    assert found is not None, name
    schema, table = (part[1:-1].replace('""', '"') if part.startswith('"') else part for part in found.groups())
    return schema, table
