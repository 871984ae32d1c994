"""litelift backup verify: whether a backup is byte for byte what was made, and its archive can be read to its end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from litelift.backup.encryption import decrypting
from litelift.backup.history import failing, recording, write_event
from litelift.backup.manifest import MANIFEST, Look, Manifest
from litelift.backup.program import Failed, running, wait_for
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import STANDING, Backup, Store, note
from litelift.backup.sums import files_in, stored_file
from litelift.backup.tools import Tools, number, tools_for
from litelift.errors import BackupDamaged, BackupToolMissing, BackupUnread
from litelift.redact import text as redact
from litelift.report.format import count, size
from litelift.summed import BLOCK

OWN = (MANIFEST, STANDING)
_MAY_READ = "Do it as the user that made it."


def verify(
    store: Store,
    backup: Backup,
    *,
    identities: Sequence[Any] = (),
    tools: str | None = None,
    keep: bool = True,
    on_sign: OnSign = silent,
) -> Look:
    """Look at every byte of a backup, and keep what was found.

    Args:
        store: where it lies.
        backup: which.
        identities: keys, without which an encrypted archive is not read, but its checksums are compared.
        tools: the folder of pg_restore.
        keep: False on a disk that is read-only.
        on_sign: gets signs of life.

    Returns what was found: not ok where it is damaged.

    Raises:
        BackupKey, BackupUnread, BackupToolMissing: nothing was found out. BackupNotRecorded.
    """
    began = time.monotonic()
    message, facts = "", {}
    with failing(store.path, "verify", backup.name):
        try:
            manifest = backup.read()
            compare_sums(backup.folder, manifest, on_sign)
            facts = {"bytes": manifest.bytes, "archive_read": read_archive(backup, identities, tools, on_sign)}
        except BackupDamaged as damaged:
            message = str(damaged.facts["message"])
    look = Look(
        at=datetime.now(UTC), ok=not message, seconds=round(time.monotonic() - began, 3), message=message, facts=facts
    )
    if keep:
        with recording(store.path, f"the backup {backup.name} was found {message or 'as it was made'}"):
            note(backup, verified=look)
            write_event(store.path, "verify", ok=look.ok, backup=backup.name, seconds=look.seconds, message=message)
    return look


def compare_sums(folder: Path, manifest: Manifest, on_sign: OnSign = silent) -> None:
    """Compare every file with the manifest. Raises BackupDamaged, which names the first that is another."""
    done = 0

    def on_bytes(more: int) -> None:
        nonlocal done
        done += more
        on_sign(Sign("sum", done, manifest.bytes))

    for due in manifest.files:
        path = folder / due.name
        if any(above.is_symlink() for above in path.parents if above != folder and folder in above.parents):
            raise BackupDamaged(name=manifest.name, message=f"{due.name} lies behind a link")
        try:
            found = stored_file(folder, path, on_bytes)
        except (FileNotFoundError, NotADirectoryError):
            raise BackupDamaged(name=manifest.name, message=f"{due.name} is missing") from None
        except PermissionError as error:
            # Of who asks, and not of the backup.
            raise BackupUnread(name=manifest.name, message=f"{due.name}: {error.strerror}", hint=_MAY_READ) from error
        except OSError as error:
            raise BackupDamaged(name=manifest.name, message=f"{due.name} cannot be read: {error.strerror}") from error
        if found.bytes != due.bytes:
            said = f"{due.name}: expected {count(due.bytes, 'byte')}; got {count(found.bytes, 'byte')}"
            raise BackupDamaged(name=manifest.name, message=said)
        if found.sha256 != due.sha256:
            said = f"{due.name}: expected SHA-256 {due.sha256[:16]}...; got {found.sha256[:16]}..."
            raise BackupDamaged(name=manifest.name, message=said)
    names = {due.name for due in manifest.files}
    for path in files_in(folder, OWN):
        if path.relative_to(folder).as_posix() not in names:
            said = f"{path.relative_to(folder)} is not in its manifest"
            raise BackupDamaged(name=manifest.name, message=said)
    told = f"{count(len(names), 'file')}, {size(manifest.bytes)}"
    on_sign(Sign("sum", manifest.bytes, manifest.bytes, message=told, finished=True))


def read_archive(backup: Backup, identities: Sequence[Any], tools: str | None, on_sign: OnSign = silent) -> bool:
    """Have pg_restore read and unpack the whole archive, to nowhere. False where that needs a key that was not given.

    Raises BackupDamaged, BackupKey, BackupToolMissing.
    """
    manifest = backup.read()
    if manifest.encryption is not None and not identities:
        return False
    restorer = restorer_for(manifest, tools)
    on_sign(Sign("test", 0, manifest.bytes))
    archive = backup.folder / manifest.dump.path
    try:
        if manifest.encryption is not None:
            pipe_archive(restorer, archive, identities, ["--file=/dev/null"], None, manifest.name)
        else:
            process = restorer.start("pg_restore", ["--file=/dev/null", str(archive)], None)
            with running(process, "pg_restore") as finish:
                wait_for(process, lambda: on_sign(Sign("test", 0, manifest.bytes)))
                finish()
    except Failed as failed:
        raise unreadable(failed, manifest.name) from failed
    told = f"by pg_restore {restorer.words.split()[0]} ({restorer.source})"
    on_sign(Sign("test", manifest.bytes, manifest.bytes, message=told, finished=True))
    return True


def unreadable(failed: Failed, name: str) -> BackupDamaged | BackupUnread:
    """What it says of a backup that pg_restore could not read its archive; nothing, where somebody killed that."""
    if failed.status < 0:
        return BackupUnread(name=name, message=failed.message)
    return BackupDamaged(name=name, message=f"its archive cannot be read: {redact(failed.message)}")


def restorer_for(manifest: Manifest, tools: str | None) -> Tools:
    """The pg_restore for a dump: of pg_dump's own version, else the next higher. Raises BackupToolMissing."""
    found = tools_for(number(manifest.dump.program), named=tools)
    if manifest.dump.compression.startswith("zstd") and not found.zstd:
        raise BackupToolMissing(
            program="pg_restore that knows zstd",
            server=manifest.dump.program,
            found=f"{found.words} ({found.source}) was built without it",
        )
    return found


def pipe_archive(
    restorer: Tools, archive: Path, identities: Sequence[Any], words: Sequence[str], dsn: str | None, name: str
) -> list[str]:
    """Decrypt an archive into pg_restore, so that it lies nowhere in plain; what pg_restore said.

    Raises Failed, BackupKey, BackupDamaged.
    """
    process = restorer.start("pg_restore", words, dsn, stdin=subprocess.PIPE)
    with running(process, "pg_restore") as finish:
        feed(process, archive, identities, name)
        return finish()


def feed(process: subprocess.Popen[bytes], archive: Path, identities: Sequence[Any], name: str) -> None:
    """Decrypt an archive into a program's standard input, for as long as that reads.

    Raises BackupKey, BackupDamaged.
    """
    assert process.stdin is not None
    with archive.open("rb") as encrypted, decrypting(encrypted, identities, name) as plain:
        while data := plain.read(BLOCK):
            try:
                process.stdin.write(data)
            except BrokenPipeError:
                # It has ended, and says why; or it needs no more.
                break
    with suppress(BrokenPipeError):
        process.stdin.close()
