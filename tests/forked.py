"""Processes of litelift without the half second in which Python starts and imports it: forked by one that has done so.

Each is a process of its own all the same, with its own words, environment, folder and streams; it begins where ``python
-m litelift`` calls `main`. What takes effect while the interpreter starts takes a new one.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

POSSIBLE = sys.platform == "linux"
"""Elsewhere the system's own libraries do not stand a fork."""
_asking = threading.Lock()
"""Several threads may fork, and what they ask for must not be mixed on the channel."""


class Forked:
    """A litelift that was forked: as a subprocess.Popen of texts with pipes for its output."""

    def __init__(self, pid: int, report: IO[bytes], out: IO[str], err: IO[str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout, self.stderr = out, err
        self._report = report
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._waiter.start()

    def _wait(self) -> None:
        with self._report as report:
            status = report.read()
        self.returncode = int(status) if status else -signal.SIGKILL

    def poll(self) -> int | None:
        """Its status, a signal's number below 0, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutExpired."""
        self._waiter.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("litelift", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Wait until it has ended, and whoever else has its output. One that takes longer is killed."""
        told = ["", ""]

        def read(at: int, stream: IO[str]) -> None:
            with stream:
                told[at] = stream.read()

        readers = [
            threading.Thread(target=read, args=(at, stream), daemon=True)
            for at, stream in enumerate((self.stdout, self.stderr))
            if not stream.closed
        ]
        deadline = time.monotonic() + timeout
        for reader in readers:
            reader.start()
        for thread in (self._waiter, *readers):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.kill()
                raise subprocess.TimeoutExpired("litelift", timeout)
        return told[0], told[1]


def fork(
    words: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    session: bool = False,
    address_space: int = 0,
    settings: Mapping[str, Any] | None = None,
    hook: Sequence[str] = (),
) -> Forked:
    """Fork a litelift.

    Args:
        words: of the command.
        cwd: its folder.
        environment: all of it; by default this process's.
        session: in a session and process group of its own.
        address_space: bytes that it may have at most (RLIMIT_AS); 0 for no limit.
        settings: what is otherwise in litelift's modules, by names as "module:attribute" has them.
        hook: a phase, and what happens in it (hooked.py).
    """
    given = {
        "words": [os.fspath(word) for word in words],
        "cwd": os.fspath(cwd or Path.cwd()),
        "environment": dict(os.environ if environment is None else environment),
        "session": session,
        "address_space": address_space,
        "settings": dict(settings or {}),
        "hook": list(hook),
    }
    pipes = [os.pipe() for _ in range(3)]
    payload = json.dumps(given).encode()
    with open(os.devnull, "rb") as nothing, _asking:  # noqa: PTH123
        channel = _channel()
        socket.send_fds(channel, [len(payload).to_bytes(8, "big")], [nothing.fileno(), *(pipe[1] for pipe in pipes)])
        channel.sendall(payload)
    for _, theirs in pipes:
        os.close(theirs)
    out, err = (os.fdopen(mine, encoding="utf-8") for mine, _ in pipes[:2])
    report = os.fdopen(pipes[2][0], "rb")
    return Forked(int(report.read(16)), report, out, err)


@functools.cache
def _channel() -> socket.socket:
    mine, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    return mine


# --------------------------------------------------------------------- the process that forks


def _serve(channel: socket.socket) -> dict[str, Any]:
    """Fork for each request; comes back in the process that is to be litelift, with what it was asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        head, streams, _, _ = socket.recv_fds(channel, 8, 4)
        if not head:
            os._exit(0)
        payload = bytearray()
        while len(payload) < int.from_bytes(head, "big"):
            payload += channel.recv(int.from_bytes(head, "big") - len(payload))
        if os.fork() == 0:
            channel.close()
            _keep(streams)
            asked: dict[str, Any] = json.loads(payload)
            return asked
        for stream in streams:
            os.close(stream)


def _keep(streams: list[int]) -> None:
    """Fork once more, wait for that one and report how it ended; comes back in it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, report = streams
    child = os.fork()
    if child:
        for stream in standard:
            os.close(stream)
        os.write(report, f"{child:<16}".encode())
        os.write(report, str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
        os._exit(0)
    os.close(report)
    for at, stream in enumerate(standard):
        os.dup2(stream, at)
        os.close(stream)
    # Not those that this process began with, which know what kind of file they were.
    name = sys.stdout.encoding
    sys.stdin = open(0, encoding=name, errors=sys.stdin.errors, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=name, errors=sys.stdout.errors, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding=name, errors=sys.stderr.errors, closefd=False)  # noqa: SIM115


def _become(asked: dict[str, Any]) -> None:
    if asked["session"]:
        os.setsid()
    if asked["address_space"]:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (asked["address_space"],) * 2)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    # What was found out by the environment before.
    tempfile.tempdir = None
    import litelift
    from litelift.compiled import native

    native.cache_clear()
    for name, value in asked["settings"].items():
        owner, _, attribute = name.replace(":", ".").rpartition(".")
        found = pkgutil.resolve_name(owner)
        assert hasattr(found, attribute), name
        setattr(found, attribute, tuple(value) if isinstance(value, list) else value)
    if "PYTHONFAULTHANDLER" in os.environ:
        faulthandler.enable()
    # A shell starts what it leaves in the background with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # And nohup a hangup, perhaps of the tests themselves.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # By which the command line knows how it was called.
    sys.modules["__main__"].__package__ = "litelift"
    sys.argv = [str(Path(litelift.__file__).with_name("__main__.py")), *asked["words"]]
    if asked["hook"]:
        hooked.hook(*asked["hook"])


def import_all() -> None:
    """Import all of litelift, and compile the templates of its reports: what else each process begins with."""
    import litelift

    for module in pkgutil.walk_packages(litelift.__path__, "litelift."):
        if module.name not in ("litelift.__main__", "litelift._native"):
            importlib.import_module(module.name)
    from litelift.monitor.page import render as page
    from litelift.report import render as report

    for environment in (page.environment(), report.environment("html"), report.environment("md")):
        form = ".html.j2" if environment.autoescape else ".md.j2"
        for name in environment.list_templates():
            if name.endswith(form):
                environment.get_template(name)
    gc.freeze()


def _run() -> NoReturn:
    """Be litelift, and end as the interpreter does; only its memory, which is mostly the other's, is not tidied up."""
    from litelift.cli.main import main

    status = 1
    try:
        main()
        status = 0
    except SystemExit as end:
        assert isinstance(end.code, int)
        status = end.code
    except BaseException:
        traceback.print_exc()
    getattr(threading, "_shutdown")()  # noqa: B009
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    import hooked

    # As with python -m: nothing else is imported from beside this file.
    del sys.path[0]
    import_all()
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
    _run()
