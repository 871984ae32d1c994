"""What pgBackRest says of its repository: `info` and `repo-ls`, which only read ("Command Reference", pgBackRest).

`check` is not asked: it makes a restore point and switches the server's segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litelift.backup.wal.archive import Archive, from_epoch, number, part, parts, text
from litelift.backup.wal.asking import Asking, Unanswered
from litelift.backup.wal.command import Archives
from litelift.backup.wal.found import BaseBackup, Problem
from litelift.backup.wal.segments import Segments

QUIET = ("--log-level-file=off", "--log-level-console=off", "--log-level-stderr=error")
NO_BACKUPS = 2
"""The code of a stanza's status that only says that it has no backup; 0 is "ok"."""


def look(asking: Asking, archives: Archives, identifier: str | None, size: int) -> Archive:
    """Ask pgBackRest. ``identifier`` is the server's own, ``size`` its wal_segment_size. Raises Unanswered."""
    stanza = (f"--stanza={archives.name}",) if archives.name else ()
    answer = asking.ask("pgbackrest", *archives.options, *stanza, *QUIET, "--output=json", "info")
    if answer.status:
        raise Unanswered(f"pgbackrest info ended with {answer.status}: {answer.said}")
    found = read_info(answer.json(), archives.name, identifier)
    if found is None:
        raise Unanswered("pgbackrest info names no stanza of this server")
    name, archive, folders = found
    archive.where = f"stanza {name}"
    segments = Segments(size)
    for repository, folder in folders:
        answer = asking.ask(
            "pgbackrest",
            *archives.options,
            f"--stanza={name}",
            f"--repo={repository}",
            *QUIET,
            "--output=json",
            "--recurse",
            "repo-ls",
            f"archive/{name}/{folder}",
        )
        if answer.status:
            archive.unseen.append(f"the WAL in repository {repository} of pgBackRest: {answer.said}")
            return archive
        _add(segments, answer.json())
    if folders:
        archive.segments = segments
    return archive


def read_info(
    document: Any, name: str | None, identifier: str | None
) -> tuple[str, Archive, list[tuple[int, str]]] | None:
    """The stanza's name, what `info` says of it, and where its WAL lies: the number of each repository, and the folder.

    Without a ``name`` it is the stanza that knows the server's ``identifier``. None where there is none.
    """
    stanza = next((one for one in parts(document) if _is(one, name, identifier)), None)
    if stanza is None:
        return None
    archive = Archive()
    _status(archive, stanza)
    databases = [one for one in parts(stanza.get("db")) if isinstance(one.get("id"), int)]
    # After pg_upgrade a stanza still tells of the cluster that was.
    newest = dict(sorted(_database(one) for one in databases))
    known = {str(one.get("system-id")) for one in databases if newest[_database(one)[0]] == one["id"]}
    if identifier and known and identifier not in known:
        archive.problems.append(
            Problem(
                code="other-cluster",
                level="failed",
                message=f"the stanza is of another cluster (system identifier {', '.join(sorted(known))})",
                hint="After pg_upgrade: pgbackrest stanza-upgrade. Otherwise give this server a stanza of its own.",
            )
        )
    if archive.unseen:
        return str(stanza["name"]), archive, []
    ours = set(newest.items())
    backups, archives = parts(stanza.get("backup")), parts(stanza.get("archive"))
    archive.backups = [_backup(one) for one in backups if _database(part(one, "database")) in ours]
    folders = [
        (_database(part(one, "database"))[0], str(one.get("id")))
        for one in archives
        if _database(part(one, "database")) in ours
    ]
    return str(stanza["name"]), archive, folders


def _database(one: Mapping[str, Any]) -> tuple[int, int]:
    """The number of a repository, which was not told before there could be several, and of a database in it."""
    return number(one.get("repo-key")) or 1, number(one.get("id")) or 0


def _is(stanza: dict[str, Any], name: str | None, identifier: str | None) -> bool:
    if name:
        return bool(stanza.get("name") == name)
    return any(str(one.get("system-id")) == identifier for one in parts(stanza.get("db")))


def _status(archive: Archive, stanza: dict[str, Any]) -> None:
    for repository in parts(stanza.get("repo")):
        status = part(repository, "status")
        code, said = status.get("code"), str(status.get("message", ""))
        if "Permission denied" in said:
            archive.unseen.append(
                f"repository {repository.get('key')} of pgBackRest: {said}. Run it as the server's user, or as root"
            )
        elif code not in (0, NO_BACKUPS):
            archive.problems.append(
                Problem(
                    code="tool",
                    level="failed",
                    message=f"pgBackRest says of its repository {repository.get('key')}: {said}",
                    hint="Ask it: pgbackrest info, and pgbackrest check. A new stanza needs: pgbackrest stanza-create.",
                )
            )


def _backup(one: dict[str, Any]) -> BaseBackup:
    info, times, wal = part(one, "info"), part(one, "timestamp"), part(one, "archive")
    return BaseBackup(
        name=str(one.get("label")),
        kind=str(one.get("type")),
        started=from_epoch(times.get("start")),
        stopped=from_epoch(times.get("stop")),
        bytes=number(info.get("size")),
        stored_bytes=number(part(info, "repository").get("size") or part(info, "repository").get("delta")),
        start_wal=text(wal.get("start")),
        stop_wal=text(wal.get("stop")),
        error="pages with a wrong checksum were copied" if one.get("error") else "",
    )


def _add(segments: Segments, listed: Any) -> None:
    """What repo-ls lists: paths, each with its type, size and time."""
    for path, facts in listed.items() if isinstance(listed, dict) else ():
        kind = segments.add(path.rpartition("/")[2])
        written = from_epoch(facts.get("time")) if isinstance(facts, dict) else None
        if kind == "segment" and written is not None:
            segments.newest_at = max(segments.newest_at or written, written)
