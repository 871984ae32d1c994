"""Backups in a store that no server was dumped for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from litelift.backup.manifest import DumpFacts, Kind, Look, Manifest, ServerFacts, StoredFile
from litelift.backup.store import Backup, Store, note, read_backup, write_manifest

NOW = datetime.now(UTC).replace(microsecond=0)


def stored(
    store: Store,
    days: float,
    files: Mapping[str, bytes] | None = None,
    *,
    drilled: bool | None = None,
    database: str = "school",
    kind: Kind = "manual",
) -> Backup:
    """A backup that was made so many days ago."""
    store.make()
    started = NOW - timedelta(days=days)
    content = files or {"database/toc.dat": b"toc", "database/1.dat.gz": f"{days} ".encode() * 20_000}
    with store.being_made(name := store.new_name("school", started)) as folder:
        for file, data in content.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        manifest = Manifest(
            name=name,
            project="school",
            kind=kind,
            database=database,
            started=started,
            ended=started + timedelta(seconds=5),
            server=ServerFacts(version="16.4", version_number=160004, where="127.0.0.1"),
            dump=DumpFacts(
                program="16.4", source="system", format="directory", path="database", compression="gzip", jobs=1
            ),
            database_bytes=1,
            bytes=sum(map(len, content.values())),
            files=[
                StoredFile(name=file, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
                for file, data in content.items()
            ],
            tables=[],
        )
        write_manifest(folder, manifest)
    backup = read_backup(store.path / name)
    return backup if drilled is None else note(backup, drilled=Look(at=NOW, ok=drilled, seconds=1.0))
