"""What Barman says of its server: show-servers, check, list-backups, show-backups, list-files.

`barman check` is the one that Barman's manual gives to monitoring; what it may make are Barman's own empty folders.
What show-servers answers holds connection strings: nothing of it is kept but the few facts that are read here.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from litelift.backup.wal.archive import Archive, from_epoch, number, part, parts, text
from litelift.backup.wal.asking import Answer, Asking, Unanswered
from litelift.backup.wal.found import BaseBackup, Problem
from litelift.backup.wal.segments import Segments
from litelift.redact import text as redact

DONE = "DONE"
UNFINISHED = {"EMPTY", "STARTED", "SYNCING", "RETRIEVING"}
WAITING = "WAITING_FOR_WALS"
LESS = {
    "backup_maximum_age",
    "backup_minimum_size",
    "failed_backups",
    "minimum_redundancy_requirements",
    "retention_policy_settings",
    "wal_maximum_age",
}
"""Checks whose failure leaves what is archived as good as it was."""
SHOWN = 20
"""Base backups, the newest, whose particulars are asked for: each is a command of its own."""


def look(asking: Asking, name: str | None, slots: set[str], identifier: str | None, size: int) -> Archive:
    """Ask Barman for the server: the one of that ``name``, or with this system identifier or one of its slots.

    Raises Unanswered.
    """
    server = _server(asking, name, slots, identifier)
    archive = Archive(where=f"server {server}", direct=False, keeps_histories=False)
    archive.problems = read_check(_ask(asking, "check", server, fails=True), server)
    archive.backups = read_backups(_ask(asking, "list-backups", server), server)
    for index, backup in list(enumerate(archive.backups))[-SHOWN:]:
        shown = part(_ask(asking, "show-backup", server, backup.name), server)
        archive.backups[index] = read_backup(shown, backup)
    archive.segments = Segments(size)
    if archive.backups:
        listed = _ask(asking, "list-files", "--target", "wal", server, archive.backups[0].name, fails=True)
        _add(archive.segments, listed.get("_INFO"))
    else:
        archive.segments = None
    return archive


def _ask(asking: Asking, *words: str, fails: bool = False) -> dict[str, Any]:
    """One command. ``fails``: it may end with an error, and still answer."""
    # Root becomes Barman's user by Barman's own configuration.
    answer: Answer = asking.ask("barman", "-f", "json", *words, own=True)
    if answer.status and (not fails or not answer.out.strip()):
        raise Unanswered(
            f"barman {words[0]} ended with {answer.status}: {answer.said or redact(answer.out.strip()[-500:])}"
        )
    document = answer.json()
    return document if isinstance(document, dict) else {}


def _server(asking: Asking, name: str | None, slots: set[str], identifier: str | None) -> str:
    """The name of the server in Barman's configuration."""
    # One that is named is asked for alone: each costs Barman a connection.
    document = _ask(asking, "show-servers", name or "all", fails=True)
    listed = sorted(key for key in document if not key.startswith("_"))
    for one in listed:
        shown = part(document, one)
        theirs = shown.get("postgres_systemid") or shown.get("streaming_systemid")
        if theirs is not None and identifier is not None:
            if str(theirs) == identifier:
                return one
        elif one == name or shown.get("slot_name") in slots:
            return one
    has = f", but {', '.join(listed)}" if listed else ""
    raise Unanswered(f"Barman's configuration here has no server with this system identifier{has}")


def read_check(document: dict[str, Any], server: str) -> list[Problem]:
    """What `check` found to be wrong."""
    return [
        Problem(
            code="tool",
            level="attention" if name in LESS else "failed",
            message=f"Barman's check fails: {name.replace('_', ' ')}"
            + (f" ({redact(said['hint'])})" if said["hint"] else ""),
            hint=f"Ask it: barman check {server}. Its log says more.",
        )
        for name, said in sorted(part(document, server).items())
        if isinstance(said, dict) and said.get("status") == "FAILED" and isinstance(said.get("hint"), str)
    ]


def read_backups(document: dict[str, Any], server: str) -> list[BaseBackup]:
    """What `list-backups` lists, the oldest first."""
    found = []
    for one in sorted(parts(document.get(server)), key=lambda one: str(one.get("backup_id"))):
        status = str(one.get("status"))
        if status in UNFINISHED:
            continue
        error = "" if status == DONE else "the WAL of its end has not come yet" if status == WAITING else status.lower()
        found.append(
            BaseBackup(
                name=str(one.get("backup_id")),
                kind="full",
                stopped=from_epoch(one.get("end_time_timestamp")),
                stored_bytes=number(one.get("size_bytes")),
                error=error,
            )
        )
    return found


def read_backup(shown: Any, backup: BaseBackup) -> BaseBackup:
    """The same backup, with what `show-backup` says of it."""
    about = part(shown, "base_backup_information")
    return backup.model_copy(
        update={
            "started": from_epoch(about.get("begin_time_timestamp")),
            "bytes": number(about.get("disk_usage_bytes")),
            "start_wal": text(about.get("begin_wal")),
            "stop_wal": text(about.get("end_wal")),
            "error": redact(text(part({"": shown}, "").get("error")) or backup.error),
        }
    )


def _add(segments: Segments, paths: Any) -> None:
    """Add the files that Barman lists, from its own book; those that can be seen not to be there are none."""
    for path in paths if isinstance(paths, list) else ():
        file = Path(str(path))
        try:
            written = from_epoch(file.stat().st_mtime)
        except FileNotFoundError:
            continue
        except OSError:
            written = None
        kind = segments.add(PurePosixPath(file).name)
        if kind == "segment" and written is not None:
            segments.newest_at = max(segments.newest_at or written, written)
