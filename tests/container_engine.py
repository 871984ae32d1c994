"""A container engine for the tests: podman's Docker API with a store of its own, and PostgreSQL's image from the wheel.

The image does what the official one does with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE, POSTGRES_DB
and PGDATA; no registry is asked.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from afterwards import afterwards, goes
from litelift.postgres.programs import programs, shipped

SECONDS = 60.0
IMAGE = "localhost/litelift-postgres:16"
NEWER_LAYOUT = "localhost/litelift-postgres:above"
"""The same programs, its volume above the data folder, as the official images from 18 on have it."""
ULIMITS = {"nofile": 1024, "nproc": 1024}
"""An engine in a container may not raise its own."""
_REMOVE_ALL = ("rm", "--all", "--force", "--time", "0", "--volumes")
_PROGRAMS = ("sh", "cat", "chmod", "chown", "cp", "ls", "mkdir", "rm", "setpriv", "sleep")
_SERVER = ("pg_dump", "pg_isready", "pg_restore", "postgres", "psql")
_ENTRYPOINT = r"""#!/bin/sh
set -e
[ "${1#-}" = "$1" ] || set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"
if [ -n "$POSTGRES_PASSWORD_FILE" ]; then POSTGRES_PASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"; fi
mkdir -p "$PGDATA" /var/run/postgresql
chown -R 999:999 "$PGDATA" /var/run/postgresql
chmod 700 "$PGDATA"
as="setpriv --reuid 999 --regid 999 --clear-groups"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    [ -n "$POSTGRES_PASSWORD" ] || { echo "Error: superuser password is not specified." >&2; exit 1; }
    [ "${POSTGRES_USER:-postgres}" = postgres ] || { echo "Error: the superuser is postgres here." >&2; exit 1; }
    # What initdb makes, made once with the image.
    cp -R /initialised/. "$PGDATA"
    chown -R 999:999 "$PGDATA"
    chmod 700 "$PGDATA"
    echo "alter role postgres password '$POSTGRES_PASSWORD'" |
        $as postgres --single -F -D "$PGDATA" postgres > /dev/null
    if [ -n "$POSTGRES_DB" ] && [ "$POSTGRES_DB" != postgres ]; then
        echo "create database \"$POSTGRES_DB\"" | $as postgres --single -D "$PGDATA" postgres
    fi
