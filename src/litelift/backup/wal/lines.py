"""What was found of the WAL archive, as lines of text."""

from __future__ import annotations

from litelift.backup.wal.found import BaseBackup, WalArchiving
from litelift.report.format import age, count, duration, size

NAMES = {
    "pgbackrest": "pgBackRest",
    "barman": "Barman",
    "wal-g": "WAL-G",
    "pg_receivewal": "pg_receivewal",
    "command": "archive_command",
    "library": "archive_library",
}
SHOWN = 5
"""Base backups, the newest, and gaps, the first, that are shown; --json has all."""


def wal_lines(found: WalArchiving) -> list[str]:
    """What `litelift backup list` shows of it."""
    # A base backup's label is anybody's, and a terminal obeys what it holds.
    return ["".join(char if char.isprintable() else "?" for char in line) for line in _lines(found)]


def _lines(found: WalArchiving) -> list[str]:
    if found.state == "off" or found.tool is None:
        why = "archive_mode is off" if found.mode == "off" else "this server archives no WAL"
        return [f"Point in time: none ({why}); a restore goes back to a backup.", *_more(found)]
    place = f", {found.where}" if found.where else ""
    lines = [f"Point in time: {NAMES[found.tool]}{place}: {found.state}"]
    if found.looked_into:
        lines += _backups(found)
    lines.append(f"  WAL: {_wal(found)}")
    lines += [f"  streamed: {_stream}" for _stream in _streams(found)]
    for problem in found.problems:
        lines += [f"  {problem.level}: {problem.message}", f"    {problem.hint}"]
    return [*lines, *_more(found)]


def _more(found: WalArchiving) -> list[str]:
    return [*(f"  note: {note}" for note in found.notes), *(f"  not seen: {what}" for what in found.unseen)]


def _backups(found: WalArchiving) -> list[str]:
    if not found.backups:
        return ["  base backups: none seen"]
    older = len(found.backups) - SHOWN
    first = f"  {count(len(found.backups), 'base backup')}"
    return [
        first + (f", the newest {SHOWN}:" if older > 0 else ":"),
        *(f"    {_backup(backup, found)}" for backup in found.backups[-SHOWN:]),
    ]


def _backup(backup: BaseBackup, found: WalArchiving) -> str:
    facts = [backup.kind]
    if backup.stopped:
        facts.append(f"{age((found.at - backup.stopped).total_seconds())} old")
        if backup.started:
            facts.append(f"took {duration((backup.stopped - backup.started).total_seconds())}")
    if backup.bytes:
        facts.append(size(backup.bytes))
    if backup.stored_bytes:
        facts.append(f"{size(backup.stored_bytes)} stored")
    if backup.where:
        facts.append(backup.where)
    return f"{backup.name}: {', '.join(facts)}" + (f"; {backup.error}" if backup.error else "")


def _wal(found: WalArchiving) -> str:
    if found.newest_wal is None:
        if found.streams and not found.looked_into:
            return "what was received is not seen from here"
        return "none archived yet" if found.looked_into else "none archived, as far as the server says"
    held = f"{count(found.segments, 'segment')}, " if found.segments is not None else ""
    first = f"{found.oldest_wal} to " if found.oldest_wal not in (None, found.newest_wal) else "the newest "
    since = f" ({age(found.newest_wal_age)} old)" if found.newest_wal_age is not None else ""
    now = f"; the server writes {found.current_wal}" if found.current_wal else ""
    said = "" if found.looked_into else "by the server's word alone, "
    return f"{said}{held}{first}{found.newest_wal}{since}{now}"


def _streams(found: WalArchiving) -> list[str]:
    return [
        f"{stream.program or 'a receiver'}"
        + (f" by the slot {stream.slot}" if stream.slot else "")
        + ("" if stream.active else ", not connected")
        + (f", {size(stream.behind_bytes)} behind" if stream.behind_bytes is not None else "")
        for stream in found.streams
    ]
