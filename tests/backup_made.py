"""Backups made of random bytes, for what takes them as they are and reads nothing in them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from litelift.backup.manifest import DumpFacts, Kind, Manifest, ServerFacts, StoredFile, TableContent
from litelift.backup.store import Backup, Store, read_backup, write_manifest

STARTED = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def make_backup(
    store: Store,
    files: dict[str, int],
    *,
    started: datetime = STARTED,
    kind: Kind = "manual",
    seed: int = 7,
    project: str = "school",
) -> Backup:
    """A whole backup with files of these names and sizes."""
    store.make()
    rng = Random(seed)
    name = store.new_name(project, started)
    with store.being_made(name) as folder:
        stored = []
        for file, size in files.items():
            path = folder / file
            path.parent.mkdir(exist_ok=True)
            data = rng.randbytes(size)
            path.write_bytes(data)
            stored.append(StoredFile(name=file, bytes=size, sha256=hashlib.sha256(data).hexdigest()))
        server = ServerFacts(version="16.14", version_number=160014, where="host=localhost", system_identifier="7")
        dump = DumpFacts(
            program="16.14", source="embedded", format="custom", path="database.dump", compression="gzip", jobs=1
        )
        manifest = Manifest(
            name=name,
            project=project,
            kind=kind,
            database="school",
            started=started,
            ended=started,
            server=server,
            dump=dump,
            database_bytes=1,
            bytes=sum(files.values()),
            files=stored,
            tables=[TableContent(table="public.pupils", rows=1, digest="0" * 32)],
        )
        write_manifest(folder, manifest)
    return read_backup(store.path / name)


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a backup, by name, without what became known of it later."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "standing.json"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write_settings(folder: Path, *copies: dict[str, object]) -> Path:
    """A litelift.toml with these ``[[backup.copy]]``, beside which the backups lie in "backups"."""

    def toml(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
        return json.dumps(value)

    lines = ['[project]\nname = "school"', '[backup]\nfolder = "backups"']
    for copy in copies:
        lines.append("[[backup.copy]]\n" + "\n".join(f"{key} = {toml(value)}" for key, value in copy.items()))
    path = folder / "litelift.toml"
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path
