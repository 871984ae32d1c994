"""Where the time goes: one run of litelift under perf(1), its processes and the server's."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAM = "perf"
TOP = 12
_FREQUENCY = "499"
_END_SECONDS = 60


class ProfileFailed(Exception):
    """perf could not record; the message is what it said."""


def profile(
    words: Sequence[str], folder: Path, server: int, passed: frozenset[int], environment: Mapping[str, str]
) -> dict[str, list[str]]:
    """Run a command, and watch it and the sessions that the ``server`` (its postmaster's process) opens for it.

    Returns:
        For the client and for the server, the functions in which most of their processor time went, with their shares.

    Raises:
        ProfileFailed.
    """
    client, sessions = folder / "client.perf", folder / "server.perf"
    for data in (client, sessions):
        data.unlink(missing_ok=True)
    record = [PROGRAM, "record", "-q", "-F", _FREQUENCY]
    # New sessions are the postmaster's children, and inherit its being watched.
    beside = subprocess.Popen(
        [*record, "-o", sessions, "-p", str(server)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        done = subprocess.run(
            [*record, "-o", client, "--", *words],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        beside.send_signal(signal.SIGINT)
        beside.wait(_END_SECONDS)
    if done.returncode not in passed or not client.exists():
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ProfileFailed(said[0] if said else f"exit status {done.returncode}")
    return {"client": _top(client), "server": _top(sessions)}


def _top(data: Path) -> list[str]:
    report = subprocess.run(
        [PROGRAM, "report", "-i", data, "--stdio", "-q", "--no-children", "--sort", "dso,symbol", "-t", "|"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found: list[tuple[float, str, str]] = []
    for line in report.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) >= 3 and re.fullmatch(r"[\d.]+%", fields[0]):
            library = fields[1].rsplit("/", 1)[-1]
            found.append((float(fields[0][:-1]), re.sub(r"^\[.\] ", "", fields[2]), library))
    found.sort(reverse=True)
    return [f"{share:.1f} % `{symbol}` ({library})" for share, symbol, library in found[:TOP]]
