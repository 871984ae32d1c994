"""What the tests of bad input share: a look at what is left, and a PostgreSQL that listens on TCP."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from afterwards import goes, servers_end
from command import Ran, litelift
from litelift.postgres.programs import programs

NOBODY = 65534


@dataclass(frozen=True)
class Seen:
    """A source as it is on disk: the bytes and the time of each of its files, and what lies beside it."""

    files: dict[str, tuple[bytes, int]]
    beside: frozenset[str]


def seen(path: Path) -> Seen:
    """Look at a source. The shared memory of a write-ahead log is nobody's data."""
    files = {
        name: (Path(name).read_bytes(), Path(name).stat().st_mtime_ns)
        for name in (str(path), f"{path}-wal", f"{path}-journal")
        if Path(name).is_file()
    }
    beside = frozenset(one.name for one in path.parent.iterdir() if not one.name.endswith("-shm"))
    return Seen(files, beside)


def one_clear_error(ran: Ran, status: int, *words: str) -> None:
    """The command failed with ``status``, and one error with a hint that hold these words; nothing of Python's."""
    assert ran.status == status, ran
    assert ran.err.count("error: ") == 1, ran.err
    assert ran.err.count("hint: ") == 1, ran.err
    said = " ".join(ran.err[ran.err.index("error: ") :].split())
    for word in words:
        assert word in said, f"{word!r} is not in {said!r}"
    for unwanted in ("Traceback", "PosixPath", "Error(", "Errno", "<class", "None"):
        assert unwanted not in ran.err, ran.err


def failed_as_document(ran: Ran, status: int, kind: str) -> dict[str, Any]:
    """With --json the error is one document on stdout, and the same words are on stderr."""
    assert ran.status == status, ran
    document = ran.json
    assert document["exit_code"] == status
    assert document["error"]["kind"] == kind
    assert document["error"]["hint"]
    assert "Traceback" not in ran.err
    return dict(document["error"])


def has(url: str, schema: str = "litelift") -> bool:
    """Whether the target has a schema."""
    with psycopg.connect(url) as connection:
        return connection.execute("select to_regnamespace(%s) is not null", (schema,)).fetchone() == (True,)


def objects(url: str) -> list[tuple[str, str]]:
    """Everything in the target that is not the server's own: schemas, tables, types, functions."""
    kinds = [("relation", "pg_class", "rel"), ("type", "pg_type", "typ"), ("function", "pg_proc", "pro")]
    ours = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
    queries = [f"select 'schema', n.nspname from pg_namespace n where n.nspname <> 'public' and {ours}"] + [
        f"select '{kind}', n.nspname || '.' || {short}name from {catalogue}"
        f" join pg_namespace n on n.oid = {short}namespace where {ours}"
        for kind, catalogue, short in kinds
    ]
    query = " union all ".join(queries) + " order by 1, 2"
    with psycopg.connect(url) as connection:
        return [(kind, name) for kind, name in connection.execute(query).fetchall()]


@functools.cache
def nobodys_python() -> tuple[str, ...] | None:
    """The start of a command that runs Python with litelift as an ordinary user; None where there is no way."""
    if os.geteuid() != 0:
        return (sys.executable,)
    paths = ":".join(path for path in sys.path if path and Path(path).is_dir() and "lib/python3" not in path)
    packages = ":".join(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    found = [sys.executable, *(shutil.which(f"python3.{sys.version_info[1]}", path=place) for place in ("/usr/bin",))]
    for python in filter(None, found):
        words = ("env", f"PYTHONPATH={paths}:{packages}", "PYTHONDONTWRITEBYTECODE=1", "HOME=/nonexistent", python)
        try:
            done = subprocess.run(
                [*words, "-c", "import litelift.cli.main"],
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                capture_output=True,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return words
    return None


def as_nobody(*words: str | Path) -> Ran:
    """Run ``litelift`` as an ordinary user."""
    python = nobodys_python()
    assert python is not None
    if os.geteuid() != 0:
        return litelift(*words)
    done = subprocess.run(
        [*python, "-m", "litelift", *map(str, words)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=300,
        cwd="/",
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@dataclass
class Tcp:
    """A PostgreSQL on 127.0.0.1 that asks for passwords; the superuser postgres has the password ``password``."""

    port: int
    folder: Path
    password: str = "s3cret-Word"
    stop: Callable[[], None] = lambda: None

    def url(
        self, database: str = "postgres", user: str = "postgres", password: str | None = None, more: str = ""
    ) -> str:
        """A URL to it."""
        word = self.password if password is None else password
        return f"postgresql://{user}:{word}@127.0.0.1:{self.port}/{database}{more}"

    def do(self, *statements: str, database: str = "postgres") -> None:
        """Carry out statements as the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def quiet(self) -> None:
        """Wait until nobody has a session: a server counts one until it has noticed its end."""
        others = "select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            wait_for(lambda: connection.execute(others).fetchone() is None)


_claimed: list[socket.socket] = []


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that nobody else is given while this process lives.

    Its socket stays bound and does not listen: a server that sets SO_REUSEADDR, as PostgreSQL does, takes it all the
    same (socket(7)).
    """
    claim = socket.socket()
    claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    claim.bind(("127.0.0.1", 0))
    _claimed.append(claim)
    return int(claim.getsockname()[1])


@contextlib.contextmanager
def tcp_server(*options: str, folder: Path | None = None) -> Iterator[Tcp]:
    """Start a server that listens on TCP and asks for passwords, in ``folder`` (made anew) with these options."""
    tools = programs(16)
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="litelift-tcp-", ignore_cleanup_errors=True))
            )
            goes(folder)
        folder.chmod(0o755)
        servers_end(folder)
        data = folder / "pg"
        data.mkdir(mode=0o700)
        tools.own(data)
        tcp = Tcp(free_port(), folder)
        word = folder / "password"
        word.write_text(tcp.password)
        tools.own(word)
        words = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={word}", "--encoding=UTF8", "--no-locale"]
        words += ["--no-sync"]
        tools.run("initdb", *words, data=data, seconds=120)
        started = " ".join([f"-h 127.0.0.1 -p {tcp.port} -k ''", "-c fsync=off", *options])
        tools.run("pg_ctl", "start", "-w", "-t", "120", "-l", "log", "-o", started, data=data, seconds=150)

        def stop() -> None:
            with contextlib.suppress(Exception):
                tools.run("pg_ctl", "stop", "-m", "immediate", "-w", data=data, seconds=120)

        tcp.stop = stop
        try:
            yield tcp
        finally:
            stop()


def children(parent: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == parent:
                found += [int(path.parent.name), *children(int(path.parent.name))]
    return found


def members(group: int) -> list[int]:
    """The living processes of a group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rsplit(")", 1)[1].split()[2]) == group and alive(int(path.parent.name)):
                found.append(int(path.parent.name))
    return found


def alive(process: int) -> bool:
    """Whether a process is there, and not a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Started:
    """A litelift that runs, in a process group of its own, as a terminal's is."""

    process: subprocess.Popen[str]

    def send(self, number: signal.Signals, group: bool = True) -> None:
        """Send a signal to it and (as a terminal does) to its workers."""
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def end(self) -> Ran:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=300)
        return Ran(self.process.returncode, out, err)


@contextlib.contextmanager
def started(*words: str | Path) -> Iterator[Started]:
    """Start a litelift; it is killed at the latest at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "litelift", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Started(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; for as long as only what hangs takes."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
