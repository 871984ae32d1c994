"""A PostgreSQL data folder: of which major version it is, and whether a server runs in it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from litelift.postgres.programs import ProgramFailed
from litelift.postgres.socket_folder import PORT, expected_folder

START_SECONDS = 60.0
"""How long a server may take to start, after a crash too."""


def major_version(folder: Path) -> int:
    """The major version that PG_VERSION names; 0 where the folder is no data folder."""
    try:
        return int((folder / "PG_VERSION").read_text().split(".")[0])
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 0


def running_server(folder: Path) -> tuple[int, str] | None:
    """The process and the URL of the server in ``folder``, if it answers. Raises ProgramFailed where it never does."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        # The lines of postmaster.pid: process, folder, start, port, socket's folder, address, shared memory, state.
        try:
            lines = [line.strip() for line in (folder / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return None
        # A process that a killed server had just made still holds its socket.
        if len(lines) < 5 or not _exists(lines[0]) or not _answers(Path(lines[4]) / f".s.PGSQL.{lines[3]}"):
            return None
        if lines[7:8] == ["ready"]:
            return int(lines[0]), _url(lines[4], lines[3])
        if time.monotonic() > deadline:
            raise ProgramFailed(f"it is {lines[7] if len(lines) > 7 else 'starting'} for more than a minute")
        time.sleep(0.1)


def expected_url(folder: Path) -> str:
    """Where the server in ``folder`` is, or will be once it is started; it is neither asked nor waited for."""
    try:
        lines = [line.strip() for line in (folder / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        lines = []
    if len(lines) > 4 and lines[4]:
        return _url(lines[4], lines[3])
    owner = folder.stat().st_uid if folder.exists() else os.geteuid()
    return _url(str(expected_folder(folder, owner)), str(PORT))


def _url(socket_folder: str, port: str) -> str:
    more = "" if port == str(PORT) else f"&port={port}"
    return f"postgresql://postgres@/postgres?host={quote(os.fsencode(socket_folder))}{more}"


def _exists(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def clear_stale(folder: Path) -> None:
    """Remove the postmaster.pid of a server that is gone and whose process number another program has now.

    PostgreSQL itself removes one whose process is gone, and refuses to start where the number is in use.
    """
    path = folder / "postmaster.pid"
    try:
        number = int(path.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    program = _program_of(number)
    if program is not None and not (program == "postgres" and _works_in(number, folder)):
        path.unlink(missing_ok=True)


def end_server(folder: Path, seconds: float) -> None:
    """End at once the server that works in ``folder``, if one does; its process number may be another program's.

    It is waited for as long as ``seconds``; a server ends all its processes when it finds its folder gone.
    """
    try:
        number = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if number <= 0 or _program_of(number) != "postgres" or not _works_in(number, folder):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGQUIT)
    deadline = time.monotonic() + seconds
    while _program_of(number) == "postgres" and time.monotonic() < deadline:
        time.sleep(0.05)


def _program_of(number: int) -> str | None:
    """The name of the program that a process runs; None where there is no such process."""
    try:
        return Path(f"/proc/{number}/comm").read_text().strip()
    except OSError:
        if Path("/proc/self").exists():
            return None
    found = subprocess.run(["ps", "-p", str(number), "-o", "comm="], capture_output=True, text=True)
    return Path(found.stdout.strip()).name or None


def _works_in(number: int, folder: Path) -> bool:
    # A server's working directory is its data folder; where the system does not tell it, it is taken for that.
    try:
        return Path(f"/proc/{number}/cwd").samefile(folder)
    except OSError:
        return True
