"""Finds the pg_dump and pg_restore that fit a server, and runs them without a secret in their words."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from litelift.cutover.server.engine import is_local, places
from litelift.errors import BackupToolMissing, UsageError
from litelift.postgres.programs import ProgramFailed, shipped

FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)
"""Where packages put the programs of several versions beside each other."""
EMBEDDED = (16, 18)
ASK_SECONDS = 30.0
KEPT = (
    *("PATH", "LD_LIBRARY_PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("CONTAINER_HOST", "XDG_RUNTIME_DIR"),
    # What libpq and its libraries read beside its own options.
    *("PGSERVICEFILE", "PGSYSCONFDIR", "KRB5CCNAME", "KRB5_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF"),
)
SECRETS = ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
"""Options of libpq's that hold a secret, and that no variable hands on."""

# Loaded before any fork: between that and exec a process may do little.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

_OF_HOST = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGSERVICEFILE", "PGPASSFILE")

From = Literal["named", "system", "embedded", "container"]


@dataclass(frozen=True, slots=True)
class Tools:
    """The client programs of one version: in a folder, or in a container through its engine's command line."""

    version: int
    """As libpq has it: 160014."""
    words: str
    """As pg_dump says it itself: "16.14 (Debian ...)"."""
    source: From
    folder: Path | None = None
    exec: tuple[str, ...] = ()
    """The words before the program's: ("podman", "exec", "-i")."""
    container: str = ""
    port: str = ""
    """At which the server listens within the container."""
    session: str = ""
    """How its sessions are called there, by which one is found that goes on for nobody."""

    @property
    def major(self) -> int:
        """The major version."""
        return self.version // 10000

    def command(self, program: str, words: Sequence[str], variables: Sequence[str] = ()) -> list[str]:
        """The words that run ``program``; in a container with the named variables of this environment."""
        if self.folder is not None:
            return [str(self.folder / program), *words]
        named = [word for name in variables for word in ("--env", name)]
        return [*self.exec, *named, self.container, program, *words]

    def start(
        self,
        program: str,
        words: Sequence[str],
        dsn: str | None,
        *,
        stdin: int | None = None,
        stdout: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program, on the database ``dsn`` if it needs one; its errors are to be read. Raises OSError."""
        login, rest = _environment(dsn) if dsn is not None else ({}, "")
        if self.folder is None:
            # Within the container the server is at its own socket, whatever the host calls it.
            login = {name: value for name, value in login.items() if name not in _OF_HOST}
            rest = ""
            login |= {"PGPORT": self.port} if self.port else {}
            login |= {"PGAPPNAME": self.session} if self.session else {}
        told = [*words, f"--dbname={rest}"] if rest else list(words)
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return subprocess.Popen(
            self.command(program, told, list(login)),
            env={**kept, "LC_ALL": "C", **login},
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=subprocess.PIPE,
            preexec_fn=_end_with_parent if self.folder is not None else None,
        )

    @property
    def zstd(self) -> bool:
        """Whether these know zstd."""
        return _knows_zstd(self)


def tools_for(
    server: int, *, named: str | None = None, container: str | None = None, engine: str | None = None
) -> Tools:
    """The programs for a server of version ``server`` (160014): its own major version's, else the next higher.

    Args:
        server: its version, as libpq has it.
        named: a folder that holds the programs, which is then the only one looked at.
        container: that the server is in.
        engine: the socket of its engine. None: by the environment, as Docker and podman look for it.

    Raises:
        BackupToolMissing: none can dump that server; pg_dump refuses one that is newer than itself.
    """
    found = list(_named(Path(named))) if named is not None else list(_all(container, engine))
    fitting = [tools for tools in found if tools.major >= server // 10000]
    if not fitting:
        seen = sorted({f"{tools.words} ({tools.source})" for tools in found})
        none = f"there is none in {named}" if named is not None else "none was found"
        told = f"found {', '.join(seen)}, which cannot read a newer server" if seen else none
        raise BackupToolMissing(program="pg_dump", server=server // 10000, found=told)
    order = {"named": 0, "system": 1, "embedded": 2, "container": 3}
    return min(fitting, key=lambda tools: (tools.major, order[tools.source], -tools.version))


def local_tools() -> Iterator[Tools]:
    """All that are on this machine: the system's, and those of the embedded PostgreSQL."""
    yield from _system()
    for version in EMBEDDED:
        try:
            yield from _in(shipped(version), "embedded")
        except ProgramFailed:
            continue


def _all(container: str | None, engine: str | None) -> Iterator[Tools]:
    yield from local_tools()
    if container is not None:
        yield from _in_container(container, engine)


def _system() -> Iterator[Tools]:
    seen: set[Path] = set()
    on_path = shutil.which("pg_dump")
    # Debian's on PATH is a script that asks which cluster is meant; the real ones are beside each other elsewhere.
    folders = [path for pattern in FOLDERS for path in sorted(Path("/").glob(pattern.lstrip("/")))]
    folders += [Path(on_path).resolve().parent] if on_path is not None else []
    for folder in folders:
        if folder.resolve() not in seen:
            seen.add(folder.resolve())
            yield from _in(folder, "system")


def _named(folder: Path) -> Iterator[Tools]:
    yield from _in(folder, "named")


def _in(folder: Path, source: From) -> Iterator[Tools]:
    said = _asked(str(folder / "pg_dump"), "--version")
    if said is not None and _asked(str(folder / "pg_restore"), "--version") is not None:
        yield Tools(number(said), said, source, folder)


def _in_container(name: str, engine: str | None) -> Iterator[Tools]:
    for words in _engines(engine):
        said = _asked(*words, "exec", name, "pg_dump", "--version")
        if said is not None and _asked(*words, "exec", name, "pg_restore", "--version") is not None:
            yield Tools(number(said), said, "container", exec=(*words, "exec", "-i"), container=name)
            return


def _engines(named: str | None) -> Iterator[tuple[str, ...]]:
    """The command lines that may reach the engine, at the same places as the cutover looks for it."""
    for place in places(named):
        if is_local(place) and not Path(place.removeprefix("unix://")).exists():
            continue
        yield from [("docker", "--host", place)] if shutil.which("docker") else []
        yield from [("podman", "--url", place)] if shutil.which("podman") else []
    if named is None:
        # podman needs no service that answers.
        yield from [("podman",)] if shutil.which("podman") else []


@cache
def _asked(*words: str) -> str | None:
    """The version that a program says; None where it does not run."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=ASK_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\(PostgreSQL\) (\d.*)", done.stdout)
    return found[1].strip() if found and done.returncode == 0 else None


def number(words: str) -> int:
    """A version as libpq has it, from the words of a program: "16.14 (Debian ...)", "19beta1"."""
    major, _, minor = re.split(r"[^\d.]", words, maxsplit=1)[0].partition(".")
    return int(major) * 10000 + int(minor or 0)


@cache
def _knows_zstd(tools: Tools) -> bool:
    """By asking for it at an address where nobody is: the build is looked at first (pg_dump.c, main)."""
    if tools.major < 16:
        return False
    process = tools.start("pg_dump", ["-Fc", "--compress=zstd"], "host=/nonexistent dbname=x")
    _, said = process.communicate(timeout=ASK_SECONDS)
    return b"compression" not in said


def _environment(dsn: str) -> tuple[dict[str, str], str]:
    """A connection string as libpq's variables, and the keywords that have none."""
    given = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    variables = {
        option.keyword.decode(): option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar
    }
    here = {name: value for name, value in os.environ.items() if name in variables.values()}
    told = {variables[name]: value for name, value in given.items() if name in variables}
    rest = {name: value for name, value in given.items() if name not in variables}
    if "password" in rest:
        raise AssertionError("libpq has a variable for the password")
    if secret := next((name for name in SECRETS if name in rest), None):
        hint = (
            "Everybody on this machine could read it there. Use a key file without a passphrase, for its owner alone."
        )
        raise UsageError(message=f"{secret} can be given to pg_dump and pg_restore only in their words", hint=hint)
    if "PGSERVICE" in told or "PGSERVICE" in here:
        # What a service says goes before the variables ("The Connection Service File"), but not before what is asked.
        rest = {name: value for name, value in given.items() if name not in ("password", "service")}
    # A keyword and the variable would both be looked at; what is asked for here wins.
    return {**here, **told, "PGCLIENTENCODING": "UTF8"}, make_conninfo("", **rest) if rest else ""


def _end_with_parent() -> None:
    """Have the kernel end the program when this process is killed (prctl(2), PR_SET_PDEATHSIG), where there is that."""
    if _LIBC is not None:
        _LIBC.prctl(1, signal.SIGTERM)