fi
unset POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE
exec $as "$@"
"""


class ContainerEngine:
    """The engine; ``url`` is its socket."""

    def __init__(self) -> None:
        for program in ("podman", "runc", "setpriv"):
            if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
                pytest.skip(f"{program}: there is no such program (apt-get install podman runc)")
        if os.geteuid() != 0:
            pytest.skip("podman: the tests' containers take root")
        self.folder = Path(tempfile.mkdtemp(prefix="litelift-engine-"))
        self.url = f"unix://{self.folder}/podman.sock"
        conf = self.folder / "storage.conf"
        conf.write_text(f'[storage]\ndriver = "vfs"\nrunroot = "{self.folder}/run"\ngraphroot = "{self.folder}/root"\n')
        settings = self.folder / "containers.conf"
        settings.write_text(
            f'[engine]\ntmp_dir = "{self.folder}/tmp"\nevents_logger = "file"\ncgroup_manager = "cgroupfs"\n'
        )
        own = {"CONTAINERS_STORAGE_CONF": str(conf), "CONTAINERS_CONF": str(settings)}
        self.environment = {**os.environ, **own}
        self.process: subprocess.Popen[bytes] | None = None
        remove = ("podman", "--runtime", "runc", *_REMOVE_ALL)
        afterwards("sh", "-c", 'cd "$0" && "$@"', self.folder, *remove, environment=own)
        goes(self.folder)

    def podman(self, *words: str, data: Any = None) -> str:
        """Run podman itself, past the API."""
        done = subprocess.run(
            ["podman", "--runtime", "runc", *words],
            env=self.environment,
            stdin=data or subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            # conmon(8) leaves a file there when a container runs out of memory.
            cwd=self.folder,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def start(self) -> None:
        """Make the images, and serve."""
        try:
            self._make_image()
        except RuntimeError as error:
            pytest.skip(f"podman cannot make an image here: {error}")
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["podman", "--runtime", "runc", "system", "service", "--time=0", self.url],
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + SECONDS
        while not (self.folder / "podman.sock").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"podman does not serve here: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)
        try:
            self.podman("run", "--rm", *self._limits(), "--network", "host", IMAGE, "ls", "/")
        except RuntimeError as error:
            pytest.skip(f"podman cannot run a container here: {error}")

    def _limits(self) -> list[str]:
        return [word for name, most in ULIMITS.items() for word in ("--ulimit", f"{name}={most}:{most}")]

    def stop(self) -> None:
        """End the containers of this store, then the service."""
        try:
            self.podman(*_REMOVE_ALL)
        finally:
            if self.process is not None:
                self.process.terminate()
                self.process.wait(SECONDS)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _initialise(self, data: Path) -> None:
        data.mkdir()
        self.folder.chmod(0o711)
        tools = programs(16)
        tools.own(data)
        words = ["--username=postgres", "--no-locale", "--encoding=UTF8", "--no-sync", "--auth-local=trust"]
        tools.run("initdb", *words, "--auth-host=scram-sha-256", "--wal-segsize=1", data=data, seconds=SECONDS)
        with (data / "pg_hba.conf").open("a") as file:
            file.write("host all all all scram-sha-256\n")
        with (data / "postgresql.conf").open("a") as file:
            file.write("listen_addresses = '*'\nfsync = off\n")

    def _make_image(self) -> None:
        root = self.folder / "rootfs"
        install = shipped(16).parent
        home = root / "usr/local/pgsql"
        for folder in ("bin", "lib", "share"):
            (home / folder).mkdir(parents=True)
        for name in _SERVER:
            shutil.copy2(install / "bin" / name, home / "bin")
        shutil.copytree(install / "share", home / "share", dirs_exist_ok=True)
        shutil.copytree(install / "lib/postgresql", home / "lib/postgresql", ignore=shutil.ignore_patterns("pgxs"))
        for name in _PROGRAMS:
            (root / "bin").mkdir(exist_ok=True)
            shutil.copy2(Path(shutil.which(name) or name).resolve(), root / "bin" / name)
        for program in [*(home / "bin").iterdir(), *(root / "bin").iterdir()]:
            origin = install / "bin" / program.name
            for library in _libraries(origin if origin.exists() else program):
                shipped_too = not str(library).startswith(("/lib", "/usr"))
                place = home / "lib" / library.name if shipped_too else root / str(library).lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                if not place.exists():
                    shutil.copy2(library, place)
        self._initialise(self.folder / "initialised")
        (self.folder / "initialised").rename(root / "initialised")
        for folder in ("etc", "run", "tmp", "var/run", "var/lib"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "tmp").chmod(0o1777)
        if Path("/usr/lib/locale/C.utf8").is_dir():
            shutil.copytree("/usr/lib/locale/C.utf8", root / "usr/lib/locale/C.utf8")
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\npostgres:x:999:\n")
        (root / "entrypoint.sh").write_text(_ENTRYPOINT)
        (root / "entrypoint.sh").chmod(0o755)
        archive = self.folder / "rootfs.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(root, arcname=".", filter=_of_root)
        for name, data, volume in (
            (IMAGE, "/var/lib/postgresql/data", "/var/lib/postgresql/data"),
            (NEWER_LAYOUT, "/var/lib/postgresql/16/docker", "/var/lib/postgresql"),
        ):
            changes = [
                'ENTRYPOINT ["/entrypoint.sh"]',
                'CMD ["postgres"]',
                "ENV PATH=/usr/local/pgsql/bin:/bin",
                "ENV LD_LIBRARY_PATH=/usr/local/pgsql/lib",
                "ENV PG_MAJOR=16",
                f"ENV PGDATA={data}",
                f"VOLUME {volume}",
            ]
            words = [word for change in changes for word in ("--change", change)]
            self.podman("import", "--quiet", *words, str(archive), name)
        shutil.rmtree(root)
        archive.unlink()


def _libraries(program: Path) -> list[Path]:
    """The shared libraries that a program loads, as ldd(1) tells."""
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return [Path(found) for found in re.findall(r"(?:=> |^\s+)(/\S+)", told, re.MULTILINE)]


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
