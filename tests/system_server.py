"""The machine's own PostgreSQL, which has ICU: the embedded one has none."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from afterwards import goes, servers_end

START_SECONDS = 120.0


def programs() -> Path | None:
    """The folder of the newest server of the machine's packages, or of PATH; None where there is none."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda folder: int(folder.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class SystemServer:
    """A server in ``folder``, on a socket there; started by ``start``, gone with ``stop``."""

    def __init__(self, folder: Path) -> None:
        tools = programs()
        if tools is None:
            pytest.skip("initdb: no PostgreSQL of the machine's own (apt-get install postgresql)")
        self.tools = tools
        self.folder = folder
        if folder.parent.name.startswith("litelift-"):
            goes(folder.parent)
        else:
            servers_end(folder)
        # PostgreSQL refuses to run as root.
        self.user = next((name for name in ("postgres", "pgserver", "nobody") if _is_user(name)), None)
        if os.geteuid() != 0:
            self.user = None

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [str(self.tools / program), *words],
            user=self.user,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=START_SECONDS,
        )

    def make(self, *options: str) -> None:
        """Make the data folder, with more options of initdb's."""
        self.folder.mkdir()
        if self.user:
            shutil.chown(self.folder, self.user)
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", *options)

    def run(self, *settings: str) -> None:
        """Start it, with settings (name=value) beside its own."""
        options = " -c ".join(["-c listen_addresses=''", "fsync=off", *settings]) + f" -k '{self.folder}'"
        self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-t", str(int(START_SECONDS)), "-o", options, "start")

    def start(self) -> None:
        """Make the data folder, and start."""
        self.make()
        self.run()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def follow(self, primary: SystemServer) -> None:
        """Make a standby of another one, and start it."""
        self.folder.mkdir()
        if self.user:
            shutil.chown(self.folder, self.user)
        self._run(
            "pg_basebackup", "-h", str(primary.folder), "-U", "postgres", "-D", "data", "-R", "-c", "fast", "--no-sync"
        )
        self.run()

    def stop(self) -> None:
        """End it at once."""
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder), safe='')}"


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
